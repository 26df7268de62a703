"""A run as its journal tells it, read without disturbing whoever works on it."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from orchestrator.engine.folders import Folders
from orchestrator.errors import JournalDamaged, UsageError
from orchestrator.journal.log import HEAD, HEADLESS, JOURNAL, has_head, read
from orchestrator.journal.own_file import way_out
from orchestrator.journal.state import State, fold


def is_begun(folders: Folders) -> bool:
    """Whether the run has recorded anything; a kill in its first milliseconds leaves one that has
    not.
    """
    path = folders.report / JOURNAL
    return path.is_file() and b"\n" in path.read_bytes()


def headless(folders: Folders) -> str:
    """What to tell people of a journal that lacks its head; empty for one that has it."""
    return "" if has_head(folders.report) else HEADLESS


def lost_journals(root: Path) -> list[str]:
    """Runs that had recorded something and whose journal is gone or empty now, oldest first."""
    places = sorted((root / "reports").glob("*"))
    return [
        place.name
        for place in places
        if _had_journal(place) and not is_begun(Folders(root, place.name))
    ]


def refuse_lost(folders: Folders) -> NoReturn:
    """Raise JournalDamaged, saying what is wrong with the journal of such a run."""
    read(folders.report)
    raise JournalDamaged(
        "the journal is empty",
        where=str(folders.report / JOURNAL),
        mend=way_out(folders.report),
    )


def _had_journal(report: Path) -> bool:
    """A report is only written of what has been recorded, and so is the number in the head."""
    head = report / HEAD
    return (report / "report.json").is_file() or (head.is_file() and head.stat().st_size > 0)


def read_state(folders: Folders) -> State:
    """The state of a run, read without disturbing whoever owns it. Raises UsageError for one that
    never began.
    """
    state = fold(read(folders.report).records)
    if state is None:
        raise UsageError(f"run {folders.run} never began", mend="run its mission again")
    return state


def is_complete(folders: Folders) -> bool:
    """Whether the run has ended with everything landed."""
    ended = read_state(folders).ended
    return ended is not None and ended.exit_code == 0
