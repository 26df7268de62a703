"""Carrying a run out, once it has begun: its tools are made, its steps are taken, a signal stops it
cleanly.

Owns the event loop of a run from its first step to its last event. Which steps these are is `run`'s.
"""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager

import anyio
from anyio import CancelScope

from orchestrator.engine.recorder import Recorder
from orchestrator.engine.tools import GateCannotRun, Tools
from orchestrator.errors import ExitCode
from orchestrator.journal.events import RunInterrupted
from orchestrator.journal.state import State

ENDS = (signal.SIGTERM, signal.SIGHUP)
"""Requests to end, by whoever closes the terminal too; who is to ignore one (`nohup`) does."""

Step = Callable[[Tools], Awaitable[None]]
MakeTools = Callable[[], AbstractAsyncContextManager[Tools]]


def carry_out(recorder: Recorder, make_tools: MakeTools, *steps: Step) -> tuple[State, int]:
    """Take the steps, one after the other, until a signal stops them; returns the last state and
    the exit code.
    """
    return anyio.run(_carry_out, recorder, make_tools, steps)


async def _carry_out(
    recorder: Recorder, make_tools: MakeTools, steps: tuple[Step, ...]
) -> tuple[State, int]:
    stopped: list[str] = []
    refused: list[GateCannotRun] = []
    try:
        async with anyio.create_task_group() as tasks:
            with CancelScope() as work:
                tasks.start_soon(stop_on_signal, work, stopped)
                async with make_tools() as tools:
                    for step in steps:
                        await step(tools)
            tasks.cancel_scope.cancel()
    except* GateCannotRun as group:
        refused += _leaves(group)
    if refused:
        error = refused[0]
        recorder.emit(RunInterrupted(reason=error.reason, faults=error.faults))
        return recorder.state, error.exit_code
    if stopped and not recorder.state.ended:
        recorder.emit(RunInterrupted(reason=f"stopped by {stopped[0]}"))
        return recorder.state, ExitCode.INTERRUPTED
    state = recorder.state
    if state.ended:
        return state, state.ended.exit_code
    # Steps that end before the run does say so.
    return state, ExitCode.OK if state.interrupted else ExitCode.FAULT


def _leaves(group: BaseExceptionGroup[GateCannotRun]) -> Iterator[GateCannotRun]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


async def until_stopped(work: Callable[[], Awaitable[object]]) -> str:
    """Do something outside of a run; the name of the signal that stopped it, empty when it came to
    its end.
    """
    stopped: list[str] = []
    is_whole = False
    async with anyio.create_task_group() as tasks:
        with CancelScope() as scope:
            tasks.start_soon(stop_on_signal, scope, stopped)
            await work()
            is_whole = True
        tasks.cancel_scope.cancel()
    return stopped[0] if stopped and not is_whole else ""


async def stop_on_signal(work: CancelScope, stopped: list[str]) -> None:
    """Cancel `work` at the first signal that asks for an end, and note its name; runs until it is
    cancelled itself.
    """
    heard = [number for number in ENDS if signal.getsignal(number) is not signal.SIG_IGN]
    heard.append(signal.SIGINT)
    before = {number: signal.getsignal(number) for number in heard}
    try:
        with anyio.open_signal_receiver(*heard) as signals:
            async for number in signals:
                stopped.append(signal.Signals(number).name)
                work.cancel()
    finally:
        # Not what kills: there are last words to come, and an exit code.
        for number, handler in before.items():
            signal.signal(number, handler)
