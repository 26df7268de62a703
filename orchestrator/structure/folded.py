"""What a merge of one file can come to: a text, or conflicts with their reasons."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Conflict:
    """What could not be merged: the qualified name of the symbol, empty for a whole file, and
    why.
    """

    symbol: str
    reason: str


@dataclass(slots=True)
class Folded:
    """The text, which means nothing if there are conflicts, and what a person may want to know
    about it.
    """

    text: bytes = b""
    conflicts: list[Conflict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
