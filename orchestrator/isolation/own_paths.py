"""Files and folders of a run that an agent can reach: never through what it put in their place.

An agent knows what its next attempt's log, brief and home will be called, and can leave a link
there, to a file of the user's or to a folder in which ours would appear. Whatever is found in such
a place that we have not made (a link, a file with another name elsewhere, a pipe) is put away, and
the path is made anew. Folders are held by a descriptor while something is opened in them, so that
they cannot be exchanged in between.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_TRIES = 20
"""Against somebody who puts it there again and again."""


def own_folder(path: Path) -> Path:
    """The folder itself, made if absent, for its user alone; a link to one is none."""
    for _ in range(_TRIES):
        try:
            os.close(os.open(path, _FOLDER))
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                path.mkdir(mode=0o700)
        except OSError:
            if not path.is_symlink() and path.is_dir():
                raise  # it is one, and may not be read
            path.unlink(missing_ok=True)
        else:
            return path
    raise NotADirectoryError(20, "somebody keeps putting something else there", str(path))


def write_anew(path: Path, data: bytes) -> None:
    """A new file of that name, readable by its user alone, whatever was there."""
    with _held(path.parent) as folder:
        for _ in range(_TRIES):
            _put_away(path.name, folder)
            with contextlib.suppress(FileExistsError):
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                with os.fdopen(os.open(path.name, flags, 0o600, dir_fd=folder), "wb") as file:
                    file.write(data)
                return
    raise FileExistsError(17, "somebody keeps putting something else there", str(path))


def append_to(path: Path) -> IO[bytes]:
    """The file to append to, readable by its user alone; what is not a file of ours alone is put
    away first.
    """
    # Without waiting: a pipe that nobody reads would hold us for ever.
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with _held(path.parent) as folder:
        for _ in range(_TRIES):
            with contextlib.suppress(OSError):
                _put_away(path.name, folder, only_strange=True)
            try:
                fd = os.open(path.name, flags, 0o600, dir_fd=folder)
            except OSError:
                if _kind(path.name, folder) in ("", "own"):
                    raise
                continue
            if _is_own(os.fstat(fd)):
                return os.fdopen(fd, "ab")
            os.close(fd)
    raise FileExistsError(17, "somebody keeps putting something else there", str(path))


@contextlib.contextmanager
def _held(path: Path) -> Iterator[int]:
    folder = os.open(own_folder(path), _FOLDER)
    try:
        yield folder
    finally:
        os.close(folder)


def _is_own(status: os.stat_result) -> bool:
    """A file that has no other name, or a device, such as the one that takes everything."""
    return (stat.S_ISREG(status.st_mode) and status.st_nlink == 1) or stat.S_ISCHR(status.st_mode)


def _kind(name: str, folder: int) -> str:
    """Empty: nothing is there; `own`, or `strange`."""
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return ""
    return "own" if _is_own(status) else "strange"


def _put_away(name: str, folder: int, *, only_strange: bool = False) -> None:
    kind = _kind(name, folder)
    if not kind or (only_strange and kind == "own"):
        return
    try:
        os.unlink(name, dir_fd=folder)
    except (IsADirectoryError, PermissionError):
        aside = f".{name}.{time.time_ns()}"
        os.rename(name, aside, src_dir_fd=folder, dst_dir_fd=folder)
