"""Carrying a run out, once it has begun: its tools are made, its steps are scheduled, a signal
stops it cleanly.

Owns the event loop of a run from its first step to its last event.
"""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable

import anyio
from anyio import CancelScope

from orchestrator.engine.folders import Folders
from orchestrator.engine.recorder import Recorder
from orchestrator.engine.scheduler import schedule
from orchestrator.engine.tools import Tools, make_tools
from orchestrator.engine.workshop import Workshop
from orchestrator.errors import ExitCode
from orchestrator.isolation.processes import adopt_orphans
from orchestrator.journal.events import RunEnded, RunInterrupted
from orchestrator.journal.log import Journal
from orchestrator.journal.state import State


def carry_out(
    recorder: Recorder,
    journal: Journal,
    folders: Folders,
    first: Callable[[Tools], Awaitable[None]],
    workshop: Callable[[], Workshop],
) -> tuple[State, int]:
    """Do `first`, then carry the run on until it ends or is stopped; returns the last state and the
    exit code.
    """
    try:
        return anyio.run(_carry_out_async, recorder, folders, first, workshop)
    finally:
        journal.close()


async def _carry_out_async(
    recorder: Recorder,
    folders: Folders,
    first: Callable[[Tools], Awaitable[None]],
    workshop: Callable[[], Workshop],
) -> tuple[State, int]:
    adopt_orphans()
    stopped: list[str] = []
    async with anyio.create_task_group() as tasks:
        with CancelScope() as work:
            tasks.start_soon(stop_on_signal, work, stopped)
            async with make_tools(recorder, folders, workshop) as tools:
                await first(tools)
                await schedule(tools)
        tasks.cancel_scope.cancel()
    if stopped and not recorder.state.ended:
        recorder.emit(RunInterrupted(reason=f"stopped by {stopped[0]}"))
        return recorder.state, ExitCode.INTERRUPTED
    ended = recorder.state.ended
    return recorder.state, ended.exit_code if isinstance(ended, RunEnded) else ExitCode.FAULT


async def stop_on_signal(work: CancelScope, stopped: list[str]) -> None:
    """Cancel `work` at the first signal that asks for an end, and note its name; runs until it is
    cancelled itself.
    """
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        async for number in signals:
            stopped.append(signal.Signals(number).name)
            work.cancel()
