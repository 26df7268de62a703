"""The one door to processes: run a program below a keeper of its own, and know when its whole tree
is gone.

Owns time limits and what is done about trees whose orchestrator was killed; what becomes of the
output is `output`'s. Who descends from whom is known by ancestry, in the keeper (`keeper`);
what a process says of itself, in its environment or its name, decides nothing. It does not know
what it runs or why.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import anyio

from orchestrator.isolation import keepers
from orchestrator.isolation.boxed import Boxed
from orchestrator.isolation.keepers import Kept, open_house
from orchestrator.isolation.orders import END, GRACE_SECONDS, KILL, NOTES, TAG
from orchestrator.isolation.output import Budget, OnLine, Output, TakeLine
from orchestrator.isolation.sandbox import Box, enclose
from orchestrator.isolation.secrets import known
from orchestrator.isolation.written import Written

__all__ = [
    "GRACE_SECONDS",
    "TAG",
    "Dialogue",
    "Exit",
    "Kept",
    "NotStarted",
    "OnLine",
    "ProcessSpec",
    "TakeLine",
    "ask_to_end",
    "end_process",
    "note_in",
    "open_house",
    "run_process",
    "start_process",
]

DRAIN_SECONDS = 5.0
LOG_LIMIT_BYTES = 16 * 1024 * 1024
RUN_LOG_LIMIT_BYTES = 512 * 1024 * 1024
SIGNALLED = 128
"""What a box, as a shell does, adds to the number of the signal that ended its program."""


class NotStarted(Exception):
    """The program could not be started at all; the text says why."""


class Dialogue(Protocol):
    """Who talks with a program while it runs, by lines of JSON on its standard input and output."""

    def take(self, line: str) -> str:
        """Hear one line; what of it people are shown, empty for nothing."""
        ...

    def ended(self) -> None:
        """There will be no further line."""
        ...

    async def talk(self, write: Callable[[bytes], Awaitable[None]]) -> None:
        """Say what there is to say, until the end; then its input is closed. Cancelled when its
        time is up: it may take leave, briefly, before the program is ended.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """What to run: `timeout` in seconds from the start, `tag` names the attempt or the judge in the
    process's environment, `log` gets standard output and error together and is cut at `log_limit`
    bytes. With a `box` it runs in that, and names all paths as they are outside of it. With
    `take_line` the two come apart, and it is given the objects of JSON, one a line, of standard
    output.
    """

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    timeout: float
    log: Path
    tag: str
    stdin: bytes | None = None
    log_limit: int = LOG_LIMIT_BYTES
    stop: int = signal.SIGTERM
    """The signal that asks its tree to end; after `grace` seconds what is left of it is killed."""
    grace: float = GRACE_SECONDS
    pass_fds: tuple[int, ...] = ()
    box: Box | None = None
    take_line: TakeLine | None = None
    dialogue: Dialogue | None = None
    """Instead of `stdin` and `take_line`."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How it ended. `code` is negative for a signal; `tail` ends its output; `dropped` bytes were
    not logged; `stopped` says what it took too much of in its box.
    """

    code: int
    timed_out: bool
    seconds: float
    tail: str
    dropped: int = 0
    stopped: str | None = None


_NOTES: list[Path] = []
_BUDGET = Budget(RUN_LOG_LIMIT_BYTES)


def note_in(folder: Path) -> None:
    """Have every process from now on noted in a file of `folder`, for `end_leftovers`, and what all
    of its logs hold counted: one orchestrator works on one run.
    """
    _NOTES[:] = [folder.resolve() / NOTES]
    logs = [Path(where, name) for where, _, names in os.walk(folder / "logs") for name in names]
    _BUDGET.left = RUN_LOG_LIMIT_BYTES - sum(path.lstat().st_size for path in logs)


async def start_process(spec: ProcessSpec) -> Kept:
    """Start what `run_process` shall take over later; `end_process` ends it if that never comes.

    Raises NotStarted when the program cannot be started.
    """
    argv, env, boxed = spec.argv, {**spec.env, TAG: spec.tag}, None
    if spec.box is not None:
        boxed = Boxed(spec.box.memory, spec.box.processes, spec.box.hosts, _written(spec.box))
        argv, env = enclose(
            spec.box, argv, env, spec.cwd, boxed.status, gate=boxed.gate, door=boxed.door
        )
    order = keepers.Order(
        argv=argv,
        cwd=spec.cwd,
        env=env,
        stop=spec.stop,
        grace=spec.grace,
        has_input=spec.stdin is not None or spec.dialogue is not None,
        is_split=spec.take_line is not None or spec.dialogue is not None,
        pass_fds=(*spec.pass_fds, *(boxed.fds if boxed else ())),
        notes=_NOTES[0] if _NOTES else None,
        is_boxed=boxed is not None,
    )
    process: Kept | None = None
    try:
        # Not to be cancelled half-way: it runs before its starter knows of it, and must be known to
        # be ended.
        with anyio.CancelScope(shield=True):
            process = await keepers.start(order)
            process.boxed = boxed
            if boxed:
                await boxed.started()
    except (OSError, ValueError) as error:
        raise NotStarted(f"{spec.argv[0]}: {getattr(error, 'strerror', None) or error}") from error
    finally:
        if boxed and process is None:
            boxed.close()
    assert process is not None
    return process


