"""Removing folders that an agent has had in its hands, however deep it nested them and whomever it
shut out of them.

Paths are never longer than one name: every step is taken from the folder above, by its descriptor.
What lies too deep for that many open folders is first moved up.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
from collections.abc import Iterator
from pathlib import Path

_AT_A_TIME = 60
"""How many folders inside one another are open at once; what is deeper is moved up."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN = 0o700


def remove_tree(path: Path) -> None:
    """Remove whatever is at `path`, whoever closed it; links are removed, never followed."""
    try:
        is_folder = stat.S_ISDIR(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return
    with _folder_at(path.parent) as above:
        if is_folder:
            _remove_folder(path.name, above)
        else:
            _unlink(path.name, above)


def _remove_folder(name: str, above: int) -> None:
    token = os.urandom(8).hex()
    fresh = (f".{token}-{number}" for number in itertools.count())
    with contextlib.suppress(FileNotFoundError):
        while True:
            with _folder_at(name, above) as folder:
                if not _empty(folder, folder, 1, fresh):
                    break
        _rmdir(name, above)


def _empty(folder: int, top: int, depth: int, fresh: Iterator[str]) -> bool:
    """Remove all that is in the open folder; whether something was moved up to `top` instead."""
    moved = False
    with os.scandir(folder) as entries:
        names = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in names:
        with contextlib.suppress(FileNotFoundError):
            if not is_folder:
                _unlink(name, folder)
            elif depth >= _AT_A_TIME:
                _move_up(name, folder, top, fresh)
                moved = True
            else:
                with _folder_at(name, folder) as inside:
                    moved |= _empty(inside, top, depth + 1, fresh)
                _rmdir(name, folder)
    return moved


def _move_up(name: str, folder: int, top: int, fresh: Iterator[str]) -> None:
    with _folder_at(name, folder):
        os.rename(name, next(fresh), src_dir_fd=folder, dst_dir_fd=top)


@contextlib.contextmanager
def _folder_at(name: str | Path, above: int | None = None) -> Iterator[int]:
    """The folder, open, with all that its owner may do in one given back."""
    try:
        descriptor = os.open(name, _FOLDER, dir_fd=above)
    except PermissionError:
        os.chmod(name, _OPEN, dir_fd=above)
        descriptor = os.open(name, _FOLDER, dir_fd=above)
    try:
        if above is not None:
            mode = os.fstat(descriptor).st_mode
            if mode & _OPEN != _OPEN:
                os.fchmod(descriptor, stat.S_IMODE(mode) | _OPEN)
        yield descriptor
    finally:
        os.close(descriptor)


def _unlink(name: str, folder: int) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except PermissionError:
        os.fchmod(folder, _OPEN)
        os.unlink(name, dir_fd=folder)


def _rmdir(name: str, folder: int) -> None:
    try:
        os.rmdir(name, dir_fd=folder)
    except PermissionError:
        os.fchmod(folder, _OPEN)
        os.rmdir(name, dir_fd=folder)
