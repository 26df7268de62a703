"""What agents hand in to be merged, and what can come of it.

Owns the values that `integrate` takes and gives. It merges nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

TIP = "the tip"
"""Stands among the agents that a conflict is with, for what had landed before."""


class ConflictKind(StrEnum):
    """In what way two pieces of work contradict each other."""

    CONTENT = "content"
    ADD_ADD = "add_add"
    BINARY = "binary"
    SYMLINK = "symlink"
    MODE = "mode"
    MODIFY_DELETE = "modify_delete"
    RENAME_DELETE = "rename_delete"
    RENAME_RENAME = "rename_rename"
    RENAME_COLLISION = "rename_collision"
    DIRECTORY_RENAME = "directory_rename"
    FILE_DIRECTORY = "file_directory"
    SUBMODULE = "submodule"
    CHECKS = "checks"  # each side is right, and what they make together is not
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Contribution:
    """What an agent hands in: its captured commit and the commit that it started from."""

    agent: str
    base: str
    commit: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why an agent was left out: where, in what way, against whom (agents before it, or `TIP`), in
    words for people.

    `symbol` is the qualified name of what both changed; empty where it is the file as a whole.
    """

    path: str
    agent: str
    others: tuple[str, ...]
    kind: ConflictKind
    text: str
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """What the merge of an agent's work decided in a file and a person may want to know."""

    agent: str
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Misfit:
    """Something between the work of two agents that merged and may not work together; the gate
    decides.
    """

    check: str
    path: str
    symbol: str
    agents: tuple[str, str]
    text: str


@dataclass(frozen=True, slots=True)
class Integration:
    """The candidate. `commit` is None if nothing was merged; `tree` is then the tip's. Every agent
    is in one list.
    """

    commit: str | None
    tree: str
    merged: tuple[str, ...]
    conflicts: tuple[Conflict, ...]
    notes: tuple[Note, ...] = ()
    warnings: tuple[Misfit, ...] = ()
