"""Services in whole runs: five agents and their gates at once, each with its own; nothing is left,
and nobody is blamed for what the place lacks.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from orchestrator.isolation.preflight import failed
from tests.e2e.helpers import Bench, check_story, ending, eventually, make_repository, write

pytestmark = pytest.mark.integration

SERVE = """\
import http.server, json, sys

kept = {}


class Store(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(kept).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        kept[self.path] = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.do_GET()


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Store).serve_forever()
"""
SUITE = """\
import json, os, time, urllib.request

opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def asked(method="GET", path="", data=None):
    request = urllib.request.Request(os.environ["STORE_URL"] + path, data, method=method)
    return json.loads(opener.open(request, timeout=20).read())


def test_nobody_else_is_there():
    name = os.environ["STORE_NAME"]
    assert asked() == {}, "somebody has been here"
    for number in range(15):
        assert asked("PUT", name, str(number).encode()) == {"/" + name: str(number)}
        time.sleep(0.02)


if __name__ == "__main__":
    test_nobody_else_is_there()
"""
AGENT = """\
set -e
touch "$MEETING/$ORCHESTRATE_AGENT"
for _ in $(seq 600); do [ "$(ls "$MEETING" | wc -l)" -ge 5 ] && break; sleep 0.05; done
python tests/test_suite.py
echo "$STORE_URL $STORE_NAME" > "$MEETING/../seen-$ORCHESTRATE_AGENT"
echo "$STORE_URL $STORE_NAME"
echo "VALUE = 2" > "m$ORCHESTRATE_AGENT.py"
"""
BOXED = """\
set -e
python tests/test_suite.py
sleep 2
echo "VALUE = 2" > "m$ORCHESTRATE_AGENT.py"
echo "$STORE_URL $STORE_NAME"
"""
FILES = {
    "serve.py": SERVE,
    "tests/test_suite.py": SUITE,
    **{f"m{n}.py": "VALUE = 1\n" for n in range(1, 6)},
    "tests/test_values.py": "import m1, m2, m3, m4, m5\n\n"
    "def test_all():\n    assert all(m.VALUE == 2 for m in (m1, m2, m3, m4, m5))\n",
}
STORE = """\
  store:
    command: [python, serve.py, "{port}"]
    ready: {http: "http://127.0.0.1:{port}/"}
    env: {STORE_URL: "http://127.0.0.1:{port}/", STORE_NAME: "{database}"}
"""


def mission_of(
    services: str, *, gate: str = "", agents: int = 5, more: str = "", level: str = "worktree"
) -> str:
    workers = "\n".join(
        f'      - {{id: "{n}", name: A{n}, mission: Mend it., files: [m{n}.py]}}'
        for n in range(1, agents + 1)
    )
    return f"""\
version: 1
name: served
objective: Serve.
repository: {{path: ../user}}
backends: {{script: {{command: [sh, "{{mission_dir}}/agent.sh"], brief: stdin, env: [MEETING]}}}}
defaults: {{backend: script, timeout: 2m, attempts: 1, isolation: {level}, services: [store]}}
services:
{services}gates: {{t: {{checks: [{{pytest: tests, must_turn_green: tests/test_values.py}}]{gate}}}}}
batches:
  - id: b
    gate: t
{more}    agents:
{workers}
"""


@pytest.fixture
def meeting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where agents wait for one another."""
    folder = tmp_path / "meeting"
    folder.mkdir()
    monkeypatch.setenv("MEETING", str(folder))
    return folder


def bench_of(folder: Path, mission: str, agent: str = AGENT) -> Bench:
    make_repository(folder / "user", FILES)
    write(folder / "mission", {"mission.yaml": mission, "agent.sh": agent})
    return Bench(folder / "root")


def mission_file(bench: Bench) -> Path:
    return bench.root.parent / "mission" / "mission.yaml"


def require_nothing_left(bench: Bench) -> None:
    bench.require_no_leftovers()
    for folder in (".a", ".g"):
        assert list(bench.cache.glob(f"*/{folder}/*")) == []


@pytest.mark.slow
def test_five_agents_and_their_gate_do_not_meet(tmp_path: Path, meeting: Path) -> None:
    bench = bench_of(tmp_path, mission_of(STORE))
    bench.run("run", mission_file(bench), "--plain", code=0)
    check_story(bench.events())
    assert len(bench.events("attempt_started")) == 5
    brief = (bench.report / "briefs" / "1-1.md").read_text()
    assert "run for you alone until you exit" in brief
    assert "- store: STORE_URL, STORE_NAME\n" in brief
    seen = [(tmp_path / f"seen-{n}").read_text().split() for n in range(1, 6)]
    assert len({url for url, _ in seen}) == len({name for _, name in seen}) == 5
    logs = {path.name for path in (bench.report / "logs").rglob("*.log")}
    assert {f"{n}-1.store.log" for n in range(1, 6)} <= logs
    assert any(name.startswith("t-pytest-1-") and "-store" in name for name in logs)
    require_nothing_left(bench)


@pytest.mark.slow
@pytest.mark.skipif(failed() is not None, reason="no sandbox can be kept here")
def test_in_the_sandbox_services_are_in_one_too(tmp_path: Path, meeting: Path) -> None:
    spies = """import os, sys
for it in sys.argv[2:]:
    it = it.lstrip(".")  # what a command names is shown to it
    print(it, os.path.exists(it), os.getuid(), flush=True)
"""
    own = f'"{{port}}", ".{tmp_path}/user/serve.py", "{{data}}", "{{workspace}}/serve.py"]'
    services = STORE.replace('"{port}"]', own)
    bench = bench_of(tmp_path, mission_of(services, level="strict"), BOXED)
    (tmp_path / "user" / "serve.py").write_text(spies + SERVE)
    commit(tmp_path / "user")
    bench.run("run", mission_file(bench), "--plain", code=0)
    check_story(bench.events())
    logs = [(bench.report / "logs" / f"{n}-1.store.log").read_text() for n in range(1, 6)]
    for log in logs:
        users, data, tree = log.splitlines()[:3]
        assert users.split()[1] == "False", "nothing of the user's is there"
        assert data.split()[:2] == ["/home/agent/data", "True"]
        assert tree.split()[:2] == ["/workspace/serve.py", "True"]
        assert {line.split()[2] for line in (users, data, tree)} != {"0"}, "it is not root"
    require_nothing_left(bench)


def commit(folder: Path) -> None:
    name = ("-c", "user.name=u", "-c", "user.email=u@example.invalid")
    subprocess.run(["git", *name, "commit", "-qam", "more"], cwd=folder, check=True)


def test_who_wants_none_has_none(tmp_path: Path, meeting: Path) -> None:
    agent = 'test -z "$STORE_URL" || exit 1\necho "VALUE = 2" > "m$ORCHESTRATE_AGENT.py"\n'
    mission = mission_of(STORE, more="    services: []\n")
    bench = bench_of(tmp_path, mission, agent)
    bench.run("run", mission_file(bench), "--plain", code=0)
    assert not list((bench.report / "logs").glob("*-1.store.log"))
    assert list((bench.report / "logs" / "gates").glob("*store*"))


WANTS = """\
  store:
    command: {{shell: "ls {flag} || (echo no licence; false) || exit 9; exec python serve.py {{port}}"}}
    env: {{STORE_URL: "http://127.0.0.1:{{port}}/", STORE_NAME: "{{database}}"}}
"""


@pytest.mark.slow
def test_the_place_is_told_and_nobody_is_blamed(tmp_path: Path, meeting: Path) -> None:
    flag = tmp_path / "flag"
    agent = "sleep 1\n" + AGENT
    bench = bench_of(tmp_path, mission_of(WANTS.format(flag=flag)), agent)
    told = bench.run("plan", "--check", mission_file(bench), code=4)
    assert "service store ended with exit 9" in told
    assert "no licence" in told
    told = bench.run("run", mission_file(bench), "--plain", code=4)
    assert "no licence" in told
    check_story(bench.events())
    assert not bench.events("attempt_ended"), "no attempt is charged"
    require_nothing_left(bench)
    flag.touch()
    bench.run("resume", "--plain", code=0)
    check_story(bench.events())
    require_nothing_left(bench)


@pytest.mark.slow
def test_agents_that_cannot_have_theirs_are_not_charged(tmp_path: Path, meeting: Path) -> None:
    mission = mission_of(WANTS.format(flag=tmp_path / "flag"), gate=", services: []", agents=2)
    suite = tmp_path / "user" / "tests" / "test_suite.py"
    bench = bench_of(tmp_path, mission)
    assert suite.is_file()
    told = bench.run("plan", "--check", mission_file(bench), code=4)
    assert "agents cannot have their services here (store)" in told
    told = bench.run("run", mission_file(bench), "--plain", code=4)
    assert "no licence" in told
    assert not bench.events("attempt_ended")
    assert {e["agent"] for e in bench.events("attempt_interrupted")} == {"1", "2"}
    check_story(bench.events())
    require_nothing_left(bench)


@pytest.mark.slow
def test_a_killed_run_leaves_none_and_goes_on(tmp_path: Path, meeting: Path) -> None:
    agent = AGENT.replace("python tests", "python tests", 1).replace(
        'echo "VALUE', 'test -e "$MEETING/../go" || sleep 600\necho "VALUE', 1
    )
    bench = bench_of(tmp_path, mission_of(STORE), agent)
    with ending(bench.start("run", mission_file(bench), "--plain")) as process:
        eventually(
            "all agents have talked to their stores",
            lambda: len(list(tmp_path.glob("seen-*"))) == 5,
        )
        assert any("serve.py" in it for it in bench.leftovers())
        process.kill()
    bench.require_no_leftovers()
    (tmp_path / "go").touch()
    bench.run("resume", "--plain", code=0)
    check_story(bench.events())
    require_nothing_left(bench)


def test_a_missing_program_is_found_before_anything(tmp_path: Path, meeting: Path) -> None:
    services = STORE.replace("[python, serve.py", "[no-such-server, --port")
    unused = '  idle: {command: [no-such-idle, "{port}"]}\n'
    bench = bench_of(tmp_path, mission_of(services + unused))
    told = bench.run("run", mission_file(bench), "--plain", code=4)
    assert "store needs no-such-server, which is not on PATH" in told
    assert "no-such-idle" not in told
    assert not bench.events()
    plan = json.loads(bench.run("plan", "--json", mission_file(bench), code=0))
    assert plan["services"]["store"]["beside"] == ["gate t", "1", "2", "3", "4", "5"]
    assert plan["services"]["store"]["variables"] == ["STORE_URL", "STORE_NAME"]
    assert plan["services"]["idle"]["beside"] == []
    assert plan["batches"][0]["agents"][0]["services"] == ["store"]
    shown = bench.run("plan", mission_file(bench), code=0)
    assert "Services" in shown
    assert "gate t, 1, 2, 3 and 2 more" in shown
    assert "nobody" in shown


POSTGRES = """\
  db:
    setup: {bin}initdb -D {{data}}/pg -U postgres -A trust --no-sync --locale=C
    command: {bin}postgres -D {{data}}/pg -p {{port}} -k '' -c listen_addresses=127.0.0.1 -c fsync=off
    ready: {{command: "pg_isready -q -h 127.0.0.1 -p {{port}}"}}
    fill:
      - createdb -h 127.0.0.1 -p {{port}} -U postgres {{database}}
      - psql -q -h 127.0.0.1 -p {{port}} -U postgres -d {{database}} -c "create table t (who text)"
    stop: SIGINT
    env: {{DATABASE_URL: "postgresql://postgres@127.0.0.1:{{port}}/{{database}}"}}
  store:
    command: [python, serve.py, "{{port}}"]
    needs: [db]
    env: {{STORE_URL: "http://127.0.0.1:{{port}}/", STORE_NAME: "{{database:db}}"}}
"""
WITH_DATABASE = """

def sql(text):
    import subprocess
    done = subprocess.run(
        ["psql", "-qtA", os.environ["DATABASE_URL"], "-c", text], check=True, capture_output=True, text=True
    )
    return done.stdout.split()


def test_the_database_is_nobody_elses():
    name = os.environ["STORE_NAME"]
    assert sql("select who from t") == []
    for number in range(1, 6):
        sql(f"insert into t values ('{name}')")
        assert sql("select who from t") == [name] * number
    assert sql("select current_database()") == [name]


if __name__ == "__main__":
    test_the_database_is_nobody_elses()
"""


def programs() -> str | None:
    """The folder of PostgreSQL's programs, which Debian does not have on PATH; None: it is not
    here.
    """
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = shutil.which("initdb") or (str(debian[-1]) if debian else None)
    clients = all(map(shutil.which, ("pg_isready", "createdb", "psql")))
    return f"{Path(found).parent}/" if found and clients else None


@pytest.mark.slow
@pytest.mark.skipif(programs() is None, reason="PostgreSQL is not installed here")
@pytest.mark.parametrize("level", ["worktree", "strict"])
def test_five_databases_and_servers_and_those_of_their_gate(
    tmp_path: Path, meeting: Path, level: str
) -> None:
    if level == "strict" and failed() is not None:
        pytest.skip("no sandbox can be kept here")
    mission = mission_of(POSTGRES.format(bin=programs()), level=level)
    bench = bench_of(tmp_path, mission, AGENT if level == "worktree" else BOXED)
    suite = tmp_path / "user" / "tests" / "test_suite.py"
    suite.write_text(SUITE + WITH_DATABASE)
    commit(tmp_path / "user")
    bench.run("run", mission_file(bench), "--plain", code=0)
    check_story(bench.events())
    assert bench.events("attempt_interrupted") == []
    assert len(bench.events("attempt_started")) == 5
    seen = [(bench.report / "logs" / f"{n}-1.log").read_text().split()[-1] for n in range(1, 6)]
    assert len(set(seen)) == 5
    for number in range(1, 6):
        log = (bench.report / "logs" / f"{number}-1.db.log").read_text()
        assert "database system is ready to accept connections" in log
        assert "database system is shut down" in log
    require_nothing_left(bench)
