"""The one place where an event becomes true: journal first, then state, then whoever watches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import anyio

from orchestrator.engine.progress import Progress
from orchestrator.errors import OrchestrateError
from orchestrator.isolation.secrets import without_secrets
from orchestrator.journal.bounds import bounded
from orchestrator.journal.events import Event, Record, RunStarted
from orchestrator.journal.log import Journal
from orchestrator.journal.state import State, apply, fold


class Observer(Protocol):
    """Whoever watches a run: a display, a report writer, a stream for machines."""

    def on_record(self, record: Record, state: State) -> None:
        """An event has been made durable; `state` is the fold up to and including it."""
        ...

    def on_progress(self, progress: Progress) -> None:
        """Something moved that is not worth keeping."""
        ...


class Recorder:
    """Appends events, folds them, and tells observers. Used from the event loop's thread only."""

    def __init__(self, journal: Journal, observers: Sequence[Observer] = ()) -> None:
        self._journal = journal
        self._observers = tuple(observers)
        self._state = fold(journal.records)
        self._changed = anyio.Event()

    @property
    def state(self) -> State:
        """The run as it stands. Raises OrchestrateError while nothing was recorded."""
        if self._state is None:
            raise OrchestrateError("nothing has been recorded of this run")
        return self._state

    def emit(self, event: Event) -> State:
        """Make `event` durable, without any secret, and return the state after it."""
        if not isinstance(event, RunStarted):  # the mission is a person's, and is carried out
            event = bounded(without_secrets(event))
        record = self._journal.append(event)
        self._state = apply(self._state, record)
        changed, self._changed = self._changed, anyio.Event()
        changed.set()
        for observer in self._observers:
            observer.on_record(record, self._state)
        return self._state

    def progress(self, progress: Progress) -> None:
        """Tell observers what is not worth keeping."""
        for observer in self._observers:
            observer.on_progress(progress)

    async def change(self) -> None:
        """Wait for the next event."""
        await self._changed.wait()
