"""Workspaces: the work trees that agents and gates get, made, moved to a commit, taken over and
recycled.

Owns everything in its folder. A work tree appears under its name only
when it is complete. Making one costs time for every file, so spares are made in advance (`prepare`)
and those whose work is captured can be used again (`release`): then all that anyone else touched is
removed and written afresh, and at the least doubt the whole tree is. Nothing is deleted while
agents run that can be moved aside instead.
"""

from __future__ import annotations

import itertools
import os
import re
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.errors import EnvironmentRefused, OrchestrateError
from orchestrator.git.capture import Taking, capture
from orchestrator.git.captured import Capture, Limits
from orchestrator.git.client import Git
from orchestrator.git.folder import (
    Manifest,
    OddFolder,
    manifest_of,
    remove_tree,
    renew_manifest,
    scrub,
    take_manifest,
)
from orchestrator.git.index_file import stamps_of
from orchestrator.git.link import link, link_privately, unlink
from orchestrator.git.store import Store

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@+-]*")
_LONGEST_NAME = 200
_FILL_CONFIGURATION = (
    ("core.fsync", "none"),  # a work tree can be made again
    ("core.symlinks", "true"),
    ("core.sparseCheckout", "false"),
)
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Workspace:
    """One work tree: where it is and which commit it was filled with."""

    name: str
    path: Path
    base: str


@dataclass(frozen=True, slots=True)
class _Filled:
    """A folder that we filled, and what is needed to believe in it again. `private` holds our index
    of it.

    `is_lent`: somebody has had it since it was filled.
    """

    path: Path
    base: str
    private: Path
    manifest: Manifest
    is_lent: bool = False


