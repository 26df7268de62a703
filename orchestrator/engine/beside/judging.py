"""The judge by itself: a mission's gates on two commits, outside of any run.

Owns which two commits are held against each other and what a gate asks of them. The user's
repository is only read: commits go through a store that is thrown away afterwards. What was found
is kept in `reports/gate-<mission>`, so that nothing is tested twice that the gates have passed
before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio

from orchestrator.engine.beside.judgement import (
    Case,
    Judgement,
    NothingToJudge,
    Request,
    Side,
    Watcher,
)
from orchestrator.engine.carry import until_stopped
from orchestrator.engine.folders import Folders, durable, remove_workspaces
from orchestrator.engine.making import make_boxes, make_judge
from orchestrator.engine.subjects import services_of
from orchestrator.engine.tools import Judge
from orchestrator.engine.workshop import Target, Workshop, open_repository, open_workshop
from orchestrator.errors import EnvironmentRefused, UsageError
from orchestrator.executors.boxes import Boxes
from orchestrator.executors.furnish import Furnishing
from orchestrator.gates.subject import Approval, Subject
from orchestrator.git.client import require_git
from orchestrator.git.uncommitted import commit_uncommitted, count_uncommitted
from orchestrator.isolation.leftovers import end_leftovers
from orchestrator.isolation.levels import Level, choose
from orchestrator.isolation.processes import note_in
from orchestrator.journal.facts import Verdict
from orchestrator.journal.lock import owned
from orchestrator.mission.loading import LoadedMission
from orchestrator.mission.model import Mission
from orchestrator.mission.words import did_you_mean


def judge_commits(
    loaded: LoadedMission, root: Path, request: Request, watcher: Watcher
) -> Judgement:
    """Judge what was asked for. Raises UsageError for names that are unknown, and for commits that
    are one.
    """
    mission, mission_dir = loaded.mission, loaded.path.resolve().parent
    require_git()
    gates = gates_of(mission, request.gate)
    level = choose(mission.defaults.isolation)
    target = open_repository(mission, mission_dir, root)
    folders = Folders(root, f"gate-{mission.name}")
    with held(folders), workshop_of(target, folders) as workshop:
        case = _case(loaded, target, workshop, request, gates, folders)
        case = replace(case, isolation=level.told)
        furnishing = Furnishing(target.repository, target.base, mission.workspace)
        watcher.on_case(case)
        subjects = {gate: subject_of_gate(mission, gate) for gate in gates}
        boxes = boxes_at(level, loaded, folders, workshop)
        judge = partial(make_judge, mission, folders, workshop, furnishing, boxes=boxes)
        return judge_case(case, subjects, judge, watcher)


def boxes_at(
    level: Level, loaded: LoadedMission, folders: Folders, workshop: Workshop
) -> Boxes | None:
    """The boxes in which the gates of a mission are judged; None where its level has none."""
    if not level.is_strict:
        return None
    return make_boxes(loaded.mission, loaded.path, folders, workshop.store)


def subject_of_gate(mission: Mission, gate: str) -> Subject:
    """What a gate asks: its checks, and what the batches that use it claim."""
    batches = [batch for batch in mission.batches if batch.gate == gate]
    said = [batch.exercise for batch in batches if batch.exercise is not None]
    return Subject(
        gate=gate,
        checks=mission.gates[gate].checks,
        env=mission.gates[gate].env,
        services=services_of(mission, mission.gates[gate]),
        may_change=mission.gates[gate].may_change,
        criteria=tuple(claim for batch in batches for claim in batch.criteria),
        deliverables={agent.id: agent.deliverables for batch in batches for agent in batch.agents},
        timeout=mission.defaults.gate_timeout,
        plugins=mission.defaults.plugins,
        exercise=any(said) if said else None,
    )


def gates_of(mission: Mission, gate: str | None) -> tuple[str, ...]:
    """One gate of a mission, or all. Raises UsageError where there is none, or none of that
    name.
    """
    if not mission.gates:
        raise UsageError("the mission has no gates", mend="name one under `gates:`")
    if gate is None:
        return tuple(mission.gates)
    if gate not in mission.gates:
        raise UsageError(
            f"unknown gate `{gate}`", mend=did_you_mean(gate, mission.gates, noun="gate")
        )
    return (gate,)


def _case(  # noqa: PLR0917  (what a case is made of)
    loaded: LoadedMission,
    target: Target,
    workshop: Workshop,
    request: Request,
    gates: tuple[str, ...],
    folders: Folders,
) -> Case:
    repository = target.repository
    where = repository.work_tree or repository.common_dir
    if request.uncommitted:
        candidate = Side("the work tree", commit_uncommitted(repository, workshop.store))
        begin = repository.resolve("HEAD")
    else:
        begin = repository.resolve(request.candidate or "HEAD")
        candidate = Side(request.candidate or "HEAD", begin)
    if request.base is not None:
        base = Side(request.base, repository.resolve(request.base))
    else:
        base = _common(target, begin, base_name(loaded.mission, target), candidate.name)
    unjudged = 0 if request.uncommitted or request.candidate else count_uncommitted(repository)
    if base.commit == candidate.commit:
        mend = "name another commit with --base or --candidate"
        left = f"; {unjudged} uncommitted paths are not looked at" if unjudged else ""
        raise NothingToJudge(
            f"{candidate.name} is {base.name}, commit {base.commit[:12]}: there is nothing to hold against it{left}",
            where=str(where),
            mend=f"{mend}, or judge what is not committed yet with --uncommitted"
            if unjudged
            else mend,
        )
    return Case(
        loaded.mission.name, loaded.path, where, base, candidate, gates, unjudged, folders.report
    )


def base_name(mission: Mission, target: Target) -> str:
    """What the mission's base is called."""
    if mission.repository.snapshot is not None:
        return "the plain files"
    return mission.repository.base or target.branch or "HEAD"


