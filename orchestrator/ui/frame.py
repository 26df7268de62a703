"""One frame of the live view: a run's state as lines that fit a terminal of any size.

Pure: state, what moved since, the time and the size in; lines out. Each line is one row of the
terminal, so fitting is counting. Owns what is left out when there is too much: running work is
shown first, finished batches shrink to a line each and then to a number, and every cut says how
much it hides. `live` owns the terminal and the timer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from orchestrator.engine.progress import GateProgress, OutputLine
from orchestrator.journal.facts import Decision, Outcome
from orchestrator.journal.state import AgentState, BatchState, Phase, State
from orchestrator.reports.summary import batch_phase
from orchestrator.ui.text import count, duration, glyph, last_line, one_line, short, style, word

_PHASES = {
    Phase.PENDING: "pending",
    Phase.RUNNING: "running",
    Phase.READY: "delivered",
    Phase.ENDED: "ended",
}
_ORDER = {"running": 0, "delivered": 2, "pending": 3}
"""Agents of a batch: at work, then in trouble (1), then waiting, then done (4)."""
WIDE = 110
"""From here on there is room for agents' names."""


@dataclass(frozen=True, slots=True)
class Moving:
    """What is not in the journal: the newest line of each agent's attempt, and how far each batch's
    gate is.
    """

    lines: Mapping[str, OutputLine] = field(default_factory=dict)
    gates: Mapping[str, GateProgress] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class View:
    """What a frame is of, and how wide; `now` is in seconds since 1970."""

    state: State
    moving: Moving
    now: float
    width: int


def frame(view: View, height: int) -> list[Text]:
    """At most `height` lines of at most `view.width` cells."""
    state = view.state
    head = _head(view)
    finished: list[BatchState] = []
    active: list[BatchState] = []
    pending: list[BatchState] = []
    for batch in state.batches.values():
        phase = batch_phase(state, batch)
        (finished if phase == "ended" else pending if phase == "pending" else active).append(batch)
    done = [_finished_line(state, batch) for batch in finished]
    rest = [_pending_line(state, batch) for batch in pending]
    room = max(3, height - len(head))
    # Work in progress takes what it needs, but a little always stays to say what was and what will
    # be.
    sizes = [_block_size(state, batch) for batch in active]
    at_work = min(sum(sizes), room - min(3, len(done)) - min(3, len(rest)))
    room_done = min(len(done), room - at_work - min(3, len(rest)))
    room_rest = min(len(rest), room - at_work - room_done)
    lines = [
        *head,
        *_some(done, room_done, "more finished", keep_end=True),
        *_blocks(view, active, sizes, at_work),
        *_some(rest, room_rest, "more to come"),
    ]
    return [_fit(line, view.width) for line in lines[:height]]


def _head(view: View) -> list[Text]:
    state = view.state
    started = state.started
    elapsed = state.active_seconds
    if not state.ended and not state.interrupted:
        elapsed += max(0.0, view.now - state.updated_at)
    agents = state.agents.values()
    ended = [agent for agent in agents if agent.phase is Phase.ENDED]
    good = sum(agent.outcome is not None and agent.outcome.is_good for agent in ended)
    running = sum(agent.phase is Phase.RUNNING for agent in agents)
    title = Text.assemble(
        (one_line(started.mission.name, 40), "bold"), f"  {one_line(state.run, 60)}"
    )
    facts = f"{duration(elapsed)} · isolation {one_line(started.isolation, 60)} · tip {short(state.tip)}"
    tally = [
        f"{len(ended)} of {count(len(agents), 'agent')} done",
        f"{good} landed",
        f"{running} running",
    ]
    if bad := len(ended) - good:
        tally.insert(2, f"{bad} not landed")
    batches = sum(batch.outcome is not None for batch in state.batches.values())
    tally.append(f"{batches} of {count(len(state.batches), 'batch')}")
    spent = [Text(str(event), "yellow") for event in state.exceeded]
    spent += [Text(str(throttle), "yellow") for throttle in state.throttles.values()]
    return [title, Text(facts, "dim"), Text(", ".join(tally), "bold"), *spent, Text()]


