"""Taking a run's disposable half away, and only if nothing is lost by it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from orchestrator.engine.beside.reading import is_begun, read_state
from orchestrator.engine.folders import Folders, remove_workspaces, snapshots
from orchestrator.engine.kept import forget_kept, keep_file, kept_folder, owned_run
from orchestrator.engine.places import remove_place
from orchestrator.engine.workshop import scratch_store
from orchestrator.errors import EnvironmentRefused, OrchestrateError, UsageError
from orchestrator.git.bundles import bring_in, heads_of, writing_bundle
from orchestrator.git.folder import remove_tree
from orchestrator.git.repository import Repository
from orchestrator.git.store import Store
from orchestrator.git.store_files import sync_folder
from orchestrator.git.whole_files import read_or_none
from orchestrator.isolation.leftovers import end_leftovers
from orchestrator.isolation.orders import NOTES
from orchestrator.journal.facts import Outcome
from orchestrator.journal.lock import is_owned
from orchestrator.journal.log import HEAD, JOURNAL
from orchestrator.journal.state import AgentState, State

BUNDLE = "work.bundle"
RUNS = "[0-9]*-[0-9]*-*"
"""Report folders of runs, by their names; those of the judge have others."""


def clean_run(folders: Folders, *, salvage: bool, discard: bool) -> str:
    """Remove the run's workspaces and its pin in the user's repository; returns what to tell the
    user.

    What is to be kept is written and read back first, then the folder is moved aside as a whole,
    and only then deleted: a kill at any point is repeated without loss. Raises UsageError when work
    would be lost: an unfinished run, or one whose tip is not landed.
    """
    with owned_run(folders, "wait until it has ended, or stop it"):
        state = read_state(folders)
        if not folders.workspaces.exists():
            _remove(folders)
            return f"{folders.run}: already clean"
        kept = ""
        if at_risk := _at_risk(state):
            if salvage:
                kept = f"; its work is in {_salvage(folders, state)}"
            elif not discard:
                raise UsageError(
                    f"run {folders.run} {at_risk}",
                    mend=f"{_way_on(state)}, keep it with --salvage, or give it up with --discard",
                )
        end_leftovers(folders.report)
        _unpin(state)
        if at_risk and not salvage:
            remove_tree(folders.landed)
        _remove(folders)
    return f"{folders.run}: cleaned{kept}"


def would_clean(folders: Folders, *, salvage: bool, discard: bool) -> str:
    """What `clean_run` would do now; nothing is touched."""
    state = read_state(folders)
    if not folders.workspaces.exists():
        return f"{folders.run}: already clean"
    if is_owned(folders.report):
        return f"{folders.run}: is at work, and would be left alone"
    files = [path for path in folders.workspaces.rglob("*") if path.is_file()]
    size = sum(path.lstat().st_size for path in files if not path.is_symlink())
    what = f"{len(files):,} files, {size / 2**20:,.1f} MiB of {folders.workspaces}"
    at_risk = _at_risk(state)
    if at_risk and not salvage and not discard:
        return f"{folders.run}: would be refused: it {at_risk}"
    kept = ", after its work is kept as a bundle" if at_risk and salvage else ""
    return f"{folders.run}: would remove {what}{kept}"


def _remove(folders: Folders) -> None:
    remove_workspaces(folders)
    forget_kept(folders)


def clean_stillborn(root: Path) -> Iterator[str]:
    """Remove what runs left that were killed before they recorded anything; what speaks of more is
    left alone.
    """
    for report in sorted((root / "reports").glob(RUNS)):
        folders = Folders(root, report.name)
        if not report.is_dir() or is_begun(folders):
            continue
        has_journal = (report / JOURNAL).exists()
        with owned_run(folders, "wait until it has begun"):
            told = _speaks_of_work(folders)
            if not told:
                _remove(folders)
                remove_tree(folders.report)
        if told and not has_journal:
            continue  # it had begun, and its journal is gone: whoever asks for it is told
        yield (
            f"{folders.run}: left alone: its journal is empty, but there is {told}"
            if told
            else f"{folders.run}: removed, it never began"
        )


def _speaks_of_work(folders: Folders) -> str:
    """What shows that a run whose journal is empty had begun; empty when nothing does."""
    head = folders.report / HEAD
    if head.is_file() and head.read_bytes().strip(b"0\n "):
        return f"a number of records in {HEAD}"
    others = sorted(path.name for path in folders.report.iterdir())
    if others := [name for name in others if name not in (JOURNAL, HEAD, NOTES)]:
        return ", ".join(others[:5])
    if b"\n" in (read_or_none(kept_folder(folders) / JOURNAL) or b""):
        return f"a copy of it in {kept_folder(folders)}"
    if folders.store.is_dir():
        with contextlib.closing(Store(folders.store, folders.run)) as store:
            if store.refs("refs/orchestrate"):
                return f"work in {folders.store}"
    return ""


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
        yield f"workspaces/snapshots/{folder.name}: removed, nothing was landed there"
    if snapshots(root).is_dir() and not any(snapshots(root).iterdir()):
        remove_place(root, "snapshots")


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


def _way_on(state: State) -> str:
    """The command that brings the work where it is not at risk, and that will not be refused."""
    if state.ended is None:
        return f"`orchestrate resume {state.run}`"
    if state.tip == state.started.base:
        return f"`orchestrate resume {state.run}` to try again what did not land"
    partial = " --partial" if state.ended.exit_code != 0 else ""
    branch = " --branch NAME" if state.started.branch is None else ""
    return f"`orchestrate land {state.run}{partial}{branch}` it"


def _has_work(agent: AgentState) -> bool:
    return any(attempt.ended and attempt.ended.commit for attempt in agent.attempts)


def _salvage(folders: Folders, state: State) -> Path:
    """All refs of the run as one file that `git fetch` reads, against the base. What an earlier
    salvage holds and this one does not is never replaced by it.
    """
    fresh, base = folders.report / ".salvage.bundle", state.started.base
    with contextlib.closing(Store.open(folders.store, state.run)) as store:
        refs = store.refs("refs/heads/orchestrate") | store.refs("refs/orchestrate")
        with writing_bundle(store, fresh, refs, since=[base]):
            pass
    with scratch_store(state, folders) as store:
        found = bring_in(store, [fresh])
        if found != refs or not store.is_whole(refs.values(), since=base):
            raise EnvironmentRefused(
                "what was salvaged cannot be read back, so nothing was removed",
                where=str(fresh),
                mend=f"see `git -C {folders.store} fsck`",
            )
    number, target = 1, folders.report / BUNDLE
    while not heads_of(target).items() <= refs.items():
        number += 1
        target = folders.report / f"work-{number}.bundle"
    fresh.replace(target)
    sync_folder(folders.report)
    keep_file(folders, target)
    return target


def _unpin(state: State) -> None:
    where = Path(state.started.repository)
    if where.exists():
        Repository.discover(where).unpin(state.run)
