"""A work tree as files on disk: what is in it, what of it is untouched, and how to be rid of the
rest.

Owns the walk over folders that an agent has had in its hands, with whatever modes, links and
special files it left, and knows nothing of git but the name ``.git``. All paths are bytes relative
to the root, so that no name is a surprise.
"""

from __future__ import annotations

import functools
import os
import stat
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.git.removal import remove_tree as remove_tree  # noqa: PLC0414  (it is known from here)

ONE_AT_A_TIME = threading.Lock()
"""Held while looking at each of many files: every look lets go of the interpreter, and threads that
do so at the same time spend more on handing it to one another than on looking.
"""

_FALLBACK_TICK_NS = 10_000_000

Stamp = bytes
"""Inode, device, size, mtime and ctime in ns, kind, owner, as `packed`: there is one for each file of
each work tree.

No program sets a ctime, so an equal stamp is no change.
"""
packed = struct.Struct("<IIIqqII").pack
"""A stamp of these seven; as in git's index, what is no time in 32 bits."""
_BITS = 0xFFFFFFFF


DEEPEST = 200
LONGEST = 3000
"""How many folders inside one another, and how many bytes of a path, are looked into. Paths that
are longer cannot be named to the system, and what works folder by folder has limits of its own.
"""


class OddFolder(Exception):
    """The folder is not worth trusting or mending; a fresh one is."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What we put into a folder ourselves, taken before anyone else could touch it."""

    files: dict[bytes, Stamp]
    folders: dict[bytes, tuple[int, int]]
    empty: frozenset[bytes]
    taken_ns: int


@dataclass(frozen=True, slots=True)
class Found:
    """One thing in a folder: its path and what ``lstat`` said."""

    path: bytes
    status: os.stat_result


def walk(root: Path, *, skip: frozenset[bytes] = frozenset()) -> Iterator[Found]:
    """Everything below `root` but its ``.git`` and `skip`, folders before what is in them; no link
    is followed.

    A ``.git`` further down is reported but not entered.

    Folders that their owner has closed are opened, since an agent may close them to hide what is
    inside. One that `is_too_deep` is reported but not entered.
    """
    base = os.fsencode(root)
    todo = [b""]
    while todo:
        folder = todo.pop()
        place = base + b"/" + folder if folder else base
        for entry, status in _list(place):
            if not folder and entry.name == b".git":
                continue
            path = folder + b"/" + entry.name if folder else entry.name
            if path in skip:
                continue
            yield Found(path, status)
            if stat.S_ISDIR(status.st_mode) and entry.name != b".git" and not is_too_deep(path):
                todo.append(path)


def is_too_deep(folder: bytes) -> bool:
    """Whether nothing below this folder, by its path, is looked at."""
    return len(folder) > LONGEST or folder.count(b"/") >= DEEPEST


def _list(place: bytes) -> list[tuple[os.DirEntry[bytes], os.stat_result]]:
    try:
        return _look(place)
    except PermissionError:
        os.chmod(place, 0o700)  # noqa: PTH101  (bytes)
        return _look(place)


def _look(place: bytes) -> list[tuple[os.DirEntry[bytes], os.stat_result]]:
    with os.scandir(place) as entries:
        return [(entry, entry.stat(follow_symlinks=False)) for entry in entries]


def open_all(root: Path) -> None:
    """Let the owner read everything below `root`; what is executable stays so."""
    base = os.fsencode(root)
    for found in walk(root):
        mode = found.status.st_mode
        if stat.S_ISREG(mode) and not mode & stat.S_IRUSR:
            os.chmod(base + b"/" + found.path, stat.S_IMODE(mode) | 0o600)  # noqa: PTH101  (bytes)


def take_manifest(root: Path) -> Manifest:
    """Describe what is in `root` now."""
    files: dict[bytes, Stamp] = {}
    folders: dict[bytes, tuple[int, int]] = {b"": _folder(os.lstat(root))}
    filled: set[bytes] = set()
    for found in walk(root):
        filled.add(found.path.rpartition(b"/")[0])
        if stat.S_ISDIR(found.status.st_mode):
            folders[found.path] = _folder(found.status)
        else:
            files[found.path] = _stamp(found.status)
    return Manifest(files, folders, frozenset(folders.keys() - filled), time.time_ns())


