"""What one set-up made: kept where all runs of a root find it, and put into work trees.

It is every file that the commit does not have. Programs write the path of the folder in which they
are installed into scripts and `.pth` files: in a copy it is the copy's. What came of an earlier run
is used if it is byte for byte what it was, and carries our seal. Owns the folder of one result; when one is made is
`setup`'s.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import EnvironmentRefused
from orchestrator.git.folder import is_too_deep, remove_tree, walk
from orchestrator.isolation.seal import Seal

TEXT_LIMIT_BYTES = 1024 * 1024
SEALED = "set-up"
"""What a seal on a result is called."""
COMPILED = (".pyc", ".pyo")
_COPY = ("cp", "-a", "--reflink=auto", "--")
"""As Python would copy, in a third of the time, and in none where the file system can share."""


class SetupFailed(EnvironmentRefused):
    """A command of `workspace.setup` failed on this commit."""


@dataclass(frozen=True, slots=True)
class Made:
    """What one set-up made: where it is kept, its top-most paths, where it was made, which files
    speak of that, and the digest of it all.
    """

    files: Path
    paths: tuple[str, ...]
    root: str
    texts: tuple[str, ...]
    digest: str

    def put_into(self, work_tree: Path) -> None:
        """Copy it to where it was made, in place of whatever is there."""
        for path in self.paths:
            target = work_tree / path
            remove_tree(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            source = self.files / path
            _copy(source, target)
        old, new = os.fsencode(self.root), os.fsencode(work_tree)
        for path in self.texts:
            _replace(work_tree / path, old, new)


def keep(tree: Path, known: frozenset[str], place: Path, seal: Seal) -> Made:
    """Move what was made in a tree, all that is not `known` there, to where it is kept, sealed."""
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}."))
    paths = tuple(_made_in(tree, known))
    for path in paths:
        target = partial / "files" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(tree / path, target)
    files = partial / "files"
    files.mkdir(exist_ok=True)
    texts = tuple(path for path in _files(files) if _speaks_of(files / path, os.fsencode(tree)))
    digest = _digest(files)
    facts: dict[str, Any] = {
        "paths": paths,
        "root": str(tree),
        "texts": texts,
        "digest": digest,
    }
    facts["seal"] = seal.mark(SEALED, _told(place, facts))
    (partial / "setup.json").write_text(
        json.dumps(facts), encoding="utf-8", errors="surrogateescape"
    )
    remove_tree(place)
    partial.rename(place)
    return Made(place / "files", paths, str(tree), texts, digest)


def load(place: Path, seal: Seal) -> Made | None:
    """What an earlier run has kept; None when there is none, or it is not what we made."""
    facts = facts_of(place)
    with contextlib.suppress(OSError):
        is_ours = seal.holds(str(facts.get("seal", "")), SEALED, _told(place, facts))
        if is_ours and _digest(place / "files") == facts["digest"]:
            return Made(
                place / "files",
                tuple(facts["paths"]),
                facts["root"],
                tuple(facts["texts"]),
                facts["digest"],
            )
    return None


def _told(place: Path, facts: Mapping[str, Any]) -> bytes:
    """What a seal is on: of which result it is, and all that is noted of it."""
    told = {key: value for key, value in facts.items() if key != "seal"}
    return json.dumps([place.name, told], sort_keys=True).encode()


def facts_of(place: Path) -> dict[str, Any]:
    """What is noted of a result; empty where there is none."""
    try:
        facts: dict[str, Any] = json.loads(
            (place / "setup.json").read_text("utf-8", "surrogateescape")
        )
    except (OSError, ValueError):
        return {}
    return facts


def _made_in(tree: Path, known: frozenset[str]) -> Iterator[str]:
    """The top-most paths of a tree that hold nothing known, sorted."""
    folders = {parent for path in known for parent in _parents(path)}
    todo = [""]
    while todo:
        folder = todo.pop()
        for entry in sorted(os.scandir(tree / folder), key=lambda entry: entry.name):
            path = f"{folder}/{entry.name}" if folder else entry.name
            if path in known or path == ".git":
                continue
            if path in folders and entry.is_dir(follow_symlinks=False):
                todo.append(path)
            else:
                yield path


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _files(folder: Path) -> Iterator[str]:
    """Everything in a folder but folders, sorted, relative to it. Raises SetupFailed where these
    are nested deeper than can be copied.
    """
    found = []
    for item in walk(folder):
        if not stat.S_ISDIR(item.status.st_mode):
            found.append(item.path)
        elif is_too_deep(item.path):
            top = os.fsdecode(item.path.partition(b"/")[0])
            raise SetupFailed(f"workspace.setup: folders are nested too deep in {top}")
    yield from map(os.fsdecode, sorted(found))


def _digest(folder: Path) -> str:
    """Of all that is in a folder: names, modes, contents."""
    told = hashlib.sha256()
    for path in _files(folder):
        place = folder / path
        content = os.fsencode(place.readlink()) if place.is_symlink() else place.read_bytes()
        told.update(os.fsencode(f"{path}\0{place.lstat().st_mode:o}\0{len(content)}\0"))
        told.update(content)
    return told.hexdigest()


def _speaks_of(place: Path, root: bytes) -> bool:
    if place.is_symlink():
        return os.fsencode(place.readlink()).startswith(root)
    if not place.is_file() or place.suffix in COMPILED or place.stat().st_size > TEXT_LIMIT_BYTES:
        return False
    content = place.read_bytes()
    return root in content and b"\0" not in content


def _replace(place: Path, old: bytes, new: bytes) -> None:
    """Have a text or a link speak of another folder; of the folder itself, not of one whose name
    begins so.
    """
    if place.is_symlink():
        target = os.fsencode(place.readlink())
        place.unlink()
        place.symlink_to(os.fsdecode(new + target[len(old) :]))
        return
    pattern = re.compile(re.escape(old) + rb"(?![\w.-])")
    mode = place.stat().st_mode
    place.write_bytes(pattern.sub(lambda _: new, place.read_bytes()))
    place.chmod(mode)


def _copy(source: Path, target: Path) -> None:
    """Copy a file, a link or a folder as it is. Raises SetupFailed."""
    if not source.is_dir() or source.is_symlink():
        shutil.copy2(source, target, follow_symlinks=False)
        return
    done = subprocess.run(
        [*_COPY, source, target],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise SetupFailed(
            f"workspace.setup: what it made cannot be copied: {said[-1] if said else 'cp failed'}",
            where=str(target),
            mend="make room",
        )
