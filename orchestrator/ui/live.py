"""The live view: a run on a terminal, redrawn by its own timer and never by events.

Owns the terminal while the run goes on (its alternate screen, so that a resize leaves nothing
behind) and the last words after it. What is drawn is `frame`'s. Events only hand over the newest
state, so a flood of them costs nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from orchestrator.engine.progress import GateProgress, OutputLine, Progress
from orchestrator.journal.events import Record
from orchestrator.journal.state import State
from orchestrator.reports.summary import summarize
from orchestrator.ui.frame import Moving, View, frame
from orchestrator.ui.status_view import last_words

REFRESHES = 5
"""A second; seconds are what is shown, and output lines that change faster cannot be read."""


class LiveDisplay:
    """Enter it before the run, leave it after; `report` is what the last words point to."""

    def __init__(
        self, console: Console, *, report: str = "", clock: Callable[[], float] = time.time
    ) -> None:
        self._console = console
        self._report = report
        self._clock = clock
        self._state: State | None = None
        self._lines: dict[str, OutputLine] = {}
        self._gates: dict[str, GateProgress] = {}
        self._live = Live(
            self,
            console=console,
            screen=console.is_terminal,
            auto_refresh=True,
            refresh_per_second=REFRESHES,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self._live.stop()
        if self._state is not None:
            self._console.print(last_words(summarize(self._state, is_alive=False), self._report))

    def on_record(self, record: Record, state: State) -> None:
        """The newest state; what was moving in an attempt or gate that has ended is forgotten."""
        self._state = state
        event = record.event
        match event.kind:
            case "attempt_started" | "attempt_ended" | "attempt_interrupted":
                self._lines.pop(event.agent, None)
            case "gate_started" | "gate_finished":
                self._gates.pop(event.batch, None)
            case "run_resumed":
                self._lines.clear()
                self._gates.clear()

    def on_progress(self, progress: Progress) -> None:
        """Kept as it came; it is made presentable when it is drawn, which is far less often."""
        if isinstance(progress, OutputLine):
            self._lines[progress.agent] = progress
        else:
            self._gates[progress.batch] = progress

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self._state is None:
            yield Text("starting …", "dim")
            return
        # The timer's thread draws while the run's thread goes on: copy what may change under the
        # pen.
        moving = Moving(dict(self._lines), dict(self._gates))
        width, height = console.size
        yield from frame(View(self._state, moving, self._clock(), width), height)
