"""`orchestrate gate` on real repositories: verdicts, exit codes, what is left alone, and what
cannot be asked.
"""

from __future__ import annotations

import json
import signal
from pathlib import Path

import jsonschema
import psutil
import pytest

from orchestrator.isolation.preflight import failed
from tests.cli.helpers import MISSIONS, eventually, git, orchestrate, start, stop

MISSION = """\
version: 1
name: shop
objective: Sums are right.
repository: {path: user, base: main}
backends: {script: {command: [sh, -c, "true"], brief: none}}
defaults: {isolation: worktree, backend: script}
gates:
  sums:
    checks:
      - {name: tests, pytest: tests, must_turn_green: [tests/test_sums.py::test_add]}
  smoke:
    checks:
      - {name: starts, command: [python, -c, import sums]}
      - {name: size, metric: "python size.py", value: lines, require: "<= 3"}
  signed:
    checks:
      - {name: sign-off, approval: It looks good}
batches:
  - id: first
    gate: sums
    agents:
      - id: adder
        name: Adder
        mission: Fix the addition.
        files: [sums.py]
        deliverables:
          - {text: Sums are right, proof: "tests/test_sums.py::test_add"}
          - {text: People are happy}
    criteria:
      - {text: Products stay right, proof: "tests/test_sums.py::test_multiply"}
"""
WRONG = "def add(a, b): return a - b\ndef multiply(a, b): return a * b\n"
RIGHT = WRONG.replace("a - b", "a + b")
WORSE = WRONG.replace("a * b", "a / b")
TESTS = """\

import sums
open({ledger!r}, "a").write("x")
def test_add(): assert sums.add(2, 3) == 5
def test_multiply(): assert sums.multiply(2, 3) == 6
"""
SIZE = 'import json; print(json.dumps({"lines": len(open("sums.py").readlines())}))\n'


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A mission over a repository in which `main` is wrong; the branch `fix`, checked out, is
    right.
    """
    user = tmp_path / "user"
    (user / "tests").mkdir(parents=True)
    git(user, "init", "-q", "-b", "main")
    (user / "sums.py").write_text(WRONG)
    (user / "size.py").write_text(SIZE)
    (user / "tests" / "test_sums.py").write_text(TESTS.format(ledger=str(tmp_path / "ledger")))
    git(user, "add", ".")
    git(user, "commit", "-q", "-m", "Begin")
    git(user, "checkout", "-q", "-b", "fix")
    (user / "sums.py").write_text(RIGHT)
    git(user, "commit", "-q", "-a", "-m", "Fix it")
    (tmp_path / "shop.yaml").write_text(MISSION)
    return tmp_path


def everything(user: Path) -> dict[str, bytes]:
    """Every file of a repository, its own ones included."""
    return {
        str(path.relative_to(user)): path.read_bytes()
        for path in sorted(user.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def test_a_fix_is_green_and_all_of_the_verdict_is_there_for_machines(shop: Path) -> None:
    before = everything(shop / "user")
    done = orchestrate(shop, "gate", "shop.yaml:sums", "--json")
    found = done.json
    assert (found["format"], found["version"], found["decision"], found["exit_code"]) == (
        "orchestrate/verdict",
        1,
        "passed",
        0,
    )
    (gate,) = found["gates"]
    verdict = gate["verdict"]
    check, exercise = verdict["checks"]
    assert exercise["text"] == "1 changed function broken on purpose: 1 of 1 test noticed"
    assert verdict["exercise"]["called"] == verdict["exercise"]["functions"] == ["sums.py::add"]
    assert check["turned_green"] == ["tests/test_sums.py::test_add"]
    assert (check["counts"]["executed"], check["base_counts"]["failed"]) == (2, 1)
    assert [(test["id"], test["base"], test["candidate"]) for test in gate["tests"]["tests"]] == [
        ("tests/test_sums.py::test_add", "failed", "passed"),
        ("tests/test_sums.py::test_multiply", "passed", "passed"),
    ]
    assert (
        verdict["commit"] == found["candidate"]["commit"] == git(shop / "user", "rev-parse", "fix")
    )
    assert verdict["base"] == found["base"]["commit"] == git(shop / "user", "rev-parse", "main")
    assert verdict["tree"] == git(shop / "user", "rev-parse", "fix^{tree}")
    assert verdict["environment"]
    assert [claim["status"] for claim in verdict["deliverables"]["adder"]] == [
        "validated",
        "unvalidated",
    ]
    assert [claim["status"] for claim in verdict["criteria"]] == ["validated"]
    evidence = Path(found["evidence"])
    assert "2 passed" in (evidence / check["log"]).read_text()
    kept = (evidence / "verdict.json").read_text()
    assert json.loads(kept) == found
    jsonschema.validate(found, json.loads((evidence / found["$schema"]).read_text()))
    assert "sums passed" in done.err, "progress goes to standard error"
    assert everything(shop / "user") == before, "not a byte of the user's repository changes"
    assert not (shop / "workspaces" / "gate-shop").exists()


def test_what_is_broken_is_named_and_the_exit_code_is_1(shop: Path) -> None:
    (shop / "user" / "sums.py").write_text(WORSE)
    git(shop / "user", "commit", "-q", "-a", "-m", "Make it worse")
    done = orchestrate(shop, "gate", "shop.yaml:sums", code=1)
    assert "✘ failed" in done.out
    assert (
        "tests (broken): passed on the base and no longer do: tests/test_sums.py::test_multiply"
        in done.out
    )
    assert "tests/test_sums.py::test_add did not turn green" in done.out
    assert "criterion: Products stay right" in done.out
    assert "unvalidated adder: People are happy" in done.out
    assert "1 unvalidated" in done.out
    assert "evidence: " in done.out


def test_without_a_gate_all_are_asked_and_one_that_waits_for_a_person_is_not_green(
    shop: Path,
) -> None:
    done = orchestrate(shop, "gate", "shop.yaml", "--json", code=1)
    assert {gate["gate"]: gate["verdict"]["decision"] for gate in done.json["gates"]} == {
        "sums": "passed",
        "smoke": "passed",
        "signed": "waiting",
    }
    assert done.json["decision"] == "waiting"
    told = orchestrate(shop, "gate", "shop.yaml", code=1).out
    assert "waits for a person: It looks good" in told
    assert "2, required <= 3" in told
    assert "exit code only: 0" in told


def test_a_command_that_fails_shows_its_last_lines(shop: Path) -> None:
    script = "import sys; [print('line', n, flush=True) for n in range(40)]; sys.exit('Error: no such shelf')"
    text = MISSION.replace("[python, -c, import sums]", f'[python, -c, "{script}"]')
    (shop / "loud.yaml").write_text(text)
    told = orchestrate(shop, "gate", "loud.yaml:smoke", code=1).out
    assert "exit code only: 1 (on the base 1): Error: no such shelf" in told
    assert "    | line 39\n    | Error: no such shelf\n" in told
    assert "line 20" not in told
    checks = orchestrate(shop, "gate", "loud.yaml:smoke", "--json", code=1).json["gates"][0]
    tails = {check["name"]: check["tail"] for check in checks["verdict"]["checks"]}
    assert tails["starts"].splitlines()[-1] == "Error: no such shelf"
    assert tails["size"] == "", "what passed has nothing to explain"


def test_the_tests_of_the_base_can_be_asked_for(shop: Path) -> None:
    report = "[python, -m, pytest, -q, -p, 'no:cacheprovider', --junitxml=o.xml, tests]"
    gate = f"  junit: {{checks: [{{name: report, command: {report}, report: o.xml}}]}}\n"
    (shop / "more.yaml").write_text(MISSION.replace("batches:\n", f"{gate}batches:\n"))
    found = orchestrate(shop, "gate", "more.yaml", "--list", "--json").json
    assert (found["format"], found["base"]["name"]) == ("orchestrate/tests", "main")
    tests = {
        check["check"]: {test["id"]: test["outcome"] for test in check["tests"]}
        for check in found["checks"]
    }
    assert tests == {
        "tests": {
            "tests/test_sums.py::test_add": "failed",
            "tests/test_sums.py::test_multiply": "passed",
        },
        "report": {
            "tests.test_sums::test_add": "failed",
            "tests.test_sums::test_multiply": "passed",
        },
        "starts": {},
        "size": {},
        "sign-off": {},
    }
    told = orchestrate(shop, "gate", "more.yaml:sums", "--list").out
    assert "    tests/test_sums.py::test_add  failed\n" in told
    assert "    tests/test_sums.py::test_multiply\n" in told
    assert "report" not in told
    there = orchestrate(shop, "gate", "more.yaml:sums", "--list", "--base", "fix").out
    assert "failed" not in there
    refused = orchestrate(shop, "gate", "more.yaml:sums", "--list", "--uncommitted", code=2)
    assert "--list lists the tests of the base" in refused.err
    assert "unknown gate" in orchestrate(shop, "gate", "more.yaml:sms", "--list", code=2).err


def test_passes_and_baselines_are_not_run_again(shop: Path) -> None:
    ledger = shop / "ledger"
    orchestrate(shop, "gate", "shop.yaml:sums")
    assert ledger.read_text() == "xxxx", (
        "on the base, on the candidate, with what was changed broken, and with marks"
    )
    assert "(known from before)" in orchestrate(shop, "gate", "shop.yaml:sums").err
    assert ledger.read_text() == "xxxx"
    (shop / "user" / "sums.py").write_text(WORSE)
    for _ in range(2):
        orchestrate(shop, "gate", "shop.yaml:sums", "--uncommitted", code=1)
    again = "xxx"  # what is red is looked at again each time, and once more alone, there and on the base
    assert ledger.read_text() == "xxxx" + 2 * again


def test_what_came_to_the_base_since_is_not_held_against_the_candidate(shop: Path) -> None:
    user = shop / "user"
    git(user, "checkout", "-q", "main")
    (user / "tests" / "test_new.py").write_text("def test_new(): pass\n")
    git(user, "add", ".")
    git(user, "commit", "-q", "-m", "A test that the fix has never seen")
    done = orchestrate(shop, "gate", "shop.yaml:sums", "--candidate", "fix", "--json")
    assert done.json["base"]["commit"] == git(user, "rev-parse", "main~1")
    told = orchestrate(
        shop, "gate", "shop.yaml:sums", "--candidate", "fix", "--base", "main", code=1
    ).out
    assert "judged as on the base: tests/test_new.py (removed)" in told
    assert "tests removed, and judged as on the base: 1\n    tests/test_new.py\n" in told


def test_what_is_not_committed_is_judged_when_asked_for(shop: Path) -> None:
    user = shop / "user"
    git(user, "checkout", "-q", "main")
    (user / "sums.py").write_text(RIGHT)
    (user / "tests" / "test_more.py").write_text(
        "import sums\ndef test_more(): assert sums.add(1, 1) == 2\n"
    )
    (user / ".git" / "info" / "exclude").write_text("tests/test_secret.py\n")
    (user / "tests" / "test_secret.py").write_text("def test_secret(): assert 0\n")
    (user / "size.py").unlink()
    git(user, "add", "sums.py")
    before, status = everything(user), git(user, "status", "--porcelain")
    refused = orchestrate(shop, "gate", "shop.yaml:sums", code=2)
    assert "3 uncommitted paths are not looked at" in refused.err
    assert "--uncommitted" in refused.err
    found = orchestrate(shop, "gate", "shop.yaml:sums", "--uncommitted", "--json").json
    (gate,) = found["gates"]
    assert [test["id"] for test in gate["tests"]["tests"]] == [
        "tests/test_more.py::test_more",
        "tests/test_sums.py::test_add",
        "tests/test_sums.py::test_multiply",
    ]
    side = gate["verdict"]["test_side"]["changes"]
    assert [(change["path"], change["kind"]) for change in side] == [
        ("tests/test_more.py", "added")
    ]
    assert found["candidate"]["name"] == "the work tree"
    assert everything(user) == before
    assert git(user, "status", "--porcelain") == status


def test_uncommitted_changes_that_are_left_out_are_told(shop: Path) -> None:
    (shop / "user" / "sums.py").write_text(WORSE)
    done = orchestrate(shop, "gate", "shop.yaml:sums", "--json")
    assert done.json["uncommitted_not_judged"] == 1
    assert "only commits are judged: 1 uncommitted path" in done.err
    told = orchestrate(shop, "gate", "shop.yaml:sums", "--candidate", "fix").err
    assert "uncommitted" not in told, "whoever names a commit means it"


def test_a_bare_repository_and_a_linked_work_tree(shop: Path) -> None:
    git(shop, "clone", "-q", "--bare", "user", "bare.git")
    mission = shop / "bare.yaml"
    mission.write_text(MISSION.replace("path: user", "path: bare.git"))
    orchestrate(shop, "gate", "bare.yaml:sums", "--candidate", "fix")
    assert (
        "a bare repository has no work tree"
        in orchestrate(shop, "gate", "bare.yaml", "--uncommitted", code=2).err
    )
    git(shop / "user", "worktree", "add", "-q", "--detach", str(shop / "linked"), "main")
    (shop / "linked" / "sums.py").write_text(RIGHT)
    mission.write_text(MISSION.replace("path: user", "path: linked"))
    orchestrate(shop, "gate", "bare.yaml:sums", "--uncommitted")
    assert git(shop / "linked", "status", "--porcelain") == "M sums.py", (
        "helper strips the first column's blank"
    )


def test_a_mission_of_plain_files(tmp_path: Path) -> None:
    hello = MISSIONS / "hello.yaml"
    nothing = orchestrate(tmp_path, "gate", hello, code=2)
    assert "HEAD is the plain files" in nothing.err
    orchestrate(tmp_path, "run", hello, "--land")
    found = orchestrate(tmp_path, "gate", f"{hello}:tests", "--json").json
    assert found["decision"] == "passed"
    assert found["base"]["name"] == "the plain files"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["shop.yaml:sms"], ["unknown gate `sms`", "did you mean `sums`?"]),
        (["shop.yaml:"], ["unknown gate ``", "`sums`, `smoke`, `signed`"]),
        (["shop.yml"], ["there is no such mission file", "shop.yml"]),
        (
            ["shop.yaml", "--base", "mian"],
            ["no such branch, tag or commit: mian", "Did you mean main"],
        ),
        (
            ["shop.yaml", "--candidate", "fxi"],
            ["no such branch, tag or commit: fxi", "Did you mean fix"],
        ),
        (["shop.yaml", "--candidate=--all"], ["no such branch, tag or commit: --all"]),
        (
            ["shop.yaml", "--candidate", "main"],
            ["main is main", "nothing to hold against it", "--candidate"],
        ),
        (["shop.yaml", "--base", "fix"], ["HEAD is fix"]),
        (["shop.yaml", "--candidate", "main", "--uncommitted"], ["give one of the two"]),
        (
            ["shop.yaml", "--candidate", "orphan"],
            ["orphan and main have no commit in common", "--base REF"],
        ),
        ([], ["Missing argument"]),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, list) else None,
)
def test_what_cannot_be_asked(shop: Path, arguments: list[str], said: list[str]) -> None:
    git(shop / "user", "checkout", "-q", "--orphan", "orphan")
    git(shop / "user", "commit", "-q", "-m", "Another beginning")
    git(shop / "user", "checkout", "-q", "fix")
    before = everything(shop / "user")
    done = orchestrate(shop, "gate", *arguments, code=2)
    assert all(part in done.err for part in said), done.err
    assert done.out == ""
    assert everything(shop / "user") == before


def test_a_mission_without_gates(shop: Path) -> None:
    text = (
        MISSION.partition("gates:\n")[0]
        + "batches:\n  - id: b\n    agents: [{id: a, name: A, mission: M.}]\n"
    )
    (shop / "none.yaml").write_text(text)
    assert "the mission has no gates" in orchestrate(shop, "gate", "none.yaml", code=2).err


KEPT_IN = """\

