"""The orchestrator's end of its keepers: it asks for one, tells it what to run, hears how it ended.

One house (`house`) serves this process and is started when it is first needed; should it be
killed, the next request starts another. Owns the pipes and what goes through them. Time limits and
logs are `processes`'.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import marshal
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import anyio
import anyio.lowlevel

from orchestrator.isolation import orders
from orchestrator.isolation.unseen import close_to_others, hide_environment

CHUNK_BYTES = 64 * 1024
_MAIN = (
    "import sys; sys.path.append(sys.argv[2])\n"
    "from orchestrator.isolation import house; house.main()"
)
_FOLDER = str(Path(__file__).parents[2])
_FOR_THE_INTERPRETER = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a keeper is to run; `grace` is the seconds between `stop`, a signal, and KILL."""

    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str]
    stop: int
    grace: float
    has_input: bool
    is_split: bool = False
    """Whether standard error comes by itself, and not among standard output."""
    pass_fds: tuple[int, ...] = ()
    notes: Path | None = None
    is_boxed: bool = False
    """Whether the program is a sandbox: it ends when what is in it does, and all of that with it."""


class AtWork(Protocol):
    """A program's sandbox, as it is known here; see `boxed`."""

    stopped: str | None

    async def watch(self, end: Callable[[], None]) -> None: ...

    def check(self, code: int, said: str) -> str | None: ...

    def close(self) -> None: ...


