"""A project that nobody here wrote, with its own tests: faults are put into it as agents' work, and
every verdict is held against what plain pytest says of the same files.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
import toolz

from orchestrator.gates.judge import Judge
from orchestrator.gates.rules.claims import is_proven
from orchestrator.gates.subject import Subject
from orchestrator.journal.facts import CheckResult, Decision, Verdict
from orchestrator.mission.model import Claim, Gate
from tests.gates.helpers import Bench

pytestmark = pytest.mark.slow

SOURCE = Path(toolz.__file__).parent
ITERTOOLZ, DICTTOOLZ, FUNCTOOLZ = "toolz/itertoolz.py", "toolz/dicttoolz.py", "toolz/functoolz.py"
RIGHT = "return itertools.islice(seq, 0, None, n)"
WRONG = "return itertools.islice(seq, 1, None, n)"
TURNS = "toolz/tests/test_itertoolz.py::test_take_nth"
CHECK = {"pytest": "toolz", "must_turn_green": TURNS, "timeout": 30}
DEFECTS = {
    "counts twice": (
        ITERTOOLZ,
        "        d[item] += 1\n    return dict(d)",
        "        d[item] += 2\n    return dict(d)",
    ),
    "always distinct": (
        ITERTOOLZ,
        "return len(seq) == len(set(seq))",
        "return len(seq) >= len(set(seq))",
    ),
    "first is second": (
        ITERTOOLZ,
        "    seq = iter(seq)\n    next(seq)\n    return next(seq)",
        "    return next(iter(seq))",
    ),
    "the other way round": (
        ITERTOOLZ,
        "zip(itertools.repeat(el), seq)",
        "zip(seq, itertools.repeat(el))",
    ),
    "indexes from the end": (ITERTOOLZ, "        return seq[n]\n", "        return seq[-n]\n"),
    "keeps what it should drop": (
        DICTTOOLZ,
        "        if predicate(k):",
        "        if not predicate(k):",
    ),
    "merges the first only": (DICTTOOLZ, "func(v.__self__)", "func(v.__self__[:1])"),
    "keys for values": (DICTTOOLZ, "            d2[k] = d[k]\n", "            d2[k] = k\n"),
    "a name that is not there": (
        FUNCTOOLZ,
        "return reduce(evalform_back, forms",
        "return reduce(evalform_b, forms",
    ),
    "a new exception": (
        FUNCTOOLZ,
        "    return reduce(evalform_front, forms, val)",
        "    raise ValueError(val)",
    ),
}


class Workshop:
    """The project with one fault, and a judge of it."""

    def __init__(self, folder: Path) -> None:
        self.bench = Bench(folder)
        files = {
            str(path.relative_to(SOURCE.parent)): path.read_text() for path in SOURCE.rglob("*.py")
        }
        assert RIGHT in files[ITERTOOLZ]
        self.base = self.bench.commit({**files, ITERTOOLZ: files[ITERTOOLZ].replace(RIGHT, WRONG)})
        self.made: Judge = self.bench.judge(is_equipped=True)

    def commit(self, *changes: tuple[str, str, str]) -> str:
        """The base with these replacements."""
        self.bench.go_to(self.base)
        for path, old, new in changes:
            file = self.bench.source / path
            text = file.read_text()
            assert text.count(old) == 1, f"{path} holds {text.count(old)} times {old}"
            file.write_text(text.replace(old, new))
        return self.bench.commit({})

    def judge(self, commit: str) -> Verdict:
        subject = Subject(checks=Gate.model_validate({"checks": [CHECK]}).checks)

        async def run() -> Verdict:
            return await self.made.judge(subject, candidate=commit, base=self.base)

        return anyio.run(run)

    def red(self) -> set[str]:
        """What plain pytest fails on in the files of the last commit."""
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-p",
                "no:cacheprovider",
                "-q",
                "--tb=no",
                "-rfE",
                "toolz",
            ],
            cwd=self.bench.source,
            env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONHASHSEED": "0"},
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return set(re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE))


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    made = Workshop(tmp_path_factory.mktemp("real"))
    yield made
    made.bench.close()


MEND = (ITERTOOLZ, WRONG, RIGHT)


def check_of(verdict: Verdict) -> CheckResult:
    return verdict.checks[0]


def test_the_fault_is_mended(workshop: Workshop) -> None:
    verdict = workshop.judge(workshop.commit(MEND))
    result = check_of(verdict)
    assert verdict.is_passed, verdict.reasons()
    assert result.turned_green
    assert TURNS in result.turned_green
    assert workshop.red() == set()
    assert result.counts
    assert result.counts.executed > 100


@pytest.mark.parametrize("name", DEFECTS)
def test_a_fault_that_comes_with_the_mending_is_found(workshop: Workshop, name: str) -> None:
    verdict = workshop.judge(workshop.commit(MEND, DEFECTS[name]))
    result = check_of(verdict)
    assert (result.decision, result.reason) == (Decision.FAILED, "broken"), result.text
    assert set(result.broken) == workshop.red() != set()
    assert TURNS in result.turned_green or TURNS in result.broken


@pytest.mark.parametrize("name", list(DEFECTS)[:3])
def test_a_fault_without_the_mending_is_found(workshop: Workshop, name: str) -> None:
    result = check_of(workshop.judge(workshop.commit(DEFECTS[name])))
    assert result.decision is Decision.FAILED
    assert {*result.broken, *result.pre_existing} == workshop.red()
    assert TURNS in result.pre_existing


TEST = "toolz/tests/test_itertoolz.py"
NO_FIX = {
    "the test is skipped": (
        (TEST, "def test_take_nth():", "import pytest\n@pytest.mark.skip\ndef test_take_nth():"),
        "test_side_changed",
    ),
    "the test is made to agree": (
        (TEST, "assert list(take_nth(2, 'ABCDE')) == list('ACE')", "assert take_nth"),
        "test_side_changed",
    ),
    "it is written that it is resolved": (
        (ITERTOOLZ, '    """ Every nth item in seq\n', '    """ Every nth item in seq: resolved\n'),
        "did_not_turn_green",
    ),
    "the module cannot be read": ((ITERTOOLZ, WRONG, "return ("), "collection_error"),
    "it never ends": ((ITERTOOLZ, WRONG, "\n    while True: pass"), "timed_out"),
}


@pytest.mark.parametrize("name", NO_FIX)
def test_what_is_no_mending_is_not_taken_for_one(workshop: Workshop, name: str) -> None:
    change, reason = NO_FIX[name]
    verdict = workshop.judge(workshop.commit(change))
    assert check_of(verdict).reason == reason, verdict.reasons()
    reasons = [check.reason for check in verdict.checks[1:]]
    assert reasons == (["no_code_changed"] if "written" in name else [])


def test_nothing_needs_changing_only_where_the_proofs_pass(workshop: Workshop) -> None:
    claim = Claim.model_validate({"text": "every nth", "proof": TURNS})

    def is_proven_on(commit: str) -> bool:
        async def run() -> bool:
            return is_proven(await workshop.made.prove([claim], commit=commit))

        return anyio.run(run)

    assert not is_proven_on(workshop.base)
    assert is_proven_on(workshop.commit(MEND))


def test_rewriting_without_a_change_of_meaning_is_accepted(workshop: Workshop) -> None:
    tidy = (
        DICTTOOLZ,
        "        if predicate(k):\n            rv[k] = v\n",
        "        if not predicate(k):\n            continue\n        rv[k] = v\n",
    )
    assert workshop.judge(workshop.commit(MEND, tidy)).is_passed