class Workspaces:
    """The workspaces of one run, below `root`. All methods may be called from many threads, one
    name by one at a time.

    With `private`, each workspace is a repository of its own instead of a linked work tree of the
    store.
    """

    def __init__(self, store: Store, root: Path, *, private: bool = False) -> None:
        self._store = store
        self._root = Path(os.path.abspath(root))  # noqa: PTH100  (a link in the way is the user's wish)
        self._private_repositories = private
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._token = os.urandom(4).hex()
        self._filled: dict[str, _Filled] = {}
        self._spares: list[_Filled] = []

    @property
    def spares(self) -> int:
        """How many spares are ready."""
        return len(self._spares)

    def provision(self, name: str, commit: str) -> Workspace:
        """A work tree called `name` that holds exactly `commit`; whatever stood under that name is
        moved aside.
        """
        path = self._path(name)
        with self._lock:
            self._filled.pop(name, None)
            spare = self._take_spare(commit)
        self._set_aside(path)
        filled = spare
        if spare and (spare.is_lent or spare.base != commit):
            filled = self._refill(spare, commit)
        if filled is None:
            filled = self._fill_new(commit)
        return self._put_in_place(name, path, filled)

    def prepare(self, count: int, commit: str) -> None:
        """Make `count` spares at `commit`, so that as many `provision` calls need not fill
        anything.
        """
        with ThreadPoolExecutor(max_workers=min(_AT_ONCE, max(1, count))) as pool:
            for filled in pool.map(lambda _: self._fill_new(commit), range(count)):
                with self._lock:
                    self._spares.append(filled)

    def freshen(self, commit: str) -> None:
        """Clean the spares and bring them to `commit`, one by one, so that as few as possible are
        away at any time.
        """
        while True:
            with self._lock:
                at = next(
                    (
                        n
                        for n, spare in enumerate(self._spares)
                        if spare.is_lent or spare.base != commit
                    ),
                    None,
                )
                if at is None:
                    return
                stale = self._spares.pop(at)
            fresh = self._refill(stale, commit)
            if fresh is not None:
                with self._lock:
                    self._spares.append(fresh)

    def release(self, workspace: Workspace) -> None:
        """Give back a workspace whose work is captured; it becomes a spare, cleaned when it is next
        used.
        """
        with self._lock:
            filled = self._filled.pop(workspace.name, None)
        unlink(self._store, workspace.name)
        moved = (
            self._moved(filled) if filled is not None and filled.path == workspace.path else None
        )
        if moved is None:  # of an earlier process, or gone: we know nothing of its files
            self._set_aside(workspace.path)
            remove_tree(self._private(workspace.name))
            return
        with self._lock:
            self._spares.append(moved)

    def checkout(self, name: str, commit: str) -> Workspace:
        """The reusable work tree `name`, now holding exactly `commit`, whatever was done in it
        before.
        """
        path = self._path(name)
        self._store.remove_false_objects()
        with self._lock:
            filled = self._filled.pop(name, None)
        if filled is not None and filled.path == path:
            filled = self._refill(filled, commit)
        if filled is None:
            return self.provision(name, commit)
        return self._put_in_place(name, path, filled)

    def find(self, name: str) -> Workspace | None:
        """The complete workspace of that name that this or an earlier process made, or None."""
        path = self._path(name)
        base = self._private(name) / "base"
        if not path.is_dir() or not base.is_file():
            return None
        return Workspace(name, path, base.read_text().strip())

    def capture(
        self,
        workspace: Workspace,
        *,
        message: str,
        when: int | None = None,
        author: tuple[str, str] | None = None,
        exclude: Sequence[str] = (),
        limits: Limits | None = None,
    ) -> Capture:
        """Commit what stands in the work tree on its base; the attempt's processes must be gone.

        `when` is in seconds since 1970 (the base's own time if not given, so that a repeated
        capture is the same commit). `author` is name and address. `exclude` names untracked paths
        that we put there ourselves. Ignored files stay out. What breaks a rule is named in
        `Capture.problems`, never raised.
        """
        private = self._private(workspace.name)
        with self._lock:
            filled = self._filled.get(workspace.name)
        known = (
            filled.manifest
            if filled and (filled.path, filled.base) == (workspace.path, workspace.base)
            else None
        )
        taking = Taking(
            workspace.path, workspace.base, private / "index", private / "capture", known
        )
        private.mkdir(parents=True, exist_ok=True)
        return capture(
            self._store,
            taking,
            message=message,
            when=when,
            author=author,
            exclude=exclude,
            limits=limits,
        )

    def remove(self, workspace: Workspace) -> None:
        """Delete a workspace and all that we know of it."""
        with self._lock:
            self._filled.pop(workspace.name, None)
        unlink(self._store, workspace.name)
        self._delete(workspace.path)
        self._delete(self._private(workspace.name))

    def tidy(self) -> None:
        """Delete what was set aside; for when nobody waits."""
        self._delete(self._root / ".trash")

    def remove_all(self) -> None:
        """Delete every workspace of the run, spares and what was set aside; the store stays."""
        with self._lock:
            self._filled.clear()
            self._spares.clear()
        self._delete(self._store.path / "worktrees")
        if self._root.is_dir():
            for path in self._root.iterdir():
                if path != self._store.path:
                    self._delete(path)
        self._delete(self._store.private / "workspaces")

    # -- filling

    def _fill_new(self, commit: str) -> _Filled:
        number = self._unique()
        path = self._root / ".spares" / number
        private = self._private(f".{number}")
        path.mkdir(parents=True)
        private.mkdir(parents=True)
        return self._fill(path, private, commit)

    def _refill(self, filled: _Filled, commit: str) -> _Filled | None:
        """The same folder holding `commit`, or None if it was not worth mending, in which case it
        is set aside.
        """
        try:
            # One that nobody has had is handed out as it is, too.
            missing = scrub(filled.path, filled.manifest) if filled.is_lent else []
            if commit != filled.base:
                return self._fill(filled.path, filled.private, commit)
            return self._fill_in(filled, missing)
        except (OddFolder, OSError, OrchestrateError) as error:
            if isinstance(error, EnvironmentRefused):
                raise
            self._set_aside(filled.path)
            remove_tree(filled.private)
            return None

    def _fill(self, path: Path, private: Path, commit: str) -> _Filled:
        """Write the files of `commit` that are not there: the one place that pays for each file."""
        self._store.harden()
        base = private / "base"
        base.unlink(missing_ok=True)
        index = private / "index"
        if index.is_file():
            # What is still there is what we wrote: it has just been held against the manifest, or
            # nobody has had it. By the seconds of its own time git would think otherwise of
            # whatever was written just before the index.
            os.utime(index, (time.time() + 2, time.time() + 2))
        git = Git(self._store.path, path, index, configuration=_FILL_CONFIGURATION)
        git.run("read-tree", "--reset", "-u", "--no-recurse-submodules", commit)
        stamps = stamps_of(index, self._store.object_format)
        manifest = manifest_of(path, stamps) if stamps is not None else None
        return _Filled(path, commit, private, manifest or take_manifest(path))

    def _fill_in(self, filled: _Filled, missing: list[bytes]) -> _Filled:
        """Write only what is missing, where the commit is the same: most agents touch few of many
        files.
        """
        if missing:
            self._store.harden()
            git = Git(
                self._store.path,
                filled.path,
                filled.private / "index",
                configuration=_FILL_CONFIGURATION,
            )
            git.run(
                "checkout-index",
                "--force",
                "-u",
                "-q",
                "-z",
                "--stdin",
                input=b"\0".join(missing) + b"\0",
            )
        manifest = renew_manifest(filled.path, filled.manifest, missing)
        return replace(filled, manifest=manifest, is_lent=False)

    def _put_in_place(self, name: str, path: Path, filled: _Filled) -> Workspace:
        private = self._private(name)
        if filled.private != private:
            remove_tree(private)
            filled.private.rename(private)
        (private / "base").unlink(missing_ok=True)
        if self._private_repositories:
            link_privately(self._store, filled.path, filled.base, private / "index")
        else:
            link(self._store, filled.path, name, filled.base, private / "index", place=path)
        if filled.path != path:
            filled.path.rename(path)
        (private / "base").write_text(
            f"{filled.base}\n"
        )  # last: it says that all the rest is there
        with self._lock:
            self._filled[name] = _Filled(path, filled.base, private, filled.manifest, is_lent=True)
        return Workspace(name, path, filled.base)

    def _take_spare(self, commit: str) -> _Filled | None:
        if not self._spares:
            return None
        ready = [n for n, spare in enumerate(self._spares) if spare.base == commit]
        at = next((n for n in ready if not self._spares[n].is_lent), ready[0] if ready else 0)
        return self._spares.pop(at)

    def _moved(self, filled: _Filled) -> _Filled | None:
        """The same among the spares, or None if it is not there any more."""
        number = self._unique()
        path = self._root / ".spares" / number
        path.parent.mkdir(parents=True, exist_ok=True)
        private = self._private(f".{number}")
        (filled.private / "base").unlink(missing_ok=True)
        try:
            filled.path.rename(path)
            filled.private.rename(private)
        except OSError:
            self._set_aside(path)
            return None
        return _Filled(path, filled.base, private, filled.manifest, is_lent=True)

    # -- places

    def _path(self, name: str) -> Path:
        if (
            not _NAME.fullmatch(name)
            or len(name) > _LONGEST_NAME
            or name.endswith((".lock", ".git"))
        ):
            raise OrchestrateError(f"{name!r} cannot be the name of a workspace")
        return self._root / name

    def _private(self, name: str) -> Path:
        return self._store.private / "workspaces" / name

    def _unique(self) -> str:
        return f"{self._token}-{next(self._numbers)}"

    def _set_aside(self, path: Path) -> None:
        """Move `path` out of the way; deleting it can wait until nobody waits for it."""
        if not os.path.lexists(path):
            return
        trash = self._root / ".trash"
        trash.mkdir(parents=True, exist_ok=True)
        path.rename(trash / f"{path.name}-{self._unique()}")

    def _delete(self, path: Path) -> None:
        try:
            remove_tree(path)
        except OSError as error:
            raise EnvironmentRefused(
                f"cannot remove a workspace: {error.strerror or error}",
                where=str(error.filename or path),
                mend="Remove the folder by hand; nothing in it is needed any more.",
            ) from error
