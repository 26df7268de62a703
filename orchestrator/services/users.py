"""As whom services run: never as root unless the mission says so, also where `orchestrate` is root.

PostgreSQL and others refuse to be root, and what stands in a work tree had better not be. To be a
plain user of the same files needs neither an account nor a change of who owns what: it is the same
user, under another number, in a user namespace of its own.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess

PLAIN = 1000
"""The number that root has there."""
_PREFIX = ("--user", f"--map-user={PLAIN}", f"--map-group={PLAIN}", "--")


@functools.cache
def as_plain_user() -> tuple[str, ...]:
    """What a command begins with so that root is a plain user in it; empty for who is not root, and
    where the kernel does not allow it. Blocking.
    """
    program = shutil.which("unshare") if os.geteuid() == 0 else None
    if program is None:
        return ()
    command = (program, *_PREFIX)
    try:
        tried = subprocess.run([*command, "true"], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return command if tried.returncode == 0 else ()


def box_user(*, may_be_root: bool) -> int | None:
    """The same for a box: the number that its user has in it, if it is to be another one."""
    return PLAIN if os.geteuid() == 0 and not may_be_root else None