def _finished_line(state: State, batch: BatchState) -> Text:
    agents = state.agents_of(batch.id)
    good = sum(agent.outcome is not None and agent.outcome.is_good for agent in agents)
    outcome = batch.outcome.value if batch.outcome else "ended"
    took = batch.ended_at - batch.started_at if batch.ended_at and batch.started_at else None
    line = _batch_title(state, batch, outcome)
    line.append(f"  {good} of {count(len(agents), 'agent')}")
    line.append(f"  {duration(took)}" if took is not None else "")
    if batch.verdicts and batch.verdicts[-1].verdict.said is Decision.NOT_CHECKED:
        line.append("  not checked: no gate", "yellow")
    line.append(f"  {one_line(batch.reason, 200)}" if batch.reason else "", "dim")
    return line


def _pending_line(state: State, batch: BatchState) -> Text:
    needs = [need for need in state.plan.batch(batch.id).needs if not state.is_whole(need)]
    line = _batch_title(state, batch, "pending")
    line.append(f"  {count(len(state.agents_of(batch.id)), 'agent')}")
    line.append(f", waits for {', '.join(needs)}" if needs else "")
    line.stylize("dim")
    return line


def _batch_title(state: State, batch: BatchState, status: str) -> Text:
    title = state.plan.batch(batch.id).batch.title
    line = Text.assemble(
        (f"{glyph(status)} {word(status)}", style(status)), "  ", (batch.id, "bold")
    )
    return line.append(f" {one_line(title, 40)}" if title else "")


def _block_size(state: State, batch: BatchState) -> int:
    return 1 + _has_gate_line(state, batch) + len(state.agents_of(batch.id))


def _running(state: State, batch: BatchState) -> int:
    return sum(agent.phase is Phase.RUNNING for agent in state.agents_of(batch.id))


def _has_gate_line(state: State, batch: BatchState) -> bool:
    return batch_phase(state, batch) in ("judging", "searching", "waiting")


def _blocks(
    view: View, active: Sequence[BatchState], sizes: Sequence[int], room: int
) -> list[Text]:
    """Batches at work, each with as fair a part of the room as it needs; what has no room is
    counted.
    """
    least = [1 + _has_gate_line(view.state, batch) for batch in active]
    shown = len(active)
    while shown and sum(least[:shown]) + (shown < len(active)) > room:
        shown -= 1
    given = least[:shown]
    spare = room - sum(given) - (shown < len(active))
    # First what is running, with a line for what that hides, then the rest of each batch.
    running = [_running(view.state, batch) for batch in active[:shown]]
    first = [
        min(sizes[n], least[n] + running[n] + 1) if running[n] else least[n] for n in range(shown)
    ]
    for wanted in (first, sizes):
        while spare > 0 and (hungry := [n for n in range(shown) if given[n] < wanted[n]]):
            for n in hungry[:spare]:
                given[n] += 1
                spare -= 1
    lines: list[Text] = []
    for batch, lines_given in zip(active, given, strict=False):
        lines += _block(view, batch, lines_given)
    if shown < len(active) and room > 0:
        lines.append(
            Text(f"  + {count(len(active) - shown, 'more batch', 'more batches')} at work", "dim")
        )
    return lines


def _block(view: View, batch: BatchState, room: int) -> list[Text]:
    state = view.state
    phase = batch_phase(state, batch)
    lines = [
        _batch_title(state, batch, phase).append(
            f"  {count(len(state.agents_of(batch.id)), 'agent')}", "dim"
        )
    ]
    if batch.candidate and batch.candidate.warnings:
        lines[0].append(
            f"  {count(len(batch.candidate.warnings), 'warning')} of the merge", "yellow"
        )
    if _has_gate_line(state, batch):
        lines.append(_gate_line(state, batch, view.moving.gates.get(batch.id)))
    agents = sorted(state.agents_of(batch.id), key=_rank)
    ids = max(len(agent.id) for agent in agents)
    rows = [_agent_line(view, agent, ids) for agent in agents]
    return lines + _some(rows, room - len(lines), "more agents")


def _rank(agent: AgentState) -> int:
    status = _status(agent)
    return 4 if agent.outcome and agent.outcome.is_good else _ORDER.get(status, 1)


def _status(agent: AgentState) -> str:
    return agent.outcome.value if agent.outcome else _PHASES[agent.phase]


