"""What a candidate is judged with that is not its own: protected files, and how its tests are run,
from the base.

Owns which changed paths are put back, and the putting back. What it undoes is told with the
observation, so that nothing of it lands unnoticed. `runner_files` says what of a file decides how
tests are run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.gates.observing.runner_files import is_runner_file, undone, what_changes
from orchestrator.gates.observing.sources import Commits
from orchestrator.git.folder import remove_tree
from orchestrator.git.values import EXECUTABLE, FILE, SYMLINK
from orchestrator.mission.scope import Scope

PROTECTED = "protected"
BYTECODE = "bytecode"
COMPILED = (".pyc", ".pyo")


@dataclass(frozen=True, slots=True)
class Original:
    """What a path holds when it is put back: bytes (None: nothing at all), git's mode, and why."""

    path: str
    content: bytes | None
    mode: str
    why: str


@dataclass(frozen=True, slots=True)
class Restoration:
    """What is put back into a tree, or taken out of it."""

    originals: tuple[Original, ...] = ()

    @property
    def digest(self) -> str:
        """The same for the same restoration; empty when there is none but of bytecode, which the
        tree itself tells.
        """
        told, originals = hashlib.sha256(), [o for o in self.originals if o.why != BYTECODE]
        if not originals:
            return ""
        for original in originals:
            content = b"-" if original.content is None else b"+" + original.content
            told.update(
                f"{original.path}\0{original.mode}\0{len(content)}\0".encode(
                    "utf-8", "surrogateescape"
                )
            )
            told.update(content)
        return told.hexdigest()

    @property
    def reasons(self) -> dict[str, str]:
        """Why each path was put back."""
        return {original.path: original.why for original in self.originals}

    def put_into(self, root: Path) -> None:
        """Write the originals into a tree."""
        for original in self.originals:
            target = root / original.path
            _make_folders(root, target.parent)
            remove_tree(target)
            if original.content is None:
                continue
            if original.mode == SYMLINK:
                target.symlink_to(original.content.decode("utf-8", "surrogateescape"))
            else:
                target.write_bytes(original.content)
                target.chmod(0o755 if original.mode == EXECUTABLE else 0o644)


def restoration(
    commits: Commits,
    base: str | None,
    commit: str,
    protect: Iterable[str] = (),
    may_configure: Iterable[str] = (),
) -> Restoration:
    """What the judge puts back of what `commit` changes since `base`; without a base, it only takes
    bytecode out.

    `protect` and `may_configure` are globs of paths: what nobody may change, and whose settings and
    hooks may differ. Python takes some bytecode for that of a file without looking at the file.
    """
    found = [
        Original(path, None, FILE, BYTECODE)
        for path in commits.entries(commit)
        if path.endswith(COMPILED)
    ]
    if base is None:
        return Restoration(tuple(found))
    is_protected, is_free = Scope(tuple(protect)).allows, Scope(tuple(may_configure)).allows
    for path, change in commits.changes(base, commit).items():
        mode = change.old.mode if change.old else FILE
        if is_protected(path):
            found.append(Original(path, commits.read(base, path), mode, PROTECTED))
        elif is_runner_file(path) and not is_free(path):
            before, after = commits.read(base, path), commits.read(commit, path)
            if change.new is not None and not change.new.is_file:
                found.append(Original(path, before, mode, "what kind of file it is"))
            elif why := what_changes(path, before, after):
                found.append(Original(path, undone(path, before, after), mode, why))
    return Restoration(tuple(found))


def _make_folders(root: Path, folder: Path) -> None:
    """Make a folder below `root`, in place of whatever a candidate has put where it was."""
    for part in (
        *reversed([p for p in folder.parents if p.is_relative_to(root) and p != root]),
        folder,
    ):
        if part != root and (part.is_symlink() or not part.is_dir()):
            remove_tree(part)
            part.mkdir()
