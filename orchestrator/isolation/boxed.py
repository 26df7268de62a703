"""One box at work: what it tells of itself, and the watch over what the program in it takes.

A box that could not be made ends like a program that failed, with exit 1; the tell is that it has
not said how its program ended. That is a fault of the place and nobody's attempt. Owns that
question, and the end of a program that takes too much memory or starts too many processes. What
the box looks like is `sandbox`'s.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import anyio
from anyio import to_thread

from orchestrator.errors import EnvironmentRefused
from orchestrator.isolation import ancestry, cgroups
from orchestrator.isolation.proxy import serve
from orchestrator.isolation.written import Written

WATCH_SECONDS = 0.5
ADMIT_SECONDS = 10.0
LOOKS_APART = 20
"""How many times as long as a look at its files took it is left alone after it."""
_CHUNK = 4096
_NO_PROGRAM = "bwrap: execvp "


class BoxFailed(EnvironmentRefused):
    """The sandbox could not be made, or was ended from outside; its program is not to blame."""


class Boxed:
    """A program's box, from its start to its end; it may take `memory` bytes (at most, and by
    default, most of the machine's) and have so many `processes`, and write what `written` allows.
    With `hosts` these can be reached through a door.
    """

    def __init__(
        self,
        memory: int | None,
        processes: int | None,
        hosts: tuple[str, ...] = (),
        written: Written | None = None,
    ) -> None:
        self._memory, self._processes = min(memory or most_memory(), most_memory()), processes
        self._reading, self.status = os.pipe()
        os.set_blocking(self._reading, False)
        self._group = cgroups.make(self._memory, processes)
        self._hosts = hosts
        self._written = written
        self._inner: socket.socket | None = None
        self._outer: socket.socket | None = None
        if hosts:
            self._inner, self._outer = socket.socketpair()
        self.gate, self._opening = os.pipe() if self._group else (-1, -1)
        self._heard = b""
        self._is_over = False
        self.stopped: str | None = None
        """Why the program was ended before its time."""
        self._refused: str | None = None
        """What the kernel did not let it have."""

    @property
    def fds(self) -> tuple[int, ...]:
        """What it is to have: where it tells how it is, where it waits to be let in, the door."""
        return tuple(fd for fd in (self.status, self.gate, self.door) if fd >= 0)

    @property
    def door(self) -> int:
        """Where it hands out the port on which it asks for its hosts; -1 where it has none."""
        return self._outer.fileno() if self._outer is not None else -1

    async def started(self) -> None:
        """It is running, and has its ends of the pipes; it is put into its group before anything
        runs in it.
        """
        self._close_theirs()
        if self._group is None:
            return
        with anyio.move_on_after(ADMIT_SECONDS):
            while (root := self._record("child-pid")) is None and not self._is_over:
                await anyio.wait_readable(self._reading)
            if root is not None and not self._group.admit(root):
                self._leave_group()
        with contextlib.suppress(BrokenPipeError):  # it has ended: `check` says how
            os.write(self._opening, b"+")

    def _close_theirs(self) -> None:
        for fd in (self.status, self.gate):
            if fd >= 0:
                os.close(fd)
        self.status = self.gate = -1
        if self._outer is not None:
            self._outer.close()
            self._outer = None

    def _leave_group(self) -> None:
        if self._group is not None:
            if self._group.ran_out_of_memory():
                self._refused = f"it wanted more than {_told(self._memory)} of memory"
            elif self._group.ran_out_of_processes():
                self._refused = f"it wanted more than {self._processes} processes at once"
            self._group.remove()
            self._group = None

    async def watch(self, end: Callable[[], None]) -> None:
        """Call `end` when the program takes more than it may, and let it reach its hosts; for as
        long as it runs.
        """
        async with anyio.create_task_group() as tasks:
            if self._inner is not None:
                tasks.start_soon(serve, self._inner, self._hosts)
            if self._written is not None:
                tasks.start_soon(self._watch_files, self._written, end)
            await self._watch(end)

    async def _watch(self, end: Callable[[], None]) -> None:
        while True:
            await anyio.sleep(WATCH_SECONDS)
            root = self._record("child-pid")
            if root is None:
                continue
            if self._group is not None:
                continue  # the kernel looks
            self.stopped = await to_thread.run_sync(excess, root, self._memory, self._processes)
            if self.stopped is not None:
                end()
                return

    async def _watch_files(self, written: Written, end: Callable[[], None]) -> None:
        pause = WATCH_SECONDS
        while self.stopped is None:
            await anyio.sleep(pause)
            began = time.monotonic()
            found = await to_thread.run_sync(written.excess)
            pause = max(WATCH_SECONDS, LOOKS_APART * (time.monotonic() - began))
            if found is not None:
                self.stopped = self.stopped or found
                end()

    def check(self, code: int, said: str) -> str | None:
        """Why the program could not be started, where the box stood; `said` is the end of the
        output. Raises BoxFailed where the box could not be made.
        """
        if code and self.stopped is None:
            self.stopped = self._refused
        if self.stopped is None and code >= 0 and self._record("exit-code") is None:
            last = next((line for line in reversed(said.splitlines()) if line.strip()), "")
            if last.startswith(_NO_PROGRAM):
                return last.removeprefix(_NO_PROGRAM)
            raise BoxFailed(
                f"the sandbox could not be started: {last.strip() or f'bwrap ended with {code}'}",
                mend="`orchestrate doctor` tells what it lacks; then resume the run",
            )
        return None

    def close(self) -> None:
        """Let go of the pipes; what was told is known still."""
        self._close_theirs()
        self._hear()
        self._leave_group()
        if self._inner is not None:
            self._inner.close()
            self._inner = None
        for fd in (self._reading, self._opening):
            if fd >= 0:
                os.close(fd)
        self._reading = self._opening = -1

    def _record(self, key: str) -> int | None:
        """A number that the box has told."""
        self._hear()
        for line in self._heard.splitlines():
            with contextlib.suppress(ValueError):
                found = json.loads(line).get(key)
                if isinstance(found, int):
                    return found
        return None

    def _hear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._reading >= 0:
                chunk = os.read(self._reading, _CHUNK)
                self._is_over |= not chunk
                if not chunk:
                    return
                self._heard += chunk


def most_memory() -> int:
    """What no program may take more of, in bytes, lest the machine comes to a standstill."""
    return os.sysconf("SC_PHYS_PAGES") * _PAGE * 3 // 4


def excess(root: int, memory: int, processes: int | None) -> str | None:
    """What the tree below a process takes too much of; None: nothing. Blocking."""
    tree = [root, *(pid for pid, _ in ancestry.descendants(root))]
    if processes is not None and len(tree) > processes:
        return f"it had {len(tree)} processes at once, more than {processes}"
    # What is shared is counted for each who shares it, quickly, and once only where that is much.
    if sum(map(_resident, tree)) > memory:
        taken = sum(map(_proportional, tree))
        if taken > memory:
            return f"it took {_told(taken)} of memory, more than {_told(memory)}"
    return None


def _resident(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):  # it has ended meanwhile
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    return 0


def _proportional(pid: int) -> int:
    """Its memory, with its part of what it shares."""
    with contextlib.suppress(OSError, ValueError):  # ended, or of a kernel that does not tell
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return _resident(pid)


def _told(size: int) -> str:
    return f"{size / 1024**2:.0f} MiB"


_PAGE = os.sysconf("SC_PAGE_SIZE")
