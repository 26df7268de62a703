"""`workspace.setup`: commands that make what work needs and git does not hold, such as a virtual
environment.

Owns running them once for each distinct input, and giving every work tree what they made. What that
is is kept in a folder that all runs of a root share (`made`), by the digest of the commands, of the
inputs that the commit holds, of what is copied and linked, and of the machine's Python, and used
again by later runs. Nobody but the judge and those who prepare work trees is told of the original.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import platform
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import anyio
from anyio import to_thread

from orchestrator.executors.boxes import Boxes
from orchestrator.executors.interpreters import Interpreters
from orchestrator.executors.made import Made, SetupFailed, facts_of, keep, load
from orchestrator.executors.shelf import Shelf
from orchestrator.executors.stamps import stamp
from orchestrator.executors.startup import brought, startup
from orchestrator.git.store import Store
from orchestrator.isolation.environment import (
    NAMES,
    clean_environment,
    interpreter_on_path,
    is_there,
)
from orchestrator.isolation.interpreter import Interpreter
from orchestrator.isolation.processes import NotStarted, ProcessSpec, run_process
from orchestrator.isolation.seal import Seal
from orchestrator.mission.model import Command, Workspace
from orchestrator.mission.scope import Scope

TREE = "setup"


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


class Setup:
    """The set-up of one run. `cache` is where results are kept, `logs` and `home` are folders of
    the run.
    """

    def __init__(  # noqa: PLR0913  (what a set-up is made of)
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
        seal: Seal | None = None,
        boxes: Boxes | None = None,
        on_made: Callable[[float], object] = lambda seconds: None,  # noqa: ARG005
    ) -> None:
        """`on_made` is told how many seconds it took, where it was not known from before. `seal` is
        what results carry that are believed; without one, none of another object's is. With `boxes` the
        commands run in these.
        """
        self._seal = seal or Seal()
        self._boxes = boxes
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
        self._made: dict[str, Made] = {}
        self._failed: dict[str, SetupFailed] = {}
        self._turns: defaultdict[str, anyio.Lock] = defaultdict(anyio.Lock)
        self._tree_is_free = anyio.Lock()

    def key(self, commit: str) -> str:
        """The same for commits that are set up alike, as things are now; empty when nothing is to be
        done.
        """
        kin = self._kin(commit)
        return f"{kin}-{self._trees.digest()[:12]}" if kin else ""

    def _kin(self, commit: str) -> str:
        """The same for commits that are set up alike, whatever is copied and linked."""
        if not self._commands:
            return ""
        held = self._store.entries(commit)
        told = {
            "commands": [command.argv for command in self._commands],
            "inputs": {
                path: entry.oid for path, entry in held.items() if self._inputs.allows(path)
            },
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
            if is_made and key not in self._made and not facts_of(self._cache / key):
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
        kin = self._kin(commit)
        if not kin:
            return ()
        # What is copied and linked may have changed since.
        known = [made.paths for key, made in self._made.items() if key.startswith(kin)]
        known += [facts_of(place).get("paths", ()) for place in self._cache.glob(f"{kin}-*")]
        return tuple(dict.fromkeys(path for paths in known for path in paths))

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

    async def brought(self, base: str, commit: str, may_change: tuple[str, ...]) -> tuple[str, ...]:
        """What runs before any test in the environment of `commit`, and is not in that of `base`.

        Nothing, where both are set up alike, or all inputs that differ are among `may_change`
        (globs). Raises EnvironmentRefused.
        """
        if not self._commands or self._kin(base) == self._kin(commit):
            return ()
        allowed = Scope(may_change)
        changed = await to_thread.run_sync(self._store.changes, base, commit)
        if all(allowed.allows(path) for path in changed if self._inputs.allows(path)):
            return ()
        before, after = await self._ready(base), await self._ready(commit)
        return await to_thread.run_sync(
            lambda: brought(startup(before.files), startup(after.files))
        )

    async def take_from(self, work_tree: Path) -> None:
        """Keep what was put into the tree of a gate for the next who has it."""
        await to_thread.run_sync(self._shelf.take, work_tree)

    def _put_into(self, made: Made, work_tree: Path) -> None:
        if not self._shelf.put_back(work_tree, made.digest):
            made.put_into(work_tree)
            self._shelf.note(work_tree, made.digest, made.paths)

    def _given(self, made: Made | None) -> tuple[str, ...]:
        return (*(made.paths if made else ()), *self._trees.paths)

    async def _ready(self, commit: str) -> Made:
        key = await to_thread.run_sync(self.key, commit)
        async with self._turns[key]:
            if key in self._failed:
                raise self._failed[key]
            made = self._made.get(key) or await to_thread.run_sync(
                load, self._cache / key, self._seal
            )
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

    async def _make(self, commit: str, key: str) -> Made:
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
                            box=self._boxes.judging(tree, home, None, ()) if self._boxes else None,
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
            return await to_thread.run_sync(keep, tree, known, self._cache / key, self._seal)


def cannot_start(command: Command) -> SetupFailed | None:
    """Why a command of a set-up cannot even be started here, as far as that is known without a
    tree; None where nothing speaks against it.
    """
    program = command.argv[0]
    if is_there(program):
        return None
    why = f"could not be started: {program}: {os.strerror(errno.ENOENT)}"
    return _failure(str(command), why, None)


def _pythons() -> Iterator[Path]:
    """What commands of a set-up call `python`."""
    for name in NAMES:
        if (found := interpreter_on_path(name)) is not None:
            yield found


def _last_words(tail: str) -> str:
    """The line of the output that most likely says what went wrong: installers go on after it."""
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    telling = [line for line in lines if re.match(r"(\w*error|fatal)\b", line, re.IGNORECASE)]
    return (telling[0] if telling else lines[-1] if lines else "no output")[:200]


def _failure(command: str, what: str, log: Path | None) -> SetupFailed:
    mend = "what a command needs must be in the commit, on this machine, or within reach of the network."
    mend = f"See the log; {mend}" if log else f"{mend[0].upper()}{mend[1:]}"
    return SetupFailed(
        f"workspace.setup: `{command}` {what}", where=str(log) if log else None, mend=mend
    )
