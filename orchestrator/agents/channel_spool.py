"""The folder by which an attempt asks and is answered: requests as files, answers as files.

The attempt may do what it likes with it. So its folders are held by descriptors from before the
attempt begins, and nothing in them is followed, waited for, or read beyond its limit: a link, a pipe
or a large file is no request, and goes. Owns the bytes; what they mean is `channel`'s. Blocking, and
quick: what is looked at in one turn is limited.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from orchestrator.agents import channel_program
from orchestrator.errors import EnvironmentRefused
from orchestrator.isolation.own_paths import own_folder, write_anew

FOLDER = ".orchestrate"
PROGRAM = "bin/orchestrate"
MOST_BYTES = 16 * 1024
"""Of a request."""
MOST_AT_ONCE = 200
"""Requests that are read in one turn."""
MOST_COUNTED = 100_000
"""Of what is left at the end."""
_NAME = re.compile(r"[0-9a-z][0-9a-z-]{0,80}\.json")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_TICK = 0.1
"""Seconds in which a folder can change twice without its time telling."""
_SCRIPT = """\
#!/bin/sh
here=$(cd "$(dirname "$0")/.." && pwd) || exit 4
exec python3 -I "$here/channel.py" "$@"
"""


class Spool:
    """One attempt's folder below its private home; made afresh."""

    def __init__(self, home: Path) -> None:
        """Raises EnvironmentRefused where it cannot be made."""
        self.path = home / FOLDER
        self._seen = 0
        try:
            self._make()
        except OSError as error:
            raise EnvironmentRefused(
                f"the channel of an attempt cannot be made: {error.strerror or error}",
                where=str(self.path),
                mend="make room, or make the folder writable; then resume the run",
            ) from error

    def _make(self) -> None:
        shutil.rmtree(own_folder(self.path))
        for name in ("requests", "answers", "bin"):
            own_folder(self.path / name)
        source = Path(channel_program.__file__).read_bytes()
        write_anew(self.path / "channel.py", source)
        write_anew(self.path / PROGRAM, _SCRIPT.encode())
        (self.path / PROGRAM).chmod(0o700)
        self._requests = os.open(self.path / "requests", _FOLDER)
        self._answers = os.open(self.path / "answers", _FOLDER)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        os.close(self._requests)
        os.close(self._answers)

    @property
    def has_changed(self) -> bool:
        """Whether there may be something new; costs next to nothing."""
        changed = os.fstat(self._requests).st_mtime_ns
        return changed != self._seen or time.time_ns() - changed < 2 * _TICK * 1e9

    def take(self, most: int = MOST_AT_ONCE) -> list[tuple[str, bytes | None]]:
        """The oldest requests, by name; None for what is none. They are gone from the folder."""
        self._seen = os.fstat(self._requests).st_mtime_ns
        found = sorted(itertools.islice(self._names(), 5 * most))
        if len(found) > most:
            self._seen = 0
        return [(name, self._read(name)) for name in found[:most]]

    def answer(self, name: str, data: bytes) -> None:
        """Put an answer where who asked looks for it; whole or not at all."""
        half = f".{name}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with contextlib.suppress(OSError):  # it is theirs if there is no room for it
            with os.fdopen(os.open(half, flags, 0o600, dir_fd=self._answers), "wb") as file:
                file.write(data)
            os.rename(half, name, src_dir_fd=self._answers, dst_dir_fd=self._answers)

    def left(self) -> int:
        """How many requests are there still, counted up to a limit."""
        return sum(1 for _ in itertools.islice(self._names(), MOST_COUNTED))

    def _names(self) -> Iterator[str]:
        with os.scandir(self._requests) as entries:
            yield from (entry.name for entry in entries if not entry.name.startswith("."))

    def _read(self, name: str) -> bytes | None:
        data = None
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with contextlib.suppress(OSError):  # a link, gone, not to be read: no request
            fd = os.open(name, flags, dir_fd=self._requests)
            try:
                status = os.fstat(fd)
                if _NAME.fullmatch(name) and stat.S_ISREG(status.st_mode):
                    data = os.read(fd, MOST_BYTES + 1)
            finally:
                os.close(fd)
        try:
            os.unlink(name, dir_fd=self._requests)
        except OSError:  # a folder: put where it is not looked at
            with contextlib.suppress(OSError):  # gone meanwhile
                aside = f".{time.time_ns()}"
                os.rename(name, aside, src_dir_fd=self._requests, dst_dir_fd=self._requests)
        return data if data is not None and len(data) <= MOST_BYTES else None
