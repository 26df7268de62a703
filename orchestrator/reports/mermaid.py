"""The run as mermaid diagrams, which GitHub draws: what depended on what, and what ran when.

Every name that ends up in a diagram goes through `escape.diagram`, every id is made here, and both
diagrams have a bound, since beyond it GitHub refuses to draw them and nobody could read them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from orchestrator.reports.escape import diagram
from orchestrator.reports.model import AgentSummary, AttemptSummary, BatchSummary, Summary
from orchestrator.reports.text import count, duration

MOST_BATCHES = 60
MOST_EDGES = 200
MOST_BARS = 80
"""With more attempts, the gantt shows batches."""
_CLASSES = {
    "good": "fill:#d1f0d9,stroke:#1a7f37,color:#0b3d1b",
    "bad": "fill:#ffd9d6,stroke:#cf222e,color:#5c0a10",
    "stopped": "fill:#eaeef2,stroke:#6e7781,color:#24292f,stroke-dasharray:5 4",
    "active": "fill:#d6e9ff,stroke:#0969da,color:#06325f",
    "open": "fill:#ffffff,stroke:#6e7781,color:#24292f",
}


def flowchart(summary: Summary) -> str:
    """Batches and their needs, each with its outcome in words; empty when there are too many to
    draw.
    """
    edges = [(need, batch.id) for batch in summary.batches for need in batch.needs]
    if len(summary.batches) > MOST_BATCHES or len(edges) > MOST_EDGES:
        return ""
    node = {batch.id: f"b{index}" for index, batch in enumerate(summary.batches)}
    lines = ["flowchart LR"]
    lines += [
        f'  {node[batch.id]}["{_label(batch)}"]:::{_class(batch)}' for batch in summary.batches
    ]
    lines += [f"  {node[need]} --> {node[batch]}" for need, batch in edges]
    used = {_class(batch) for batch in summary.batches}
    lines += [f"  classDef {name} {css}" for name, css in _CLASSES.items() if name in used]
    return "\n".join(lines)


def gantt(summary: Summary) -> str:
    """When each attempt ran (UTC), or each batch where there are too many attempts; empty when
    nothing has run.
    """
    started = [batch for batch in summary.batches if batch.started_at]
    bars = sum(len(agent.attempts) for batch in started for agent in batch.agents)
    if not bars:
        return ""
    rows = _batch_rows(started) if bars > MOST_BARS else _attempt_rows(started, summary.updated_at)
    head = [
        "gantt",
        "  dateFormat YYYY-MM-DDTHH:mm:ss.SSS",
        f"  axisFormat {_axis(summary)}",
        "  todayMarker off",
    ]
    return "\n".join([*head, *rows])


def _label(batch: BatchSummary) -> str:
    good = sum(agent.is_good for agent in batch.agents)
    parts = [f"<b>{diagram(batch.title)}</b>", batch.status.replace("_", " ")]
    parts.append(f"{good} of {count(len(batch.agents), 'agent')}")
    if batch.seconds is not None:
        parts.append(duration(batch.seconds))
    return "<br/>".join(parts)


def _class(batch: BatchSummary) -> str:
    if batch.outcome is None:
        return "open" if batch.phase == "pending" else "active"
    if batch.is_whole:
        return "good"
    return "stopped" if batch.status in ("blocked", "cancelled") else "bad"


def _attempt_rows(batches: list[BatchSummary], now: datetime) -> Iterator[str]:
    for batch in batches:
        attempts = [(agent, attempt) for agent in batch.agents for attempt in agent.attempts]
        if not attempts:
            continue
        yield f"  section {diagram(batch.id, 24)}"  # its title would run into the bars
        for agent, attempt in sorted(attempts, key=lambda pair: pair[1].started_at):
            yield f"  {_name(agent, attempt)} :{_tag(attempt)}{_span(attempt.started_at, _end(attempt, agent, now))}"


def _batch_rows(batches: list[BatchSummary]) -> Iterator[str]:
    for batch in batches:
        if batch.started_at and batch.seconds is not None:
            tag = "" if batch.is_whole else "active, " if batch.outcome is None else "crit, "
            end = batch.started_at + timedelta(seconds=batch.seconds)
            yield f"  batch {diagram(batch.id)} - {batch.status.replace('_', ' ')} :{tag}{_span(batch.started_at, end)}"


def _name(agent: AgentSummary, attempt: AttemptSummary) -> str:
    # The first word keeps an id such as "section" or "click" from being read as the diagram's own.
    number = f" attempt {attempt.number}" if len(agent.attempts) > 1 else ""
    return f"agent {diagram(agent.id)}{number} - {attempt.status.replace('_', ' ')}"


def _tag(attempt: AttemptSummary) -> str:
    if attempt.phase == "running":
        return "active, "
    is_good = attempt.phase == "delivered" or (
        attempt.outcome is not None and attempt.outcome.is_good
    )
    return "" if is_good else "crit, "


def _end(attempt: AttemptSummary, agent: AgentSummary, now: datetime) -> datetime:
    """When it ended; for one that was interrupted nobody knows, so it is drawn no longer than it
    can have been.
    """
    if attempt.seconds is not None:
        return attempt.started_at + timedelta(seconds=attempt.seconds)
    if attempt.phase == "running":
        return max(now, attempt.started_at)
    later = [other.started_at for other in agent.attempts if other.started_at > attempt.started_at]
    return min([*later, attempt.started_at + timedelta(seconds=1)])


def _span(start: datetime, end: datetime) -> str:
    # A bar of no length is not drawn; a tenth of a second is.
    return f"{_stamp(start)}, {_stamp(max(end, start + timedelta(seconds=0.1)))}"


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}"


def _axis(summary: Summary) -> str:
    seconds = (summary.updated_at - summary.started_at).total_seconds()
    return "%H:%M:%S" if seconds < 3600 else "%H:%M" if seconds < 86400 else "%d %b %H:%M"