def _agent_line(view: View, agent: AgentState, ids: int) -> Text:
    state, width, output = view.state, view.width, view.moving.lines.get(agent.id)
    status, last = _status(agent), agent.last
    elapsed = ""
    if last and last.ended:
        elapsed = duration(last.ended.seconds)
    elif last and last.is_running:
        elapsed = duration(max(0.0, view.now - last.started_at))
    number = agent.charged + (agent.phase is Phase.RUNNING)
    attempt = (
        f"{max(1, agent.charged + (agent.phase is Phase.RUNNING))}/{agent.limit}" if number else ""
    )
    planned = state.plan.agent(agent.id)
    racers = planned.racers if last is None or last.started.racer else ()
    backend = last.started.backend if last else planned.backend
    if racers and (agent.race or last is None):
        backend = count(len(racers), "racer")
    said = last_line(output.line) if output and agent.phase is Phase.RUNNING else ""
    name = one_line(planned.agent.name, 60)
    line = Text("  ")
    line.append(_pad(f"{glyph(status)} {word(status)}", 18) + " ", style(status))
    line.append(_pad(agent.id, min(ids, 20)) + " ", "bold")
    if width >= WIDE:
        line.append(_pad(name, 30) + " ")
    line.append(f"{elapsed:>7} " + _pad(attempt, 4))
    line.append(_pad(one_line(backend, 20), 10) + " ", "dim")
    line.append(said or _why(agent) or ("" if width >= WIDE else name), "" if said else "dim")
    return line


def _why(agent: AgentState) -> str:
    """What stands against it, also while it waits for another attempt."""
    again = "again after " if agent.phase is Phase.PENDING and agent.last else ""
    if agent.phase is Phase.RUNNING or agent.outcome is Outcome.LANDED:
        return ""
    if again and agent.last:
        outcome = agent.last.outcome.value if agent.last.outcome else "interrupted"
        return one_line(f"{again}{word(outcome)}: {agent.last.reason}".removesuffix(": "), 300)
    return one_line(agent.reason, 300)


def _gate_line(state: State, batch: BatchState, progress: GateProgress | None) -> Text:
    line = Text("  ")
    if batch.awaits_approval:
        gate = batch.verdict.gate if batch.verdict else ""
        line.append(f"{glyph('waiting')} gate {gate} waits for a person: ", "yellow")
        return line.append(f"orchestrate approve {state.run} {gate}")
    if batch.search:
        seen = count(len(batch.search.probes), "part")
        line.append(f"{glyph('searching')} looks for who made the gate red: {seen} judged", "blue")
    else:
        if not state.plan.batch(batch.id).gate:
            return line.append(f"{glyph('not_checked')} no gate: it will not be checked", "yellow")
        line.append(f"{glyph('judging')} gate {batch.gate.gate if batch.gate else ''}", "blue")
    if progress is None:
        return line if batch.search else line.append(": starting")
    line.append(f"{',' if batch.search else ''} {one_line(progress.check, 30)}: ")
    if progress.total is None:
        return line.append("collecting tests")
    line.append(
        f"{_bar(progress.done, progress.total)} {progress.done} of {count(progress.total, 'test')}"
    )
    return line.append(f", {progress.red} red", "red" if progress.red else "")


def _bar(done: int, total: int, cells: int = 16) -> str:
    filled = min(cells, done * cells // total) if total > 0 else 0
    return "[" + "=" * filled + " " * (cells - filled) + "]"


def _some(lines: list[Text], room: int, noun: str, *, keep_end: bool = False) -> list[Text]:
    """As many as there is room for; the last line of the room says how many are not shown."""
    if len(lines) <= room:
        return lines
    if room <= 0:
        return []
    shown = lines[len(lines) - room + 1 :] if keep_end else lines[: room - 1]
    hidden = Text(f"  + {len(lines) - len(shown):,} {noun}", "dim")
    return [hidden, *shown] if keep_end else [*shown, hidden]


def _pad(text: str, cells: int) -> str:
    """Exactly as wide as its column, wide characters counted as two."""
    return (
        set_cell_size(text, cells)
        if cell_len(text) <= cells
        else set_cell_size(text, cells - 1) + "…"
    )


def _fit(line: Text, width: int) -> Text:
    line.no_wrap = True
    line.truncate(width, overflow="ellipsis")
    return line