def manifest_of(root: Path, stamps: dict[bytes, Stamp]) -> Manifest | None:
    """The manifest of a folder of which it is known that it holds these files and no others; None
    if they differ.
    """
    base = os.fsencode(root) + b"/"
    folders: dict[bytes, tuple[int, int]] = {b"": _folder(os.lstat(root))}
    for path in stamps:
        folder = path.rpartition(b"/")[0]
        while folder not in folders:
            folders[folder] = _folder(os.lstat(base + folder))
            folder = folder.rpartition(b"/")[0]
    # One shall vouch for all: not everybody who notes stamps notes nanoseconds.
    if stamps and _stamp(os.lstat(base + next(iter(stamps)))) != next(iter(stamps.values())):
        return None
    return Manifest(stamps, folders, frozenset(), time.time_ns())


def scrub(root: Path, manifest: Manifest) -> list[bytes]:
    """Remove everything below `root`, ``.git`` too, that is not exactly as in `manifest`;
    `OddFolder` if in doubt.

    What is left was written by us and touched by nobody since. Nothing is restored here: the files
    of the manifest that are missing now are returned, and the fill does that.
    """
    status = root.lstat()
    if (
        not stat.S_ISDIR(status.st_mode)
        or _folder(status) != manifest.folders[b""]
        or _attributes(root)
    ):
        raise OddFolder(root)
    kept: set[bytes] = set()
    with ONE_AT_A_TIME:
        _scrub_folder(os.fsencode(root), b"", manifest, kept)
    if any(not (root / os.fsdecode(folder)).is_dir() for folder in manifest.empty):
        raise OddFolder(root)
    return [path for path in manifest.files if path not in kept]


def _scrub_folder(base: bytes, folder: bytes, manifest: Manifest, kept: set[bytes]) -> bool:
    """Scrub one folder, noting the files that are kept; whether nothing is left in it."""
    place = base + b"/" + folder if folder else base
    left = 0
    for entry, status in _list(place):
        path = folder + b"/" + entry.name if folder else entry.name
        if stat.S_ISDIR(status.st_mode):
            known = manifest.folders.get(path)
            if known is None:
                remove_tree(Path(os.fsdecode(entry.path)))
                continue
            if known != _folder(status) or _attributes(entry.path):
                raise OddFolder(path)
            if _scrub_folder(base, path, manifest, kept) and path not in manifest.empty:
                os.rmdir(entry.path)  # noqa: PTH106  (bytes)
                continue
        else:
            # ctime is compared with when the manifest was taken: a change within the same tick
            # would not show
            if (
                manifest.files.get(path) != _stamp(status)
                or status.st_nlink != 1
                or _young(status, manifest)
            ):
                os.unlink(entry.path)  # noqa: PTH108  (bytes)
                continue
            kept.add(path)
        left += 1
    return left == 0


def renew_manifest(root: Path, manifest: Manifest, written: list[bytes]) -> Manifest:
    """The manifest after a scrub and the writing of what was missing, looking at nothing else
    again.
    """
    base = os.fsencode(root)
    files, folders = dict(manifest.files), dict(manifest.folders)
    for path in written:
        files[path] = _stamp(os.lstat(base + b"/" + path))
        folder = os.path.dirname(path)  # noqa: PTH120  (bytes)
        while folder:
            folders[folder] = _folder(os.lstat(base + b"/" + folder))
            folder = os.path.dirname(folder)  # noqa: PTH120  (bytes)
    return Manifest(files, folders, manifest.empty, time.time_ns())


def _stamp(status: os.stat_result) -> Stamp:
    return packed(
        status.st_ino & _BITS,
        status.st_dev & _BITS,
        status.st_size & _BITS,
        status.st_mtime_ns,
        status.st_ctime_ns,
        stat.S_IFMT(status.st_mode),
        status.st_uid & _BITS,
    )


def is_untouched(status: os.stat_result, stamp: Stamp, manifest: Manifest) -> bool:
    """Whether a file is certainly what it was when `manifest` was taken with that stamp of it."""
    return stamp == _stamp(status) and not _young(status, manifest)


def _young(status: os.stat_result, manifest: Manifest) -> bool:
    return status.st_ctime_ns > manifest.taken_ns - 2 * _tick_ns()


@functools.cache
def _tick_ns() -> int:
    """How far apart two changes must be for the kernel to stamp them differently."""
    clock = getattr(time, "CLOCK_REALTIME_COARSE", None)  # Linux stamps files with it
    return int(time.clock_getres(clock) * 1e9) if clock is not None else _FALLBACK_TICK_NS


def _folder(status: os.stat_result) -> tuple[int, int]:
    return status.st_mode, status.st_uid


def _attributes(path: Path | bytes) -> bool:
    """Whether a folder has extended attributes that it would hand on, such as a default access
    list.
    """
    try:
        return any(
            not name.startswith("security.") for name in os.listxattr(path, follow_symlinks=False)
        )
    except OSError:  # a file system without them
        return False
