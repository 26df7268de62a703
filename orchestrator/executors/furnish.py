"""What every work tree is given beside its commit: untracked files of the user's work tree, copied
or linked in.

They are nobody's work: capture leaves them out by their paths.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from orchestrator.errors import EnvironmentRefused
from orchestrator.executors.linked import Linked
from orchestrator.executors.stamps import stamp
from orchestrator.git.repository import Repository
from orchestrator.git.workspace import Workspace, Workspaces
from orchestrator.mission.model import Workspace as Workspace_


class Furnishing:
    """`copy` and `link` of a mission's workspace, found in the work tree of the user's
    repository.
    """

    def __init__(self, repository: Repository, base: str, wanted: Workspace_) -> None:
        """Raises EnvironmentRefused when a pattern finds nothing, or links what is tracked."""
        self._source = repository.work_tree
        self._copied: tuple[str, ...] = ()
        self._linked: tuple[str, ...] = ()
        self._links: Linked | None = None
        if not wanted.copy_ and not wanted.link:
            return
        tracked = frozenset(repository.paths(base))
        found = [
            path
            for top in _matches(self._source, wanted.copy_, "copy")
            for path in _files(self._source, top)
        ]
        # What is tracked comes with the commit, and an agent's change to it is work.
        self._copied = tuple(dict.fromkeys(path for path in found if path not in tracked))
        self._linked = tuple(_matches(self._source, wanted.link, "link"))
        if self._source is not None and self._linked:
            self._links = Linked(self._source, self._linked)
        for path in self._linked:
            if path in tracked or any(other.startswith(f"{path}/") for other in tracked):
                raise EnvironmentRefused(
                    f"workspace.link: {path} is tracked by git",
                    mend="only untracked files and folders can be linked",
                )

    @property
    def paths(self) -> tuple[str, ...]:
        """What capture leaves out."""
        return (*self._copied, *self._linked)

    def digest(self) -> str:
        """The same as long as what is copied and linked is what it was; empty where that is
        nothing.
        """
        if self._source is None or not self.paths:
            return ""
        told = hashlib.sha256()
        for path in self._copied:
            told.update(os.fsencode(f"{path}\0{stamp(self._source / path)}\0"))
        if self._links is not None:
            told.update(self._links.digest().encode())
        return told.hexdigest()

    def put_into(self, work_tree: Path, audience: str = "attempts") -> None:
        """Copy and link what is not there yet; what is linked is shared by an audience."""
        for path in self._copied:
            target = work_tree / path
            if self._source is not None and not os.path.lexists(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self._source / path, target, follow_symlinks=False)
        if self._links is not None:
            self._links.put_into(work_tree, audience)


def _matches(source: Path | None, patterns: Sequence[str], key: str) -> Iterator[str]:
    for pattern in patterns:
        matches = sorted(source.glob(pattern.strip("/"))) if source else []
        if not matches:
            raise EnvironmentRefused(
                f"workspace.{key}: nothing matches {pattern}",
                where=str(source or "a bare repository"),
                mend=f"make the file there, or take the pattern out of workspace.{key}",
            )
        yield from (str(match.relative_to(source)) for match in matches if source)


def _files(source: Path | None, path: str) -> Iterator[str]:
    """The files of a folder, or the file itself."""
    if source is None:
        return
    top = source / path
    if top.is_dir() and not top.is_symlink():
        yield from (
            str(file.relative_to(source)) for file in sorted(top.rglob("*")) if not file.is_dir()
        )
    else:
        yield path


class Furnished:
    """Work trees with their furniture; the gates' door to `Workspaces`."""

    def __init__(self, workspaces: Workspaces, furnishing: Furnishing) -> None:
        self._workspaces, self._furnishing = workspaces, furnishing

    @property
    def paths(self) -> tuple[str, ...]:
        """Where the furniture is."""
        return self._furnishing.paths

    def digest(self) -> str:
        """The same as long as the furniture is what it was."""
        return self._furnishing.digest()

    def checkout(self, name: str, commit: str) -> Workspace:
        """The reusable work tree `name`, holding `commit` and the furniture."""
        workspace = self._workspaces.checkout(name, commit)
        self._furnishing.put_into(workspace.path, "gates")
        return workspace