import os, sums
def test_add(): assert sums.add(2, 3) == 5
def test_multiply():
    assert sums.multiply(2, 3) == 6
    assert not os.path.exists({secret!r})
    try:
        open({ledger!r}, "w").write("x")
    except OSError:
        pass
"""


def test_at_strict_tests_are_kept_in_or_nothing_is_judged(shop: Path) -> None:
    secret, ledger = shop / "user" / ".env", shop / "ledger"
    secret.write_text("TOKEN=x\n")
    tests = shop / "user" / "tests" / "test_sums.py"
    git(shop / "user", "checkout", "-q", "main")
    tests.write_text(KEPT_IN.format(secret=str(secret), ledger=str(ledger)))
    git(shop / "user", "commit", "-q", "-am", "Look around")
    git(shop / "user", "checkout", "-q", "fix")
    git(shop / "user", "rebase", "-q", "main")
    (shop / "shop.yaml").write_text(MISSION.replace("isolation: worktree", "isolation: strict"))
    for words in (["gate", "shop.yaml:sums"], ["gate", "shop.yaml:sums", "--list"]):
        if lacks := failed():
            refused = orchestrate(shop, *words, code=4).err
            assert "`isolation: strict` cannot be kept here" in refused
            assert lacks.mend in refused
        else:
            orchestrate(shop, *words)
    if not failed():
        assert not ledger.exists()
        found = orchestrate(shop, "gate", "shop.yaml:sums", "--json").json
        assert found["isolation"].startswith("strict (")
        checked = orchestrate(shop, "plan", "--check", "shop.yaml", code=None).out
        assert "sums" in checked


def test_two_at_once_do_not_disturb_each_other_and_a_signal_ends_one_cleanly(shop: Path) -> None:
    git(shop / "user", "checkout", "-q", "-b", "slow")
    begun = shop / "begun"
    (shop / "user" / "tests" / "test_slow.py").write_text(
        f"import time\ndef test_slow():\n    open({str(begun)!r}, 'w').close()\n    time.sleep(600)\n"
    )
    git(shop / "user", "add", ".")
    git(shop / "user", "commit", "-q", "-m", "Slow")
    process = start(shop, "gate", "shop.yaml:sums", "--plain")
    eventually(begun.exists)
    refused = orchestrate(shop, "gate", "shop.yaml:sums", code=4)
    assert "already being worked on by another process" in refused.err
    assert stop(process, signal.SIGTERM) == 130
    assert "stopped by SIGTERM; not judged: sums" in (shop / "background.log").read_text()
    assert not (shop / "workspaces" / "gate-shop").exists()
    tag = f"{(shop / 'workspaces' / 'gate-shop').resolve()}/".encode()
    assert not [p.pid for p in psutil.process_iter() if tag in _environment_of(p.pid)]
    orchestrate(shop, "gate", "shop.yaml:sums", "--candidate", "fix")


def _environment_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def test_a_kill_leaves_nothing_in_the_way(shop: Path) -> None:
    git(shop / "user", "checkout", "-q", "-b", "deadly")
    (shop / "user" / "tests" / "test_deadly.py").write_text(
        f"import os, signal\ndef test_deadly():\n    os.kill(int(open({str(shop / 'pid')!r}).read()), signal.SIGKILL)\n"
    )
    git(shop / "user", "add", ".")
    git(shop / "user", "commit", "-q", "-m", "Deadly")
    (shop / "pid").touch(mode=0o666)
    process = start(shop, "gate", "shop.yaml:sums", "--plain")
    (shop / "pid").write_text(str(process.pid))
    assert process.wait(60) == -signal.SIGKILL
    assert (shop / "workspaces" / "gate-shop").exists()
    orchestrate(shop, "gate", "shop.yaml:sums", "--candidate", "fix")
    assert not (shop / "workspaces" / "gate-shop").exists()
