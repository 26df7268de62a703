"""A checkout that a landing left between two commits: a full disk, or a kill, in the middle of it.

Owns the note that says which two commits these are, and the way back to the first one. Only what
the landing itself can have left is undone: files that are missing, or that hold the new content or
its beginning. Whatever else stands there is somebody's work, and stays.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from orchestrator.git.client import Git
from orchestrator.git.text import encode
from orchestrator.git.values import SYMLINK, Changes, Entry, parse_raw_diff
from orchestrator.git.whole_files import replace_file

_NOTE = "orchestrate-landing"
_PAIR = re.compile(r"([0-9a-f]{40,64}) ([0-9a-f]{40,64})\n")


@dataclass(frozen=True, slots=True)
class HalfMoved:
    """What is known of a move in the checkout at `path`; `git` is git in it, with the user's
    configuration.
    """

    git: Git
    path: Path
    git_dir: Path

    def note(self, before: str, after: str) -> None:
        """Say that a move begins. Raises OSError where there is no room for even that."""
        replace_file(self._note, f"{before} {after}\n".encode())

    def forget(self) -> None:
        """Say that the checkout is at one of the two commits, whole."""
        self._note.unlink(missing_ok=True)

    def put_back(self) -> bool:
        """Undo what a move left half done; whether the checkout is whole, as far as that goes."""
        pair = _PAIR.fullmatch(self._read_note())
        if pair is None:
            return True
        changes = self._changes(pair[1], pair[2])
        if changes is not None:
            self._remove_new(changes)
            self._write_old(changes)
            if self._torn(changes, self._index()):
                return False
        self.forget()
        return True

    @property
    def _note(self) -> Path:
        return self.git_dir / _NOTE

    def _read_note(self) -> str:
        try:
            return self._note.read_text()
        except (OSError, UnicodeDecodeError):
            return ""

    def _changes(self, before: str, after: str) -> Changes | None:
        options = ("-r", "-z", "--raw", "--no-renames", "--no-abbrev", "--ignore-submodules=none")
        answer = self.git.run("diff-tree", *options, before, after, "--", check=False)
        return parse_raw_diff(answer.stdout) if answer.status == 0 else None

    def _index(self) -> dict[str, Entry]:
        found: dict[str, Entry] = {}
        for row in self.git.run("ls-files", "--stage", "-z").fields:
            about, _, path = row.partition("\t")
            mode, oid, stage = about.split(" ")
            if stage == "0":
                found[path] = Entry(mode, oid)
        return found

    def _remove_new(self, changes: Changes) -> None:
        """Files that the index does not know yet, with the folders that were made for them; first,
        since that makes room.
        """
        index = self._index()
        for path, change in changes.items():
            new = change.new
            if change.old is None and new and path not in index and self._is_ours(path, new):
                place = self.path / path
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                    place.unlink()
                for folder in place.parents:
                    if folder == self.path:
                        break
                    try:
                        folder.rmdir()
                    except OSError:
                        break

    def _write_old(self, changes: Changes) -> None:
        torn = self._torn(changes, self._index())
        if torn:
            given = b"".join(encode(path) + b"\0" for path in torn)
            self.git.run("checkout-index", "-f", "-q", "-z", "--stdin", input=given, check=False)

    def _torn(self, changes: Changes, index: dict[str, Entry]) -> list[str]:
        """Paths that are at the first commit by the index, and are not on disk because of us."""
        self.git.run("update-index", "-q", "--refresh", check=False)
        dirty = set(
            self.git.run("diff-files", "-z", "--name-only", "--ignore-submodules=all").fields
        )
        return [
            path
            for path, change in changes.items()
            if change.old
            and index.get(path) == change.old
            and path in dirty
            and self._is_ours(path, change.new)
        ]

    def _is_ours(self, path: str, new: Entry | None) -> bool:
        """Whether what stands at `path` is nothing, or the beginning of what was to stand there."""
        place = self.path / path
        try:
            mode = place.lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return True
        if stat.S_ISDIR(mode):
            return not any(place.iterdir())
        if new is None:
            return False
        if stat.S_ISLNK(mode):
            return new.mode == SYMLINK and os.fsencode(place.readlink()) == self._content(path, new)
        return stat.S_ISREG(mode) and self._content(path, new).startswith(place.read_bytes())

    def _content(self, path: str, entry: Entry) -> bytes:
        """The bytes that git would write there."""
        return self.git.run("cat-file", "--filters", f"--path={path}", entry.oid).stdout