def _written(box: Box) -> Written | None:
    """The watch over what is written in a box, where there is a limit to that."""
    return None if box.disk is None else Written((box.workspace, box.home), box.disk)


def ask_to_end(process: Kept) -> None:
    """Have a process that `run_process` waits for ended, with all the time that it has for that."""
    process.ask(END)


async def end_process(process: Kept) -> None:
    """End a started process and its tree at once."""
    with anyio.CancelScope(shield=True):
        process.ask(KILL)
        await process.until_gone()
        process.close()


async def run_process(
    spec: ProcessSpec, on_line: OnLine | None = None, process: Kept | None = None
) -> Exit:
    """Run to the end of the whole process tree; `on_line` is told the newest line of output now and
    then.

    With `process` it is what `start_process` has started from the same command; time counts from
    now. Cancelling it returns only when the tree is gone. Raises NotStarted when the program cannot
    be started, BoxFailed when its box cannot be made.
    """
    started = time.monotonic()
    process = process or await start_process(spec)
    output = Output(spec.log, spec.log_limit, on_line, _BUDGET, known().stream)
    timed_out = False
    talk = _Talk(spec.dialogue, process, spec.grace) if spec.dialogue else None
    try:
        async with anyio.create_task_group() as tasks:
            if talk is not None:
                tasks.start_soon(talk.hear, output)
                tasks.start_soon(output.apart, process.read_errors)
                tasks.start_soon(talk.speak)
            elif spec.take_line is None:
                tasks.start_soon(output.merged, process.read)
            else:
                tasks.start_soon(output.apart, process.read, spec.take_line)
                tasks.start_soon(output.apart, process.read_errors)
            if spec.stdin is not None:
                tasks.start_soon(process.feed, spec.stdin)
            try:
                with anyio.move_on_after(spec.timeout) as limit:
                    await _until_ended(process, talk)
                timed_out = limit.cancelled_caught
            finally:
                # Also on the way out of a cancellation: nobody else will end these.
                with anyio.CancelScope(shield=True):
                    if process.is_running:
                        if talk is not None:
                            await talk.stop()
                        process.ask(END)
                    await process.until_gone()
            # Whoever holds the pipe now was not ours to end; the log is as complete as it will be.
            tasks.cancel_scope.deadline = anyio.current_time() + DRAIN_SECONDS
    finally:
        process.close()
        output.tell_dropped()
    # Without a status its keeper was killed, and it with it.
    code = process.returncode if process.returncode is not None else -signal.SIGKILL
    boxed = process.boxed
    if boxed and SIGNALLED < code <= SIGNALLED + signal.NSIG:
        code = SIGNALLED - code
    refusal = boxed.check(code, output.text()) if boxed and not timed_out else None
    if refusal is not None:
        raise NotStarted(refusal)
    stopped = boxed.stopped if boxed else None
    return Exit(code, timed_out, time.monotonic() - started, output.text(), output.dropped, stopped)


class _Talk:
    """A dialogue at work."""

    def __init__(self, dialogue: Dialogue, process: Kept, grace: float) -> None:
        self._dialogue, self._process, self._grace = dialogue, process, grace
        self._scope = anyio.CancelScope()
        self._over = anyio.Event()

    async def hear(self, output: Output) -> None:
        try:
            await output.apart(self._process.read, self._dialogue.take)
        finally:
            self._dialogue.ended()

    async def speak(self) -> None:
        try:
            with self._scope:
                await self._dialogue.talk(self._process.write)
        finally:
            self._process.hang_up()
            self._over.set()

    async def stop(self) -> None:
        """Have it come to its end."""
        self._scope.cancel()
        await self._over.wait()

    async def dismiss(self) -> None:
        """Most programs go when nobody talks with them any more; the others are ended."""
        await self._over.wait()
        await anyio.sleep(self._grace)
        self._process.ask(END)


async def _until_ended(process: Kept, talk: _Talk | None) -> None:
    """Wait for the end of the program, which its box may bring about, or the end of the talk."""
    if process.boxed is None and talk is None:
        await process.until_ended()
        return
    async with anyio.create_task_group() as watching:
        if process.boxed is not None:
            watching.start_soon(process.boxed.watch, lambda: process.ask(KILL))
        if talk is not None:
            watching.start_soon(talk.dismiss)
        await process.until_ended()
        watching.cancel_scope.cancel()
