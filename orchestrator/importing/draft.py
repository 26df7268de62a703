"""What was understood of a plan: batches, agents and claims, each with the line it came from, and
all that found no place.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Said:
    """A text of the plan, and its line there."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class ScopeLine:
    """A line about files: what of it is an entry of a scope, a remark, a thing to be done by a
    person.
    """

    said: Said
    entry: str = ""
    remark: str = ""
    todo: str = ""


@dataclass(slots=True)
class DraftAgent:
    """A piece of work, as far as the plan says it."""

    id: str
    name: str
    line: int
    mission: str = ""
    tasks: list[Said] = field(default_factory=list)
    files: list[ScopeLine] = field(default_factory=list)
    deliverables: list[Said] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    notes: list[Said] = field(default_factory=list)
    todos: list[Said] = field(default_factory=list)


@dataclass(slots=True)
class DraftBatch:
    """A batch or phase, as far as the plan says it."""

    id: str
    number: str
    title: str
    line: int
    heading: str = ""
    """As the plan has it."""
    parallel: int | None = None
    agents: list[DraftAgent] = field(default_factory=list)
    criteria: list[Said] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    notes: list[Said] = field(default_factory=list)
    todos: list[Said] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Unplaced:
    """Something that the plan says and the mission has no place for."""

    said: Said
    section: str


@dataclass(slots=True)
class Draft:
    """The mission that a plan comes to, before it is written down."""

    name: str
    objective: str
    notes: list[Said] = field(default_factory=list)
    batches: list[DraftBatch] = field(default_factory=list)
    unplaced: list[Unplaced] = field(default_factory=list)
