"""A run at a glance, all runs in a table, and the last words of a run: summaries on a terminal.

Owns what `orchestrate status` and `orchestrate runs` print, and how a display says goodbye.
Everything comes from the summary; nothing here looks at a state or a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from orchestrator.reports.exercise import exercise_note
from orchestrator.reports.model import AgentSummary, BatchSummary, SearchSummary, Summary
from orchestrator.ui.talk_view import talk_lines
from orchestrator.ui.text import count, duration, glyph, one_line, short, style, word

MOST_ITEMS = 10
MOST_AGENTS = 40


def render_status(summary: Summary, console: Console) -> None:
    """One run at a glance: where it stands, its batches, the agents that a person asks about, and
    what to type next.
    """
    console.print(
        Text.assemble((one_line(summary.mission), "bold"), f"  {one_line(summary.run)}"),
        soft_wrap=True,
    )
    console.print(_facts(summary))
    console.print()
    console.print(_batches(summary))
    agents = _of_note(summary)
    if agents:
        console.print()
        console.print(_agents(agents[:MOST_AGENTS]))
        if len(agents) > MOST_AGENTS:
            console.print(Text(f"+ {count(len(agents) - MOST_AGENTS, 'more agent')}", "dim"))
    for line in talk_lines(summary):
        console.print(Text(line), soft_wrap=True)
    console.print()
    console.print(_advice(summary))
    for command in summary.commands[:2]:
        console.print(Text(f"  {command.line}  # {command.purpose}", "dim"), soft_wrap=True)


def render_runs(summaries: Iterable[Summary], console: Console) -> None:
    """All runs, one line each, in the order that they are given."""
    # A run's id says what it was of; what is left out on a narrow terminal is in `orchestrate
    # status`.
    is_wide = console.width >= 100
    more = ("mission", "tip") if is_wide else ()
    table = _table("run", "status", ">agents", ">batches", ">time", "advice", *more)
    for summary in summaries:
        counts = summary.counts
        advice = summary.recommendation
        is_over = summary.status in ("complete", "failed")
        table.add_row(
            Text(one_line(summary.run)),
            _mark(summary.status),
            f"{counts.agents_good}/{counts.agents}",
            f"{counts.batches_whole}/{counts.batches}",
            duration(summary.times.wall),
            _mark("complete" if advice.is_resolved else "open", word(advice.decision))
            if is_over
            else Text("–"),
            *((Text(one_line(summary.mission, 40)), short(summary.tip)) if is_wide else ()),
        )
    console.print(
        table if table.row_count else Text("no runs yet: `orchestrate run MISSION` makes one")
    )


def last_words(summary: Summary, report: str = "") -> RenderableType:
    """What remains on the terminal when a display ends: the advice, the numbers, what went wrong,
    where to read on.
    """
    lines: list[RenderableType] = [
        Text.assemble(
            (one_line(summary.mission), "bold"),
            f"  {one_line(summary.run)}  ",
            _mark(summary.status),
        ),
        _facts(summary),
        _advice(summary),
    ]
    lines += [
        Text(f"  {command.line}", "dim")
        for command in summary.commands[:1]
        if summary.status != "complete"
    ]
    if report:
        lines.append(Text(f"report: {one_line(report)}"))
    return Group(*lines)


def _facts(summary: Summary) -> RenderableType:
    counts, times = summary.counts, summary.times
    speed = (
        f", {times.speed_up:.1f} times as fast as one after the other"
        if (times.speed_up or 0) >= 1
        else ""
    )
    landed = f"{counts.agents_good} of {count(counts.agents, 'agent')} landed, {counts.agents_running} running"
    whole = f"{counts.batches_whole} of {count(counts.batches, 'batch')} whole"
    criteria = f"criteria {counts.criteria.validated} of {counts.criteria.total} validated"
    deliverables = f"deliverables {counts.deliverables.validated} of {counts.deliverables.total}"
    where = f"isolation {one_line(summary.isolation)}; tip {short(summary.tip)}"
    took = f"{word(summary.status)}, {duration(times.wall)}{speed}"
    lines = [took, f"{landed}; {whole}", f"{criteria}, {deliverables}", where]
    lines += map(one_line, summary.limits)
    if summary.replayed:
        lines.append(
            f"replayed a recording ({', '.join(summary.replayed)}): no agent was at work in those attempts"
        )
    return Group(*(Text(line) for line in lines))


def _advice(summary: Summary) -> RenderableType:
    advice = summary.recommendation
    mark = _mark("complete", "resolved") if advice.is_resolved else _mark("open", "keep open")
    items = [item for item in advice.items if item.keeps_open]  # the others are in the report
    lines: list[Text] = [Text.assemble(mark, f": {one_line(advice.text)}")]
    lines += [
        Text(f"  - {word(item.kind)} {item.subject}: {one_line(item.text, 300)}")
        for item in items[:MOST_ITEMS]
    ]
    if len(items) > MOST_ITEMS:
        lines.append(
            Text(f"  + {count(len(items) - MOST_ITEMS, 'more item')}, all in the report", "dim")
        )
    return Group(*lines)


def _batches(summary: Summary) -> Table:
    table = _table("batch", "outcome", ">agents", "gate", ">criteria", ">time", "why")
    for batch in summary.batches:
        good = sum(agent.is_good for agent in batch.agents)
        valid = sum(claim.status.value == "validated" for claim in batch.criteria)
        table.add_row(
            Text(batch.id),
            _mark(batch.status),
            f"{good}/{len(batch.agents)}",
            _gate(batch),
            f"{valid}/{len(batch.criteria)}",
            duration(batch.seconds),
            Text(_why(batch)),
        )
    return table


def _gate(batch: BatchSummary) -> Text:
    verdict = batch.verdict
    if verdict is None:
        return Text("not run" if batch.gate else "no gate", "dim")
    return _mark(verdict.decision.value, "vacuous" if verdict.is_vacuous else "")


def _why(batch: BatchSummary) -> str:
    if batch.phase == "pending" and batch.needs:
        return f"waits for {', '.join(batch.needs)}"
    note = exercise_note(batch.verdict.exercise) if batch.verdict and not batch.reason else ""
    return one_line(
        "; ".join(part for part in (batch.reason, *map(_searched, batch.searches), note) if part),
        200,
    )


def _searched(search: SearchSummary) -> str:
    """Who made the gate red, and how many runs it took to know."""
    names = ", ".join(" with ".join(culprit.agents) for culprit in search.culprits)
    return f"red with {names}, known after {count(search.runs, 'run')}" if names else ""


def _of_note(summary: Summary) -> list[AgentSummary]:
    """Those at work, and those that did not make it by themselves."""
    quiet = ("pending", "blocked", "cancelled", "landed", "no_change_needed")
    return [agent for agent in summary.agents if agent.status not in quiet]


def _agents(agents: Sequence[AgentSummary]) -> Table:
    table = _table("agent", "state", ">attempt", ">time", "backend", "why")
    for agent in agents:
        table.add_row(
            Text(agent.id),
            _mark(agent.status),
            f"{len(agent.attempts)}/{agent.attempts_allowed}",
            duration(agent.seconds) if agent.seconds else "–",
            Text(_backend(agent)),
            Text(one_line(agent.reason, 200)),
        )
    return table


def _backend(agent: AgentSummary) -> str:
    """Whom it is, or was last, given to."""
    if agent.race and not agent.races:
        return count(len(agent.race), "racer")
    return agent.attempts[-1].backend if agent.attempts else agent.backend


def _table(*names: str) -> Table:
    """Plain columns: `>name` is numbers; the last column is the first to give way."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in names:
        number = name.startswith(">")
        table.add_column(
            name.lstrip(">"),
            justify="right" if number else "left",
            no_wrap=True,
            overflow="ellipsis",
            ratio=1 if name == "why" else None,
        )
    table.expand = any(name == "why" for name in names)
    return table


def _mark(status: str, said: str = "") -> Text:
    return Text(f"{glyph(status)} {said or word(status)}", style(status))
