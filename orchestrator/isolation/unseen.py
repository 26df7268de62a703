"""What other processes of the same user could read of this one, and shall not: its environment and
its memory.

Tests and agents run as the user who runs them, and Linux shows a process's environment to its user
under `/proc`. Owns both ways of closing that: a process that may not be dumped is shown to root
alone, and an environment that was moved away from where the kernel looks for it is shown to nobody.
What root may do with a process's memory only a sandbox stops. Elsewhere than on Linux it does
nothing. Part of the program that keepers are (`house`), hence nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys

PR_SET_DUMPABLE = 4
_ENV_START, _ENV_END = 47, 48
"""Places in `/proc/self/stat` after the process's name (see `man 5 proc`: fields 50 and 51)."""


def close_to_others() -> None:
    """Show environment, memory and descriptors of this process to root alone; what it starts is
    open as ever.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def hide_environment() -> None:
    """Show nobody the environment that this process was started with; it keeps it all the same."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, ValueError, IndexError):
        with open("/proc/self/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        start, end = int(fields[_ENV_START]), int(fields[_ENV_END])
        if not 0 < start < end:
            return
        # The C library's copies first: what stands at the old place may be in use until then.
        ctypes.CDLL(None).clearenv()
        for name, value in os.environb.items():
            os.putenv(name, value)
        ctypes.memset(start, 0, end - start)
