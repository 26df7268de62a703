"""Events of a flood are short, and all others are as they were."""

from __future__ import annotations

from orchestrator.journal.bounds import bounded
from orchestrator.journal.events import AttemptEnded, GateFinished
from orchestrator.journal.facts import CheckResult, Decision, Verdict


def test_an_ordinary_event_is_the_same():
    event = AttemptEnded(batch="b", agent="a", attempt=1, outcome=None, evidence="x" * 50_000)
    assert bounded(event) is event


def test_long_texts_and_lists_of_ids_are_cut():
    ids = tuple(f"tests/test_a.py::test[{n}]" for n in range(20_000))
    check = CheckResult(
        name="t", kind="pytest", decision=Decision.FAILED, text="y" * 90_000, broken=ids
    )
    verdict = Verdict(decision=Decision.FAILED, commit="c", tree="t", base="b", checks=(check,))
    cut = bounded(GateFinished(batch="b", gate="g", verdict=verdict))
    (found,) = cut.verdict.checks
    assert found.broken == ids[:1000]
    assert found.text.endswith("… and 50,000 characters more")
    assert len(cut.model_dump_json()) < 100_000
