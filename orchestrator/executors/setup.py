"""`workspace.setup`: commands that make what work needs and git does not hold, such as a virtual
environment.

Owns running them once for each distinct input, keeping what they made, and giving every work tree a
copy of its own. What they made is every file that the commit does not have; it is kept in a folder
that all runs of a root share, by the digest of the commands, of the inputs that the commit holds, of
what is copied and linked, and of the machine's Python, and used again by later runs. Programs write
the path of the folder in which they are installed into scripts and `.pth` files: in a copy it is the
copy's.

What came of an earlier run is used if it is byte for byte what it was. Nobody but the judge and
those who prepare work trees is told of the original.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import stat
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import anyio
from anyio import to_thread

from orchestrator.errors import EnvironmentRefused
from orchestrator.executors.interpreters import Interpreters
from orchestrator.executors.shelf import Shelf
from orchestrator.executors.stamps import stamp
from orchestrator.git.folder import is_too_deep, remove_tree, walk
from orchestrator.git.store import Store
from orchestrator.isolation.environment import NAMES, clean_environment, interpreter_on_path
from orchestrator.isolation.interpreter import Interpreter
from orchestrator.isolation.processes import NotStarted, ProcessSpec, run_process
from orchestrator.mission.model import Workspace
from orchestrator.mission.scope import Scope

TREE = "setup"
TEXT_LIMIT_BYTES = 1024 * 1024
COMPILED = (".pyc", ".pyo")
_COPY = ("cp", "-a", "--reflink=auto", "--")
"""As Python would copy, in a third of the time, and in none where the file system can share."""


class Tree(Protocol):
    """A work tree that is lent."""

    @property
    def path(self) -> Path: ...


class Trees(Protocol):
    """Where a set-up gets a tree with what the mission copies and links: `furnish.Furnished`."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Where that is."""
        ...

    def digest(self) -> str:
        """The same as long as that is what it was."""
        ...

    def checkout(self, name: str, commit: str) -> Tree:
        """The reusable work tree `name`, holding `commit`."""
        ...


class SetupFailed(EnvironmentRefused):
    """A command of `workspace.setup` failed on this commit."""


@dataclass(frozen=True, slots=True)
class _Made:
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


