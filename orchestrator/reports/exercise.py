"""What there is to know of a change beside its verdict, in one line each."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.journal.facts import Exercise
from orchestrator.reports.text import one_line

MOST = 3


def exercise_note(exercise: Exercise | None) -> str:
    """Which changed functions no test calls, which changes could not be broken, and which new tests
    notice nothing; empty when there are none.
    """
    if exercise is None:
        return ""
    parts = []
    if exercise.not_called:
        parts.append(f"changed, and not called by its tests: {_some(exercise.not_called)}")
    if exercise.unbreakable and not exercise.undone:
        parts.append(f"changed, and cannot be broken on purpose: {_some(exercise.unbreakable)}")
    if exercise.careless:
        parts.append(f"new tests that notice nothing: {_some(exercise.careless)}")
    return "; ".join(parts)


def suspicious_note(found: Sequence[str]) -> str:
    """The places where product code mentions what only a judge has; empty when there are none."""
    return f"product code that may know when it is judged: {_some(found)}" if found else ""


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(one_line(name, 120) for name in names[:MOST]) + more
