"""The exercise check on real commits: changes that tests care about, changes that they do not, and
what is neither.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import anyio
import pytest

from orchestrator.gates.subject import Progress, Subject
from orchestrator.journal.facts import Decision, Exercise, Reason, Verdict
from orchestrator.mission.model import AnyCheck, Claim, Gate
from tests.gates.helpers import Bench

WRONG = "def add(a, b):\n    return a - b\n"
RIGHT = "def add(a, b):\n    return a + b\n"
TEST = "import sums\ndef test_add(): assert sums.add(1, 2) == 3\n"
FIX = {"name": "tests", "pytest": "tests", "must_turn_green": ["tests/test_sums.py::test_add"]}


def checks(*written: dict[str, Any]) -> tuple[AnyCheck, ...]:
    return Gate.model_validate({"checks": list(written)}).checks


def judge(
    bench: Bench, base: str, candidate: str, *written: dict[str, Any], **more: Any
) -> Verdict:
    told: list[Progress] = more.pop("told", [])
    subject = Subject(gate="core", checks=checks(*(written or (FIX,))), **more)

    async def run() -> Verdict:
        return await bench.judge().judge(
            subject, candidate=candidate, base=base, on_progress=told.append
        )

    return anyio.run(run)


def exercised(verdict: Verdict) -> Exercise:
    assert verdict.exercise is not None
    return verdict.exercise


def test_tests_that_care_notice(bench: Bench) -> None:
    base = bench.commit({"sums.py": WRONG, "tests/test_sums.py": TEST})
    unused = "def unused(): return 'pytest' in __import__('sys').modules\n"
    fixed = bench.commit({"sums.py": RIGHT + unused})
    told: list[Progress] = []
    verdict = judge(bench, base, fixed, told=told)
    assert verdict.is_passed
    found = exercised(verdict)
    assert found.functions == ("sums.py::add", "sums.py::unused")
    assert found.called == ("sums.py::add",)
    assert found.not_called == ("sums.py::unused",)
    assert found.noticed_by == ("tests/test_sums.py::test_add",)
    result = verdict.checks[-1]
    assert (result.name, result.kind, result.decision) == ("exercise", "exercise", Decision.PASSED)
    assert result.text == (
        "2 changed functions broken on purpose: 1 of 1 test noticed; "
        "not called by the tests that turned green: sums.py::unused"
    )
    reports = bench.folder / "reports"
    assert "sums.py::add is broken on purpose" in (reports / result.log).read_text()
    (row,) = json.loads((reports / result.evidence).read_text())["tests"]
    assert (row["base"], row["candidate"]) == ("passed", "failed")
    assert "exercise" in {progress.check for progress in told}
    assert verdict.commit == fixed
    assert verdict.suspicious == ("sums.py:3: asks for the loaded modules (pytest)",)


def test_a_change_that_no_test_runs_is_vacuous(bench: Bench) -> None:
    """The test reads the source, and is content."""
    claiming = (
        "def test_add(): assert 'a + b' in open('sums.py').read()\ndef test_other(): assert True\n"
    )
    base = bench.commit({"sums.py": WRONG, "tests/test_sums.py": claiming})
    fixed = bench.commit({"sums.py": RIGHT})
    verdict = judge(bench, base, fixed)
    assert verdict.decision is Decision.FAILED
    result = verdict.checks[-1]
    assert (result.name, result.reason) == ("exercise", Reason.VACUOUS)
    assert result.text == (
        "the tests do not exercise the change: all 2 tests stay green with sums.py::add broken; "
        "none of them is called by the tests that turned green"
    )
    assert exercised(verdict).called == ()
    assert verdict.reasons() == f"exercise: {result.text}"


@pytest.mark.parametrize(
    "looks",
    [
        "len(open('sums.py').readlines()) == 2 and '+' in open('sums.py').read()",
        "open('sums.py').read() == 'def add(a, b):\\n    return a + b\\n'",
        "'+' in open('sums.py').read() and open('sums.py').read().split()[3] == 'return'",
    ],
)
def test_a_test_that_looks_at_the_source_has_noticed_nothing(bench: Bench, looks: str) -> None:
    """It is red with a mark in the source as well, which changes nothing of what the function
    does.
    """
    base = bench.commit(
        {"sums.py": WRONG, "tests/test_sums.py": f"def test_add(): assert {looks}\n"}
    )
    verdict = judge(bench, base, bench.commit({"sums.py": RIGHT}))
    assert verdict.checks[-1].reason is Reason.VACUOUS, verdict.reasons()
    assert (
        "all 1 test stay green, but for what looks at the text of it, with sums.py::add broken"
        in verdict.reasons()
    )
    assert exercised(verdict).called is None, "the run that would tell was red"


def test_a_linter_that_does_not_like_our_text_has_noticed_nothing(bench: Bench) -> None:
    linter = {
        "name": "lint",
        "command": [sys.executable, "-c", "assert 'import' not in open('sums.py').read()"],
    }
    files = {
        "sums.py": WRONG,
        "tests/test_sums.py": "def test_add(): assert '+' in open('sums.py').read()\n",
    }
    base = bench.commit(files)
    verdict = judge(bench, base, bench.commit({"sums.py": RIGHT}), FIX, linter)
    assert verdict.checks[-1].reason is Reason.VACUOUS, verdict.reasons()


def test_tests_that_take_files_away_are_believed(bench: Bench) -> None:
    """They notice; but what they call cannot be known."""
    test = (
        "import os, sums\n"
        "def no(*_, **__): raise OSError('no files here')\n"
        "def test_add(monkeypatch):\n"
        "    for name in ('open', 'rmdir', 'lstat', 'scandir', 'unlink'): monkeypatch.setattr(os, name, no)\n"
        "    assert sums.add(1, 2) == 3\n"
    )
    base = bench.commit({"sums.py": WRONG, "tests/test_sums.py": test})
    verdict = judge(bench, base, bench.commit({"sums.py": RIGHT}))
    assert verdict.is_passed
    assert exercised(verdict).called is None
    assert exercised(verdict).noticed_by == ("tests/test_sums.py::test_add",)


@pytest.mark.parametrize(
    ("caught", "is_vacuous"),
    [
        (
            "except Exception",
            False,
        ),  # a program that must go on is not taken for one that nobody tests
        ("except BaseException", True),
        ("except", True),
    ],
)
def test_a_failure_that_is_swallowed_is_noticed_by_nobody(
    bench: Bench, caught: str, is_vacuous: bool
) -> None:
    """Nothing is won by catching everything: the tests stay green then, and that is what is
    refused.
    """
    product = "def work():\n    {}\ndef main():\n    try:\n        work()\n    CAUGHT:\n        pass\n    return 0\n"
    product = product.replace("CAUGHT", caught)
    test = "import main\ndef test_add(): assert main.main() == 0 and 'pass;' in open('main.py').read()\n"
    base = bench.commit({"main.py": product.format("pass"), "tests/test_sums.py": test})
    fixed = bench.commit({"main.py": product.format("pass; print(1)")})
    verdict = judge(bench, base, fixed)
    assert (verdict.checks[-1].reason is Reason.VACUOUS) == is_vacuous, verdict.reasons()
    assert exercised(verdict).functions == ("main.py::work",)
    if is_vacuous:
        assert verdict.checks[-1].text.endswith(
            "they are called, and no test looks at what comes of it"
        )


def test_all_of_the_gate_is_asked_before_a_change_is_called_vacuous(bench: Bench) -> None:
    """The test that turned green has nothing to do with it; an older one, and no other, notices."""
    base = bench.commit(
        {
            "sums.py": RIGHT,
            "config.txt": "wrong",
            "tests/test_sums.py": "def test_add(): assert open('config.txt').read() == 'right'\n",
            "tests/test_older.py": TEST,
        }
    )
    fixed = bench.commit({"config.txt": "right", "sums.py": RIGHT.replace("a + b", "b + a")})
    verdict = judge(bench, base, fixed)
    assert verdict.is_passed
    found = exercised(verdict)
    assert found.noticed_by == ("tests/test_older.py::test_add",)
    assert found.called == (), "by the test that turned green"


@pytest.mark.parametrize(
    "other",
    [
        {"name": "script", "command": [sys.executable, "script.py"]},
        {
            "name": "number",
            "metric": [sys.executable, "script.py"],
            "value": r"(\d+)",
            "require": "== 3",
        },
    ],
    ids=lambda check: str(check["name"]),
)
def test_checks_of_other_kinds_notice_too(bench: Bench, other: dict[str, Any]) -> None:
    files = {
        "script.py": "import sums\nprint(sums.add(1, 2))\n",
        "tests/test_sums.py": "def test_add(): assert 1\n",
    }
    base = bench.commit({"sums.py": WRONG, **files})
    fixed = bench.commit({"sums.py": RIGHT})
    verdict = judge(bench, base, fixed, {"name": "tests", "pytest": "tests"}, other, exercise=True)
    assert verdict.is_passed, verdict.reasons()
    assert verdict.checks[-1].text.startswith(
        f"1 changed function broken on purpose: {other['name']} noticed"
    )


def test_programs_that_tests_start_are_broken_too(bench: Bench) -> None:
    test = (
        "import subprocess, sys\n"
        "def test_add(): assert subprocess.run([sys.executable, 'cli.py'], stdout=-1).stdout.strip() == b'3'\n"
    )
    cli = "from sums import add\nif __name__ == '__main__':\n    print(add(1, 2))\n"
    base = bench.commit({"sums.py": WRONG, "cli.py": cli, "tests/test_sums.py": test})
    verdict = judge(bench, base, bench.commit({"sums.py": RIGHT}))
    assert verdict.is_passed
    assert exercised(verdict).called == ("sums.py::add",)


def test_what_cannot_be_broken_is_named_and_not_held_against_anybody(bench: Bench) -> None:
    test = "import json, sums\ndef test_add(): assert json.load(open('data.json')) == sums.LIMIT == 3\n"
    base = bench.commit(
        {"sums.py": "LIMIT = 2\n", "data.json": "2", "tests/test_sums.py": test, **bench.counting()}
    )
    fixed = bench.commit({"sums.py": "LIMIT = 3\n", "data.json": "3", "notes.md": "Words."})
    verdict = judge(bench, base, fixed)
    assert verdict.is_passed
    assert bench.count == 2, "nothing more is run"
    assert exercised(verdict) == Exercise(
        unbreakable=("data.json (not Python)", "sums.py (code of the module)")
    )
    assert [check.name for check in verdict.checks] == ["tests"]


def test_with_tests_alone_it_is_turned_round(bench: Bench) -> None:
    base = bench.commit({"sums.py": RIGHT, "tests/test_old.py": "def test_old(): pass\n"})
    more = bench.commit({"tests/test_sums.py": TEST, "tests/helper.py": "def f(): return 1\n"})
    verdict = judge(bench, base, more)
    assert verdict.is_passed
    assert exercised(verdict) == Exercise(noticed_by=("tests/test_sums.py::test_add",))
    assert verdict.checks[-1].text == "the product broken on purpose: 1 new test noticed"


@pytest.mark.parametrize(
    ("exercise", "claims", "runs"), [(None, False, 2), (False, True, 2), (True, False, 4)]
)
def test_who_asks_for_it(bench: Bench, exercise: bool | None, claims: bool, runs: int) -> None:
    base = bench.commit({"sums.py": WRONG, "tests/test_sums.py": TEST, **bench.counting()})
    fixed = bench.commit({"sums.py": RIGHT})
    written = FIX if claims else {"name": "tests", "pytest": "tests"}
    verdict = judge(bench, base, fixed, written, exercise=exercise)
    assert verdict.is_passed
    assert bench.count == runs
    assert (verdict.exercise is None) == (not exercise)


def test_a_red_gate_is_not_exercised(bench: Bench) -> None:
    base = bench.commit({"sums.py": WRONG, "tests/test_sums.py": TEST, **bench.counting()})
    verdict = judge(bench, base, bench.commit({"sums.py": WRONG.replace("-", "*")}))
    assert (verdict.decision, verdict.exercise, bench.count) == (Decision.FAILED, None, 2)


def test_nothing_is_run_twice_but_what_was_vacuous(bench: Bench) -> None:
    base = bench.commit({"sums.py": WRONG, "tests/test_sums.py": TEST, **bench.counting()})
    fixed = bench.commit({"sums.py": RIGHT})
    first = judge(bench, base, fixed)
    assert bench.count == 4
    again = judge(bench, base, fixed)
    assert bench.count == 4
    assert (first.cached, again.cached) == (False, True)
    assert again.exercise == first.exercise


def test_the_proofs_of_claims_are_part_of_the_gate(bench: Bench) -> None:
    """A proof that no check runs is what notices."""
    base = bench.commit(
        {
            "sums.py": WRONG,
            "tests/test_sums.py": "def test_add(): pass\n",
            "proofs/test_it.py": TEST,
        }
    )
    fixed = bench.commit({"sums.py": RIGHT})
    claim = Claim.model_validate({"text": "Sums are right", "proof": "proofs/test_it.py"})
    verdict = judge(
        bench, base, fixed, {"name": "tests", "pytest": "tests"}, exercise=True, criteria=(claim,)
    )
    assert verdict.is_passed
    assert exercised(verdict).noticed_by == ("proofs/test_it.py::test_add",)


def test_few_of_many_tests_are_run(bench: Bench) -> None:
    many = (
        "import pytest, sums\n"
        "@pytest.mark.parametrize('n', range(20))\n"
        "def test_add(n): assert sums.add(n, 2) == n + 2\n"
    )
    base = bench.commit({"sums.py": WRONG, "tests/test_sums.py": many})
    verdict = judge(bench, base, bench.commit({"sums.py": RIGHT}))
    assert verdict.checks[-1].text == "1 changed function broken on purpose: 7 of 7 tests noticed"
    assert exercised(verdict).called == ("sums.py::add",), "seen in all of them"


def test_a_broken_program_that_waits_for_ever_is_not_waited_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.gates.exercise.trial.MORE_SECONDS", 3.0)
    waiting = (
        "import pytest, queue, sums, threading\n"
        "@pytest.mark.filterwarnings('ignore')\n"
        "def test_add():\n"
        "    answers = queue.Queue()\n"
        "    threading.Thread(target=lambda: answers.put(sums.add(1, 2)), daemon=True).start()\n"
        "    assert answers.get() == 3\n"
    )
    base = bench.commit({"sums.py": WRONG, "tests/test_sums.py": waiting})
    verdict = judge(bench, base, bench.commit({"sums.py": RIGHT}))
    assert verdict.is_passed
    assert exercised(verdict).noticed_by == ("tests/test_sums.py::test_add",)
    (row,) = json.loads((bench.folder / "reports" / verdict.checks[-1].evidence).read_text())[
        "tests"
    ]
    assert row["candidate"] == "absent", "it was stopped at that test"
