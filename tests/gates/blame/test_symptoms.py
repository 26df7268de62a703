"""How a red verdict is taken apart into symptoms, whose they are to put right, and how they are
seen again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestrator.gates.blame.symptoms import (
    MOST_SYMPTOMS,
    Shown,
    complaints,
    is_shown,
    part_for,
    proof_complaints,
    proof_part,
    proof_things,
)
from orchestrator.gates.judge import Judge
from orchestrator.gates.observing.observation import Look, Observation
from orchestrator.gates.rules.decide import decide
from orchestrator.gates.subject import Subject
from orchestrator.journal.facts import Symptom, SymptomKind
from orchestrator.mission.model import AnyCheck, Claim, CommandCheck, PytestCheck
from tests.gates.helpers import Bench, seen

K = SymptomKind


def subject(check: AnyCheck | None = None, **deliverables: object) -> Subject:
    """Agents by id, each with what proves its one deliverable."""
    claims = {
        id: (Claim.model_validate({"text": "It works", "proof": proof}),)
        for id, proof in deliverables.items()
    }
    return Subject(
        checks=(check or PytestCheck(pytest=("t.py",), name="unit"),), deliverables=claims
    )


def shown(asked: Subject, observation: Observation, base: Observation | None = None) -> Shown:
    (name,) = asked.named
    check = asked.named[name]
    if isinstance(check, PytestCheck):
        check = check.model_copy(update={"must_turn_green": ()})
    return Shown(decide(name, check, observation, base), observation)


def wrong(
    asked: Subject, here: Observation, base: Observation, *present: str
) -> list[tuple[Any, ...]]:
    (name,) = asked.named
    found = complaints(
        asked, name, shown(asked, here, base), base, shown(asked, base, base), present
    )
    return [
        (
            each.symptom.kind,
            each.symptom.test,
            None if each.claimed_by is None else set(each.claimed_by),
        )
        for each in found
    ]


def test_what_broke_and_what_is_new_and_red_is_nobodys_claim() -> None:
    here = seen(t__a="failed", t__b="passed", t__new="failed", t__old="failed")
    base = seen(t__a="passed", t__b="passed", t__gone="passed", t__old="failed")
    assert wrong(subject(), here, base) == [
        (K.BROKEN, "t.py::a", None),
        (K.BROKEN, "t.py::gone", None),
        (K.NEW_FAILURE, "t.py::new", None),
    ]


def test_a_file_that_cannot_be_collected_is_one_symptom() -> None:
    here = seen(1).model_copy(update={"collection_errors": {"t.py": "SyntaxError"}})
    assert wrong(subject(), here, seen(t__a="passed")) == [(K.UNCOLLECTED, "t.py", None)]


def test_what_was_to_turn_green_is_for_those_whose_proof_it_is() -> None:
    check = PytestCheck(pytest=("t.py",), must_turn_green=("t.py::a", "t.py::b"), name="unit")
    asked = subject(check, ann="t.py::a", ben="t.py", cid="other.py")
    here, base = seen(t__a="failed", t__b="failed"), seen(t__a="failed", t__b="failed")
    assert wrong(asked, here, base) == [
        (K.NOT_GREEN, "t.py::a", {"ann", "ben"}),
        (K.NOT_GREEN, "t.py::b", {"ben"}),
    ]
    assert wrong(subject(check), here, base) == [
        (K.NOT_GREEN, "t.py::a", set()),
        (K.NOT_GREEN, "t.py::b", set()),
    ]


def test_what_was_green_already_is_the_missions_fault() -> None:
    check = PytestCheck(pytest=("t.py",), must_turn_green=("t.py::a",), name="unit")
    green = seen(t__a="passed")
    assert wrong(subject(check, ann="t.py::a"), green, green) == [(K.NOT_GREEN, "t.py::a", set())]


def test_a_proof_that_was_red_before_is_for_those_who_named_it() -> None:
    asked = subject(None, ann="t.py::a", ben="t.py::b")
    here, base = (
        seen(t__a="failed", t__b="failed", t__c="passed"),
        seen(t__a="failed", t__b="failed", t__c="passed"),
    )
    assert wrong(asked, here, base, "ann") == [(K.UNPROVEN, "t.py::a", {"ann"})], (
        "only of those who are there"
    )
    broken = seen(t__a="passed", t__b="passed", t__c="passed")
    assert wrong(asked, here, broken, "ann", "ben") == [
        (K.BROKEN, "t.py::a", None),
        (K.BROKEN, "t.py::b", None),
    ]


@pytest.mark.parametrize(
    "check",
    [
        PytestCheck(pytest=("t.py",), name="unit"),
        CommandCheck.model_validate({"command": "true", "name": "unit"}),
    ],
)
def test_a_check_that_fails_as_a_whole_is_looked_for_as_a_whole(check: AnyCheck) -> None:
    asked, crashed, well = subject(check), seen(7), seen(t__a="passed")
    assert wrong(asked, crashed, well) == [(K.CHECK, "", None)]
    assert wrong(asked, crashed, crashed) == [(K.CHECK, "", set())], (
        "it was so before, and nobody claimed to mend it"
    )
    symptom = Symptom(check="unit", kind=K.CHECK)
    assert part_for(asked, "unit", [symptom]) is None
    assert is_shown(symptom, shown(asked, crashed, well))
    assert not is_shown(symptom, shown(asked, well, well))


def test_there_are_never_too_many() -> None:
    many = {f"t__a{number}": "failed" for number in range(500)}
    found = wrong(subject(), seen(**many), seen(**dict.fromkeys(many, "passed")))
    assert len(found) == MOST_SYMPTOMS


@pytest.mark.parametrize(
    ("kind", "test", "outcome", "expected"),
    [
        (K.BROKEN, "t.py::a", "passed", False),
        (K.BROKEN, "t.py::a", "skipped", True),
        (K.BROKEN, "t.py::absent", "passed", True),
        (K.NEW_FAILURE, "t.py::a", "error", True),
        (K.NEW_FAILURE, "t.py::absent", "passed", False),
        (K.NOT_GREEN, "t.py", "passed", False),
        (K.NOT_GREEN, "t.py::a", "xfailed", True),
        (K.NOT_GREEN, "t.py::absent", "passed", True),
        (K.UNPROVEN, "t.py::a", "passed", False),
        (K.UNPROVEN, "t.py::absent", "passed", True),
        (K.UNCOLLECTED, "t.py", "passed", False),
    ],
)
def test_how_a_symptom_is_seen_in_a_part(
    kind: SymptomKind, test: str, outcome: str, expected: bool
) -> None:
    symptom = Symptom(check="unit", kind=kind, test=test)
    assert is_shown(symptom, shown(subject(), seen(t__a=outcome), seen(t__a="passed"))) is expected


def test_only_what_is_red_is_run() -> None:
    check = PytestCheck(
        pytest=("t.py",), at_least=9, must_turn_green=("t.py::c",), may_remove=("x",), name="unit"
    )
    symptoms = [
        Symptom(check="unit", kind=K.BROKEN, test="t.py::a"),
        Symptom(check="unit", kind=K.NOT_GREEN, test="u.py"),
    ]
    part = part_for(subject(check), "unit", symptoms)
    assert part is not None
    assert (part.pytest, part.at_least, part.must_turn_green) == (("t.py::a", "u.py"), 1, ())
    command = CommandCheck.model_validate({"command": "true", "report": "x.xml", "name": "unit"})
    assert part_for(subject(command), "unit", symptoms) is None


def test_proofs_that_no_check_runs() -> None:
    asked = subject(None, ann="p.py::a", ben={"file": "notes"})
    assert proof_things(asked, ["ann"]) == {}
    assert list(proof_things(asked, ["ben"])) == ["notes"]
    part = proof_part(asked, ["ann", "ben"])
    assert part is not None
    assert part.pytest == ("p.py::a",)
    found = proof_complaints(asked, "proofs", seen(p__a="failed"), ["notes"], ["ann", "ben"])
    assert [(each.symptom.kind, each.symptom.test, each.claimed_by) for each in found] == [
        (K.UNPROVEN, "p.py::a", {"ann"}),
        (K.ABSENT, "notes", {"ben"}),
    ]


TEST = "from value import VALUE\n\n\ndef test_it():\n    assert VALUE < 2\n\n\ndef test_other():\n    pass\n"


def test_a_tree_that_was_seen_is_not_looked_at_again(bench: Bench) -> None:
    """Not even for a part of what was seen; but afresh, if that is asked for."""
    base = bench.commit({**bench.counting(), "value.py": "VALUE = 1\n", "tests/test_it.py": TEST})
    red = bench.commit({"value.py": "VALUE = 2\n"})
    same = bench.commit({})
    asked = Subject(checks=(PytestCheck(pytest=("tests",), name="unit"),))
    symptom = Symptom(check="unit", kind=K.BROKEN, test="tests/test_it.py::test_it")
    part = part_for(asked, "unit", [symptom])

    async def go(judge: Judge) -> list[Look]:
        async def look(commit: str, **more: Any) -> Look:
            return await judge.look(asked, "unit", commit=commit, base=base, **more)

        try:
            narrow = await look(red, part=part)
            again = await look(same, part=part)
            whole = await look(red)
            return [
                narrow,
                again,
                whole,
                await look(same, part=part, is_afresh=True),
                await look(base, part=part),
            ]
        finally:
            await judge.aclose()

    narrow, again, whole, afresh, before = anyio.run(go, bench.judge())
    assert [each.ran for each in (narrow, again, whole, afresh, before)] == [
        True,
        False,
        True,
        True,
        False,
    ]
    assert list(narrow.seen.tests) == ["tests/test_it.py::test_it"]
    assert len(whole.seen.tests) == 2
    assert all(
        is_shown(symptom, Shown(each.result, each.seen)) for each in (narrow, again, whole, afresh)
    )
    assert not is_shown(symptom, Shown(before.result, before.seen))
    assert whole.base is not None
    assert whole.base.commit == base
    assert bench.runs.read_text() == "x" * 4, "the base, a part, the whole, and the part afresh"
    assert Path(bench.folder / "reports" / narrow.seen.log).is_file()
