"""Tests whose ids differ from run to run: matched by what does not change, or shown to change."""

from __future__ import annotations

import pytest

from orchestrator.gates.observing.alignment import aligned, normal_form
from orchestrator.gates.subject import Subject
from orchestrator.journal.facts import Reason, Verdict
from tests.gates.helpers import Bench, seen
from tests.gates.test_judge import EDITABLE, checks, judge

TEST = """
    import datetime, os, random, time, uuid, pytest, value

    class Thing:
        pass

    @pytest.mark.parametrize("key", [{keys}])
    def test_key(key):
        assert value.GOOD
    """
VALUES = {
    "uuid": "str(uuid.uuid4())",
    "address": "pytest.param(1, id=repr(Thing()))",
    "time": "time.time()",
    "moment": "pytest.param(1, id=str(datetime.datetime.now()))",
    "chance": "random.random()",
    "token": "os.urandom(16).hex()",
    "no form to know it by": "random.choice(range(10**6))",
    "letters": "''.join(random.choices('abcdefghijklmnop', k=12))",
}


def judged(bench: Bench, keys: str, changed: dict[str, str]) -> Verdict:
    base = bench.commit({"value.py": "GOOD = True\n", "tests/test_key.py": TEST.format(keys=keys)})
    return judge(bench.judge(), Subject(checks=checks(EDITABLE)), bench.commit(changed), base)


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_nobody_is_blamed_for_ids_that_change(bench: Bench, value: str) -> None:
    verdict = judged(bench, f"{value}, {value}, 'fixed'", {"value.py": "GOOD = 1\n"})
    assert verdict.is_passed, verdict.reasons()
    (result,) = verdict.checks
    assert "tests/test_key.py::test_key change from run to run" in result.text
    assert "`ids`" in result.text


@pytest.mark.parametrize("value", [VALUES["uuid"], VALUES["letters"]])
def test_what_breaks_is_seen_all_the_same(bench: Bench, value: str) -> None:
    verdict = judged(bench, f"{value}, 'fixed'", {"value.py": "GOOD = 0\n"})
    (result,) = verdict.checks
    assert result.reason is Reason.BROKEN
    assert len(result.broken) == 2


@pytest.mark.parametrize("value", [VALUES["uuid"], VALUES["letters"]])
def test_one_that_is_gone_is_missed(bench: Bench, value: str) -> None:
    changed = {"tests/test_key.py": TEST.format(keys=f"{value}, 'fixed'")}
    verdict = judged(bench, f"{value}, {value}, 'fixed'", changed)
    (result,) = verdict.checks
    assert result.reason is Reason.BROKEN
    assert len(result.broken) == 1


@pytest.mark.parametrize(
    ("before", "after"), [("'1', '2'", "'1', '3'"), ("'2024-01-01'", "'2025-01-01'")]
)
def test_cases_that_a_candidate_exchanges_are_missed(bench: Bench, before: str, after: str) -> None:
    verdict = judged(bench, before, {"tests/test_key.py": TEST.format(keys=after)})
    assert verdict.checks[0].reason is Reason.BROKEN


def test_normal_forms() -> None:
    assert normal_form("a.py::test_12345678901[12345678901]") == "a.py::test_12345678901[…]"
    for steady in ("a.py::t[1.5-abc]", "a.py::t[0x1f]", "a.py::t[12345]", "a.py::t[deadbeef]"):
        assert normal_form(steady) == steady


def test_ids_that_are_alike_are_matched_one_for_one() -> None:
    known = seen(**{"a__t[0x7f0000000001]": "passed", "a__t[0x7f0000000002]": "passed"})
    here = seen(**{"a__t[0x7f0000000003]": "failed"})
    found = aligned(here, known)
    assert list(found.tests) == ["a.py::t[0x7f0000000001]"]
    assert found.unstable == ("a.py::t[0x7f0000000001]",)
    assert aligned(found, known) == found
