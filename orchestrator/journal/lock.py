"""Who works on a run: one process at a time, by a lock on its report folder that ends with the
process.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from orchestrator.errors import EnvironmentRefused


@contextlib.contextmanager
def owned(folder: Path, what: str, mend: str) -> Iterator[None]:
    """Hold `folder` alone, by a lock that ends with this process. Raises EnvironmentRefused where
    another has it.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EnvironmentRefused(
                f"{what} is already being worked on by another process", mend=mend
            ) from None
        yield
    finally:
        os.close(descriptor)


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
