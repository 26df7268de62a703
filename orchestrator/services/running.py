"""One service from its set-up to its end: started, waited for, watched, ended.

Owns what is told where it does not get ready or ends too soon, and that a port which somebody else
took in the meantime is nobody's fault: then it is begun anew on another one. In what order
services are started, and for whom, is `services`'.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
from anyio import CancelScope, to_thread
from anyio.abc import TaskGroup

from orchestrator.errors import EnvironmentRefused
from orchestrator.git.folder import remove_tree
from orchestrator.isolation.boxed import BoxFailed
from orchestrator.isolation.own_paths import own_folder
from orchestrator.isolation.processes import (
    Exit,
    Kept,
    NotStarted,
    ProcessSpec,
    ask_to_end,
    end_process,
    run_process,
    start_process,
)
from orchestrator.isolation.sandbox import Box
from orchestrator.mission.model import Command, Ready, Service
from orchestrator.services.ports import Holder, holder_of, is_free, keeper_of
from orchestrator.services.readiness import COMMAND_SECONDS, Asked, why_not
from orchestrator.services.wanted import Values, has_port

FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.25
SETTLE_SECONDS = 1.0
"""How long one must last that somebody may be listening for, so that it is believed."""
LINES, CHARACTERS = 6, 800
MEND = "see its log; mend what it needs here, or `services.{name}` in the mission, then resume"
MORE_TIME = "give it a longer `timeout`, or mend its `ready`; its log may say what it waits for"
_TAKEN = re.compile(
    r"address (?:is )?already in use|EADDRINUSE|port \d+ is (?:already )?in use", re.IGNORECASE
)


class ServiceFailed(EnvironmentRefused):
    """A service could not be had, which is nobody's work's fault."""


class PortTaken(Exception):
    """Somebody who knows nothing of us listens on the port that it was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where one service runs, and with what."""

    name: str
    service: Service
    values: Values
    env: Mapping[str, str]
    log: Path
    tag: str
    restarts: int
    """How often it is started again where it ends by itself."""
    box: Box | None
    prefix: tuple[str, ...]
    """What its commands begin with."""

    def spec(self, command: Command, timeout: float) -> ProcessSpec:
        """How a command of the service is run. Raises NotStarted where its program is not there."""
        argv = self.values.argv(command)
        if self.prefix and not shutil.which(argv[0], path=self.env.get("PATH")):
            here = self.values.workspace / argv[0]
            if "/" not in argv[0] or not here.exists():
                raise NotStarted(f"{argv[0]}: {os.strerror(errno.ENOENT)}")
        return ProcessSpec(
            argv=(*self.prefix, *argv),
            cwd=self.values.workspace,
            env=self.env,
            timeout=timeout,
            log=self.log,
            tag=self.tag,
            stop=signal.Signals[self.service.stop],
            grace=self.service.grace,
            box=self.box,
        )


class Running:
    """A service that has been started; `on_end` is called once it has ended unasked for good."""

    def __init__(self, setting: Setting, process: Kept, on_end: Callable[[str], None]) -> None:
        self._setting = setting
        self._process = process
        self._keeper = keeper_of(process.pid)
        self._on_end = on_end
        self._stopping = anyio.Event()
        self._gone = anyio.Event()
        self._is_ready = False
        self._why = ""
        self.end: Exit | None = None
        """How it ended, the last time; None before."""

    async def live(self, spec: ProcessSpec) -> None:
        """Until it has ended, or is to."""
        try:
            for left in range(self._setting.restarts, -1, -1):
                try:
                    self.end = await run_process(spec, process=self._process)
                except (NotStarted, BoxFailed) as error:
                    self._why = f"cannot be started: {error}"
                    break
                if self._stopping.is_set() or not (left and self._is_ready):
                    break
                try:
                    self._process = await start_process(spec)
                except NotStarted:
                    break  # it was there before; what is missing now is told by its end
                if self._stopping.is_set():
                    ask_to_end(self._process)
        finally:
            self._gone.set()
        if self._is_ready and not self._stopping.is_set() and self.end is not None:
            self._on_end(_words(self._setting, f"{_how(self.end)} while it was needed"))

    async def until_ready(self) -> None:
        """Raises ServiceFailed where it does not get ready, PortTaken where it cannot listen."""
        setting, service = self._setting, self._setting.service
        begun = _size(setting.log)
        port = setting.values.given[setting.name].port
        asked = Asked(
            ready=service.ready or Ready.model_construct(),
            values=setting.values,
            port=port if has_port(service) else None,
            spec=partial(setting.spec, timeout=COMMAND_SECONDS),
            printed=lambda: _tail(setting.log, begun),
        )
        pause, why = FIRST_PAUSE, ""
        with anyio.move_on_after(service.timeout) as limit:
            while not self._gone.is_set() and (why := await why_not(asked)):
                with anyio.move_on_after(pause):
                    await self._gone.wait()
                pause = min(LONGEST_PAUSE, pause * 1.5)
        await self._refuse_foreign(port, begun, is_late=limit.cancelled_caught)
        if self._gone.is_set():
            how = _how(self.end) if self.end else "ended"
            raise failed(setting, self._why or f"{how} before it was ready")
        if limit.cancelled_caught:
            told = f": {why}" if why else ""
            raise failed(setting, f"was not ready after {service.timeout:g} s{told}", MORE_TIME)
        self._is_ready = True

    async def _refuse_foreign(self, port: int, begun: int, *, is_late: bool) -> None:
        """Whoever answered must be ours."""
        if not has_port(self._setting.service):
            return
        if self._gone.is_set():
            printed = await to_thread.run_sync(_tail, self._setting.log, begun)
            if _TAKEN.search(printed) or not await to_thread.run_sync(is_free, port):
                raise PortTaken
            return
        holder = await to_thread.run_sync(holder_of, port, self._keeper)
        if holder is Holder.OTHERS:
            raise PortTaken
        if holder is Holder.UNKNOWN and not is_late:
            with anyio.move_on_after(SETTLE_SECONDS):
                await self._gone.wait()
            if self._gone.is_set() and not await to_thread.run_sync(is_free, port):
                raise PortTaken

    async def until_told(self) -> None:
        """Wait for the last of its processes, where the program itself has ended for good."""
        if not self._process.is_running and not self._setting.restarts:
            await self._gone.wait()

    async def stop(self) -> None:
        """End it, with the whole tree of its processes."""
        self._stopping.set()
        # Not by a cancellation: what it says at its end is for its log.
        ask_to_end(self._process)
        await self._gone.wait()


async def begin(
    setting: Setting, tasks: TaskGroup, on_end: Callable[[str], None]
) -> Running | None:
    """Have one service ready; None for one that is no program. Raises ServiceFailed, or PortTaken
    with nothing of it left.
    """
    service, data = setting.service, setting.values.given[setting.name].data
    await to_thread.run_sync(_anew, data)
    for command in service.setup:
        await _carry_out("setup", command, setting)
    running = None
    if service.command is not None:
        running = await _start(service.command, setting, tasks, on_end)
    try:
        if running is not None:
            await running.until_ready()
        for command in service.fill:
            await _carry_out("fill", command, setting)
    except BaseException:
        if running is not None:
            with CancelScope(shield=True):
                await running.stop()
        raise
    return running


async def _start(
    command: Command, setting: Setting, tasks: TaskGroup, on_end: Callable[[str], None]
) -> Running:
    try:
        spec = setting.spec(command, float("inf"))
        process = await start_process(spec)
    except NotStarted as error:
        raise failed(setting, f"cannot be started: {error}", _MISSING) from error
    try:
        running = Running(setting, process, on_end)
        tasks.start_soon(running.live, spec)
    except BaseException:
        await end_process(process)
        raise
    return running


_MISSING = "install it, name it by its path, or have `workspace.setup` make it"


async def _carry_out(what: str, command: Command, setting: Setting) -> None:
    try:
        ended = await run_process(setting.spec(command, setting.service.timeout))
    except (NotStarted, BoxFailed) as error:
        raise failed(setting, f"`{what}` cannot be started: {error}", _MISSING) from error
    if ended.timed_out:
        text = f"`{what}` did not end in {setting.service.timeout:g} s: {command}"
        raise failed(setting, text, MORE_TIME)
    if ended.code:
        raise failed(setting, f"`{what}` {_how(ended)}: {command}")


def failed(setting: Setting, what: str, mend: str = MEND) -> ServiceFailed:
    """What happened to the service, with the last that its log says."""
    return ServiceFailed(
        _words(setting, what), where=str(setting.log), mend=mend.format(name=setting.name)
    )


def _words(setting: Setting, what: str) -> str:
    lines = [line.rstrip() for line in _tail(setting.log).splitlines() if line.strip()]
    said = "\n".join(lines[-LINES:])[-CHARACTERS:]
    return f"service {setting.name} {what}" + (f"; its log ends with:\n{said}" if said else "")


def _how(ended: Exit) -> str:
    if ended.stopped:
        return f"was ended: {ended.stopped}"
    if ended.code < 0:
        return f"was ended by signal {-ended.code}"
    return f"ended with exit {ended.code}"


def _anew(data: Path) -> None:
    remove_tree(data)
    own_folder(data)


def _size(log: Path) -> int:
    try:
        return log.stat().st_size
    except OSError:
        return 0


def _tail(log: Path, begun: int = 0) -> str:
    """What was logged since the log had `begun` bytes, the last of it where that is much."""
    try:
        with log.open("rb") as file:
            end = file.seek(0, 2)
            file.seek(max(begun, end - 256 * 1024))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""
