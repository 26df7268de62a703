"""Tells people of what a run needs them for: an observer beside displays and reports.

Owns which events are worth a message and what it says, and that nobody waits for it: each way of a
mission's `notify:` has a thread of its own, a time limit for each message, and little time at the
end. What cannot be told is a line in `notify.log` of the report folder and nothing else. How a
message goes out is `delivering`'s.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from orchestrator.engine.delivering import Message, Place, deliver, name_of
from orchestrator.engine.folders import Folders, tag_of
from orchestrator.engine.progress import Progress
from orchestrator.isolation.own_paths import append_to
from orchestrator.isolation.secrets import known, without_secrets
from orchestrator.journal.events import (
    BackendStopped,
    BatchEnded,
    BudgetExceeded,
    GateFinished,
    Record,
    RunEnded,
    RunInterrupted,
    RunStarted,
    ScopeRequested,
)
from orchestrator.journal.facts import Decision, Outcome
from orchestrator.journal.state import State
from orchestrator.mission.model import Notice, Notify

LOG = "notify.log"
LAST_SECONDS = 2.0
"""Beside its own time limit, what a last message has at the end of a run."""
_FOLLOWS = (Outcome.BLOCKED, Outcome.CANCELLED)
"""Of batches: another one's end that was told says it."""


class Notifying:
    """An observer and a context manager, for one run."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders
        self._senders: list[_Sender] | None = None
        self._state: State | None = None
        self._is_told = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        state = self._state
        if error is not None and state and state.started.mission.notify and not self._is_told:
            text = known().text(f"stopped: {error}".splitlines()[0])
            self._send(self._message(Notice.END, text, state))
        for sender in self._senders or ():
            sender.leave()
        for sender in self._senders or ():
            sender.wait()

    def on_record(self, record: Record, state: State) -> None:
        """Tell of the event if it is worth it."""
        self._state = state
        if not state.started.mission.notify:
            return
        for notice, text, batch in told_of(record, state):
            self._is_told = self._is_told or notice is Notice.END
            self._send(self._message(notice, text, state, batch))

    def on_progress(self, progress: Progress) -> None:
        """What is not worth keeping is not worth telling."""

    def _message(self, notice: Notice, text: str, state: State, batch: str = "") -> Message:
        mission = state.started.mission.name
        ended = state.ended
        return without_secrets(
            Message(
                event=str(notice),
                text=f"{mission}: {text}",
                mission=mission,
                run=state.run,
                batch=batch,
                exit_code=ended.exit_code if ended and notice is Notice.END else None,
                report=str(self._folders.report / "report.md"),
                at=datetime.now(UTC).isoformat(timespec="seconds"),
            )
        )

    def _send(self, message: Message) -> None:
        if self._senders is None:
            assert self._state is not None
            self._senders = self._made(self._state.started)
        for sender in self._senders:
            sender.send(message)

    def _made(self, started: RunStarted) -> list[_Sender]:
        def place() -> Place:  # in the thread of who needs it: it asks for folders
            return Place(
                mission_dir=Path(started.mission_dir).absolute(),
                home=self._folders.homes / "notify",
                log=self._folders.logs / LOG,
                tag=tag_of(self._folders, "notify"),
            )

        log = self._folders.report / LOG
        try:
            return [_Sender(way, place, log) for way in started.mission.notify]
        except RuntimeError:
            return []  # there is no thread to be had: the run has other worries


def told_of(record: Record, state: State) -> Iterator[tuple[Notice, str, str]]:
    """What an event has people told: which kind, in which words, of which batch (or empty)."""
    match record.event:
        case GateFinished(verdict=verdict, batch=batch) as event:
            if verdict.decision is Decision.WAITING:
                say = f"orchestrate approve {state.run} {event.gate}"
                yield Notice.APPROVAL, f"{batch} waits for a sign-off: {say}", batch
            elif not verdict.is_passed and state.batches[batch].search is None:
                yield Notice.RED, f"gate {event.gate} of {batch} is red: {verdict.reasons()}", batch
        case BatchEnded(outcome=outcome, batch=batch) as event:
            if not outcome.is_good and outcome not in _FOLLOWS:
                why = f": {event.reason}" if event.reason else ""
                yield Notice.RED, f"{batch} ended {_word(outcome)}{why}", batch
        case BackendStopped() as event:
            names = " and ".join(event.backends)
            mend = f"; {event.mend}" if event.mend else ""
            yield Notice.RED, f"backend {names} is stopped: {event.reason}{mend}", ""
        case ScopeRequested(batch=batch, agent=agent, path=path) as event:
            if event.of_person:
                say = f"orchestrate channel answer {state.run} {agent} yes"
                yield Notice.SCOPE, f"{agent} asks to change {path} ({event.why}): {say}", batch
        case BudgetExceeded() as event:
            yield Notice.BUDGET, str(event), event.batch or ""
        case RunInterrupted() as event:
            text = f"stopped: {event.reason}; orchestrate resume {state.run} goes on"
            yield Notice.END, text, ""
        case RunEnded() as event:
            yield Notice.END, _end(state, event.exit_code), ""


def _end(state: State, exit_code: int) -> str:
    if exit_code == 0:
        return "everything landed"
    failed = [
        f"{agent.id} {_word(agent.outcome)}"
        for agent in state.agents.values()
        if agent.outcome and not agent.outcome.is_good
    ]
    more = f" and {len(failed) - 5} more" if len(failed) > 5 else ""
    return (
        f"{len(failed)} of {len(state.agents)} agents did not land: {', '.join(failed[:5])}{more}"
    )


def _word(outcome: Outcome) -> str:
    return outcome.value.replace("_", " ")


class _Sender:
    """One way, with its own thread: a way that hangs holds up no other."""

    def __init__(self, way: Notify, place: Callable[[], Place], log: Path) -> None:
        self._way, self._place, self._log = way, place, log
        self._name = name_of(way)
        self._queue: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._end = math.inf
        self._thread = threading.Thread(target=self._work, name="notify", daemon=True)
        self._thread.start()

    def send(self, message: Message) -> None:
        if message.event in self._way.on:
            self._queue.put(message)

    def leave(self) -> None:
        """There is nothing more to come; returns at once."""
        self._end = time.monotonic() + self._way.timeout + LAST_SECONDS
        self._queue.put(None)

    def wait(self) -> None:
        """Until the last message has gone, or has had its time."""
        self._thread.join(max(0.0, self._end - time.monotonic()))
        if self._thread.is_alive():
            self._note("given up: the run is over")

    def _work(self) -> None:
        while (message := self._queue.get()) is not None:
            if self._end - time.monotonic() < self._way.timeout:
                last = self._newest(message)
                self._deliver(last)
                return
            self._deliver(message)

    def _deliver(self, message: Message) -> None:
        began = time.monotonic()
        came = deliver(self._way, self._place, message)
        self._note(f"{message.event}: {came}, in {time.monotonic() - began:.1f}s")

    def _newest(self, message: Message) -> Message:
        """When time is short, what says how it ended."""
        while (later := self._queue.get()) is not None:
            self._note(f"{message.event}: not sent, the run is over: {message.text}")
            message = later
        return message

    def _note(self, text: str) -> None:
        moment = datetime.now(UTC).isoformat(timespec="seconds")
        line = known().text(" ".join(f"{moment} {self._name}: {text}".split()))
        try:
            with append_to(self._log) as log:
                log.write(f"{line}\n".encode("utf-8", "backslashreplace"))
        except OSError:
            return  # where it cannot be written down, the run has other worries
