"""The batch graph and the timeline of a run, laid out here and drawn as SVG without any program of
the page's.

Pure: a summary in, markup out. Colours are the page's, by class; every text goes through `escape`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from markupsafe import Markup, escape

from orchestrator.reports.model import AttemptSummary, BatchSummary, Summary
from orchestrator.reports.telling import MARK_OF
from orchestrator.reports.text import crop, duration, one_line

_TONES = {"✅": "good", "⏳": "active", "⏸️": "held", "⚪": "dim"}
WIDTH, HIGH, ACROSS, DOWN = 190, 66, 60, 22
"""Of a batch of the graph, and between two of them, in units of the drawing."""
LABELS, BARS, ROW = 200, 800, 16
"""Of the timeline: the column of names, that of bars, the height of a row."""


def tone(status: str) -> str:
    """The class of a state's colour: good, bad, active, held or dim."""
    return _TONES.get(MARK_OF.get(status, ""), "bad")


def graph(summary: Summary) -> Markup:
    """Batches by wave from left to right, their needs as lines, their agents as squares."""
    at: dict[str, tuple[int, int]] = {}
    in_wave: dict[int, int] = {}
    waves = {wave: n for n, wave in enumerate(sorted({b.wave for b in summary.batches}))}
    for batch in summary.batches:
        row = in_wave.get(batch.wave, 0)
        in_wave[batch.wave] = row + 1
        at[batch.id] = (4 + waves[batch.wave] * (WIDTH + ACROSS), 4 + row * (HIGH + DOWN))
    wide = len(waves) * (WIDTH + ACROSS) - ACROSS + 8
    high = max(in_wave.values(), default=1) * (HIGH + DOWN) - DOWN + 8
    path = summary.times.critical_path
    critical = set(pairwise(path))
    lines = [
        _edge(at[need], at[batch.id], is_critical=(need, batch.id) in critical)
        for batch in summary.batches
        for need in batch.needs
        if need in at
    ]
    nodes = [_node(batch, *at[batch.id], is_critical=batch.id in path) for batch in summary.batches]
    return _drawing("Batches and what they need", wide, high, [*lines, *nodes])


def _edge(begin: tuple[int, int], end: tuple[int, int], *, is_critical: bool) -> Markup:
    x, y = begin[0] + WIDTH, begin[1] + HIGH // 2
    to_x, to_y = end[0], end[1] + HIGH // 2
    middle = (x + to_x) // 2
    kind = "edge critical" if is_critical else "edge"
    return Markup('<path class="{}" d="M{} {}C{} {} {} {} {} {}"/>').format(
        kind, x, y, middle, y, middle, to_y, to_x, to_y
    )


def _node(batch: BatchSummary, x: int, y: int, *, is_critical: bool) -> Markup:
    good = sum(agent.is_good for agent in batch.agents)
    words = f"{batch.status.replace('_', ' ')} · {good} of {len(batch.agents)}"
    if batch.seconds is not None:
        words += f" · {duration(batch.seconds)}"
    kind = f"node {tone(batch.status)}{' critical' if is_critical else ''}"
    squares = [
        Markup(
            '<a href="#agent-{0}"><rect class="{1}" x="{2}" y="{3}" width="{4}" height="10">'
            "<title>{0}: {5}</title></rect></a>"
        ).format(agent.id, tone(agent.status), *place, agent.status.replace("_", " "))
        for agent, place in zip(batch.agents, _squares(len(batch.agents), x, y), strict=True)
    ]
    return Markup(
        '<a href="#batch-{}"><rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="6"/>'
        '<text x="{}" y="{}" class="name">{}</text><text x="{}" y="{}">{}</text></a>{}'
    ).format(
        *(batch.id, kind, x, y, WIDTH, HIGH),
        *(x + 10, y + 19, crop(one_line(batch.title), 23)),
        *(x + 10, y + 36, words, Markup("").join(squares)),
    )


