"""Ending what a killed orchestrator left: its keepers are at it, and are waited for.

Owns what is done where a keeper was killed as well, with the house that would have tidied up after
it (`killall -9 python`): what was noted of its tree and still runs, and what descends from that.
What was begun in the instant before is nobody's child any more; of those, whoever carries the very
tag of a tree whose keeper was killed, and has come to where orphans come, is ended too. A tag alone
makes nobody ours.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.isolation import ancestry, notes
from orchestrator.isolation.orders import GRACE_SECONDS, NOTES, TAG

PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Who:
    """A process, and no other that has its number later: `start` is in ticks since boot."""

    pid: int
    start: int

    @property
    def is_alive(self) -> bool:
        return Who.now(self.pid) == self

    @staticmethod
    def now(pid: int) -> Who | None:
        """Who has that number now; None: nobody who lives."""
        start = ancestry.start_of(pid)
        return Who(pid, start) if start is not None else None

    def send(self, number: int) -> None:
        """Signal it, and nobody else."""
        with contextlib.suppress(OSError):
            handle = os.pidfd_open(self.pid)
            try:
                if self.is_alive:
                    signal.pidfd_send_signal(handle, number)
            finally:
                os.close(handle)


def end_leftovers(folder: Path, *, patience: float = GRACE_SECONDS) -> int:
    """End what is noted in `folder`; returns how many processes there were.

    For the start of a resume, by whoever owns the run. TERM first, KILL after `patience` seconds.
    """
    path = folder / NOTES
    noted = list(_read(path))
    found = {who for kind, who, _ in noted if kind == notes.PROCESS and who.is_alive}
    keepers = {who: tag for kind, who, tag in noted if kind == notes.KEEPER}
    limit = time.monotonic() + patience + ancestry.LIMIT_SECONDS
    while any(who.is_alive for who in keepers) and time.monotonic() < limit:
        time.sleep(PAUSE_SECONDS)
    noted = list(_read(path))  # the keepers have gone on noting
    done = {who for kind, who, _ in noted if kind == notes.DONE}
    killed = {tag: who.start for who, tag in keepers.items() if who not in done}
    reapers = {1, *(who.pid for kind, who, _ in noted if kind == notes.REAPER and who.is_alive)}
    found |= {who for kind, who, _ in noted if kind == notes.PROCESS and who.is_alive}
    found |= _orphans(killed, reapers) if killed else set()
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, ancestry.LIMIT_SECONDS)):
        limit = time.monotonic() + seconds
        told: set[Who] = set()
        while (left := _trees(found)) and time.monotonic() < limit:
            found |= left
            for who in left - told:
                who.send(number)
                who.send(signal.SIGCONT)  # who is stopped cannot hear
            told = left if number == signal.SIGTERM else set()
            time.sleep(PAUSE_SECONDS)
    path.unlink(missing_ok=True)
    return len(found)


def _trees(roots: set[Who]) -> set[Who]:
    """Who of them is alive, and all that descends from these."""
    alive = {who for who in roots if who.is_alive}
    below = {pid for who in alive for pid, _ in ancestry.descendants(who.pid)}
    return alive | {who for pid in below if (who := Who.now(pid))}


def _orphans(killed: dict[bytes, int], reapers: set[int]) -> set[Who]:
    """Children of `reapers` with one of these tags that began after the keeper that had it."""
    found = set()
    for reaper in reapers:
        for pid in ancestry.children_of(reaper):
            who = Who.now(pid)
            tag = _tag_of(pid)
            if who and tag in killed and who.start >= killed[tag]:
                found.add(who)
    return found


def _tag_of(pid: int) -> bytes | None:
    try:
        entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    prefix = os.fsencode(TAG) + b"="
    return next((entry[len(prefix) :] for entry in entries if entry.startswith(prefix)), None)


def _read(path: Path) -> Iterator[tuple[str, Who, bytes]]:
    """What is noted there since the machine was started."""
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return
    boot = ancestry.boot_id()
    for line in text.splitlines():
        with contextlib.suppress(ValueError):
            kind, at, pid, start, tag = line.split()
            if at == boot:
                yield kind, Who(int(pid), int(start)), bytes.fromhex(tag) if tag != "-" else b""