class Kept:
    """A program below a keeper of its own, from its start until nothing of its tree is left."""

    def __init__(
        self, control: socket.socket, stdin: int | None, stdout: int, stderr: int | None = None
    ) -> None:
        self._control = control
        self._stdin, self._stdout, self._stderr = stdin, stdout, stderr
        self._heard = b""
        self._lines: list[tuple[str, int]] = []
        self._is_at_end = False
        self.pid = 0
        """The program's, below its keeper; zero before it runs."""
        self.returncode: int | None = None
        """Negative for a signal; None while it runs, or when its keeper was killed before it."""
        self.left = 0
        """How many of its descendants could not be ended."""
        self.boxed: AtWork | None = None

    @property
    def is_running(self) -> bool:
        """Whether the program itself has not ended yet."""
        self._listen()
        return self.returncode is None and not self._is_at_end

    async def started(self) -> int | None:
        """Zero when the program runs, else why not (an errno); None when nobody answers."""
        while not self._lines and not self._is_at_end:
            await self._hear()
        return self._lines[0][1] if self._lines else None

    async def until_ended(self) -> None:
        """Wait for the end of the program itself."""
        while self.is_running:
            await self._hear()

    async def until_gone(self) -> None:
        """Wait until no process of the tree is left, or what is left cannot be ended."""
        while not self._is_at_end:
            await self._hear()

    def ask(self, what: bytes) -> None:
        """Have the tree ended: `orders.END` with its grace, `orders.KILL` at once."""
        with contextlib.suppress(OSError):
            self._control.send(what)

    async def feed(self, data: bytes) -> None:
        """Write to the program's input and close it; a program need not read what it is given."""
        await self.write(data)
        self.hang_up()

    async def write(self, data: bytes) -> None:
        """Write to the program's input, which stays open; what nobody reads is lost."""
        rest = memoryview(data)
        with contextlib.suppress(BrokenPipeError):
            while rest and self._stdin is not None:
                try:
                    rest = rest[os.write(self._stdin, rest) :]
                except BlockingIOError:
                    await anyio.wait_writable(self._stdin)

    def hang_up(self) -> None:
        """Close the program's input."""
        if self._stdin is not None:
            os.close(self._stdin)
            self._stdin = None

    async def read(self) -> bytes:
        """The next piece of its output; empty at the end."""
        return await _read(self._stdout)

    async def read_errors(self) -> bytes:
        """The same of its standard error, where that comes by itself."""
        return b"" if self._stderr is None else await _read(self._stderr)

    def close(self) -> None:
        """Let go of the pipes; a tree that is still there is ended by its keeper then."""
        self.hang_up()
        if self._stdout >= 0:
            os.close(self._stdout)
            self._stdout = -1
        if self._stderr is not None:
            os.close(self._stderr)
            self._stderr = None
        self._control.close()
        if self.boxed is not None:
            self.boxed.close()

    async def tell(self, data: bytes) -> None:
        """Send the order; raises OSError when nobody is there to take it."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._control.send(rest) :]
            except BlockingIOError:
                await anyio.wait_writable(self._control)

    async def _hear(self) -> None:
        await anyio.wait_readable(self._control)
        self._listen()

    def _listen(self) -> None:
        while not self._is_at_end:
            try:
                data = self._control.recv(4096)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            self._is_at_end = not data
            *lines, self._heard = (self._heard + data).split(b"\n")
            for line in lines:
                self._note(*line.decode().split())

    def _note(self, word: str, number: str) -> None:
        match word:
            case "started":
                self._lines.append((word, 0))
                self.pid = int(number)
            case "failed":
                self._lines.append((word, int(number)))
            case "ended":
                self.returncode = int(number)
            case _:
                self.left = int(number)
                self._is_at_end = True


async def _read(fd: int) -> bytes:
    await anyio.lowlevel.checkpoint()
    while True:
        try:
            return os.read(fd, CHUNK_BYTES)
        except BlockingIOError:
            await anyio.wait_readable(fd)


async def start(order: Order) -> Kept:
    """Start a program below a new keeper. Raises OSError, with the system's reason, when it cannot
    be started.
    """
    for _ in range(2):  # a house that was killed is noticed by the first who needs it
        kept = _ask(order)
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionError):
                await kept.tell(_spoken(order))
            failure = await kept.started()
        except BaseException:
            kept.close()
            raise
        if failure == 0:
            return kept
        kept.close()
        if failure is not None:
            raise OSError(failure, os.strerror(failure))
    raise OSError(errno.ECHILD, "the keeper of its processes ended unasked")


def _spoken(order: Order) -> bytes:
    spec: orders.Spec = (
        [os.fsencode(part) for part in order.argv],
        os.fsencode(order.cwd),
        {os.fsencode(name): os.fsencode(value) for name, value in order.env.items()},
        list(order.pass_fds),
        int(order.stop),
        order.grace,
        os.fsencode(order.notes) if order.notes else b"",
        order.is_boxed,
    )
    if any(b"\0" in text for text in (*spec[0], spec[1], *spec[2], *spec[2].values())):
        raise ValueError("embedded null byte")
    data = marshal.dumps(spec)
    return len(data).to_bytes(4, "big") + data


def _ask(order: Order) -> Kept:
    """The pipes of a program, their far ends with a keeper."""
    with contextlib.ExitStack() as far, contextlib.ExitStack() as near:

        def far_end(fd: int) -> int:
            far.callback(os.close, fd)
            return fd

        def near_end(fd: int) -> int:
            near.callback(os.close, fd)
            os.set_blocking(fd, False)
            return fd

        stdin = None
        if order.has_input:
            reading, writing = os.pipe()
            theirs, stdin = far_end(reading), near_end(writing)
        else:
            theirs = far_end(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
        reading, writing = os.pipe()
        stdout, output = near_end(reading), far_end(writing)
        stderr, errors = None, output
        if order.is_split:
            reading, writing = os.pipe()
            stderr, errors = near_end(reading), far_end(writing)
        ours, control = socket.socketpair()
        far.callback(control.close)
        near.callback(ours.close)
        ours.settimeout(0)
        _HOUSE.ask([control.fileno(), theirs, output, errors, *order.pass_fds])
        near.pop_all()
        return Kept(ours, stdin, stdout, stderr)


class _House:
    """The process that keepers are forked from."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None

    def open(self) -> None:
        """Start it now, without waiting for it, so that the first program need not."""
        with self._lock:
            if self._process is None:
                self._start()

    def ask(self, fds: list[int]) -> None:
        """Have a keeper forked that has these descriptors."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start()
            try:
                self._send(fds)
            except (BrokenPipeError, ConnectionError):
                self._start()
                self._send(fds)

    def _send(self, fds: list[int]) -> None:
        assert self._process is not None
        assert self._requests is not None
        # Somebody may have stopped it; it is our own child, so that this reaches nobody else.
        self._process.send_signal(signal.SIGCONT)
        socket.send_fds(self._requests, [b"+"], fds)

    def _start(self) -> None:
        self._close()
        close_to_others()
        hide_environment()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                # Imported, not run as a script, which would be compiled anew each time.
                [sys.executable, "-I", "-S", "-c", _MAIN, str(theirs.fileno()), _FOLDER],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={n: os.environ[n] for n in _FOR_THE_INTERPRETER if n in os.environ},
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # who kills our group shall not kill who tidies up after us
            )
        self._requests = ours

    def _close(self) -> None:
        if self._requests is not None:
            self._requests.close()
            self._requests = None
        if self._process is not None and self._process.poll() is None:
            # It goes by itself, once the last tree is ended.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10)

    def close(self) -> None:
        """At the end of this process."""
        with self._lock:
            self._close()


_HOUSE = _House()
open_house = _HOUSE.open
atexit.register(_HOUSE.close)