def _squares(number: int, x: int, y: int) -> Iterator[tuple[int, int, int]]:
    """Left, top and width of each agent's square in its batch."""
    step = min(13, max(2, (WIDTH - 20) // max(1, number)))
    for n in range(number):
        yield x + 10 + n * step, y + HIGH - 19, max(1, step - 2)


def timeline(summary: Summary) -> Markup:
    """Every attempt as a bar, and of every batch what it waited for and when nobody of it was at
    work: then it was put together, judged, or waited for its turn.
    """
    begin = summary.started_at
    whole = max((summary.updated_at - begin).total_seconds(), 0.001)

    def x(seconds: float) -> float:
        return round(LABELS + BARS * min(1.0, max(0.0, seconds / whole)), 1)

    def since(moment: datetime) -> float:
        return (moment - begin).total_seconds()

    def span(it: AttemptSummary) -> tuple[float, float]:
        start = since(it.started_at)
        # What runs still, or was cut off, has no length of its own.
        known = it.seconds if it.seconds is not None else (whole - start) * (it.phase == "running")
        return start, start + known

    def bar(kind: str, start: float, end: float, row: int, title: str) -> Markup:
        return Markup(
            '<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>'
        ).format(kind, x(start), row + 3, round(max(1.5, x(end) - x(start)), 1), ROW - 6, title)

    parts: list[Markup] = []
    row = 24
    ended = {b.id: since(b.ended_at) for b in summary.batches if b.ended_at}
    for batch in summary.batches:
        is_critical = batch.id in summary.times.critical_path
        parts.append(_label("batch", batch.id, batch.title, row, is_critical=is_critical))
        if batch.started_at:
            start = since(batch.started_at)
            end = ended.get(batch.id, whole)
            ready = max((ended.get(need, 0.0) for need in batch.needs), default=0.0)
            if start - ready > whole / BARS:
                told = f"waited {duration(start - ready)} for a place"
                parts.append(bar("wait", ready, start, row, told))
            busy = [span(it) for agent in batch.agents for it in agent.attempts]
            for gap_start, gap_end in _gaps(start, end, busy, whole / BARS):
                told = f"{batch.id}: merging, gates and waits, {duration(gap_end - gap_start)}"
                parts.append(bar("gate", gap_start, gap_end, row, told))
        row += ROW
        for agent in batch.agents:
            if not agent.attempts:
                continue
            parts.append(_label("agent", agent.id, agent.name, row))
            for it in agent.attempts:
                start, end = span(it)
                title = (
                    f"{agent.id}, attempt {it.number}: {it.status.replace('_', ' ')}, "
                    f"{duration(it.seconds)}"
                )
                parts.append(bar(tone(it.status), start, end, row, title))
            row += ROW
    ticks = [
        Markup(
            '<path class="tick" d="M{0} 18V{1}"/><text class="time" x="{0}" y="12">{2}</text>'
        ).format(x(whole * n / 4), row, duration(whole * n / 4))
        for n in range(5)
    ]
    return _drawing("When what was at work", LABELS + BARS + 50, row + 4, [*ticks, *parts])


def _label(kind: str, id: str, name: str, row: int, *, is_critical: bool = False) -> Markup:
    title = one_line(name, 300)
    shown = crop(title if kind == "batch" else f"{id} {title}", 23 if kind == "batch" else 26)
    return Markup(
        '<a href="#{}-{}"><text class="{}{}" x="{}" y="{}">{}<title>{}</title></text></a>'
    ).format(
        *(kind, id, "name" if kind == "batch" else "", " critical" if is_critical else ""),
        *(4 if kind == "batch" else 14, row + 12, shown, title),
    )


def _gaps(
    start: float, end: float, busy: list[tuple[float, float]], least: float
) -> Iterator[tuple[float, float]]:
    """The stretches between start and end, longer than `least`, in which nothing is busy."""
    at = start
    for begin, until in [*sorted(busy), (end, end)]:
        if begin - at > least:
            yield at, begin
        at = max(at, until)


def _drawing(title: str, wide: int, high: int, parts: list[Markup]) -> Markup:
    return Markup(
        '<svg role="img" viewBox="0 0 {0} {1}" width="{0}" height="{1}"><title>{2}</title>{3}</svg>'
    ).format(wide, high, escape(title), Markup("\n").join(parts))
