"""Writes reports beside the run instead of in its way: always the newest state, never a queue of old ones.

The run's thread only says that there is something to write. What the disk refuses is raised at the next event or at the
end, in the run's thread, so that it is not swallowed.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from orchestrator.engine.progress import Progress
from orchestrator.journal.events import Record
from orchestrator.journal.state import State
from orchestrator.reports.writer import WORTH_A_REPORT, ReportWriter


class BackgroundWriter:
    """An observer and a context manager; the last state is on disk when it is left."""

    def __init__(self, writer: ReportWriter) -> None:
        self._writer = writer
        self._wanted = threading.Condition()
        self._state: State | None = None
        self._is_over = False
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._work, name="report", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
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
                self._wanted.notify()

    def on_progress(self, progress: Progress) -> None:
        """A report has nothing to say of what is not in the journal."""

    def _work(self) -> None:
        self._writer.prepare()
        while True:
            with self._wanted:
                self._wanted.wait_for(lambda: self._state or self._is_over)
                state, self._state = self._state, None
            if state is None:
                return
            try:
                self._writer.write(state)
            except Exception as error:  # noqa: BLE001 - raised again in the run's thread
                self._failure = error

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
