"""What every work tree is given beside its commit: untracked files of the user's work tree, copied or linked in.

They are nobody's work: capture leaves them out by their paths.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from orchestrator.errors import EnvironmentRefused
from orchestrator.git.workspace import Workspace, Workspaces


class Furnishing:
    """`copy` and `link` of a mission's workspace, found in `source`, the user's work tree (None: a bare repository)."""

    def __init__(self, source: Path | None, copy: Sequence[str], link: Sequence[str]) -> None:
        """Raises EnvironmentRefused when a pattern finds nothing: agents that lack a file fail in harder ways."""
        self._source = source
        self._copied = tuple(_found(source, copy, "copy"))
        self._linked = tuple(_found(source, link, "link"))

    @property
    def paths(self) -> tuple[str, ...]:
        """What capture leaves out."""
        return (*self._copied, *self._linked)

    def put_into(self, work_tree: Path) -> None:
        """Copy and link what is not there yet."""
        if self._source is None:
            return
        for path in self._copied:
            target = work_tree / path
            if not os.path.lexists(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                if (self._source / path).is_dir():
                    shutil.copytree(self._source / path, target, symlinks=True)
                else:
                    shutil.copy2(self._source / path, target)
        for path in self._linked:
            target = work_tree / path
            if not os.path.lexists(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(self._source / path)


def _found(source: Path | None, patterns: Sequence[str], key: str) -> Iterator[str]:
    for pattern in patterns:
        matches = sorted(source.glob(pattern.strip("/"))) if source else []
        if not matches:
            raise EnvironmentRefused(
                f"workspace.{key}: nothing matches {pattern}",
                where=str(source or "a bare repository"),
                mend=f"make the file there, or take the pattern out of workspace.{key}",
            )
        yield from (str(match.relative_to(source)) for match in matches if source)


class Furnished:
    """Work trees with their furniture; the gates' door to `Workspaces`."""

    def __init__(self, workspaces: Workspaces, furnishing: Furnishing) -> None:
        self._workspaces, self._furnishing = workspaces, furnishing

    def checkout(self, name: str, commit: str) -> Workspace:
        """The reusable work tree `name`, holding `commit` and the furniture."""
        workspace = self._workspaces.checkout(name, commit)
        self._furnishing.put_into(workspace.path)
        return workspace
