"""Whole runs at `strict`: agents that turn git, their attempts' neighbours and the machine against
the orchestrator, and honest ones beside them.

Where no sandbox can be kept, the same missions are refused and nothing is begun.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from textwrap import dedent

import psutil
import pytest

from orchestrator.isolation.preflight import failed
from tests.e2e.helpers import Bench, Git, environment, eventually, make_repository, write

pytestmark = pytest.mark.integration

MISSION = """\
version: 1
name: kept
objective: Change what each agent may.
repository: {{path: ../user}}
backends:
  script: {{command: [sh, "{{mission_dir}}/{{agent}}.sh"], brief: none}}
defaults: {{isolation: {level}, backend: script, timeout: 1m, attempts: 1{more}}}
{rest}gates: {{green: {{checks: [{{command: [{gate}]}}]}}}}
batches:
  - id: only
    agents:
{agents}
    gate: green
"""
FILES = {"src/a.txt": "good\n", "src/b.txt": "good\n", "kept.txt": "kept\n"}


def bench_of(
    folder: Path,
    scripts: dict[str, str],
    *,
    level: str = "strict",
    more: str = "",
    rest: str = "",
    gate: str = "'true'",
) -> tuple[Bench, Path]:
    """A user's repository and a mission with an agent for each script, which may change
    `src/<agent>*`.
    """
    user = make_repository(folder / "user", FILES)
    write(user.path, {".env": "TOKEN=a-secret-of-the-user\n", ".gitignore": ".env\n"})
    user("add", ".gitignore")
    user("commit", "-qm", "more")
    agents = "\n".join(
        f"      - {{id: {id}, name: {id}, mission: Do it., files: ['src/{id}*']}}" for id in scripts
    )
    text = MISSION.format(level=level, more=more, rest=rest, gate=gate, agents=agents)
    write(folder / "mission", {"m.yaml": text, **{f"{id}.sh": s for id, s in scripts.items()}})
    return Bench(folder / "root"), folder / "mission" / "m.yaml"


def is_kept(bench: Bench, mission: Path) -> bool:
    """Whether the run took place; where there is no sandbox, that it is refused."""
    probe = failed()
    if probe is None:
        return True
    told = bench.run("run", mission, "--plain", code=4)
    assert probe.name in told
    assert probe.mend.split(",")[0] in told
    assert not bench.has_begun
    return False


def test_scripts_beside_the_mission_use_one_another(tmp_path: Path) -> None:
    script = """\
        here=${0%/*}
        . "$here/shared.sh"
        cp "$here/parts/part.txt" src/a.txt
        for hidden in .secret ../user/kept.txt inner/file.txt m.yaml ../root/reports/*/journal.jsonl; do
            test -e "$here/$hidden" && echo "$hidden is there" >> src/a.txt
        done
        true
    """
    bench, mission = bench_of(tmp_path, {"a": dedent(script)})
    write(
        mission.parent,
        {
            "shared.sh": "set -eu\n",
            "parts/part.txt": "a part\n",
            ".secret": "s",
            "inner/file.txt": "f",
        },
    )
    Git(mission.parent / "inner")("init", "--quiet")
    if is_kept(bench, mission):
        bench.run("run", mission, "--plain")
        assert bench.store("show", f"{bench.tip}:src/a.txt") == "a part"


HOSTILE = {
    "config": """
git config core.fsmonitor "touch {mark}"; git config core.hooksPath "$PWD/.git/hooks"
git config filter.x.clean "touch {mark}; cat"; git config filter.x.smudge "touch {mark}; cat"
git config diff.external "touch {mark}"; git config merge.x.driver "touch {mark}"
git config core.sshCommand "touch {mark}"; git config core.editor "touch {mark}"
git config alias.commit '!touch {mark}'; git config gpg.program "touch {mark}"
for hook in pre-commit post-commit post-checkout post-index-change reference-transaction; do
  mkdir -p .git/hooks; printf '#!/bin/sh\\ntouch {mark}\\n' > .git/hooks/$hook
  chmod +x .git/hooks/$hook
done
""",
    "elsewhere": 'rm -rf .git; printf "gitdir: {user}/.git\\n" > .git',
    "link": "rm -rf .git; ln -s {user}/.git .git",
    "refs": """
git update-ref refs/heads/main HEAD; git update-ref -d refs/heads/main; git tag stolen
git replace HEAD^{{tree}} $(git mktree </dev/null) || true
git commit -q --allow-empty -m forged; git gc -q --prune=now || true; touch .git/index.lock
""",
    "store": """
for folder in $(cat .git/objects/info/alternates); do
  chmod -R u+w "$folder"; rm -rf "$folder"/*; for o in "$folder"/*/*; do echo broken > "$o"; done
done
""",
    "neighbours": """
for place in {bench} {cache} {user}; do
  find "$place" -type f -exec sh -c 'echo mine > "$1"' sh {{}} \\; ; cat "$place"/.env
done
""",
}


@pytest.mark.slow
def test_hostile_agents_harm_nothing(tmp_path: Path) -> None:
    """Each does its worst and then its work: all of the work lands, and of the worst nothing."""
    mark = tmp_path / "ran"
    bench = Bench(tmp_path / "root")
    places = {
        "mark": f"{mark} /workspace/ran",
        "user": tmp_path / "user",
        "bench": bench.root,
        "cache": bench.cache,
    }
    scripts = {
        id: f"({text.format(**places)}) >/dev/null 2>&1\nrm -f ran\necho better > src/{id}.txt\n"
        for id, text in HOSTILE.items()
    }
    scripts["honest"] = "git status --short; git log -1 --format=%s; echo better > src/honest.txt\n"
    bench, mission = bench_of(tmp_path, scripts, gate="grep, -q, good, src/a.txt")
    if not is_kept(bench, mission):
        return
    user = tmp_path / "user"
    before = {path: path.read_bytes() for path in user.rglob("*") if path.is_file()}
    told = bench.run("run", mission, "--plain")
    assert "isolation strict (bubblewrap" in told.splitlines()[0]
    assert not mark.exists()
    assert "a-secret-of-the-user" not in told
    after = {path: path.read_bytes() for path in user.rglob("*") if path.is_file()}
    pinned = {path for path in after if "refs/orchestrate" in str(path)}
    assert {path: after[path] for path in after if path not in pinned} == before
    tip = bench.tip
    for id in scripts:
        assert bench.store("show", f"{tip}:src/{id}.txt") == "better"
    assert bench.store("ls-tree", "-r", "--name-only", tip).split().count("ran") == 0
    bench.store.fsck()
    assert bench.events()[0]["isolation"].startswith("strict (bubblewrap")
    log = (bench.report / "logs" / "honest-1.log").read_text()
    assert log == "more\n", "its own repository is whole"


def test_an_agent_finds_its_work_at_one_path(tmp_path: Path) -> None:
    """And what a set-up made for it, its brief and its environment; of the rest nothing."""
    script = """\
pwd; echo "$HOME"; cat "$ORCHESTRATE_BRIEF" | head -c 1; cat "$ORCHESTRATE_WORKSPACE/made/path"; echo
./made/tool && ls "$(cat made/path)/src"; cat {user}/.env {mission}/m.yaml; ls ~; git log -1 --format=%s
echo better > src/a.txt
"""
    made = "mkdir made; pwd > made/path; printf '#!/bin/sh\\necho tool at %s' $PWD > made/tool; chmod +x made/tool"
    rest = "workspace: {setup: [sh made.sh]}\n"
    text = script.format(user=tmp_path / "user", mission=tmp_path / "mission")
    bench, mission = bench_of(tmp_path, {"a": text}, rest=rest)
    user = tmp_path / "user"
    (user / "made.sh").write_text(f"{made}\n")
    git = Git(user)
    git("add", "made.sh")
    git("commit", "-qm", "set up")
    if not is_kept(bench, mission):
        return
    bench.run("run", mission, "--plain")
    log = (bench.report / "logs" / "a-1.log").read_text()
    place = bench.cache / "x"
    assert log.startswith("/workspace\n/home/agent\n#")
    assert f"{place.parent}" in log.splitlines()[2], "a set-up's own path is good as well"
    assert "tool at " in log
    assert "b.txt" in log
    assert "a-secret-of-the-user" not in log
    assert "version: 1" not in log
    assert log.rstrip().endswith("set up")
    assert bench.store("show", f"{bench.tip}:src/a.txt") == "better"


@pytest.mark.parametrize("level", ["strict", "auto", "worktree"])
def test_a_machine_without_bubblewrap(level: str, tmp_path: Path) -> None:
    """`strict` is refused before anything is begun; `auto` says what it is without."""
    bench, mission = bench_of(tmp_path, {"a": "echo better > src/a.txt\n"}, level=level)
    programs = tmp_path / "programs"
    programs.mkdir()
    for folder in os.environ["PATH"].split(os.pathsep):
        for program in Path(folder).iterdir() if Path(folder).is_dir() else ():
            if program.name != "bwrap" and not os.path.lexists(programs / program.name):
                (programs / program.name).symlink_to(program)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(programs))
        assert environment()["PATH"] == str(programs)
        told = bench.run("run", mission, "--plain", code=4 if level == "strict" else 0)
    if level == "strict":
        assert "`isolation: strict` cannot be kept here: bubblewrap: bwrap is not on PATH" in told
        assert "install the package `bubblewrap`" in told
        assert not bench.has_begun
        return
    first = told.splitlines()[0]
    named = "worktree (no sandbox here: bubblewrap: bwrap is not on PATH)"
    assert first.endswith(f"; isolation {'worktree' if level == 'worktree' else named}")
    assert bench.store("show", f"{bench.tip}:src/a.txt") == "better"


def test_what_is_readable_has_to_be_there(tmp_path: Path) -> None:
    bench, mission = bench_of(
        tmp_path, {"a": "true\n"}, level="worktree", more=", readable: [../tools]"
    )
    told = bench.run("run", mission, "--plain", code=4)
    assert "defaults.readable: ../tools is not there" in told
    assert not bench.has_begun


def test_limits_and_network_of_the_mission(tmp_path: Path) -> None:
    """What takes too much has failed, with the reason; what is named is readable."""
    write(tmp_path / "tools", {"word": "a word\n"})
    scripts = {
        "a": f"cat {tmp_path}/tools/word > src/a.txt; grep -c : /proc/net/dev\n",
        "b": "echo half > src/b.txt; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 20 & done; wait\n",
    }
    more = ", readable: [../tools], network: none, processes: 10"
    bench, mission = bench_of(tmp_path, scripts, more=more)
    if not is_kept(bench, mission):
        return
    told = bench.run("run", mission, "--plain", code=1)
    assert "processes at once" in told
    assert bench.store("show", f"{bench.tip}:src/a.txt") == "a word"
    assert bench.store("show", f"{bench.tip}:src/b.txt") == "good"
    assert (bench.report / "logs" / "a-1.log").read_text().splitlines()[-1] == "1", "loopback alone"


def test_what_an_agent_lacks_is_told_with_its_mend(tmp_path: Path) -> None:
    """Its script is shown, and what lies elsewhere is not, until the mission says so; what fails
    for another reason is told as ever.
    """
    scripts = {"a": f". {tmp_path}/tools/more\n", "b": "exit 3\n"}
    bench, mission = bench_of(tmp_path, scripts)
    write(tmp_path / "tools", {"more": "echo better > src/a.txt\n"})
    if not is_kept(bench, mission):
        return
    told = bench.run("run", mission, "--plain", code=1)
    assert "name what it lacks there, or write `isolation: worktree`" in told
    assert "sh exited with 3; in" not in told
    text = mission.read_text().replace("attempts: 1", "attempts: 1, readable: [../tools]")
    mission.write_text(text)
    bench = Bench(tmp_path / "second")
    bench.run("run", mission, "--plain", code=1)
    assert bench.store("show", f"{bench.tip}:src/a.txt") == "better"


@pytest.mark.slow
def test_a_killed_orchestrator_leaves_nothing_and_is_resumed(tmp_path: Path) -> None:
    """Its agents and their daemons are gone with it; what they did to their repositories is not
    read when their work is salvaged; and the run goes on at the same level.
    """
    mark = tmp_path / "ran"
    hostile = HOSTILE["config"].format(mark=f"{mark} /workspace/ran")
    script = (
        f"{hostile}\n"
        "echo half > src/a.txt\n"
        "(setsid sh -c 'while :; do date +%N > beat; sleep 0.05; done' >/dev/null 2>&1 &)\n"
        "sleep 60\n"
    )
    bench, mission = bench_of(tmp_path, {"a": script})
    if not is_kept(bench, mission):
        return
    process = bench.start("run", mission, "--plain")
    place = f"{bench.cache}/*/.trees/a-1"
    eventually("the daemon beats", lambda: list(Path("/").glob(f"{place[1:]}/beat")))
    (beat,) = Path("/").glob(f"{place[1:]}/beat")
    assert process.kill()
    eventually("all have ended", lambda: not _inside(bench))
    stood = beat.stat().st_mtime_ns
    time.sleep(0.3)
    assert beat.stat().st_mtime_ns == stood
    (mission.parent / "a.sh").write_text("echo better > src/a.txt\n")
    told = bench.run("resume", "--plain")
    assert "landed" in told
    assert bench.store("show", f"{bench.tip}:src/a.txt") == "better"
    (salvaged,) = [event["salvaged"] for event in bench.events("attempt_interrupted")]
    assert bench.store("show", f"{salvaged}:src/a.txt") == "half"
    assert not mark.exists()


def _inside(bench: Bench) -> list[int]:
    """Processes whose environment or command names this bench's cache."""
    found = []
    for process in psutil.process_iter():
        try:
            told = [*process.environ().values(), *process.cmdline()]
        except psutil.Error:
            continue
        if any(str(bench.cache) in text for text in told) and process.pid != os.getpid():
            found.append(process.pid)
    return found


JUDGED = """\
import os, pathlib, socket, subprocess, sys
import product

OUTSIDE = [{outside!r}, {user!r} + "/.env", {bench!r} + "/reports"]

def test_works(tmp_path):
    (tmp_path / "file").write_text("mine")
    assert product.word() == "better"
    assert subprocess.run(["git", "log", "-1", "--format=%s"], capture_output=True).returncode == 0

def test_nothing_of_the_machine_is_there():
    assert [place for place in OUTSIDE if os.path.lexists(place)] == []
    assert len([name for name in os.listdir("/proc") if name.isdecimal()]) < 10
    pathlib.Path("/tmp/left-by-a-test").write_text("in its own")

def test_the_network_is_its_own():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), 2).close()
    try:
        socket.create_connection(("127.0.0.1", {port}), 2)
    except OSError:
        return
    raise AssertionError("the machine's port was reached")
"""


def test_what_judges_is_kept_in_as_well(tmp_path: Path) -> None:
    """Set-up, pytest and commands: what they write outside is gone, what is there is not to be
    read, and honest tests, with git, temporary folders and servers, pass.
    """
    outside = tmp_path / "outside"
    outside.write_text("the user's\n")
    bench = Bench(tmp_path / "root")
    with socket.create_server(("127.0.0.1", 0)) as server:
        tests = JUDGED.format(
            outside=str(outside),
            user=str(tmp_path / "user"),
            bench=str(bench.root),
            port=server.getsockname()[1],
        )
        setup = f"echo made > made; echo mine > {outside}; cat {tmp_path}/user/.env > stolen"
        files = {
            "product.py": "def word():\n    return 'good'\n",
            "tests/test_product.py": tests,
            "setup.sh": f"{setup} || true\n",
        }
        rest = "workspace: {setup: [sh setup.sh], setup_inputs: [setup.sh]}\n"
        bench, mission = bench_of(
            tmp_path,
            {"a": "sed -i s/good/better/ product.py; echo better > src/a.txt\n"},
            more=", network: none",
            rest=rest,
        )
        text = mission.read_text().replace("files: ['src/a*']", "files: ['src/a*', product.py]")
        command = (
            f"grep -q made made && test ! -s stolen && test ! -e {outside} && ! touch /usr/mine"
        )
        checks = (
            f"[{{pytest: tests, must_turn_green: [tests/test_product.py::test_works]}}, "
            f"{{command: [sh, -c, '{command}'], name: shell}}]"
        )
        mission.write_text(text.replace("[{command: ['true']}]", checks))
        write(tmp_path / "user", files)
        user = Git(tmp_path / "user")
        user("add", ".")
        user("commit", "-qm", "product")
        if not is_kept(bench, mission):
            return
        told = bench.run("run", mission, "--plain")
    assert "landed" in told
    assert outside.read_text() == "the user's\n"
    assert not Path("/tmp/left-by-a-test").exists()
    (verdict,) = [event["verdict"] for event in bench.events("gate_finished")]
    assert verdict["decision"] == "passed"
