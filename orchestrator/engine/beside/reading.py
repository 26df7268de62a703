"""A run as its journal tells it, read without disturbing whoever works on it."""

from __future__ import annotations

from orchestrator.engine.folders import Folders
from orchestrator.errors import UsageError
from orchestrator.journal.log import JOURNAL, read
from orchestrator.journal.state import State, fold


def is_begun(folders: Folders) -> bool:
    """Whether the run has recorded anything; a kill in its first milliseconds leaves one that has
    not.
    """
    path = folders.report / JOURNAL
    return path.is_file() and b"\n" in path.read_bytes()


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
