"""Who works on a run: one process at a time, by a lock on its report folder that ends with the
process.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from orchestrator.errors import EnvironmentRefused

MOMENT_SECONDS, PAUSE_SECONDS = 1.0, 0.01
"""What a process was about to start when it was killed has its lock until it has become a program
of its own; and whoever looks whether there is an owner holds it as long as that takes.
"""


@contextlib.contextmanager
def owned(folder: Path, what: str, mend: str) -> Iterator[None]:
    """Hold `folder` alone, by a lock that ends with this process. Raises EnvironmentRefused where
    another has it, and keeps it for longer than a moment.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        limit = time.monotonic() + MOMENT_SECONDS
        while not _take(descriptor):
            if time.monotonic() > limit:
                raise EnvironmentRefused(
                    f"{what} is already being worked on by another process", mend=mend
                )
            time.sleep(PAUSE_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_owned(folder: Path) -> bool:
    """Whether some process is at work there now."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
