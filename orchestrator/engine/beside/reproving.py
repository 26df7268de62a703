"""Landing on a branch that others have moved meanwhile: what the run made is put on top of that,
proven there, and that very commit lands.

Owns what is merged and by which gates it is judged: those of the batches that landed, with the
branch as it stands now as the base. Nothing moves unless all of them pass.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from orchestrator.engine.beside.judgement import Case, Side, Watcher
from orchestrator.engine.beside.judging import judge_case
from orchestrator.engine.beside.meeting import Meeting, Reproof
from orchestrator.engine.beside.target import Wanted, expected_on, land_tip, told
from orchestrator.engine.folders import Folders
from orchestrator.engine.making import make_boxes, make_judge
from orchestrator.engine.subjects import absentees, gate_name, subject_of
from orchestrator.engine.told import require_known
from orchestrator.engine.workshop import Workshop, reopen_workshop
from orchestrator.errors import UsageError
from orchestrator.executors.furnish import Furnishing
from orchestrator.gates.subject import Approval, Subject
from orchestrator.git.land import land
from orchestrator.isolation.leftovers import end_leftovers
from orchestrator.isolation.levels import is_strict, require
from orchestrator.isolation.processes import note_in
from orchestrator.journal.events import TargetLanded
from orchestrator.journal.facts import Outcome
from orchestrator.journal.log import Journal
from orchestrator.journal.state import State
from orchestrator.merging.contribution import Contribution
from orchestrator.merging.integrate import integrate


def prove_on(folders: Folders, meeting: Meeting, watcher: Watcher) -> Reproof:
    """Merge the two and judge that against `onto`; nothing moves."""
    with told(folders) as (_, state), _reopened(folders, state) as workshop:
        require_known(state, workshop.store.tip())
        return _proven(folders, state, workshop, meeting, watcher)


@contextlib.contextmanager
def _reopened(folders: Folders, state: State) -> Iterator[Workshop]:
    end_leftovers(folders.report)
    note_in(folders.report)
    workshop = reopen_workshop(state, folders)
    try:
        yield workshop
    finally:
        workshop.store.close()


def reprove_run(
    folders: Folders, *, branch: str | None, allow_partial: bool, watcher: Watcher
) -> Reproof:
    """Merge the run's tip with its target branch, judge that against the branch, and land it if it
    passes. Raises LandingRefused where the branch moved again meanwhile.
    """
    with told(folders) as (journal, state):
        wanted = Wanted.of(state, folders, branch, allow_partial=allow_partial)
        with _reopened(folders, state) as workshop:
            return _reprove(folders, journal, state, workshop, wanted, watcher)


def _reprove(  # noqa: PLR0917  (as `_case` of judging)
    folders: Folders,
    journal: Journal,
    state: State,
    workshop: Workshop,
    wanted: Wanted,
    watcher: Watcher,
) -> Reproof:
    store, repository = workshop.store, wanted.repository
    require_known(state, store.tip())
    found = repository.resolve(f"refs/heads/{wanted.branch}")
    if found == expected_on(state, store, wanted) or repository.contains(found, state.tip):
        return Reproof(land_tip(journal, state, store, wanted))  # it did not move
    proven = _proven(folders, state, workshop, Meeting(wanted.branch, found, state.tip), watcher)
    if not proven.candidate:
        return proven
    candidate = proven.candidate
    with wanted.landing():
        landed = land(
            repository,
            store,
            commit=candidate,
            branch=wanted.branch,
            expected=found,
            reprove=wanted.reprove,
        )
    journal.append(
        TargetLanded(branch=wanted.branch, before=found, commit=candidate, tip=state.tip)
    )
    tree = f"; {landed.updated_work_tree} shows it" if landed.updated_work_tree else ""
    said = f"{wanted.branch} is now {candidate[:12]}: the tip of run {state.run} on top of "
    return Reproof(f"{said}{found[:12]}, and proven there{tree}", judgement=proven.judgement)


def _proven(
    folders: Folders, state: State, workshop: Workshop, meeting: Meeting, watcher: Watcher
) -> Reproof:
    """The two merged, and what the gates say of that."""
    store, repository = workshop.store, workshop.repository
    require(state.started.isolation)
    subjects = _subjects(state, meeting.batches)
    candidate = _merged(state, workshop, meeting)
    if isinstance(candidate, Reproof):
        return candidate
    case = Case(
        mission=state.plan.mission.name,
        mission_file=Path(state.started.mission_file),
        repository=repository.work_tree or repository.common_dir,
        base=Side(meeting.name, meeting.onto),
        candidate=Side(f"run {state.run} on top of it", candidate),
        gates=tuple(subjects),
        unjudged=0,
        folder=folders.report,
        isolation=state.started.isolation,
    )
    watcher.on_case(case)
    mission = state.plan.mission
    furnishing = Furnishing(repository, meeting.onto, mission.workspace)
    boxes = None
    if is_strict(state.started.isolation):
        boxes = make_boxes(mission, Path(state.started.mission_file), folders, store)
    judge = partial(make_judge, mission, folders, workshop, furnishing, boxes=boxes)
    judgement = judge_case(
        case, subjects, judge, watcher, _approvals(state, store.tree_of(candidate)), _absent(state)
    )
    return Reproof(judgement=judgement, candidate=candidate if judgement.exit_code == 0 else "")


def _merged(state: State, workshop: Workshop, meeting: Meeting) -> str | Reproof:
    """The commit with both, or what contradicts each other."""
    store = workshop.store
    onto, commit = meeting.onto, meeting.commit
    bases = store.git.run("merge-base", "--all", onto, commit, check=False).text.splitlines()
    if len(bases) != 1:
        raise UsageError(
            f"{meeting.name} and run {state.run} have {len(bases) or 'no'} commits in common to "
            "merge from",
            where=state.started.repository,
            mend="land on a new branch, and merge that by hand",
        )
    result = integrate(
        store,
        onto,
        [Contribution(f"run {state.run}", bases[0], commit)],
        message=_message(state, meeting.name),
        when=max(store.time_of(onto), store.time_of(commit)),
    )
    if result.conflicts:
        return Reproof(conflicts=result.conflicts)
    assert result.commit is not None  # one contribution: it is merged or it conflicts
    store.set_ref(f"refs/orchestrate/{state.run}/reproved", result.commit, old=None)
    return result.commit


def _message(state: State, branch: str) -> str:
    mission = state.plan.mission.name
    return f"Land {mission} on {branch}\n\nMission: {mission}\nRun: {state.run}\n"


def _subjects(state: State, batches: frozenset[str] | None = None) -> dict[str, Subject]:
    """By its name, what each gate that let something land asks, of all batches that used it."""
    found: dict[str, Subject] = {}
    for planned in state.plan.batches:
        if not state.batches[planned.id].landings or (
            batches is not None and planned.id not in batches
        ):
            continue
        name = gate_name(planned) if planned.gate else f"{planned.id} (no gate)"
        asked = subject_of(state, planned)
        if known := found.get(name):
            asked = replace(
                known,
                criteria=known.criteria + asked.criteria,
                deliverables={**known.deliverables, **asked.deliverables},
                exercise=known.is_exercised or asked.is_exercised,
            )
        found[name] = asked
    if not any(subject.checks for subject in found.values()):
        raise UsageError(
            f"no batch of run {state.run} that landed has a gate, so nothing can be proven again",
            mend="land on a new branch (--branch NAME), and merge that by hand",
        )
    if len(found) > 1:
        # Each gate runs what its own batches changed; that the tests notice was found out when
        # these landed, and cannot be asked of one gate about the work of another's batches.
        found = {name: replace(subject, exercise=False) for name, subject in found.items()}
    # And what one gate let be edited of the tests is there for all of them.
    allowed = tuple(glob for subject in found.values() for glob in subject.all_that_may_change)
    return {name: replace(subject, may_change=allowed) for name, subject in found.items()}


def _approvals(state: State, tree: str) -> Mapping[str, Mapping[str, Approval]]:
    """Sign-offs by gate and check; one counts only for the tree that was looked at."""
    found: dict[str, dict[str, Approval]] = {}
    for planned in state.plan.batches:
        for check, given in state.approvals_for(planned.id, tree).items():
            approval = Approval(
                by=given.by, at=given.at, tree=given.tree, is_granted=given.approved
            )
            found.setdefault(gate_name(planned), {})[check] = approval
    return found


def _absent(state: State) -> dict[str, str]:
    """The agents whose work is not in the run's tip, each with why not."""
    return {
        agent.id: f"its work is not in the run's tip: {agent.outcome or Outcome.BLOCKED}"
        for planned in state.plan.batches
        for agent in absentees(state, planned)
    }
