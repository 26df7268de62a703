"""Taking a run's disposable half away, and only if nothing is lost by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from orchestrator.engine.beside.reading import is_begun, read_state
from orchestrator.engine.folders import Folders, remove_workspaces, snapshots
from orchestrator.errors import OrchestrateError, UsageError
from orchestrator.git.folder import remove_tree
from orchestrator.git.repository import Repository
from orchestrator.git.store import Store
from orchestrator.isolation.processes import end_leftovers
from orchestrator.journal.facts import Outcome
from orchestrator.journal.lock import owned
from orchestrator.journal.state import AgentState, State

BUNDLE = "work.bundle"


def clean_run(folders: Folders, *, salvage: bool, discard: bool) -> str:
    """Remove the run's workspaces and its pin in the user's repository; returns what to tell the
    user.

    Raises UsageError when that would lose work: an unfinished run, or one whose tip is not landed.
    """
    with owned(folders.report, f"run {folders.run}", "wait until it has ended, or stop it"):
        state = read_state(folders)
        if not folders.workspaces.exists():
            return f"{folders.run}: already clean"
        if at_risk := _at_risk(state):
            if salvage:
                _bundle(folders, state)
            elif not discard:
                raise UsageError(
                    f"run {folders.run} {at_risk}",
                    mend=f"`orchestrate land {folders.run}` it, keep it with --salvage, or give it up with --discard",
                )
        end_leftovers(folders.report)
        _unpin(state)
        remove_workspaces(folders)
    kept = f"; its work is in {folders.report / BUNDLE}" if at_risk and salvage else ""
    return f"{folders.run}: cleaned{kept}"


def clean_stillborn(root: Path) -> Iterator[str]:
    """Remove what runs left that were killed before they recorded anything."""
    for path in sorted((root / "reports").glob("*/journal.jsonl")):
        folders = Folders(root, path.parent.name)
        if not is_begun(folders):
            with owned(folders.report, f"run {folders.run}", "wait until it has begun"):
                remove_tree(folders.report)
                remove_workspaces(folders)
            yield f"{folders.run}: removed, it never began"


def clean_snapshots(root: Path) -> Iterator[str]:
    """Remove repositories made of plain files that no run uses any more and on which nothing was
    landed.
    """
    for folder in sorted(snapshots(root).glob("*")):
        try:
            repository = Repository.discover(folder)
        except OrchestrateError:
            continue
        if repository.pins() or repository.count_commits() > 1:
            continue
        remove_tree(folder)
        yield f"{folder}: removed, nothing was landed there"


def _at_risk(state: State) -> str:
    """What would be lost, as the end of a sentence; empty when nothing would."""
    if state.ended is None:
        return "is not finished and can be resumed"
    if state.tip != state.started.base and (
        state.target is None or (state.target.tip or state.target.commit) != state.tip
    ):
        return "has work that is proven but not landed on a branch of yours"
    if any(
        agent.outcome is not Outcome.LANDED and _has_work(agent) for agent in state.agents.values()
    ):
        return "has work that was delivered and did not land"
    return ""


def _has_work(agent: AgentState) -> bool:
    return any(attempt.ended and attempt.ended.commit for attempt in agent.attempts)


def _bundle(folders: Folders, state: State) -> None:
    """All refs of the run as one file that `git fetch` reads, against the base."""
    store = Store.open(folders.store, state.run)
    try:
        store.bundle(folders.report / BUNDLE, since=state.started.base)
    finally:
        store.close()


def _unpin(state: State) -> None:
    where = Path(state.started.repository)
    if where.exists():
        Repository.discover(where).unpin(state.run)
