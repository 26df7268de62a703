"""A seal on what this program writes for itself and reads again, so that nobody else's is believed.

Owns the key, a file that its user alone may read, outside of all work trees and reports, and the
marks made with it. Who runs as the same user and knows where to look can read it: against that,
only a sandbox helps.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

KEY_BYTES = 32


class Seal:
    """Marks made with one key; one that was made with another key is none."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = secrets.token_bytes(KEY_BYTES) if key is None else key

    @classmethod
    def kept_in(cls, path: Path) -> Seal:
        """With the key in this file, which is made if absent; one that others may read or write, or
        that is cut short, is made anew. Raises OSError where there can be none.
        """
        for _ in range(2):
            if key := _read(path):
                return cls(key)
            _make(path)
        return cls(_read(path))

    def mark(self, name: str, data: bytes) -> str:
        """The mark of these bytes under this name."""
        told = hmac.new(self._key, digestmod=hashlib.sha256)
        told.update(len(name).to_bytes(8, "big") + name.encode("utf-8", "surrogateescape") + data)
        return told.hexdigest()

    def holds(self, mark: str, name: str, data: bytes) -> bool:
        """Whether it was made of these bytes under this name, by whoever has the key."""
        return hmac.compare_digest(mark.encode(), self.mark(name, data).encode())


def _read(path: Path) -> bytes | None:
    """The key; None where there is none that can be relied on."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError:
        if path.is_symlink():
            return None
        raise
    with os.fdopen(fd, "rb") as file:
        status = os.fstat(fd)
        is_ours = stat.S_ISREG(status.st_mode) and status.st_uid == os.getuid()
        if not is_ours or status.st_mode & 0o077 or status.st_nlink != 1:
            return None
        key = file.read(KEY_BYTES + 1)
        return key if len(key) == KEY_BYTES else None


def _make(path: Path) -> None:
    """Put a key there whole; of two who do so at once, the first one's stays."""
    known = None
    with contextlib.suppress(OSError):
        known = path.lstat()
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
        if known is None:
            with contextlib.suppress(FileExistsError):
                os.link(fresh, path)
        else:
            fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
