"""Who descends from whom, as the kernel tells it, and the end of all who descend from this process.

What a process says of itself, by its name, session, group or environment, counts for nothing: a
subreaper's descendants cannot leave it. Part of the program that keepers are (`house`), hence
nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterator

PR_SET_CHILD_SUBREAPER = 36
LIMIT_SECONDS = 30.0
"""After that, what cannot be killed (it hangs in the kernel, or is another user's) is told."""

_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def become_subreaper() -> None:
    """Linux only; elsewhere, orphans of a tree are not found."""
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children(pid: int) -> list[int]:
    """The children of a process, by all of its threads."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{task}/children") as file:
                found += map(int, file.read().split())
    return found


def _children_by_scan(pid: int) -> list[int]:
    """The same on a kernel that does not list children."""
    found = []
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        fields = stat_of(int(name)) if name.isdecimal() else None
        if fields and int(fields[1]) == pid:
            found.append(int(name))
    return found


children_of: Callable[[int], list[int]] = (
    children
    if os.path.exists(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    else _children_by_scan
)


def stat_of(pid: int) -> list[str] | None:
    """What the kernel tells of a process after its name, which may hold anything: state, parent,
    …; its start in ticks since boot is the 20th. None: it is gone.
    """
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None


def start_of(pid: int) -> int | None:
    """When a process began, in ticks since boot; None: nobody lives who has that number."""
    fields = stat_of(pid)
    return int(fields[19]) if fields and fields[0] not in "ZX" else None


def descendants(root: int, but: Collection[int] = ()) -> Iterator[tuple[int, int]]:
    """All below `root` with their parents, parents first; what is below `but` is left out."""
    todo = [root]
    seen = {root, *but}
    while todo:
        parent = todo.pop()
        for pid in children_of(parent):
            if pid not in seen:
                seen.add(pid)
                todo.append(pid)
                yield pid, parent


def send(pid: int, parent: int, number: int) -> None:
    """Signal a process, if it still is the child of the process it was found under."""
    with contextlib.suppress(OSError):
        if parent == os.getpid() or not hasattr(os, "pidfd_open"):
            os.kill(pid, number)  # our own child: the number is its until we have reaped it
            return
        handle = os.pidfd_open(pid)
        try:
            fields = stat_of(pid)
            # Its parent may have died since: then it has come to somebody who has looked after it
            # as well, which is us, or it is found there in the next round.
            if fields and int(fields[1]) in (parent, os.getpid()):
                signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)


def boot_id() -> str:
    """What no other start of the machine has."""
    with contextlib.suppress(OSError), open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()
    return "-"


class Wakeup:
    """A pipe that is readable once a child has ended or somebody asks for an end by TERM."""

    def __init__(self) -> None:
        self.reading, writing = os.pipe()
        os.set_blocking(self.reading, False)
        os.set_blocking(writing, False)
        self.is_asked = False
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, *_: object) -> None:
        self.is_asked = True

    def drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self.reading, 512):
                pass

    def wait(self, seconds: float) -> None:
        ready([self.reading], seconds)
        self.drain()


def ready(fds: list[int], seconds: float | None) -> set[int]:
    """Which of the descriptors can be read or are at their end; waits no longer than that."""
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    return {fd for fd, _ in poll.poll(None if seconds is None else seconds * 1000)}


def kill_all(wakeup: Wakeup, reap: Callable[[], bool], but: Collection[int] = ()) -> int:
    """Kill everything below this process until no child is left but `but`; returns how many cannot
    be.
    """
    limit = time.monotonic() + LIMIT_SECONDS
    pause = 0.001
    while reap():
        found = list(descendants(os.getpid(), but))
        if time.monotonic() > limit:
            return len(found)
        groups = set()
        for pid, _ in found:
            with contextlib.suppress(OSError):
                groups.add(os.getpgid(pid))
        # A whole group at once: nobody in it forks on while the others die. All descendants are in
        # sessions, hence in groups, that began below us.
        for group in groups - {0, 1, os.getpgrp()}:
            with contextlib.suppress(OSError):
                os.killpg(group, signal.SIGKILL)
        for pid, parent in found:
            send(pid, parent, signal.SIGKILL)
        wakeup.wait(pause)
        pause = min(0.05, pause * 1.5)
    return 0
