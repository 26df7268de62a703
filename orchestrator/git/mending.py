"""A store put right again after a power cut, or after an agent that wrote into it.

Owns what can be told from the store alone: files nobody may read, a broken HEAD, refs and
administrative files that are not what git writes, and objects whose bytes are not what their names
say. What is broken is removed, so that git says of it that it is missing instead of failing for
ever; what was lost by that, the journal knows. It runs no git but on packs.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path

from orchestrator.git.client import Git
from orchestrator.git.folder import remove_tree, walk
from orchestrator.git.whole_files import read_or_none, replace_file

_ID = r"(?:[0-9a-f]{40}|[0-9a-f]{64})"
_REF = re.compile(rf"{_ID}\n?|ref: refs/[!-~]+\n?".encode())
_PACKED = re.compile(rf"{_ID} refs/[!-~]+|\^{_ID}|#.*".encode())
_DETACHED = re.compile(rf"{_ID}\n?|ref: refs/[!-~]+\n?".encode())
_LOOSE = re.compile(rb"objects/([0-9a-f]{2})/([0-9a-f]{38}|[0-9a-f]{62})")
_PIECE = 1 << 20

Stamp = tuple[int, int, int, int]
"""Inode, size, mtime and ctime in ns: equal ones are the same bytes."""


def open_up(path: Path) -> None:
    """Let the owner read what is in the store, and write into its folders."""
    for item in walk(path):
        mode = item.status.st_mode
        wanted = stat.S_IRWXU if stat.S_ISDIR(mode) else stat.S_IRUSR
        if not stat.S_ISLNK(mode) and mode & wanted != wanted:
            (path / os.fsdecode(item.path)).chmod(stat.S_IMODE(mode) | wanted)


def mend_refs(path: Path, run: str) -> None:
    """Put HEAD back, and remove refs and administrative files that git could not read."""
    head = f"ref: refs/heads/orchestrate/{run}\n".encode()
    if _content(path / "HEAD") != head:
        if (path / "HEAD").is_dir():
            remove_tree(path / "HEAD")
        replace_file(path / "HEAD", head)
    (path / "refs").mkdir(exist_ok=True)
    for item in walk(path / "refs"):
        place = path / "refs" / os.fsdecode(item.path)
        if not stat.S_ISDIR(item.status.st_mode) and not _REF.fullmatch(_content(place) or b""):
            place.unlink(missing_ok=True)
    tip = path / "refs" / "heads" / "orchestrate" / run
    if tip.is_dir():
        remove_tree(tip)
    packed = _content(path / "packed-refs")
    if packed is not None:
        lines = packed.splitlines()
        good = [line for line in lines if _PACKED.fullmatch(line)]
        if good != lines or not packed.endswith(b"\n"):
            replace_file(path / "packed-refs", b"".join(line + b"\n" for line in good))
    for admin in (path / "worktrees").iterdir() if (path / "worktrees").is_dir() else ():
        if not _DETACHED.fullmatch(_content(admin / "HEAD") or b""):
            remove_tree(admin)


def is_run_of(path: Path, run: str) -> bool:
    """Whether nothing in the store says that it is another run's."""
    here = path / "refs" / "heads" / "orchestrate"
    head = _content(path / "HEAD") or b""
    others = [name for name in os.listdir(here) if name != run] if here.is_dir() else []  # noqa: PTH208
    return not others or head == f"ref: refs/heads/orchestrate/{run}\n".encode()


class ObjectCheck:
    """Whether the objects that stand in a store's own folder are what their names say.

    Git believes a loose object without looking, and one in the store before the user's own of the
    same name. What was looked at is known by its stamp, so that only what came since costs.
    """

    def __init__(self, path: Path, object_format: str) -> None:
        self._path = path
        self._algorithm = object_format
        self._known: dict[bytes, Stamp] = {}

    def remove_false(self) -> list[str]:
        """Remove objects that are not what they are called; their names."""
        false: list[str] = []
        for name, place, status in self._objects():
            stamp = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            if self._known.get(name) == stamp:
                continue
            if self._is_true(name, place):
                self._known[name] = stamp
            else:
                remove_tree(Path(os.fsdecode(place)))
                false.append(os.fsdecode(name.removeprefix(b"objects/")))
        return false

    def _objects(self) -> Iterator[tuple[bytes, bytes, os.stat_result]]:
        base = os.fsencode(self._path) + b"/"
        for folder in _entries(base + b"objects"):
            if len(folder) != 2 and folder != b"pack":
                continue
            for entry in _entries(base + b"objects/" + folder):
                name = b"objects/" + folder + b"/" + entry
                if folder == b"pack" and not entry.endswith(b".idx"):
                    continue
                try:
                    yield name, base + name, os.lstat(base + name)
                except FileNotFoundError:
                    continue

    def _is_true(self, name: bytes, place: bytes) -> bool:
        if name.endswith(b".idx"):
            git = Git(git_dir=self._path, cwd=self._path)
            return git.run("verify-pack", "--", os.fsdecode(place), check=False).status == 0
        match = _LOOSE.fullmatch(name)
        if match is None:  # what git is writing just now has such a name
            return name.rpartition(b"/")[2].startswith(b"tmp_")
        try:
            return self._hash(place) == match[1] + match[2]
        except FileNotFoundError:
            return True
        except (OSError, zlib.error):
            return False

    def _hash(self, place: bytes) -> bytes:
        """Of what the file unpacks to, never all of it at once."""
        digest = hashlib.new(self._algorithm, usedforsecurity=False)
        unpacker = zlib.decompressobj()
        with open(place, "rb") as file:  # noqa: PTH123  (bytes)
            while packed := unpacker.unconsumed_tail or file.read(_PIECE):
                digest.update(unpacker.decompress(packed, _PIECE))
        if not unpacker.eof or unpacker.unused_data:
            return b""
        return digest.hexdigest().encode()


def _entries(folder: bytes) -> list[bytes]:
    try:
        return os.listdir(folder)  # noqa: PTH208  (bytes)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _content(path: Path) -> bytes | None:
    try:
        return read_or_none(path)
    except OSError:
        return b""
