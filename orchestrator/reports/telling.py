"""What a report says, in plain words: shared by every rendering, escaped by each in its own way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.journal.facts import CheckResult, Usage
from orchestrator.reports.model import AgentSummary, BatchSummary, Command, OpenItem, Summary
from orchestrator.reports.text import count, one_line

MARKS = {
    "✅": ("landed", "no_change_needed", "passed", "validated", "complete"),
    "⏳": ("pending", "running", "delivered", "integrating", "judging", "searching", "waiting"),
    "⏸️": ("interrupted", "stopped"),
    "⚪": ("unvalidated", "not_checked", "blocked", "cancelled"),
}
MARK_OF = {status: mark for mark, statuses in MARKS.items() for status in statuses}
RED = "❌"
"""The mark of every other state."""
SAME = 24
"""Characters from which a reason is not told again."""
TURNS: dict[str, str] = {
    "running": "Agents or gates are at work; nobody has to do anything.",
    "waiting": "It is a person's turn: a sign-off is waited for.",
    "interrupted": "It is your turn: the run was ended from outside, and goes on where it was.",
    "stopped": "It is your turn: the run stopped by itself, and goes on once the reason is mended.",
    "failed": "It is your turn: what is open is listed; what landed can be had as it is.",
    "complete": "It is your turn: look at it, and bring it home.",
}


@dataclass(frozen=True, slots=True)
class Item:
    """Open items that say the same of several things."""

    kind: str
    subjects: tuple[str, ...]
    text: str
    keeps_open: bool


def grouped(items: Sequence[OpenItem]) -> list[Item]:
    """What is said of several is said once; what keeps the mission open comes first."""
    subjects: dict[tuple[str, str, bool], list[str]] = {}
    for item in sorted(items, key=lambda item: not item.keeps_open):
        subjects.setdefault((item.kind, item.text, item.keeps_open), []).append(item.subject)
    return [
        Item(kind, tuple(names), text, keeps_open)
        for (kind, text, keeps_open), names in subjects.items()
    ]


def next_steps(summary: Summary) -> list[Command]:
    """What somebody may do now; what only shows how it was made stands at the end."""
    return [command for command in summary.commands if command.is_step]


def turn(status: str) -> str:
    """Whose turn it is."""
    return TURNS[status]


def told_by(batch: BatchSummary, agent: AgentSummary) -> AgentSummary | None:
    """The first agent of the batch that came out as this one did and for the same long reason; None
    where that is this one, so that a reason is told once.
    """
    first = next(other for other in batch.agents if other.reason == agent.reason)
    return None if first is agent or len(agent.reason or "") < SAME else first


def used(usage: Usage) -> str:
    """What agents used, in words."""
    cached = f" ({usage.tokens_cached:,} of them from a cache)" if usage.tokens_cached else ""
    cost = "" if usage.cost_usd is None else f", ${usage.cost_usd:,.2f}"
    return f"{usage.tokens_in:,} tokens read{cached}, {usage.tokens_out:,} written{cost}"


def found(check: CheckResult) -> str:
    """What a check counted or measured on the candidate."""
    if check.counts is not None:
        counts = check.counts
        red = counts.failed + counts.error
        parts = [
            f"{counts.executed:,} of {counts.collected:,} executed",
            f"{counts.passed:,} passed",
            f"{red:,} red",
        ]
        others = ("skipped", "xfailed", "xpassed", "deselected", "flaky")
        parts += [f"{number:,} {name}" for name in others if (number := getattr(counts, name))]
        parts += [count(check.reruns, "rerun")] if check.reruns else []
        return ", ".join(parts)
    if check.kind == "metric":
        return f"{_number(check.value)} (required {check.require})"
    if check.kind == "approval" and check.approved_by:
        return f"by {check.approved_by} at {check.approved_at}"
    if check.exit_code is not None:
        return f"exit code only: {check.exit_code}"
    return "–"


def against_base(check: CheckResult) -> str:
    """The same on the base, and what changed since."""
    parts: list[str] = []
    if check.base_counts is not None:
        base = check.base_counts
        parts.append(f"{base.passed:,} passed, {base.failed + base.error:,} red")
    if check.kind == "metric" and check.base_value is not None:
        parts.append(_number(check.base_value))
    changed = {
        "turned green": check.turned_green,
        "broken": check.broken,
        "still red": check.pre_existing,
    }
    parts += [f"{len(names):,} {word}" for word, names in changed.items() if names]
    return "; ".join(parts) or "–"


def _number(value: float | None) -> str:
    return "no number" if value is None else one_line(f"{value:g}")
