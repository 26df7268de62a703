"""What there is to know of an exercise check beside its verdict, in one line."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.journal.facts import Exercise
from orchestrator.reports.text import one_line

MOST = 3


def exercise_note(exercise: Exercise | None) -> str:
    """Which changed functions no test calls, and which changes could not be broken; empty when
    there are none.
    """
    if exercise is None:
        return ""
    parts = []
    if exercise.not_called:
        parts.append(f"changed, and not called by its tests: {_some(exercise.not_called)}")
    if exercise.unbreakable:
        parts.append(f"changed, and cannot be broken on purpose: {_some(exercise.unbreakable)}")
    return "; ".join(parts)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(one_line(name, 120) for name in names[:MOST]) + more
