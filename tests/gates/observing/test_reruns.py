"""Flaky is a third colour: what is red is run again, and what goes both ways is nobody's fault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import anyio
import pytest

from orchestrator.gates.observing.observation import Observation, RecordState, TestSeen
from orchestrator.gates.observing.reruns import LIMIT, Rerun, next_rerun, reruns_of, suspects
from orchestrator.gates.subject import Subject
from orchestrator.journal.facts import ClaimStatus, Decision, TestOutcome, Verdict
from orchestrator.mission.model import Claim, Gate
from tests.gates.helpers import Bench, seen

OUTCOMES = {"g": TestOutcome.PASSED, "r": TestOutcome.FAILED, "-": TestOutcome.ABSENT}
X = "a.py::x"


def told(outcome: str, alone: str = "", among: str = "") -> Observation:
    """One test that was seen first so, then by itself and among others so."""
    runs = {
        name: {X: tuple(OUTCOMES[c] for c in text)}
        for name, text in (("alone", alone), ("among", among))
        if text
    }
    return seen(**({"a__x": OUTCOMES[outcome].value} if outcome != "-" else {})).model_copy(
        update=runs
    )


@pytest.mark.parametrize(
    ("candidate", "base", "expected"),
    [
        (told("r"), told("g"), Rerun.ALONE),
        (told("r", "r"), told("g"), Rerun.ALONE),
        (told("r", "gr"), told("g"), None),
        (told("r", "gg"), told("g"), Rerun.AMONG),
        (told("r", "gg", "r"), told("g"), None),
        (told("r", "gg", "g"), told("g"), None),
        (told("r", "rr"), told("g"), Rerun.BASE_ALONE),
        (told("r", "rr"), told("g", "g"), Rerun.BASE_ALONE),
        (told("r", "rr"), told("g", "gg"), None),
        (told("r", "rr"), told("g", "gr"), None),
        (told("r"), told("g", "gr"), None),
        (told("r", "--"), told("g"), Rerun.BASE_ALONE),
        (told("r", "rr"), told("-"), None),
        (told("r", "rr"), None, None),
    ],
)
def test_what_is_run_next(
    candidate: Observation, base: Observation | None, expected: Rerun | None
) -> None:
    assert next_rerun(X, candidate, base) is expected


def test_where_tests_cannot_be_picked_all_are_run_once_more() -> None:
    assert next_rerun(X, told("r"), told("g"), can_pick=False) is Rerun.AMONG
    assert next_rerun(X, told("r", among="r"), told("g"), can_pick=False) is None


@pytest.mark.parametrize(
    ("runs", "is_flaky"),
    [
        (("r", "gr"), True),
        (("r", "gg", "g"), True),
        (("r", "gg", "r"), False),
        (("r", "gg"), False),
        (("g", "rr"), False),
    ],
)
def test_what_is_flaky(runs: tuple[str, ...], is_flaky: bool) -> None:
    assert told(*runs).is_flaky(X) is is_flaky


def test_who_is_suspected() -> None:
    assert suspects(seen(a__x="failed", a__y="error", a__z="passed"), seen(a__x="passed")) == (
        X,
        "a.py::y",
    )
    assert suspects(seen(a__x="failed"), seen(a__x="failed")) == ()
    many = {f"a__{n}": "failed" for n in range(LIMIT + 1)}
    assert suspects(seen(**many), None) == ()
    cut = seen(a__x="failed").model_copy(update={"record": RecordState.TRUNCATED})
    assert suspects(cut, None) == ()
    both = told("r", "gg", "r").model_copy(
        update={"tests": {X: TestSeen(outcome=TestOutcome.FAILED)}}
    )
    assert (reruns_of(both, told("g", "g")), reruns_of(both, None)) == (4, 3)


SCRIPTED = """
    import pathlib
    from value import NAME

    def play(name):
        script = pathlib.Path({folder!r}, f"{{NAME}}-{{name}}")
        told = script.read_text()
        script.write_text(told[1:])
        assert told[0] == "g"

    def test_x():
        play("x")

    def test_y():
        play("y")

    def test_z():
        assert NAME
"""


class Theatre:
    """A project whose tests end as a script says: for each tree and test, `g` or `r` for each of
    its runs.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.folder = bench.folder / "scripts"
        self.folder.mkdir()

    def play(
        self, scripts: dict[str, str], *, check: dict[str, Any] | None = None, **more: Any
    ) -> Verdict:
        for name, script in scripts.items():
            (self.folder / name).write_text(script)
        tests = dedent(SCRIPTED.format(folder=str(self.folder)))
        base = self.bench.commit(
            {"tests/test_it.py": tests, "value.py": "NAME = 'base'\n", "run.sh": RUN}
        )
        candidate = self.bench.commit({"value.py": "NAME = 'candidate'\n"})
        may_rerun = more.pop("may_rerun", True)
        subject = Subject(
            checks=Gate.model_validate({"checks": [check or {"pytest": "tests"}]}).checks, **more
        )

        async def run() -> Verdict:
            judge = self.bench.judge()
            return await judge.judge(subject, candidate=candidate, base=base, may_rerun=may_rerun)

        return anyio.run(run)

    def left(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in self.folder.iterdir()}


RUN = "python -m pytest -q -p no:cacheprovider --junitxml=out.xml tests\n"
XS = "tests/test_it.py::test_x"


