"""The one door to processes: run a program in its own process group, and know when its whole tree
is gone.

Owns starting, streaming the output into a size-capped log, time limits, and ending a tree: TERM →
grace → KILL for the group, then a sweep for children that left it. Every process is tagged through
its environment, which children inherit, so that even the leftovers of a killed orchestrator are
found (`end_leftovers`). It does not know what it runs or why.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.abc

TAG = "ORCHESTRATE_PROCESS"
GRACE_SECONDS = 5.0
DRAIN_SECONDS = 5.0
LOG_LIMIT_BYTES = 16 * 1024 * 1024
TAIL_BYTES = 8 * 1024
PR_SET_CHILD_SUBREAPER = 36
YOUNG_SECONDS = 5.0
_LEADERS: set[int] = set()
"""Processes that `run_process` waits for; what the kernel's table of our children does not tell."""

OnLine = Callable[[str], None]


class NotStarted(Exception):
    """The program could not be started at all; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """What to run: `timeout` in seconds from the start, `tag` names the attempt or the judge in the
    process's environment, `log` gets standard output and error together and is cut at `log_limit`
    bytes.
    """

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    timeout: float
    log: Path
    tag: str
    stdin: bytes | None = None
    log_limit: int = LOG_LIMIT_BYTES
    pass_fds: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Exit:
    """How it ended. `code` is negative for a signal; `tail` ends its output; `dropped` bytes were
    not logged.
    """

    code: int
    timed_out: bool
    seconds: float
    tail: str
    dropped: int = 0


@dataclass(slots=True)
class _Output:
    """The log file, its limit, and the last of what came by."""

    path: Path
    limit: int
    on_line: OnLine | None
    written: int = 0
    dropped: int = 0
    tail: bytearray = field(default_factory=bytearray)

    async def stream(self, source: anyio.abc.ByteReceiveStream) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as log:
            async for chunk in source:
                kept = chunk[: max(0, self.limit - self.written)]
                log.write(kept)
                log.flush()
                self.written += len(kept)
                self.dropped += len(chunk) - len(kept)
                self.tail += chunk
                del self.tail[:-TAIL_BYTES]
                if self.on_line and (line := self.last_line()):
                    self.on_line(line)
            if self.dropped:
                log.write(f"\n[orchestrate: {self.dropped} more bytes were not kept]\n".encode())

    def text(self) -> str:
        return self.tail.decode("utf-8", "replace")

    def last_line(self) -> str:
        # The tail of a chatty program is decoded often; its last few hundred bytes hold the last
        # line.
        lines = self.tail[-400:].decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


async def start_process(spec: ProcessSpec) -> anyio.abc.Process:
    """Start what `run_process` shall take over later; `end_process` ends it if that never comes.

    Raises NotStarted when the program cannot be started.
    """
    try:
        # Not to be cancelled half-way: it runs before its starter knows of it, and must be known to
        # be ended.
        with anyio.CancelScope(shield=True):
            process = await anyio.open_process(
                list(spec.argv),
                stdin=subprocess.PIPE if spec.stdin is not None else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=spec.cwd,
                env={**spec.env, TAG: spec.tag},
                start_new_session=True,
                pass_fds=spec.pass_fds,
            )
    except (OSError, ValueError) as error:
        raise NotStarted(f"{spec.argv[0]}: {getattr(error, 'strerror', None) or error}") from error
    _LEADERS.add(process.pid)
    return process


async def end_process(process: anyio.abc.Process, tag: str) -> None:
    """End a started process and its tree."""
    with anyio.CancelScope(shield=True):
        _signal_group(process.pid, signal.SIGKILL)
        await _end_tree(process, tag)
        await process.aclose()
    _LEADERS.discard(process.pid)


async def run_process(
    spec: ProcessSpec, on_line: OnLine | None = None, process: anyio.abc.Process | None = None
) -> Exit:
    """Run to the end of the whole process tree; `on_line` is told the newest line of output now and
    then.

    With `process` it is what `start_process` has started from the same command; time counts from
    now. Cancelling it returns only when the tree is gone. Raises NotStarted when the program cannot
    be started.
    """
    started = time.monotonic()
    process = process or await start_process(spec)
    output = _Output(spec.log, spec.log_limit, on_line)
    timed_out = False
    try:
        async with anyio.create_task_group() as tasks:
            assert process.stdout is not None
            tasks.start_soon(output.stream, process.stdout)
            if spec.stdin is not None:
                tasks.start_soon(_feed, process, spec.stdin)
            try:
                with anyio.move_on_after(spec.timeout) as limit:
                    await process.wait()
                timed_out = limit.cancelled_caught
            finally:
                # Also on the way out of a cancellation: nobody else will end these.
                with anyio.CancelScope(shield=True):
                    await _end_tree(process, spec.tag)
            # Whoever holds the pipe now was not ours to end; the log is as complete as it will be.
            tasks.cancel_scope.deadline = anyio.current_time() + DRAIN_SECONDS
    finally:
        with anyio.CancelScope(shield=True):
            await process.aclose()
        _LEADERS.discard(process.pid)
    code = process.returncode if process.returncode is not None else -signal.SIGKILL
    return Exit(code, timed_out, time.monotonic() - started, output.text(), output.dropped)


async def _feed(process: anyio.abc.Process, data: bytes) -> None:
    assert process.stdin is not None
    # A program need not read what it is given.
    with contextlib.suppress(
        anyio.BrokenResourceError, anyio.ClosedResourceError, BrokenPipeError, ConnectionError
    ):
        await process.stdin.send(data)
        await process.stdin.aclose()


async def _end_tree(process: anyio.abc.Process, tag: str) -> None:
    if process.returncode is None:
        _signal_group(process.pid, signal.SIGTERM)
        with anyio.move_on_after(GRACE_SECONDS):
            await process.wait()
    # Also when the leader has ended by itself: what it left in its group, and what left the group.
    _signal_group(process.pid, signal.SIGKILL)
    if process.returncode is None:
        await process.wait()
    await _until_gone(process.pid)
    seen: set[int] = set()
    for _ in range(100):
        strays = {pid for pid in _orphans() if _is_stray(pid, tag)}
        if not strays:
            return
        # One that is just being started has no environment for an instant: look twice before taking
        # it for a stray.
        certain = {pid for pid in strays if pid in seen or _tag_of(pid) == tag}
        for pid in certain:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        await anyio.sleep(0.01)
        for pid in certain:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)  # noqa: ASYNC222 - it does not wait
        seen |= strays


async def _until_gone(group: int) -> None:
    """Wait for the members of a killed group whose leader is gone: on a busy machine, dying takes
    its time.
    """
    for _ in range(100):
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-group, os.WNOHANG)[0]:  # noqa: ASYNC222 - it does not wait
                pass
        try:
            os.killpg(group, 0)
        except OSError:
            return
        await anyio.sleep(0.01)


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def adopt_orphans() -> None:
    """Make this process the parent of its descendants' orphans, so that a daemon that an agent left
    can be found.

    Linux only; elsewhere the group and `end_leftovers` are what there is.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _orphans() -> Iterator[int]:
    """Our own children that others started, without a scan of all processes; dead ones are reaped
    in passing.

    Children that we started are tagged, or lead a session of their own and are in `_LEADERS`.
    """
    for pid in _children():
        with contextlib.suppress(OSError, IndexError):
            # After the name, which may hold anything: state, …, start in ticks since boot.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            if pid in _LEADERS:
                continue
            if fields[0] != "Z":
                yield pid
            elif (
                time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")
                > YOUNG_SECONDS
            ):
                # A younger one may be a leader whose start is just being noted.
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)


