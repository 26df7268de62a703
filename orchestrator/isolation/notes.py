"""Which processes there were: a file of the run, for whoever comes after a keeper that was killed.

Each line tells a kind of thing, the start of the machine, a process and when it began (in ticks),
and the tag it was given, so that no other process that has the number later is taken for it. Owns
the format. Part of the program that keepers are (`house`), hence nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import os

from orchestrator.isolation.ancestry import boot_id, start_of

KEEPER, PROCESS, DONE, REAPER = "keeper", "process", "done", "reaper"


class Notes:
    """Open for adding; a file that cannot be written is none."""

    def __init__(self, path: bytes, tag: bytes) -> None:
        self._path = path
        self._tag = tag.hex() or "-"
        self._noted: set[tuple[str, int, int]] = set()

    def add(self, kind: str, *pids: int) -> None:
        """Add what is not there yet."""
        if not self._path:
            return
        found = {(kind, pid, start) for pid in pids if (start := start_of(pid)) is not None}
        if new := found - self._noted:
            self._noted |= new
            boot = boot_id()
            lines = [f"{kind} {boot} {pid} {start} {self._tag}\n" for kind, pid, start in new]
            with contextlib.suppress(OSError):
                flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
                fd = os.open(self._path, flags, 0o600)
                os.write(fd, "".join(lines).encode())
                os.close(fd)
