"""What an agent that asks may do, and the files that are read and written for it.

An agent names paths as they are where it runs; files are opened on our side of any sandbox, and so
never through a link: folder by folder, each held by a descriptor. Owns both. Shell commands are
let through, for nobody is there to be asked and the sandbox, or the scope's check of what was
changed, says what becomes of them.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from orchestrator.agents.backend import Work

MOST_FILE_BYTES = 10_000_000
READING = ("read", "search", "fetch", "think")
CHANGING = ("edit", "delete", "move")
_PATHS = (
    *("path", "file_path", "filePath", "filepath", "abs_path", "absolute_path", "fileName"),
    *("notebook_path", "source", "destination", "old_path", "new_path"),
)
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Refused(Exception):
    """What an agent wanted and may not do; the text says why."""


class Leave:
    """What one attempt may do."""

    def __init__(self, work: Work) -> None:
        self._workspace, self._may_change = work.workspace, work.may_change
        self.inside = dict(work.box.paths()) if work.box is not None else {}
        self._roots = [work.workspace, Path(self.named(work.workspace))]

    def named(self, path: Path) -> str:
        """What the agent calls a path of ours."""
        for outside, inside in self.inside.items():
            if path.is_relative_to(outside):
                return str(Path(inside) / path.relative_to(outside))
        return str(path)

    def relative(self, path: str) -> str:
        """A path of the agent's, from the workspace on. Raises Refused where it leads out of it."""
        whole = Path(os.path.normpath(self._roots[1] / path))
        for root in self._roots:
            if whole.is_relative_to(root):
                found = whole.relative_to(root)
                real = Path(os.path.realpath(self._workspace / found))
                if not real.is_relative_to(os.path.realpath(self._workspace)):
                    break
                if ".git" in (part.lower() for part in found.parts):
                    raise Refused(f"{path} belongs to git")
                return found.as_posix()
        raise Refused(f"{path} is outside of the workspace")

    def refusal(self, call: Mapping[str, Any]) -> str | None:
        """Why a call of a tool may not be made; None when it may."""
        kind, paths = call.get("kind"), sorted(set(paths_of(call)))
        if kind == "execute" or (kind in (None, "other") and not paths):
            return None
        if kind in CHANGING and not paths:
            return f"it does not say what it would {kind}"
        try:
            for path in paths:
                found = self.relative(path)
                if kind not in READING:
                    self._in_scope(found)
        except Refused as error:
            return str(error)
        return None

    def _in_scope(self, path: str) -> None:
        if self._may_change is not None and not self._may_change(path):
            raise Refused(f"{path} is outside of your scope")

    def read(self, path: str) -> str:
        """The text of a file. Raises Refused."""
        with self._opened(self.relative(path), os.O_RDONLY) as fd, os.fdopen(fd, "rb") as file:
            data = file.read(MOST_FILE_BYTES + 1)
        if len(data) > MOST_FILE_BYTES:
            raise Refused(f"{path} has more than {MOST_FILE_BYTES} bytes: read it in a shell")
        return data.decode("utf-8", "replace")

    def write(self, path: str, text: str) -> None:
        """Give a file this text; its folders are made. Raises Refused."""
        found = self.relative(path)
        self._in_scope(found)
        with (
            self._opened(found, os.O_WRONLY | os.O_CREAT) as fd,
            os.fdopen(fd, "wb") as file,
        ):
            file.truncate()
            file.write(text.encode("utf-8", "surrogateescape"))

    @contextlib.contextmanager
    def _opened(self, path: str, flags: int) -> Iterator[int]:
        """The file's descriptor, which whoever gets it closes. Without waiting: for a pipe that
        would be for ever.
        """
        *folders, name = PurePosixPath(path).parts or (".",)
        try:
            with contextlib.ExitStack() as held:
                here = _held(held, os.open(self._workspace, _FOLDER))
                for part in folders:
                    if flags & os.O_CREAT:
                        with contextlib.suppress(FileExistsError):
                            os.mkdir(part, dir_fd=here)
                    here = _held(held, os.open(part, _FOLDER, dir_fd=here))
                more = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                fd = os.open(name, flags | more, 0o666, dir_fd=here)
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                os.close(fd)
                raise Refused(f"{path} is no file")
            yield fd
        except OSError as error:
            raise Refused(f"{path}: {error.strerror}") from error


def paths_of(call: Mapping[str, Any]) -> Iterator[str]:
    """All that a call of a tool is about, wherever agents say it: its locations, its differences,
    or its arguments.
    """
    for key in ("locations", "content"):
        for part in call.get(key) or ():
            if isinstance(part, Mapping) and isinstance(part.get("path"), str):
                yield part["path"]
    arguments = call.get("rawInput")
    if isinstance(arguments, Mapping):
        yield from (text for key in _PATHS if isinstance(text := arguments.get(key), str) and text)


def _held(held: contextlib.ExitStack, fd: int) -> int:
    held.callback(os.close, fd)
    return fd
