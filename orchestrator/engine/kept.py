"""What of a run outlives the loss of either of its halves.

The durable half (`reports/<run>`) has what landed as bundles, one for each landing, written before
the landing is acknowledged: without its store a run can be landed and gone on with. The other half
(in the user's cache, see `places`) has a copy of the journal and of what was salvaged: `git clean
-xfd` in the checkout, which takes `reports/` and every link, takes nothing that is not found again.
Owns these files and when they are believed. What they tell is the journal's and git's to say.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from orchestrator.engine.folders import Folders
from orchestrator.engine.places import hidden_place
from orchestrator.engine.progress import Progress
from orchestrator.git.bundles import bring_in, heads_of, writing_bundle
from orchestrator.git.folder import remove_tree
from orchestrator.git.store import Store
from orchestrator.journal.events import Record
from orchestrator.journal.lock import owned
from orchestrator.journal.log import JOURNAL
from orchestrator.journal.state import Attempt, State

SALVAGED = "work*.bundle"
"""What `clean --salvage` leaves in the report folder."""


def landed_refs(state: State, batch: str, commit: str, agents: Sequence[str]) -> dict[str, str]:
    """What a landing is kept with: the commit, and all that its agents had made."""
    run = state.run
    made = {
        f"refs/orchestrate/{run}/{agent}/{number}": commit_of(attempt)
        for agent in agents
        for number, attempt in enumerate(state.agents[agent].attempts, start=1)
    }
    refs = {
        f"refs/heads/orchestrate/{run}": commit,
        f"refs/orchestrate/{run}/landed/{batch}": commit,
    }
    return refs | {name: oid for name, oid in made.items() if oid}


def commit_of(attempt: Attempt) -> str:
    """What an attempt made; empty when that was nothing."""
    return (attempt.ended.commit or "") if attempt.ended else ""


@contextlib.contextmanager
def keeping_landing(
    store: Store, folders: Folders, refs: dict[str, str], before: str, commit: str
) -> Iterator[None]:
    """Have a landing written beside the journal while the tip is moved."""
    # What an attempt had made before an earlier store was lost is nowhere any more.
    refs = {name: oid for name, oid in refs.items() if store.has(oid)}
    target = folders.landed / f"{commit}.bundle"
    if commit == before or heads_of(target).items() >= refs.items():
        yield
        return
    with writing_bundle(store, target, refs, since=[before]):
        yield


def bring_landed(store: Store, folders: Folders, state: State) -> None:
    """Take what landed, and what was salvaged, into a store that lacks it, as far as there is
    something of it.
    """
    bundles = [*folders.landed.glob("*.bundle"), *folders.report.glob(SALVAGED)]
    for name, oid in bring_in(store, sorted(bundles)).items():
        if name != store.tip_name and store.has(oid):
            store.set_ref(name, oid, old=None)
    if store.has(state.tip):
        store.set_ref(store.tip_name, state.tip, old=None)


# -- the journal's copy


def kept_folder(folders: Folders) -> Path:
    """Where the other half has what it has of the durable one."""
    return hidden_place(folders.root, "kept") / folders.run


@contextlib.contextmanager
def owned_run(folders: Folders, mend: str) -> Iterator[None]:
    """Hold the run alone, also should its report folder be removed meanwhile."""
    kept = kept_folder(folders)
    with owned(folders.report, f"run {folders.run}", mend):
        kept.mkdir(mode=0o700, parents=True, exist_ok=True)
        with owned(kept, f"run {folders.run}", mend):
            yield


def copy_journal(folders: Folders) -> None:
    """Bring the copy up to the journal. It is not synced: it stands against what people do."""
    _bring_up(folders.report / JOURNAL, kept_folder(folders) / JOURNAL)


def _bring_up(source: Path, target: Path) -> None:
    with (
        contextlib.suppress(OSError),  # a run does not depend on it
        source.open("rb") as journal,
        target.open("ab") as copy,
    ):
        have = copy.tell()
        if have > os.fstat(journal.fileno()).st_size:  # of a journal that was mended since
            copy.truncate(0)
            have = 0
        journal.seek(have)
        shutil.copyfileobj(journal, copy)


class Copying:
    """Copies every record as soon as it is in the journal."""

    def __init__(self, folders: Folders) -> None:
        self._source, self._target = folders.report / JOURNAL, kept_folder(folders) / JOURNAL

    def on_record(self, record: Record, state: State) -> None:  # noqa: ARG002 - the file is copied
        _bring_up(self._source, self._target)

    def on_progress(self, progress: Progress) -> None:
        """Of no interest here."""


def renew_journal_copy(folders: Folders) -> None:
    """Copy the whole journal, unless the copy is how it begins."""
    source, target = folders.report / JOURNAL, kept_folder(folders) / JOURNAL
    with contextlib.suppress(OSError):
        if target.exists() and not source.read_bytes().startswith(target.read_bytes()):
            target.unlink()
    copy_journal(folders)


def keep_file(folders: Folders, path: Path) -> None:
    """Have a file of the report in the other half too, without a second copy where that can be."""
    kept = kept_folder(folders)
    kept.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = kept / f".{path.name}.new"
    fresh.unlink(missing_ok=True)
    try:
        os.link(path, fresh)
    except OSError:  # on another disk
        shutil.copyfile(path, fresh)
    fresh.replace(kept / path.name)
    fresh.unlink(missing_ok=True)  # where both were one file


def forget_kept(folders: Folders) -> None:
    """Remove the copy of a run whose other half is removed; what was salvaged stays."""
    kept = kept_folder(folders)
    if not list(kept.glob("*.bundle")):
        remove_tree(kept)
