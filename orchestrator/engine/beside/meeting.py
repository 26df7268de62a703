"""A commit of a run and what came meanwhile, put together: which two, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.engine.beside.judgement import Judgement
from orchestrator.merging.contribution import Conflict


@dataclass(frozen=True, slots=True)
class Reproof:
    """What came of it: `landed` says where it went, or is empty because of the conflicts or of what
    the gates found.
    """

    landed: str = ""
    conflicts: tuple[Conflict, ...] = ()
    judgement: Judgement | None = None
    candidate: str = ""
    """The commit with both, where the gates passed on it."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """A commit of the run and what it is put on top of: `onto`, a commit of the user's repository,
    which people call `name`. Of the run's gates those of `batches` judge it; None: all that landed.
    """

    name: str
    onto: str
    commit: str
    batches: frozenset[str] | None = None
