"""Taking over plain edits without a git process: the common case of `capture`, for work trees
filled by this process.

Owns the decision of what is plain. The stamps of the fill say which files an agent touched; if all
of these are ordinary files and links, their blobs and trees are made here, byte for byte what git
would make. Anything about which git has an opinion (attributes, ignore rules that changed,
repositories inside, odd names, large files) is left to the full capture.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from orchestrator.git.caches import cache_of
from orchestrator.git.folder import ONE_AT_A_TIME, Manifest, is_too_deep, is_untouched, walk
from orchestrator.git.objects import ObjectWriter, object_id
from orchestrator.git.store import Store
from orchestrator.git.text import decode, encode
from orchestrator.git.values import EXECUTABLE, FILE, GITLINK, SYMLINK, Change, Changes, Entry

_MOST_FILES = 2000
"""New or changed; a flood is git's to read, one file at a time."""


@dataclass(frozen=True, slots=True)
class Edits:
    """What the agent changed, and the tree with it; pending in `writer`."""

    tree: str
    changes: Changes
    writer: ObjectWriter


def plain_edits(
    store: Store,
    path: Path,
    base: str,
    manifest: Manifest,
    *,
    exclude: Collection[str],
    largest: int,
    ignored: Callable[[list[bytes]], set[bytes]],
) -> Edits | None:
    """The edits in the work tree at `path`, or None where the full capture has to look.

    `manifest` describes the tree as it was filled with `base`; `largest` is in bytes; `ignored`
    says which of some new paths the ignore rules leave out.
    """
    entries = store.entries(base)
    if len(manifest.files) != len(entries) or any(
        entry.mode == GITLINK or name.endswith(".gitattributes") for name, entry in entries.items()
    ):
        return None
    try:
        with ONE_AT_A_TIME:
            touched, removed = _touched(path, manifest, frozenset(map(encode, exclude)), largest)
        new = [name for name in touched if name not in manifest.files]
        for name in ignored(new) if new else ():
            del touched[name]
        return _edits(store, path, base, touched, removed)
    except (_NotPlain, OSError):  # the latter: such as a file that its owner may not read
        return None


class _NotPlain(Exception):
    """There is something here that this module does not judge."""


def _touched(
    path: Path, manifest: Manifest, skip: frozenset[bytes], largest: int
) -> tuple[dict[bytes, os.stat_result], list[bytes]]:
    """What is new or not certainly untouched, and what of the manifest is gone. Raises
    _NotPlain.
    """
    touched: dict[bytes, os.stat_result] = {}
    missing = len(manifest.files)
    for found in walk(path, skip=skip):
        mode = found.status.st_mode
        if not stat.S_ISDIR(mode) and (stamp := manifest.files.get(found.path)) is not None:
            missing -= 1
            if is_untouched(found.status, stamp, manifest):
                continue
        elif cache_of(found.path):
            continue  # nobody's work
        if _is_gits(found.path) or (stat.S_ISDIR(mode) and is_too_deep(found.path)):
            raise _NotPlain
        if not stat.S_ISDIR(mode):
            if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)) or found.status.st_size > largest:
                raise _NotPlain
            touched[found.path] = found.status
            if len(touched) > _MOST_FILES:
                raise _NotPlain
    removed = _removed(path, manifest) if missing else []
    if any(map(_is_gits, removed)):
        raise _NotPlain
    return touched, removed


def _edits(
    store: Store, path: Path, base: str, touched: dict[bytes, os.stat_result], removed: list[bytes]
) -> Edits:
    entries, writer = store.entries(base), store.writer()
    changes: Changes = {}
    for raw in sorted([*touched, *removed]):
        name = decode(raw)
        old = entries.get(name)
        new, content = (
            _entry(store, os.fsencode(path) + b"/" + raw, touched[raw])
            if raw in touched
            else (None, b"")
        )
        if new != old:
            changes[name] = Change(old, new)
            if new is not None:
                writer.blob(content)
    spliced = {name: change.new for name, change in changes.items()}
    tree = writer.splice(store.tree_of(base), spliced) if changes else store.tree_of(base)
    return Edits(tree, changes, writer)


def _entry(store: Store, place: bytes, status: os.stat_result) -> tuple[Entry, bytes]:
    """What stands at `place`, and its content."""
    if stat.S_ISLNK(status.st_mode):
        content = os.readlink(place)  # noqa: PTH115  (bytes)
        return Entry(SYMLINK, object_id("blob", content, store.object_format)), content
    with open(place, "rb") as file:  # noqa: PTH123  (bytes)
        content = file.read()
    mode = EXECUTABLE if status.st_mode & stat.S_IXUSR else FILE
    return Entry(mode, object_id("blob", content, store.object_format)), content


def _removed(path: Path, manifest: Manifest) -> list[bytes]:
    """The files of the manifest that are not there, or not as files: a folder may stand in their
    place.
    """
    base = os.fsencode(path) + b"/"
    return [name for name in manifest.files if not _stands(base + name)]


def _stands(place: bytes) -> bool:
    try:
        return not stat.S_ISDIR(os.lstat(place).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _is_gits(path: bytes) -> bool:
    """Whether a part of the path is a name that git reads or that some file system takes for one:
    full rules apply.
    """
    parts = path.lower().split(b"/")
    return not path.isascii() or any(
        part[:4] in {b".git", b"git~"} and part != b".github" for part in parts
    )
