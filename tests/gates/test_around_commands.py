"""The test side of checks that are no pytest of ours: reports of other runners, exit codes."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import dedent

import pytest

from orchestrator.journal.facts import CheckResult
from tests.gates.counter import BASE, COUNTER, FIX, TEST, TESTS
from tests.gates.shop import Court
from tests.gates.test_around import AUTOUSE, NOTHING, PATCH

RUN = """
    import sys
    sys.path.insert(0, ".")
    import counter
    sys.exit(counter.total([1, 2]) != 3)
"""
JUNIT = {
    "command": "python -m pytest -q -p no:cacheprovider --junitxml=out.xml tests",
    "report": "out.xml",
    "must_turn_green": ["tests.test_counter::test_total", "tests.test_counter::test_golden"],
}
SCRIPT = {"command": "python scripts/run.py"}


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Court]:
    made = Court(tmp_path_factory.mktemp("counter"), {**BASE, "scripts/run.py": RUN})
    yield made
    made.bench.close()


def judged(
    court: Court, files: dict[str, str], check: dict[str, object], **more: object
) -> CheckResult:
    court.bench.go_to(court.base)
    return court.judge(court.bench.commit(files), {**check, **more}).checks[0]


CHEATS = {
    "a test": {TEST: TESTS.replace("== EXPECTED", "== 4")},
    "a fixture": {"conftest.py": BASE["conftest.py"] + AUTOUSE},
    "a fixture in the place of tests": {"conftest.py": BASE["conftest.py"] + NOTHING},
    "a golden file": {"tests/golden.json": "4"},
    "a helper": {"tests/helpers.py": f"import counter\n{PATCH}\ndef check_total(total): pass\n"},
    "the runner": {"pytest.ini": "[pytest]\naddopts = -k rate\n"},
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if n % 3 else [])
        for n, name in enumerate(CHEATS)
    ],
)
def test_what_surrounds_the_tests_of_a_report_is_the_bases(counter: Court, name: str) -> None:
    files = CHEATS[name]
    red = judged(counter, files, JUNIT)
    assert red.reason in ("test_side_changed", "did_not_turn_green"), red.text
    assert "did not turn green" in red.text
    told = judged(counter, {**files, **FIX}, JUNIT)
    assert told.reason == ("runner_changed" if name == "the runner" else "test_side_changed")


def test_what_is_new_beside_the_tests_of_a_report(counter: Court) -> None:
    autouse = {"tests/conftest.py": "import pytest\n" + dedent(AUTOUSE)}
    assert judged(counter, autouse, JUNIT).reason == "did_not_turn_green"
    new = {"tests/test_new.py": "import counter\ndef test_new(): assert counter.rate(0) == 0\n"}
    passed = judged(counter, {**new, **FIX}, JUNIT)
    assert (passed.decision, passed.text) == ("passed", "7 tests passed, 4 turned green")
    red = judged(counter, {"tests/test_new.py": "def test_new(): assert 0\n", **FIX}, JUNIT)
    assert (red.reason, red.failing) == ("tests_failed", ("tests.test_new::test_new",))


def test_tests_of_a_report_that_may_be_edited(counter: Court) -> None:
    wrong = COUNTER.replace(" + 1", "").replace("* 9 //", "* 8 //")
    edited = {"counter.py": wrong, TEST: TESTS.replace("rate(10) == 9", "rate(10) == 8")}
    assert judged(counter, edited, JUNIT).reason == "test_side_changed"
    allowed = judged(counter, edited, JUNIT, may_change=TEST)
    assert allowed.decision == "passed", allowed.text


def test_a_script_that_decides_is_the_bases(counter: Court) -> None:
    yes = {"scripts/run.py": "pass\n"}
    red = judged(counter, yes, SCRIPT)
    assert (red.decision, red.exit_code) == ("failed", 1)
    told = judged(counter, {**yes, **FIX}, SCRIPT)
    assert told.reason == "test_side_changed"
    assert "scripts/run.py (edited, and the check decides by it)" in told.text
    assert judged(counter, yes, SCRIPT, may_change="scripts/run.py").decision == "passed"
    assert judged(counter, FIX, SCRIPT).decision == "passed"
    other = {"command": "python scripts/other.py"}
    assert judged(counter, {"scripts/other.py": RUN, **FIX}, other).decision == "passed"
    assert judged(counter, {TEST: "", **FIX}, SCRIPT).reason == "test_side_changed"