def _common(target: Target, candidate: str, name: str, candidate_name: str) -> Side:
    """Where the candidate left the mission's base: what came to the base since is nothing that the
    candidate took.
    """
    found = target.repository.merge_base(target.base, candidate)
    if found is None:
        raise UsageError(
            f"{candidate_name} and {name} have no commit in common",
            mend="say what to compare with: --base REF",
        )
    return Side(
        name if found == target.base else f"{found[:12]}, where {candidate_name} left {name}", found
    )


@contextlib.contextmanager
def held(folders: Folders) -> Iterator[None]:
    """The folder of the evidence, made, and held alone."""
    try:
        durable(folders.root)
        folders.report.mkdir(exist_ok=True)
    except OSError as error:
        raise EnvironmentRefused(
            f"evidence cannot be written: {error.strerror}",
            where=str(folders.report),
            mend="choose another --root",
        ) from error
    with owned(
        folders.report, str(folders.report), "wait until it has ended, or choose another --root"
    ):
        end_leftovers(folders.report)
        note_in(folders.report)
        yield


@contextlib.contextmanager
def workshop_of(target: Target, folders: Folders) -> Iterator[Workshop]:
    """A store and work trees for this once; what a killed process left of the last ones is taken
    away first.
    """
    remove_workspaces(folders)
    try:
        made = open_workshop(target.repository, folders, target.base)
        try:
            yield made
        finally:
            made.store.close()
    finally:
        remove_workspaces(folders)


def judge_case(  # noqa: PLR0917  (as `_case`)
    case: Case,
    subjects: Mapping[str, Subject],
    make: Callable[[], Judge],
    watcher: Watcher,
    approvals: Mapping[str, Mapping[str, Approval]] | None = None,
    absent: Mapping[str, str] | None = None,
) -> Judgement:
    """Have every gate of the case judge it, by its subject; until the first signal that asks for an
    end.
    """
    return anyio.run(_judge, case, subjects, make, watcher, approvals or {}, absent or {})


async def _judge(  # noqa: PLR0917  (as `_case`)
    case: Case,
    subjects: Mapping[str, Subject],
    make: Callable[[], Judge],
    watcher: Watcher,
    approvals: Mapping[str, Mapping[str, Approval]],
    absent: Mapping[str, str],
) -> Judgement:
    verdicts: dict[str, Verdict] = {}

    async def judge_all() -> None:
        async with contextlib.aclosing(make()) as judge:
            for gate in case.gates:
                verdicts[gate] = await judge.judge(
                    subjects[gate],
                    candidate=case.candidate.commit,
                    base=case.base.commit,
                    approvals=approvals.get(gate, {}),
                    absent=absent,
                    on_progress=partial(watcher.on_progress, gate),
                )
                watcher.on_verdict(gate, verdicts[gate])

    stopped_by = await until_stopped(judge_all)
    return Judgement(case, verdicts, stopped_by if len(verdicts) < len(case.gates) else "")