class Setup:
    """The set-up of one run. `cache` is where results are kept, `logs` and `home` are folders of
    the run.
    """

    def __init__(
        self,
        wanted: Workspace,
        store: Store,
        trees: Trees,
        *,
        cache: Path,
        logs: Path,
        home: Path,
        tag: str,
        timeout: float,
        on_made: Callable[[float], object] = lambda seconds: None,  # noqa: ARG005
    ) -> None:
        """`on_made` is told how many seconds it took, where it was not known from before."""
        self._on_made = on_made
        self._commands, self._inputs = wanted.setup, Scope(wanted.setup_inputs)
        self._store, self._trees = store, trees
        self._cache, self._logs, self._home, self._tag, self._timeout = (
            cache,
            logs,
            home,
            tag,
            timeout,
        )
        self._interpreters = Interpreters(wanted.python)
        self._shelf = Shelf()
        self._made: dict[str, _Made] = {}
        self._failed: dict[str, SetupFailed] = {}
        self._turns: defaultdict[str, anyio.Lock] = defaultdict(anyio.Lock)
        self._tree_is_free = anyio.Lock()

    def key(self, commit: str) -> str:
        """The same for commits that are set up alike; empty when nothing is to be done."""
        if not self._commands:
            return ""
        held = self._store.entries(commit)
        told = {
            "commands": [command.argv for command in self._commands],
            "inputs": {
                path: entry.oid for path, entry in held.items() if self._inputs.allows(path)
            },
            "furniture": self._trees.digest(),
            "python": [
                *((str(found), stamp(found.resolve())) for found in _pythons()),
                platform.platform(),
            ],
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:24]

    def follows(self, path: str) -> bool:
        """Whether a change of this path has the commands run again."""
        return bool(self._commands) and self._inputs.allows(path)

    async def digest(self, commit: str, *, is_made: bool = False) -> str | None:
        """Of everything that a tree of this commit is given beside its files, and of what runs its
        tests: two observations with the same were made alike.

        What is to be made is made for that, unless it has to be (`is_made`) already: then None.
        Raises EnvironmentRefused where it cannot be made.
        """
        told = [await to_thread.run_sync(self._interpreters.identity)]
        if self._commands:
            key = await to_thread.run_sync(self.key, commit)
            if is_made and key not in self._made and not _about(self._cache / key):
                return None
            told += [key, (await self._ready(commit)).digest]
        else:
            told.append(await to_thread.run_sync(self._trees.digest))
        return hashlib.sha256("\0".join(told).encode("utf-8", "surrogateescape")).hexdigest()

    @property
    def identity(self) -> str:
        """What is known without a tree of the interpreter that runs tests."""
        return self._interpreters.identity()

    def in_advance(self) -> Interpreter | None:
        """The interpreter, if it is known without a tree. Blocking; raises EnvironmentRefused."""
        return self._interpreters.in_advance(is_set_up=bool(self._commands))

    def paths(self, commit: str) -> tuple[str, ...]:
        """What is put into trees of this commit, also by an earlier process: nobody's work."""
        key = self.key(commit)
        if not key:
            return ()
        made = self._made.get(key)
        return made.paths if made else tuple(_about(self._cache / key).get("paths", ()))

    async def give(self, commit: str, work_tree: Path) -> Interpreter:
        """Give the tree of an attempt what the commands make; what its agent calls `python`.

        Raises SetupFailed, whose text names the command and the log, or EnvironmentRefused.
        """
        made = await self._ready(commit) if self._commands else None
        if made is not None:
            await to_thread.run_sync(made.put_into, work_tree)
        return await to_thread.run_sync(
            lambda: self._interpreters.of(work_tree, self._given(made), is_judge=False)
        )

    async def put_into(self, commit: str, work_tree: Path) -> Interpreter:
        """Give the tree of a gate what the commands make; the interpreter that runs its tests.

        Raises SetupFailed, whose text names the command and the log, or EnvironmentRefused.
        """
        made = await self._ready(commit) if self._commands else None
        if made is not None:
            await to_thread.run_sync(self._put_into, made, work_tree)
        return await to_thread.run_sync(self._interpreters.of, work_tree, self._given(made))

    async def take_from(self, work_tree: Path) -> None:
        """Keep what was put into the tree of a gate for the next who has it."""
        await to_thread.run_sync(self._shelf.take, work_tree)

    def _put_into(self, made: _Made, work_tree: Path) -> None:
        if not self._shelf.put_back(work_tree, made.digest):
            made.put_into(work_tree)
            self._shelf.note(work_tree, made.digest, made.paths)

    def _given(self, made: _Made | None) -> tuple[str, ...]:
        return (*(made.paths if made else ()), *self._trees.paths)

    async def _ready(self, commit: str) -> _Made:
        key = await to_thread.run_sync(self.key, commit)
        async with self._turns[key]:
            if key in self._failed:
                raise self._failed[key]
            made = self._made.get(key) or await to_thread.run_sync(_load, self._cache / key)
            if made is None:
                started = time.monotonic()
                try:
                    made = await self._make(commit, key)
                except SetupFailed as error:
                    self._failed[key] = error
                    raise
                self._on_made(time.monotonic() - started)
            self._made[key] = made
            return made

    async def _make(self, commit: str, key: str) -> _Made:
        async with self._tree_is_free:
            tree = (await to_thread.run_sync(self._trees.checkout, TREE, commit)).path
            log = self._logs / f"setup-{key[:8]}.log"
            home = self._home / TREE
            for command in self._commands:
                try:
                    ended = await run_process(
                        ProcessSpec(
                            argv=command.argv,
                            cwd=tree,
                            env=clean_environment(home),
                            timeout=self._timeout,
                            log=log,
                            tag=self._tag,
                        )
                    )
                except NotStarted as error:
                    raise _failure(str(command), f"could not be started: {error}", log) from error
                if ended.timed_out:
                    raise _failure(str(command), f"did not end in {self._timeout:g} s", log)
                if ended.code:
                    raise _failure(
                        str(command),
                        f"ended with exit {ended.code}: {_last_words(ended.tail)}",
                        log,
                    )
            known = frozenset((*self._store.entries(commit), *self._trees.paths))
            return await to_thread.run_sync(_keep, tree, known, self._cache / key)


def _pythons() -> Iterator[Path]:
    """What commands of a set-up call `python`."""
    for name in NAMES:
        if (found := interpreter_on_path(name)) is not None:
            yield found


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


def _last_words(tail: str) -> str:
    """The line of the output that most likely says what went wrong: installers go on after it."""
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    telling = [line for line in lines if re.match(r"(\w*error|fatal)\b", line, re.IGNORECASE)]
    return (telling[0] if telling else lines[-1] if lines else "no output")[:200]


def _failure(command: str, what: str, log: Path) -> SetupFailed:
    mend = "See the log; what a command needs must be in the commit, on this machine, or within reach of the network."
    return SetupFailed(f"workspace.setup: `{command}` {what}", where=str(log), mend=mend)


def _keep(tree: Path, known: frozenset[str], place: Path) -> _Made:
    """Move what was made in a tree, all that is not `known` there, to where it is kept."""
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
    about = {"paths": paths, "root": str(tree), "texts": texts, "digest": digest}
    (partial / "setup.json").write_text(
        json.dumps(about), encoding="utf-8", errors="surrogateescape"
    )
    remove_tree(place)
    partial.rename(place)
    return _Made(place / "files", paths, str(tree), texts, digest)


def _load(place: Path) -> _Made | None:
    """What an earlier run has kept; None when there is none, or it is not what it was."""
    about = _about(place)
    with contextlib.suppress(OSError):
        if about and _digest(place / "files") == about["digest"]:
            return _Made(
                place / "files",
                tuple(about["paths"]),
                about["root"],
                tuple(about["texts"]),
                about["digest"],
            )
    return None


def _about(place: Path) -> dict[str, Any]:
    try:
        about: dict[str, Any] = json.loads(
            (place / "setup.json").read_text("utf-8", "surrogateescape")
        )
    except (OSError, ValueError):
        return {}
    return about


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
