"""Which tests the checks of a mission's gates know: by id, as `must_turn_green`, `may_remove` and
proofs name them.

Owns seeing them on the base, outside of any run; what is known from before is not run again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import anyio

from orchestrator.engine.beside.judgement import Side
from orchestrator.engine.beside.judging import (
    base_name,
    boxes_at,
    gates_of,
    held,
    subject_of_gate,
    workshop_of,
)
from orchestrator.engine.beside.listed import CheckTests, Listing
from orchestrator.engine.carry import until_stopped
from orchestrator.engine.folders import Folders
from orchestrator.engine.making import make_judge
from orchestrator.engine.tools import Judge
from orchestrator.engine.workshop import open_repository
from orchestrator.executors.furnish import Furnishing
from orchestrator.gates.subject import Subject
from orchestrator.git.client import require_git
from orchestrator.isolation.levels import choose
from orchestrator.mission.loading import LoadedMission
from orchestrator.mission.model import CommandCheck, PytestCheck


def list_tests(
    loaded: LoadedMission, root: Path, gate: str | None = None, base: str | None = None
) -> Listing:
    """The tests that the checks of one gate, or of all, have on the mission's base or another
    commit. Raises UsageError for names that are unknown.
    """
    mission, mission_dir = loaded.mission, loaded.path.resolve().parent
    require_git()
    gates = gates_of(mission, gate)
    level = choose(mission.defaults.isolation)
    target = open_repository(mission, mission_dir, root)
    side = Side(base_name(mission, target), target.base)
    if base is not None:
        side = Side(base, target.repository.resolve(base))
    folders = Folders(root, f"gate-{mission.name}")
    with held(folders), workshop_of(target, folders) as workshop:
        furnishing = Furnishing(target.repository, target.base, mission.workspace)
        boxes = boxes_at(level, loaded, folders, workshop)
        make = partial(make_judge, mission, folders, workshop, furnishing, boxes=boxes)
        subjects = {name: subject_of_gate(mission, name) for name in gates}
        checks, stopped = anyio.run(_list, make, subjects, side.commit)
    return Listing(side, tuple(checks), stopped)


async def _list(
    make: Callable[[], Judge], subjects: Mapping[str, Subject], commit: str
) -> tuple[list[CheckTests], str]:
    found: list[CheckTests] = []

    async def look() -> None:
        async with contextlib.aclosing(make()) as judge:
            for gate, subject in subjects.items():
                found.extend(await _of_gate(judge, gate, subject, commit))

    return found, await until_stopped(look)


async def _of_gate(judge: Judge, gate: str, subject: Subject, commit: str) -> list[CheckTests]:
    seen = await judge.baseline(subject, commit)
    found = []
    for name, check in subject.named.items():
        if not isinstance(check, PytestCheck) and not (
            isinstance(check, CommandCheck) and check.report
        ):
            found.append(CheckTests(gate, name, check.kind, {}, "counts no tests"))
            continue
        it = seen[name]
        why = (
            it.not_ready
            or it.no_service
            or it.not_started
            or it.problem
            or next(iter(it.collection_errors), "")
        )
        tests = {test_id: test.outcome.value for test_id, test in it.tests.items()}
        tests |= dict.fromkeys(it.deselected, "deselected")
        text = " ".join(why.split()) if why or tests else "no test was executed"
        found.append(CheckTests(gate, name, check.kind, tests, text))
    return found
