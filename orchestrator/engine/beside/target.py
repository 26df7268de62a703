"""What leaves a run: its tip to a branch of the user's repository, its agents' work to a
recording.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.agents.recording import patch_path
from orchestrator.engine.beside.reading import read_state
from orchestrator.engine.folders import Folders
from orchestrator.engine.kept import owned_run, renew_journal_copy
from orchestrator.engine.told import require_known
from orchestrator.engine.workshop import opened_store, repository_of
from orchestrator.errors import UsageError
from orchestrator.git.land import land
from orchestrator.git.repository import Repository
from orchestrator.git.store import Store
from orchestrator.journal.events import TargetLanded
from orchestrator.journal.facts import Outcome
from orchestrator.journal.lock import owned
from orchestrator.journal.log import Journal
from orchestrator.journal.state import Attempt, State, fold


def land_run(folders: Folders, *, branch: str | None, allow_partial: bool) -> str:
    """Move the target branch to the run's tip; returns what to tell the user. Raises LandingRefused
    with the reason.
    """
    with told(folders) as (journal, state):
        wanted = Wanted.of(state, folders, branch, allow_partial=allow_partial)
        with opened_store(state, folders, is_held=True) as store:
            return land_tip(journal, state, store, wanted)


@contextlib.contextmanager
def told(folders: Folders) -> Iterator[tuple[Journal, State]]:
    """The run's journal, held alone, and the state that it tells of."""
    with owned_run(folders, "wait until it has ended, or stop it"):
        journal = Journal(folders.report)
        try:
            state = fold(journal.records)
            if state is None:
                raise UsageError(f"run {folders.run} never began", mend="run its mission again")
            yield journal, replace(state, is_doubtful=state.is_doubtful or not journal.has_head)
        finally:
            journal.close()
            renew_journal_copy(folders)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where a run's tip is to go, and the command that proves it on top of what came there
    meanwhile. `is_named`: a person said so, and a branch that is not there is made.
    """

    repository: Repository
    branch: str
    is_named: bool
    reprove: str

    @classmethod
    def of(
        cls, state: State, folders: Folders, branch: str | None, *, allow_partial: bool
    ) -> Wanted:
        """Raises UsageError where there is nothing to land, or nowhere."""
        target = branch or state.started.branch
        if target is None:
            raise UsageError(
                "the run's base was not a branch", mend="say where to land: --branch NAME"
            )
        if state.tip == state.started.base:
            raise UsageError(
                f"nothing has landed in run {state.run}", mend=f"orchestrate status {state.run}"
            )
        if not allow_partial and (state.ended is None or state.ended.exit_code != 0):
            raise UsageError(
                f"not everything landed in run {state.run}",
                mend="`orchestrate resume` it, or land what is proven with --partial",
            )
        command = f"orchestrate land {state.run} --reprove"
        command += f" --branch {shlex.quote(branch)}" if branch else ""
        command += " --partial" if allow_partial else ""
        repository = repository_of(state, folders)
        return cls(repository, target, branch is not None, command)

    def landing(self) -> AbstractContextManager[None]:
        """Nobody else lands there meanwhile."""
        where = self.repository.common_dir
        return owned(where, str(where), "another landing goes on there; try again")


def land_tip(journal: Journal, state: State, store: Store, wanted: Wanted) -> str:
    """Move the branch to the run's tip, record it, and say it."""
    require_known(state, store.tip())
    with wanted.landing():
        landed = land(
            wanted.repository,
            store,
            commit=state.tip,
            branch=wanted.branch,
            expected=expected_on(state, store, wanted),
            create=wanted.is_named,
            reprove=wanted.reprove,
        )
    before, after = landed.before or "", landed.after
    journal.append(TargetLanded(branch=wanted.branch, before=before, commit=after, tip=state.tip))
    if after != state.tip:
        return f"{wanted.branch} contains {state.tip[:12]}, the tip of run {state.run}, already"
    tree = f"; {landed.updated_work_tree} shows it" if landed.updated_work_tree else ""
    said = f"{wanted.branch} is now {after[:12]}, the tested commit of run {state.run}{tree}"
    return said + passed_by(wanted.repository)


def passed_by(repository: Repository) -> str:
    """What of the user's set-up a landing does without, in lines of their own; the tested commit is
    the landed commit, so nothing may change it on the way.
    """
    told = ""
    if hooks := repository.hooks:
        told += f"\n  your hooks were not run: {', '.join(hooks)}"
    if repository.signs:
        told += "\n  its commits are not signed, although commit.gpgSign is set"
    return told


def expected_on(state: State, store: Store, wanted: Wanted) -> str:
    """Where the branch is to stand: at the base, or at what of this run has landed there before."""
    earlier = state.target if state.target and state.target.branch == wanted.branch else None
    if (
        earlier is not None
        # One that was made of plain files once more does not know of it.
        and wanted.repository.has(earlier.commit)
        and store.has(earlier.commit)
        and store.contains(state.tip, earlier.commit)
    ):
        return earlier.commit
    return state.started.base


def write_recording(folders: Folders, folder: Path, *, force: bool) -> Iterator[str]:
    """One patch for each agent that landed, against the commit that its attempt started from; says
    what it wrote.
    """
    state = read_state(folders)
    landed = [agent for agent in state.agents.values() if agent.outcome and agent.outcome.is_good]
    if not landed:
        raise UsageError(
            f"no agent of run {state.run} has landed",
            mend="only work that a gate passed is recorded",
        )
    present = [path for agent in landed if (path := patch_path(folder, agent.id)).exists()]
    if present and not force:
        raise UsageError(
            "there is a recording already",
            where=str(present[0]),
            mend="choose another folder or --force",
        )
    folder.mkdir(parents=True, exist_ok=True)
    with opened_store(state, folders) as store:
        for agent in landed:
            # What conflicted is replayed too: the final work starts on top of what it conflicted
            # with.
            conflicted = [
                a for a in agent.attempts if a.returned and a.returned.outcome is Outcome.CONFLICTED
            ]
            for number, attempt in enumerate(conflicted, start=1):
                patch_path(folder, agent.id, number).write_bytes(_patch(store, attempt))
            last = agent.last if agent.outcome is Outcome.LANDED else None
            patch_path(folder, agent.id).write_bytes(_patch(store, last))
            files = (
                len(last.ended.changes) + last.ended.changes_left_out if last and last.ended else 0
            )
            yield f"{patch_path(folder, agent.id)}: {files} file{'' if files == 1 else 's'}"
    for agent in state.agents.values():
        if agent not in landed:
            yield f"{agent.id}: left out, it is {agent.outcome or agent.phase}"


def _patch(store: Store, attempt: Attempt | None) -> bytes:
    if attempt is None or attempt.ended is None or attempt.ended.commit is None:
        return b""
    return store.diff(attempt.started.base, attempt.ended.commit)
