"""Whether the files that a candidate is judged by are, after a check, what they were before it.

Product code can write to the tests that import it, and those are read after it. Owns which files
are looked at (protected ones, the test side, what says how tests are run), and how one is known to
have been written to, by this side and not in the process that runs them: the kernel's time of
change cannot be set back. Caches and files that tests make are nobody's business; whether a base's
tests do the same is `findings`'.
"""

from __future__ import annotations

import functools
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from orchestrator.gates.observing.runner_files import is_settings_file
from orchestrator.gates.observing.sources import Commits, Entry
from orchestrator.gates.observing.test_side import Layout, Read, layout_of
from orchestrator.mission.scope import Scope

HASHED_BYTES = 256 * 1024
SETTINGS = (
    *("conftest.py", "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml"),
    *("pyproject.toml", "tox.ini", "setup.cfg"),
)
CODE = frozenset(
    (".py", ".pyi", ".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".go", ".rs", ".java", ".rb")
)
REMEMBERED = 16


@dataclass(frozen=True, slots=True)
class Standing:
    """How guarded files stand in a tree; see `Guard.stand`."""

    root: Path
    files: Mapping[str, tuple[int, ...] | None]
    """By path: what the kernel tells of it that changes with it; None: nothing is there."""
    contents: Mapping[str, bytes]
    """Digests of what is data, which may be written anew as it was."""

    def written(self) -> tuple[str, ...]:
        """The paths that are others now, or were in between. Sorted."""
        return tuple(sorted(path for path in self.files if self._is_written(path)))

    def _is_written(self, path: str) -> bool:
        before, now = self.files[path], _told(self.root / path)
        if before == now:
            return False
        if before is None or now is None or path not in self.contents:
            return True
        return before[0] != now[0] or _digest(self.root / path) != self.contents[path]


class Guard:
    """Over trees of commits; `protect` are the globs of what nobody may change."""

    def __init__(self, commits: Commits, protect: Iterable[str] = ()) -> None:
        self._commits = commits
        self._is_protected = Scope(tuple(protect)).allows
        self._guarded = functools.lru_cache(REMEMBERED)(self._find)
        self._known: tuple[Layout, dict[str, tuple[Entry, bool]]] = Layout(), {}

    def stand(self, commit: str, root: Path) -> Standing:
        """How the commit's files stand in `root` now, right before a check."""
        paths = self._guarded(commit)
        files = {path: _told(root / path) for path in (*paths, *_possible_settings(paths))}
        data = [p for p, told in files.items() if told and PurePosixPath(p).suffix not in CODE]
        return Standing(root, files, {p: d for p in data if (d := _digest(root / p)) is not None})

    def _find(self, commit: str) -> tuple[str, ...]:
        entries, read = self._commits.entries(commit), partial(self._commits.read, commit)
        layout = layout_of(entries, read)
        last, known = self._known
        is_same, found = layout == last, dict[str, tuple[Entry, bool]]()
        for path, entry in entries.items():
            # From one commit to the next hardly a file is another one.
            before = known.get(path) if is_same else None
            if before is not None and before[0] == entry:
                found[path] = before
            else:
                found[path] = entry, self._is_guarded(layout, path, read)
        self._known = layout, found
        return tuple(path for path, (_, is_guarded) in found.items() if is_guarded)

    def _is_guarded(self, layout: Layout, path: str, read: Read) -> bool:
        if is_settings_file(path) or self._is_protected(path):
            return True
        if layout.is_test_side(path):
            return True
        folder, _, name = path.rpartition("/")
        is_near = layout.is_module(path) or name in ("test.py", "tests.py")
        # What stands in a file is asked of few: of most, name and place say enough.
        if not (is_near or (folder in layout.flat and name.endswith(".py"))):
            return False
        return layout.is_test_side(path, read(path))


def _possible_settings(paths: Iterable[str]) -> Iterator[str]:
    """Where settings and hooks could come to be that tests at these paths would be run with."""
    folders = {"": None} | {str(above): None for p in paths for above in PurePosixPath(p).parents}
    for folder in folders:
        for name in SETTINGS:
            yield name if folder in ("", ".") else f"{folder}/{name}"


def _told(path: Path) -> tuple[int, ...] | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    if stat.S_ISDIR(status.st_mode):
        return (status.st_mode,)  # a submodule: not the commit's own
    return status.st_mode, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _digest(path: Path) -> bytes | None:
    """Of a file's content or a link's end; None for what is too long to be read twice."""
    try:
        if path.is_symlink():
            return os.fsencode(path.readlink())
        if path.stat().st_size > HASHED_BYTES:
            return None
        return hashlib.blake2b(path.read_bytes()).digest()
    except OSError:
        return None
