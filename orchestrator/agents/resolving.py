"""A backend that finds more in its workspace than the base: the others' work with the agent's laid
over it, clashes marked; or the work of an attempt that it goes on from.

Owns the laying out. Any backend can resolve; it is told what to do by its brief, as for any other
attempt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from anyio import to_thread

from orchestrator.agents.backend import Backend, Ended, Work
from orchestrator.git.values import EXECUTABLE, SYMLINK

Files = Mapping[str, tuple[str, bytes] | None]
"""By path the mode and the bytes to put there, or None for what is to go."""


class Resolving:
    """`inner`, begun in a workspace over which files have been laid: a conflict, or earlier
    work.
    """

    def __init__(self, inner: Backend, files: Files) -> None:
        self.name = inner.name
        self.is_replay = inner.is_replay
        self._inner = inner
        self._files = files

    def unusable(self) -> str | None:
        return self._inner.unusable()

    async def work(self, work: Work, on_line: Callable[[str], None]) -> Ended:
        if not self.is_replay:  # what was recorded is a patch of the workspace as it was before
            await to_thread.run_sync(_lay_out, work.workspace, self._files)
        return await self._inner.work(work, on_line)


def _lay_out(workspace: Path, files: Files) -> None:
    """Removals first: a file may make way for a folder, or a folder for a file."""
    for path, put in files.items():
        if put is None:
            (workspace / path).unlink(missing_ok=True)
            _prune(workspace, (workspace / path).parent)
    for path, put in files.items():
        if put is None:
            continue
        mode, content = put
        file = workspace / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)  # never written through what stands there, which may be a link
        if mode == SYMLINK:
            file.symlink_to(content.decode("utf-8", "surrogateescape"))
            continue
        file.write_bytes(content)
        if mode == EXECUTABLE:
            file.chmod(file.stat().st_mode | 0o111)


def _prune(workspace: Path, folder: Path) -> None:
    """Remove folders that are empty now."""
    while folder != workspace and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
