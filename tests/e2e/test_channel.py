"""The channel between agents, from end to end: real agents that post, ask, claim and flood."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.isolation.preflight import failed
from tests.e2e.helpers import Bench, check_story, eventually, make_repository, write

pytestmark = pytest.mark.integration

MISSION = """\
version: 1
name: talking
objective: Talk, and change what each agent may.
repository: {{path: ../user}}
backends:
  script: {{command: [sh, "{{mission_dir}}/{{agent}}.sh"], brief: none}}
workspace: {{protect: [kept.txt]}}
defaults: {{isolation: {level}, backend: script, timeout: 1m, attempts: 1, readable: [.]}}
{rest}gates: {{green: {{checks: [{{command: ['true']}}]}}}}
batches:
{batches}
"""
FILES = {"src/a.txt": "good\n", "docs/x.md": "x\n", "docs/y.md": "y\n", "kept.txt": "kept\n"}
LEVELS = [
    "worktree",
    pytest.param(
        "strict",
        marks=[
            pytest.mark.skipif(failed() is not None, reason="no sandbox is kept here"),
            pytest.mark.slow,
        ],
    ),
]


def bench_of(
    folder: Path, *batches: dict[str, str], level: str = "worktree", rest: str = ""
) -> tuple[Bench, Path]:
    """A mission with an agent for each script, which may change `src/<agent>*`."""
    make_repository(folder / "user", FILES)
    text = ""
    for number, scripts in enumerate(batches, 1):
        text += f"  - id: b{number}\n    gate: green\n    agents:\n"
        for id in scripts:
            text += f"      - {{id: {id}, name: {id}, mission: Do it., files: ['src/{id}*']}}\n"
        write(folder / "mission", {f"{id}.sh": script for id, script in scripts.items()})
    text = MISSION.format(level=level, rest=rest, batches=text)
    write(folder / "mission", {"m.yaml": text})
    return Bench(folder / "root"), folder / "mission" / "m.yaml"


def said(bench: Bench, agent: str) -> list[tuple[str, str]]:
    return [(e["what"], e["text"]) for e in bench.events("agent_said") if e["agent"] == agent]


def printed(bench: Bench, agent: str) -> str:
    return (bench.report / "logs" / f"{agent}-1.log").read_text()


WORK = "echo work > src/$ORCHESTRATE_AGENT.txt\n"
POST = (
    "orchestrate channel post hello from $ORCHESTRATE_AGENT || exit 9\n"
    "n=0; until [ $(orchestrate channel read | grep -c hello) = 5 ]; do\n"
    "  n=$((n+1)); [ $n -lt 300 ] || exit 8; sleep 0.1; done\n" + WORK
)


@pytest.mark.parametrize("level", LEVELS)
def test_five_that_post_at_once_read_one_another_and_nobody_else(tmp_path: Path, level: str):
    talkers = {f"t{n}": POST for n in range(5)}
    other = {"o": "orchestrate channel read; orchestrate channel deliver the 'o' file\n" + WORK}
    bench, mission = bench_of(tmp_path, talkers, other, level=level)
    bench.run("run", mission, "--plain")
    check_story(bench.events())
    for name in talkers:
        assert said(bench, name) == [("message", f"hello from {name}")]
    assert "nobody has told anything yet" in printed(bench, "o")
    assert said(bench, "o") == [("delivered", "the o file")]
    brief = (bench.report / "briefs" / "o-1.md").read_text()
    assert "orchestrate channel post" in brief
    assert "need-scope" not in brief  # the mission answers no to all
    talk = {b["id"]: b["talk"] for b in bench.summary()["batches"]}
    assert len(talk["b1"]["said"]) == 5
    report = (bench.report / "report.md").read_text()
    assert "hello from t3" in report
    assert "the o file" in report
    bench.require_no_leftovers()


NEWS = """
n=0; until orchestrate channel deliver part $n > told; grep -q '^{other}: from {other}' told; do
  n=$((n+1)); [ $n -lt 90 ] || exit 8; [ $n != 1 ] || orchestrate channel post from {own} > told
  grep -q '^{other}: from {other}' told && break; sleep 0.2; done