def _children() -> Iterator[int]:
    with contextlib.suppress(OSError):
        for task in Path("/proc/self/task").iterdir():
            with contextlib.suppress(OSError):
                yield from map(int, (task / "children").read_text().split())


def _is_stray(pid: int, tag: str) -> bool:
    """Whether an orphan is to be ended with the tree of `tag`: its own, or one that threw its
    environment away.

    The latter could be of another attempt; but nobody waits for an orphan that hides whose it is.
    """
    found = _tag_of(pid)
    return found == tag or (found is None and _environment_of(pid) != _environment_of(os.getpid()))


def _tag_of(pid: int) -> str | None:
    """The tag of a process, or None: it has none, is gone, or belongs to somebody else."""
    prefix = f"{TAG}=".encode()
    found = next(
        (entry for entry in _environment_of(pid).split(b"\0") if entry.startswith(prefix)), None
    )
    return found[len(prefix) :].decode("utf-8", "replace") if found is not None else None


def _environment_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def end_leftovers(tag_prefix: str, *, patience: float = GRACE_SECONDS) -> int:
    """End every process whose tag begins with `tag_prefix`, whoever its parent is now; returns how
    many there were.

    For the start of a resume: the orchestrator that started them is gone. TERM first, KILL after
    `patience` seconds.
    """
    import psutil

    def tagged(process: psutil.Process) -> bool:
        with contextlib.suppress(psutil.Error, OSError):
            return process.environ().get(TAG, "").startswith(tag_prefix)
        return False

    ended = 0
    while found := [
        process
        for process in psutil.process_iter()
        if process.pid != os.getpid() and tagged(process)
    ]:
        ended += len(found)
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.terminate()
        for process in psutil.wait_procs(found, timeout=patience)[1]:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(found, timeout=patience)
    return ended
