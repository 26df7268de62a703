"""The keeper of one process tree: it starts a program, and ends with all that came of it.

A keeper is the subreaper of what it started: whatever forks twice, changes its session, its name or
its environment stays below it and is found by ancestry alone. When the program has ended, when the
orchestrator asks for it, or when the orchestrator is gone (the pipe to it ends, also after `kill
-9`), the keeper ends every descendant: TERM, a deadline, KILL, until the kernel says that no child
is left. Then, and only then, it says so.

Owns one program and its tree. It is forked from the `house` and imports the standard library only.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import marshal
import os
import signal
import socket
import time

from orchestrator.isolation.ancestry import (
    Wakeup,
    descendants,
    kill_all,
    ready,
    send,
)
from orchestrator.isolation.notes import DONE, KEEPER, PROCESS, REAPER, Notes
from orchestrator.isolation.orders import END, KILL, TAG, Spec

LEFT_SECONDS = 1.0
"""How long what outlives its program may take over a TERM: nobody waits for its work."""
NOTE_SECONDS = 0.5


class Keeper:
    """One program, its tree, and the pipe to whoever wanted it."""

    def __init__(self, control: socket.socket, fds: list[int], reaper: int) -> None:
        self._control = control
        self._wakeup = Wakeup()
        self._program = 0
        self._is_over = False
        spec = self._read_spec()
        argv, folder, env, numbers, self._stop, self._grace, path, self._is_boxed = spec
        self._notes = Notes(path, env.get(os.fsencode(TAG), b""))
        self._notes.add(REAPER, reaper)
        self._notes.add(KEEPER, os.getpid())
        try:
            os.chdir(folder)
            self._program = start(argv, env, fds, numbers)
        except OSError as error:
            self._tell("failed", error.errno or errno.EIO)
        os.chdir("/")
        for fd in fds:
            os.close(fd)

    def _read_spec(self) -> Spec:
        size = int.from_bytes(self._read(4), "big")
        spec: Spec = marshal.loads(self._read(size))  # noqa: S302 - of our own orchestrator
        return spec

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._control.recv(size - len(data))
            if not more:
                os._exit(0)  # nobody wants it any more
            data += more
        return data

    def _tell(self, *words: object) -> None:
        with contextlib.suppress(OSError):
            self._control.sendall(" ".join(map(str, words)).encode() + b"\n")

    def keep(self) -> None:
        """To the end of the whole tree."""
        if self._program:
            self._notes.add(PROCESS, self._program)
            self._tell("started", self._program)
            asked = self._until_over()
            if asked != KILL:
                self._end_politely(LEFT_SECONDS if self._is_over else self._grace)
            left = kill_all(self._wakeup, self._reap)
            if not left:
                self._notes.add(DONE, os.getpid())
            self._tell("gone", left)
            while left and self._reap():
                self._wakeup.wait(NOTE_SECONDS)

    def _until_over(self) -> bytes:
        """Wait until the program has ended or its end is asked for; which of the two."""
        control = self._control.fileno()
        next_note = time.monotonic() + NOTE_SECONDS
        while self._reap() and not self._is_over and not self._wakeup.is_asked:
            found = ready([control, self._wakeup.reading], NOTE_SECONDS)
            if time.monotonic() > next_note:
                self._notes.add(PROCESS, *(pid for pid, _ in descendants(os.getpid())))
                next_note = time.monotonic() + NOTE_SECONDS
            self._wakeup.drain()
            if control in found:
                with contextlib.suppress(OSError):
                    return self._control.recv(1) or END
                return END
        return b""

    def _end_politely(self, grace: float) -> None:
        limit = time.monotonic() + grace
        told: set[int] = set()
        while self._reap():
            for pid, parent in descendants(os.getpid()):
                # A sandbox that is told takes all that is in it along at once.
                if pid not in told and not (self._is_boxed and pid == self._program):
                    told.add(pid)
                    send(pid, parent, self._stop)
                    send(pid, parent, signal.SIGCONT)  # who is stopped cannot hear
            if self._is_over:
                limit = min(limit, time.monotonic() + LEFT_SECONDS)
            if (left := limit - time.monotonic()) <= 0:
                return
            self._wakeup.wait(min(left, 0.05))

    def _reap(self) -> bool:
        """Bury who has ended; whether there is a child left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if not pid:
                return True
            if pid == self._program:
                self._is_over = True
                self._tell("ended", os.waitstatus_to_exitcode(status))


def start(argv: list[bytes], env: dict[bytes, bytes], fds: list[int], numbers: list[int]) -> int:
    """Start the program in a session of its own, here, with `fds` as its input, its output, its
    errors, and `numbers`. Raises OSError when that cannot be.
    """
    above = max([2, *numbers]) + 1  # out of one another's way first
    moved = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, above) for fd in fds]
    wanted = [(os.POSIX_SPAWN_DUP2, *pair) for pair in zip(moved, (0, 1, 2, *numbers), strict=True)]
    refusal: OSError = FileNotFoundError(errno.ENOENT, "")
    try:
        for program in _candidates(argv[0], env):
            try:
                # Unlike a fork it copies nothing, which is most of what a start costs.
                return os.posix_spawn(
                    program, argv, env, file_actions=wanted, setsid=True, setsigdef=DEFAULTS
                )
            except (FileNotFoundError, NotADirectoryError):
                continue  # also what an interpreter line names
            except PermissionError as error:
                refusal = error
        raise refusal
    finally:
        for fd in moved:
            os.close(fd)


def _candidates(program: bytes, env: dict[bytes, bytes]) -> list[bytes]:
    """Where a program may be, by its own PATH."""
    if b"/" in program:
        return [program]
    # Not `os.get_exec_path`, which imports as much as the whole start costs.
    path = env.get(b"PATH", os.defpath.encode())
    return [os.path.join(folder, program) for folder in path.split(b":")]


DEFAULTS = [
    number
    for name in ("INT", "HUP", "QUIT", "TERM", "CHLD", "PIPE", "XFSZ")
    if (number := getattr(signal, f"SIG{name}", None)) is not None
]
"""Signals that we, or Python, handle or ignore; a program finds them as it expects."""