grep -q '^meanwhile told by others:' told && ! grep -q 'from {own}' told || exit 7
orchestrate channel blocked again > told; ! grep -q meanwhile told || exit 6
rm told
"""


@pytest.mark.slow
def test_what_others_told_comes_with_the_next_answer(tmp_path: Path):
    """Once, and never what one told oneself."""
    scripts = {
        own: NEWS.format(own=own, other=other) + WORK for own, other in (("a", "b"), ("b", "a"))
    }
    bench, mission = bench_of(tmp_path, scripts)
    bench.run("run", mission, "--plain")
    assert {agent["outcome"] for b in bench.summary()["batches"] for agent in b["agents"]} == {
        "landed"
    }


CLAIMS = """
orchestrate channel no-change 'all is well' && orchestrate channel blocked 'no key for the bank'
orchestrate channel post && exit 7
orchestrate channel dance && exit 7
orchestrate channel need-scope src/x && exit 7
python3 - <<'PY'
import subprocess, os
assert subprocess.run(["orchestrate", "channel", "post", "x" * 5000]).returncode == 0
assert subprocess.run(["orchestrate", "channel", "post", "\\udcff\\x1b[31m|`<b>"]).returncode == 0
PY
"""


def test_a_claim_of_one_that_did_nothing_is_told_and_proves_nothing(tmp_path: Path):
    bench, mission = bench_of(tmp_path, {"a": CLAIMS, "b": WORK})
    bench.run("run", mission, "--plain", code=1)
    kinds = [what for what, _ in said(bench, "a")]
    assert kinds == ["no_change", "blocked", "message", "message"]
    long, odd = (text for what, text in said(bench, "a") if what == "message")
    assert len(long) < 2100
    assert "3,000 characters more" in long
    assert "\\udcff" in odd
    (agent,) = (a for b in bench.summary()["batches"] for a in b["agents"] if a["id"] == "a")
    assert agent["outcome"] == "failed"
    assert "it says: blocked: no key for the bank" in agent["reason"]
    assert "\x1b" not in (bench.report / "report.md").read_text()
    assert "blocked" in bench.run("status", bench.run_id, code=1)


FLOOD = r"""
python3 - <<'PY'
import json, os
folder = os.environ["ORCHESTRATE_CHANNEL"] + "/requests/"
os.mkfifo(folder + "1-pipe.json")
os.symlink("/etc/passwd", folder + "1-link.json")
os.mkdir(folder + "1-dir.json")
open(folder + "1-large.json", "w").write("x" * 10**6)
open(folder + "1-odd name.json", "w").write('{"verb": "post", "text": "odd"}')
open(folder + "1-deep.json", "w").write("[" * 16000)
for n in range(10_000):
    with open(folder + f".{n}", "w") as file:
        json.dump({"verb": "post", "text": f"message {n}"}, file)
    os.rename(folder + f".{n}", folder + f"2-{n:05}.json")
