"""Whether what was put somewhere is what it was: what cannot be changed without being seen.

The time of the last change of a file is the system's; no program sets it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

Stamp = tuple[int, ...]
Stamps = dict[str, Stamp]


def stamps(top: Path) -> Stamps:
    """Everything at and below `top`, by its path, with what tells that it was touched."""
    return {where: _of(status) for where, status in walk(top)}


def stamp(path: Path) -> Stamp:
    """Of one file or link itself; of what is not there, one that nothing has."""
    try:
        return _of(path.lstat())
    except OSError:
        return ()


def walk(top: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Everything at (``""``) and below `top`, relative to it, without following links below it."""
    try:
        yield "", top.stat()
    except OSError:
        return
    above = len(str(top)) + 1
    todo = [str(top)] if top.is_dir() else []
    while todo:
        try:
            with os.scandir(todo.pop()) as entries:
                for entry in entries:
                    yield entry.path[above:], entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
        except OSError:
            continue  # went away, or may not be read: then it is not as it was either


def _of(status: os.stat_result) -> Stamp:
    return status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns
