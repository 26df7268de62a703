"""Before anybody is paid: every gate of a mission on its base, outside of any run.

Owns what is looked at and what is said of it: what is red there, what cannot run and why, and which
names of the mission nothing bears out. Kept in `reports/gate-<mission>`, where `orchestrate gate`
finds it again.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import anyio
from anyio import to_thread

from orchestrator.engine.beside.checked import Checked, CheckOnBase, GateOnBase
from orchestrator.engine.beside.finding import Area
from orchestrator.engine.beside.judgement import Side
from orchestrator.engine.beside.judging import (
    base_name,
    boxes_at,
    held,
    subject_of_gate,
    workshop_of,
)
from orchestrator.engine.beside.needs import SERVICES, of_start
from orchestrator.engine.beside.trying import try_services
from orchestrator.engine.carry import until_stopped
from orchestrator.engine.folders import Folders
from orchestrator.engine.making import make_judge
from orchestrator.engine.tools import Judge
from orchestrator.engine.workshop import open_repository
from orchestrator.errors import UsageError
from orchestrator.executors.furnish import Furnishing
from orchestrator.gates.observing.observation import RED, Observation
from orchestrator.gates.rules.claims import plan_proofs
from orchestrator.gates.rules.promises import Kind, Promise, of_tests, of_thing
from orchestrator.gates.rules.things import problem
from orchestrator.gates.subject import Subject
from orchestrator.git.client import require_git
from orchestrator.git.store import Store
from orchestrator.isolation.levels import choose
from orchestrator.isolation.processes import note_in
from orchestrator.journal.facts import PlaceFault
from orchestrator.mission.loading import LoadedMission
from orchestrator.mission.model import CommandCheck, FileProof, Mission, PytestCheck
from orchestrator.mission.scope import Scope
from orchestrator.plan import make_plan

PROOFS = "proofs"


def check_gates(
    loaded: LoadedMission, root: Path, on_gate: Callable[[GateOnBase], None]
) -> Checked:
    """See every gate that a batch of the mission uses on its base, now; `on_gate` hears of each."""
    mission, mission_dir = loaded.mission, loaded.path.resolve().parent
    require_git()
    used = dict.fromkeys(batch.gate for batch in mission.batches if batch.gate)
    if not used:
        raise UsageError("no batch of the mission has a gate", mend="name one under `gate:`")
    level = choose(mission.defaults.isolation)
    target = open_repository(mission, mission_dir, root)
    folders = Folders(root, f"gate-{mission.name}")
    with held(folders), workshop_of(target, folders) as workshop:
        furnishing = Furnishing(target.repository, target.base, mission.workspace)
        boxes = boxes_at(level, loaded, folders, workshop)
        make = partial(make_judge, mission, folders, workshop, furnishing, boxes=boxes)
        look = _Look(mission, workshop.store, target.base)
        found: list[GateOnBase] = []

        def tell(gate: GateOnBase) -> None:
            found.append(gate)
            on_gate(gate)

        attempt = partial(
            try_services, mission, folders, workshop, furnishing, target.base, boxes=boxes
        )
        services: dict[str, str] = {}

        async def look_at_all() -> None:
            services.update(await attempt())
            await _look_at_all(make, look, tuple(used), tell)

        note_in(folders.report)
        stopped = anyio.run(until_stopped, look_at_all)
        base = Side(base_name(mission, target), target.base)
        # What gates and services need, they have said themselves, as they were tried.
        lacks = (
            it
            for it in of_start(loaded)
            if it.is_lack and it.area is not Area.PYTHON and it.name != SERVICES
        )
        return Checked(base, folders.report, tuple(found), stopped, tuple(lacks), services)


async def _look_at_all(
    make: Callable[[], Judge],
    look: _Look,
    gates: tuple[str, ...],
    tell: Callable[[GateOnBase], None],
) -> None:
    async with contextlib.aclosing(make()) as judge:
        for gate in gates:
            tell(await look.at(gate, judge))


class _Look:
    """What is asked of each gate, and of which base."""

    def __init__(self, mission: Mission, store: Store, base: str) -> None:
        self._mission = mission
        self._store = store
        self._base = base
        self._paths = frozenset(store.paths(base))
        self._scopes = {agent.id: agent.scope for agent in make_plan(mission).agents}
        self._protect = Scope(mission.workspace.protect)

    async def at(self, gate: str, judge: Judge) -> GateOnBase:
        began = time.monotonic()
        subject = subject_of_gate(self._mission, gate)
        seen = await judge.baseline(subject, self._base, is_afresh=True)
        faults = {fault.check: fault for fault in await judge.lacks(subject, self._base)}
        promises = await self._promises(subject, seen, judge)
        return GateOnBase(
            gate=gate,
            batches=tuple(batch.id for batch in self._mission.batches if batch.gate == gate),
            checks=tuple(_check(name, it, faults.get(name)) for name, it in seen.items()),
            promises=tuple(promises),
            seconds=round(time.monotonic() - began, 3),
        )

    async def _promises(
        self, subject: Subject, seen: Mapping[str, Observation], judge: Judge
    ) -> list[Promise]:
        found: list[Promise] = []
        for name, check in subject.named.items():
            if isinstance(check, PytestCheck):
                found += self._of(Kind.RUNS, check.pytest, seen[name], only_wrong=True)
            if isinstance(check, PytestCheck | CommandCheck):
                found += self._of(Kind.TURNS_GREEN, check.must_turn_green, seen[name])
        plan = plan_proofs(subject.claims, subject.named)
        for name, proofs in plan.by_check.items():
            found += self._of(Kind.PROVES, proofs, seen[name])
        if plan.extra:
            part = PytestCheck(pytest=plan.extra, plugins=subject.all_plugins)
            look = await judge.look(
                subject, _unused(subject), commit=self._base, base=self._base, part=part
            )
            found += self._of(Kind.PROVES, plan.extra, look.seen)
        for thing in plan.things:
            path = thing.file if isinstance(thing, FileProof) else thing.symbol.partition("::")[0]
            wrong = await to_thread.run_sync(problem, self._store, self._base, thing)
            found.append(of_thing(thing.what, path, wrong, self._makers_of))
        return found

    def _of(
        self, kind: Kind, entries: tuple[str, ...], seen: Observation, *, only_wrong: bool = False
    ) -> list[Promise]:
        if seen.is_unable or seen.not_started:
            return []  # nothing is known of its tests
        are_paths = seen.kind == PytestCheck.kind
        found = of_tests(kind, entries, seen, self._paths, self._makers_of, are_paths=are_paths)
        return [promise for promise in found if promise.is_wrong or not only_wrong]

    def _makers_of(self, path: str) -> tuple[str, ...]:
        if self._protect.allows(path):
            return ()
        return tuple(agent for agent, scope in self._scopes.items() if scope.reaches(path))


def _unused(subject: Subject) -> str:
    name = PROOFS
    while name in subject.named:
        name += "-of-ours"
    return name


def _check(name: str, seen: Observation, fault: PlaceFault | None) -> CheckOnBase:
    return CheckOnBase(
        name=name,
        kind=seen.kind,
        counts=seen.counts,
        exit_code=seen.exit_code,
        seconds=seen.seconds,
        red=tuple(test for test, it in seen.tests.items() if it.outcome in RED),
        uncollected={path: _last(text) for path, text in seen.collection_errors.items()},
        value=seen.value,
        fault=fault,
        interpreter=seen.interpreter,
        log=seen.log,
    )


def _last(message: str) -> str:
    lines = message.strip().splitlines()
    return lines[-1].removeprefix("E ").strip()[:300] if lines else ""