PY
orchestrate channel post one more && exit 7
rm -rf "$ORCHESTRATE_CHANNEL/answers"; ln -s "$PWD/src" "$ORCHESTRATE_CHANNEL/answers"
"""


@pytest.mark.slow
def test_a_flood_is_cut_and_told_and_reaches_nothing(tmp_path: Path):
    quiet = "orchestrate channel post still here || exit 9\n" + WORK
    bench, mission = bench_of(tmp_path, {"a": FLOOD + WORK, "b": quiet})
    bench.run("run", mission, "--plain")
    texts = [text for what, text in said(bench, "a")]
    assert len(texts) == 100
    assert all(text.startswith("message ") for text in texts)
    assert said(bench, "b") == [("message", "still here")]
    floods = [e["left_out"] for e in bench.events("channel_flooded")]
    assert len(floods) == 2  # as it begins, and when the attempt is over
    assert floods[-1] == 10_000 - 100 + 6 + 1
    assert "9,907" in (bench.report / "report.md").read_text()
    assert bench.store("ls-tree", "-r", "--name-only", bench.tip).split() == [
        *("docs/x.md", "docs/y.md", "kept.txt", "src/a.txt", "src/b.txt"),
    ]


ASK = r"""
ask() { orchestrate channel need-scope "$1" --why "it is $1"; echo "$1 -> $?"; }
ask docs/x.md; ask docs/x.md; ask ./docs/y.md; ask src/other.txt; ask kept.txt; ask src/a.txt
ask /etc/passwd; ask docs/../kept.txt; ask 'docs/*'; ask .git/config; ask ''; ask 'docs/x.md::A'
echo more >> docs/x.md
"""
ALLOW = "scope_requests: {allow: ['docs/x*', kept.txt]}\n"


@pytest.mark.parametrize("level", LEVELS)
def test_what_is_allowed_is_granted_and_counts(tmp_path: Path, level: str):
    bench, mission = bench_of(tmp_path, {"a": ASK + WORK}, level=level, rest=ALLOW)
    bench.run("run", mission, "--plain")
    answers = {
        path: code
        for path, found, code in (
            line.rpartition(" -> ") for line in printed(bench, "a").splitlines()
        )
        if found
    }
    yes = [path for path, code in answers.items() if code == "0"]
    assert yes == ["docs/x.md", "src/a.txt"]
    assert len(answers) == 11  # one of them twice
    recorded = [(e["path"], e["granted"]) for e in bench.events("scope_answered")]
    assert recorded == [
        ("docs/x.md", True),
        ("docs/y.md", False),
        ("src/other.txt", False),
        ("kept.txt", False),
    ]
    assert "more" in bench.store("show", f"{bench.tip}:docs/x.md")
    report = (bench.report / "report.md").read_text()
    assert "| `a` | `docs/x.md` | it is docs/x.md | yes, (the mission): it is allowed" in report
    assert "| `a` | `kept.txt` | it is kept.txt | no, (the mission): nobody may change it" in report
    assert "need-scope PATH" in (bench.report / "briefs" / "a-1.md").read_text()


@pytest.mark.slow
def test_without_a_yes_the_change_is_refused(tmp_path: Path):
    taken = "orchestrate channel need-scope docs/y.md --why mine\necho more >> docs/y.md\n"
    bench, mission = bench_of(tmp_path, {"a": taken + WORK}, rest=ALLOW)
    bench.run("run", mission, "--plain", code=1)
    (end,) = bench.events("attempt_ended")
    assert end["outcome"] == "out_of_scope"
    assert [it["path"] for it in end["breaches"]] == ["docs/y.md"]


def test_a_person_is_asked_told_of_and_heard(tmp_path: Path):
    told = tmp_path / "told.txt"
    rest = f"scope_requests: ask\nnotify: {{command: [sh, -c, 'cat >> {told}'], on: scope}}\n"
    ask = "orchestrate channel need-scope docs/{0}.md --why 'the notes of {0}'; echo \"is $?\"\n"
    a, b = ask.format("x") + "echo more >> docs/x.md\n", ask.format("y")
    bench, mission = bench_of(tmp_path, {"a": a + WORK, "b": b + WORK}, rest=rest)
    run = bench.start("run", mission, "--plain")
    eventually("both have asked", lambda: len(bench.events("scope_requested")) == 2)
    bench.run("channel", "answer", bench.run_id, "c", "yes", code=2)
    bench.run("channel", "answer", bench.run_id, "a", "perhaps", code=2)
    assert "asks to change docs/x.md" in bench.run("status", bench.run_id, code=1)
    bench.run("channel", "answer", bench.run_id, "a", "yes", "--comment", "go on")
    bench.run("channel", "answer", bench.run_id, "b", "no", "docs/y.md")
    assert run.wait() == 0
    assert "is 0" in printed(bench, "a")
    assert "go on" in printed(bench, "a")
    assert "is 1" in printed(bench, "b")
    assert "more" in bench.store("show", f"{bench.tip}:docs/x.md")
    assert f"orchestrate channel answer {bench.run_id} a yes" in told.read_text()


@pytest.mark.slow
def test_what_was_said_outlives_a_kill(tmp_path: Path):
    flag = tmp_path / "flag"
    script = (
        f"orchestrate channel post before\n[ -e {flag} ] || sleep 60\norchestrate channel read\n"
    )
    bench, mission = bench_of(tmp_path, {"a": script + WORK})
    run = bench.start("run", mission, "--plain")
    eventually("it has posted", lambda: said(bench, "a"))
    run.kill_everything()
    flag.touch()
    bench.run("resume", bench.run_id, "--plain")
    check_story(bench.events())
    assert said(bench, "a") == [("message", "before")] * 2
    second = (bench.report / "logs" / "a-2.log").read_text()
    assert second.count("a: before") == 2
    bench.require_no_leftovers()


MCP = r"""
python3 - <<'PY'
import json, os, subprocess
server = subprocess.Popen(["orchestrate", "channel", "--mcp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
def ask(method, **params):
    ask.id += 1
    server.stdin.write(json.dumps({"jsonrpc": "2.0", "id": ask.id, "method": method, "params": params}) + "\n")
    server.stdin.flush()
    answer = json.loads(server.stdout.readline())
    assert answer["id"] == ask.id, answer
    return answer
ask.id = 0
assert ask("server/discover")["error"]["code"] == -32601
for version in ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"):
    assert ask("initialize", protocolVersion=version, capabilities={})["result"]["protocolVersion"] == version
assert ask("initialize", protocolVersion="1999-01-01")["result"]["protocolVersion"] == "2025-11-25"
server.stdin.write('{"jsonrpc": "2.0", "method": "notifications/initialized"}\n\n')
names = [tool["name"] for tool in ask("tools/list")["result"]["tools"]]
assert names == ["post", "read", "need_scope", "deliver", "no_change", "blocked"], names
def call(name, **arguments):
    return ask("tools/call", name=name, arguments=arguments)
assert call("post", text="by a tool")["result"]["isError"] is False
assert "a: by a tool" in call("read")["result"]["content"][0]["text"]
assert call("need_scope", path="docs/x.md", why="so")["result"]["isError"] is False
assert call("need_scope", path="docs/y.md", why="so")["result"]["isError"] is True
assert call("post")["error"]["code"] == -32602
assert call("post", text=3)["error"]["code"] == -32602
assert call("rm")["error"]["code"] == -32602
server.stdin.write("garbage\n[]\n3\n")
server.stdin.flush()
assert json.loads(server.stdout.readline())["error"]["code"] == -32700
assert json.loads(server.stdout.readline())["error"]["code"] == -32600
assert ask("ping")["result"] == {}
server.stdin.close()
assert server.wait(10) == 0
PY
"""


@pytest.mark.parametrize("level", LEVELS)
def test_the_same_by_mcp(tmp_path: Path, level: str):
    script = f"set -e\n{MCP}\n{WORK}"
    bench, mission = bench_of(tmp_path, {"a": script}, level=level, rest=ALLOW)
    bench.run("run", mission, "--plain")
    assert said(bench, "a") == [("message", "by a tool")]
    granted = [(e["path"], e["granted"]) for e in bench.events("scope_answered")]
    assert granted == [("docs/x.md", True), ("docs/y.md", False)]