@pytest.fixture
def theatre(bench: Bench) -> Iterator[Theatre]:
    return Theatre(bench)


def of(base: str, candidate: str) -> dict[str, str]:
    """Scripts for x; y always passes."""
    return {"base-x": base, "candidate-x": candidate, "base-y": "g" * 9, "candidate-y": "g" * 9}


@pytest.mark.parametrize(
    ("base", "candidate", "reruns"),
    [("g", "rgr", 2), ("g", "rrg", 2), ("g", "rggg", 3), ("grg", "rrr", 4), ("ggr", "rrr", 4)],
)
def test_what_goes_both_ways_is_shown_and_held_against_nobody(
    theatre: Theatre, base: str, candidate: str, reruns: int
) -> None:
    verdict = theatre.play(of(base, candidate))
    [result] = verdict.checks
    assert (result.decision, result.flaky, result.broken, result.reruns) == (
        Decision.PASSED,
        (XS,),
        (),
        reruns,
    )
    assert result.failing == (XS,)
    assert result.counts
    assert result.counts.flaky == 1
    assert result.text == "2 tests passed, 1 flaky"
    assert {name: script for name, script in theatre.left().items() if name.endswith("x")} == {
        "base-x": "",
        "candidate-x": "",
    }


@pytest.mark.parametrize(("base", "candidate", "reruns"), [("ggg", "rrr", 4), ("g", "rggr", 3)])
def test_what_is_red_each_time_is_broken(
    theatre: Theatre, base: str, candidate: str, reruns: int
) -> None:
    [result] = theatre.play(of(base, candidate)).checks
    assert (result.reason, result.broken, result.flaky, result.reruns) == (
        "broken",
        (XS,),
        (),
        reruns,
    )


def test_what_a_mission_names_must_hold_each_time(theatre: Theatre) -> None:
    [result] = theatre.play(of("g", "rgr"), check={"pytest": "tests", "must_turn_green": XS}).checks
    assert (result.reason, result.flaky) == ("flaky", (XS,))
    assert result.text == f"{XS} was to turn green, and goes both ways: {XS}"


def test_a_gate_in_which_nothing_but_a_flaky_test_ran_is_red(theatre: Theatre) -> None:
    [result] = theatre.play(of("g", "rgr"), check={"pytest": XS}).checks
    assert (result.reason, result.text) == (
        "tests_failed",
        "no test passed: 1 test failed, by chance",
    )


def test_a_claim_that_rests_on_a_flaky_test_is_unproven_and_nobody_is_sent_back(
    theatre: Theatre,
) -> None:
    claim = Claim.model_validate({"text": "x works", "proof": XS})
    verdict = theatre.play(of("g", "rgr"), criteria=(claim,))
    assert verdict.is_passed
    assert (verdict.criteria[0].status, verdict.criteria[0].detail) == (
        ClaimStatus.UNVALIDATED,
        f"{XS} goes both ways",
    )


def test_a_proof_that_no_check_runs_is_run_again_too(theatre: Theatre) -> None:
    claim = Claim.model_validate({"text": "x works", "proof": XS})
    other = {"pytest": "tests/test_it.py::test_z"}
    verdict = theatre.play(of("", "rgr"), check=other, criteria=(claim,))
    assert (verdict.is_passed, verdict.checks[1].flaky, verdict.checks[1].reruns) == (
        True,
        (XS,),
        2,
    )
    assert verdict.criteria[0].status is ClaimStatus.UNVALIDATED


def test_what_was_found_out_is_not_run_again(theatre: Theatre) -> None:
    scripts = of("g", "rgr")
    first = theatre.play(scripts)
    theatre.bench.go_to("HEAD~2")
    again = theatre.play({})
    assert again.cached
    assert again.checks[0].flaky == first.checks[0].flaky == (XS,)


def test_a_tree_that_was_red_is_not_green_for_being_tried_again(theatre: Theatre) -> None:
    check = {"pytest": "tests", "must_turn_green": XS}
    [first] = theatre.play(of("ggg", "rrr" + "g"), check=check).checks
    assert first.reason == "broken"
    theatre.bench.go_to("HEAD~2")
    [second] = theatre.play({"base-x": "gg"}, check=check).checks
    assert (second.reason, second.flaky, second.failing) == ("flaky", (XS,), ())


def test_red_stays_red_where_nothing_may_be_run_again(theatre: Theatre) -> None:
    [result] = theatre.play(of("g", "rgggg"), may_rerun=False).checks
    assert (result.reason, result.reruns, theatre.left()["candidate-x"]) == ("broken", 0, "gggg")


@pytest.mark.parametrize(("candidate", "reason"), [("rg", None), ("rr", "broken")])
def test_a_command_with_a_report_is_run_once_more(
    theatre: Theatre, candidate: str, reason: str | None
) -> None:
    [result] = theatre.play(
        of("g", candidate), check={"command": "sh run.sh", "report": "out.xml"}
    ).checks
    assert (result.reason, result.reruns, len(result.flaky)) == (reason, 1, 0 if reason else 1)


def test_the_evidence_tells_every_run(theatre: Theatre, bench: Bench) -> None:
    [result] = theatre.play(of("ggr", "rrr")).checks
    text = Path(bench.folder, "reports", result.evidence).read_text()
    assert '"is_flaky": true' in text
    assert '"base_again": [\n    "passed",\n    "failed"\n   ]' in text
