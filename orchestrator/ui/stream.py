"""`--json`: the run's events for machines, one JSON line each, exactly as the journal has them.

Progress is not in it: what is worth keeping is an event, and the rest would differ from one run to
the next.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self, TextIO

from orchestrator.engine.progress import Progress
from orchestrator.journal.events import Record
from orchestrator.journal.state import State
from orchestrator.ui.lines import LineWriter


class JsonStream:
    """Each record as soon as it is durable."""

    def __init__(self, out: TextIO) -> None:
        self._out = LineWriter(out)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...

    def on_record(self, record: Record, state: State) -> None:  # noqa: ARG002 - the protocol's
        """One line."""
        self._out.line(record.model_dump_json(by_alias=True))

    def on_progress(self, progress: Progress) -> None:
        """Not an event."""
