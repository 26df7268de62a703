"""How much a program has written below the folders that are its own, looked at while it runs.

The kernel dates every change of a file itself, and nobody can set that date: what has changed since
the program began is what it wrote. Files that have no name any more are not seen, nor what stands
deeper than a path is long; a file to which another name was made, by whomever, counts as changed.
Owns that question; what is done about the answer is `boxed`'s.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

_BLOCK = 512
"""Bytes in which a file system counts what a file takes, whatever its own blocks are."""


class Written:
    """What is written below `places` from now on, of which there may be `most` bytes."""

    def __init__(self, places: Sequence[Path], most: int) -> None:
        self._places, self._most = tuple(places), most
        # Files are dated by this clock, which lags behind the finer one.
        self._since = time.clock_gettime_ns(_CLOCK)

    def excess(self) -> str | None:
        """What there is too much of; None: nothing. Blocking; it stops counting at the limit."""
        taken = 0
        seen: set[tuple[int, int]] = set()
        for status in _statuses(self._places):
            file = (status.st_dev, status.st_ino)
            if status.st_ctime_ns < self._since or file in seen:
                continue
            if status.st_nlink > 1:
                seen.add(file)
            taken += status.st_blocks * _BLOCK
            if taken > self._most:
                return f"it wrote more than {self._most / 1024**2:.0f} MiB"
        return None


def _statuses(places: Sequence[Path]) -> Iterator[os.stat_result]:
    """Of all that is no folder, links themselves and not what they lead to."""
    for place in places:
        for folder, _, names in os.walk(place):
            for name in names:
                # It may be gone since its folder was read: its owner is at work.
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                    status = os.lstat(f"{folder}/{name}")
                    if not stat.S_ISDIR(status.st_mode):
                        yield status


_CLOCK = getattr(time, "CLOCK_REALTIME_COARSE", time.CLOCK_REALTIME)
