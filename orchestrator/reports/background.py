"""Writes reports beside the run instead of in its way: always the newest state, never a queue of
old ones.

The run's thread only says that there is something to write. What the disk refuses is raised at the
next event or at the end, in the run's thread, so that it is not swallowed.
"""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from orchestrator.engine.progress import Progress
from orchestrator.journal.events import Record
from orchestrator.journal.state import State

if TYPE_CHECKING:
    from orchestrator.reports.writer import ReportWriter

WORTH_A_REPORT = frozenset(
    {
        "agents_returned",
        "batch_landed",
        "batch_ended",
        "run_interrupted",
        "run_ended",
        "target_landed",
    }
)
"""Not attempts: a run of hundreds of agents has thousands of those, and nobody reads that fast."""
WORTH_A_PAGE = frozenset({"batch_ended", "run_interrupted", "run_ended", "target_landed"})
"""Of these, after which the formats are written as well that cost more."""

PAUSE_SECONDS = 0.3
"""What ends a batch begins the next, whose agents come first; and one report may then do for
several events.
"""


class BackgroundWriter:
    """An observer and a context manager; the last state is in `folder` when it is left."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._wanted = threading.Condition()
        self._state: State | None = None
        self._is_over = False
        self._is_page_wanted = False
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._work, name="report", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        with self._wanted:
            self._is_over = True
            self._wanted.notify()
        self._thread.join()
        if error is None:
            self._raise_failure()

    def on_record(self, record: Record, state: State) -> None:
        """Have the report written when the event changed what it says."""
        self._raise_failure()
        if record.event.kind in WORTH_A_REPORT:
            with self._wanted:
                self._state = state
                self._is_page_wanted |= record.event.kind in WORTH_A_PAGE
                self._wanted.notify()

    def on_progress(self, progress: Progress) -> None:
        """A report has nothing to say of what is not in the journal."""

    def _work(self) -> None:
        writer: ReportWriter | None = None
        while True:
            with self._wanted:
                self._wanted.wait_for(lambda: self._state or self._is_over)
                self._wanted.wait_for(lambda: self._is_over, PAUSE_SECONDS)
                state, self._state = self._state, None
                is_page_wanted, self._is_page_wanted = self._is_page_wanted, False
            if state is None:
                return
            try:
                writer = writer or _make_writer(self._folder)
                writer.write(state, formats=() if is_page_wanted else writer.quick)
            except Exception as error:  # noqa: BLE001 - raised again in the run's thread
                self._failure = error

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure


def _make_writer(folder: Path) -> ReportWriter:
    # It brings the models of reports and their templates, which no agent waits for.
    from orchestrator.reports.writer import ReportWriter

    return ReportWriter(folder)
