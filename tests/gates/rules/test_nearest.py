"""What is meant by a name that nothing has; and the names of tests in reports."""

from __future__ import annotations

import pytest

from orchestrator.gates.observing.observation import Observation, RecordState, TestSeen
from orchestrator.gates.observing.selection import Families, excuses
from orchestrator.gates.rules.decide import decide
from orchestrator.gates.rules.nearest import nearest
from orchestrator.gates.rules.promises import Kind, of_tests
from orchestrator.journal.facts import Decision, Reason, TestOutcome
from orchestrator.mission.model import CommandCheck

IDS = (
    "tests/test_cart.py::TestCart::test_add_item",
    "tests/test_cart.py::TestCart::test_remove_item",
    "tests/test_price.py::test_total[euro]",
    "tests/test_price.py::test_total[yen]",
    "Cart adds::an item",
    "src/price.test.ts::total > is rounded",
)


@pytest.mark.parametrize(
    ("entry", "first"),
    [
        ("tests/test_cart.py::test_add_item", IDS[0]),
        ("tests/test_cart.py::TestCart::test_add_itme", IDS[0]),
        ("tests/test_prices.py::test_total", IDS[3]),
        ("TestCart::test_remove_item", IDS[1]),
        ("tests/test_cart.py::TestCart::testAddItem", IDS[0]),
        ("Cart adds an item", IDS[4]),
        ("price.test.ts::total is rounded", IDS[5]),
    ],
)
def test_the_nearest_comes_first(entry: str, first: str) -> None:
    assert nearest(entry, IDS)[0] == first


@pytest.mark.parametrize("entry", ["zzz", "tests/other.py::test_nothing_alike_whatsoever", ""])
def test_nothing_is_near_what_is_like_nothing(entry: str) -> None:
    assert nearest(entry, IDS) == ()
    assert nearest("test_add_item", ()) == ()


def report(**tests: str) -> Observation:
    """What a report of pytest's says: ``a__b__x`` stands for ``tests.a.b::x``."""
    named = {
        "tests." + ".".join(name.split("__")[:-1]) + "::" + name.split("__")[-1]: TestSeen(
            outcome=TestOutcome(outcome)
        )
        for name, outcome in tests.items()
    }
    code = int("failed" in tests.values())
    return Observation(kind="command", record=RecordState.COMPLETE, exit_code=code, tests=named)


def check(**more: object) -> CommandCheck:
    return CommandCheck.model_validate({"command": "make test", "report": "o.xml", **more})


BASE = report(test_a__TestB__one="failed", test_a__two="passed", test_c__three="passed")
FIXED = report(test_a__TestB__one="passed", test_a__two="passed", test_c__three="passed")
ENTRIES = (
    "tests.test_a.TestB::one",
    "tests.test_a.TestB",
    "tests/test_a.py::TestB::one",
    "tests/test_a.py::TestB",
    "tests/test_a.py",
)


@pytest.mark.parametrize("entry", ENTRIES)
def test_what_turns_green_in_a_report(entry: str) -> None:
    asked = check(must_turn_green=[entry])
    result = decide("x", asked, FIXED, BASE)
    assert (result.decision, result.turned_green) == (Decision.PASSED, ("tests.test_a.TestB::one",))
    assert decide("x", asked, BASE, BASE).reason is Reason.DID_NOT_TURN_GREEN
    assert decide("x", asked, FIXED, FIXED).reason is Reason.ALREADY_GREEN


@pytest.mark.parametrize("entry", ENTRIES)
def test_what_may_vanish_from_a_report(entry: str) -> None:
    without = report(test_a__two="passed", test_c__three="passed")
    assert decide("x", check(), without, FIXED).broken == ("tests.test_a.TestB::one",)
    assert decide("x", check(may_remove=[entry]), without, FIXED).decision is Decision.PASSED


def test_names_of_reports_mean_no_more_than_they_say() -> None:
    ids = [*BASE.tests, "src/a.test.ts::x", "Cart adds::x"]
    assert Families(ids)["tests/test_a.py"] == tuple(list(BASE.tests)[:2])
    assert Families(ids)["tests"] == tuple(BASE.tests)
    assert Families(ids)["src/a.test.ts"] == ("src/a.test.ts::x",)
    assert not excuses(["tests/test_b.py", "tests/test_a.py::two"], "tests.test_c::three")


def test_a_name_of_no_test_is_told_with_what_is_near() -> None:
    asked = check(must_turn_green=["tests/test_a.py::one"])
    text = decide("x", asked, FIXED, BASE).text
    assert text == (
        "tests/test_a.py::one did not turn green: no such test ran; nearest: tests.test_a.TestB::one"
    )
    text = decide("x", check(), FIXED, BASE, ["tests/test_c.py::thre"]).text
    assert text == (
        "no test of the proof tests/test_c.py::thre passed; nearest: tests.test_c::three"
    )


def test_before_a_run_a_report_promises_what_nobody_can_know() -> None:
    paths = frozenset({"tests/test_a.py"})

    def promise(entry: str, *, are_paths: bool) -> tuple[str, bool]:
        found = of_tests(
            Kind.TURNS_GREEN, [entry], BASE, paths, lambda path: (), are_paths=are_paths
        )
        return found[0].text, found[0].is_wrong

    text, is_wrong = promise("z::brand_new", are_paths=False)
    assert (text, is_wrong) == ("no such test in the report of the base yet", False)
    assert "nearest: tests.test_a::two" in promise("tests.test_a::tow", are_paths=False)[0]
    assert promise("tests.test_a::two", are_paths=False)[1], "green already"
    assert promise("tests.gone::new", are_paths=True)[1]
