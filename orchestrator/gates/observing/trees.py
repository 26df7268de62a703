"""The judge's work trees: a few, named ``gate.1`` and so on, lent to one check at a time and used
again.

Owns who has which tree. Filling and cleaning one is git's; a tree is filled anew for every check,
so that nothing that an earlier one left behind can speak for a later one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio

from orchestrator.gates.observing.sources import Checkouts
from orchestrator.git.folder import remove_tree
from orchestrator.isolation.environment import temporary_of
from orchestrator.isolation.own_paths import own_folder


@dataclass(frozen=True, slots=True)
class Lent:
    """A clean tree, with a private folder outside of it for the home of what runs there."""

    name: str
    root: Path
    home: Path


class Trees:
    """At most `parallel` trees; `home` is a folder for private folders."""

    def __init__(self, checkouts: Checkouts, home: Path, parallel: int) -> None:
        self._checkouts = checkouts
        self._home = home
        self._free = [f"gate.{number}" for number in range(parallel, 0, -1)]
        self._holds: dict[str, str] = {}
        self._limit = anyio.Semaphore(parallel)

    @asynccontextmanager
    async def lend(self, commit: str) -> AsyncIterator[Lent]:
        """A tree that holds `commit`, as soon as one is free; one that held it before costs
        least.
        """
        async with self._limit:
            name = next(
                (name for name in self._free if self._holds.get(name) == commit), self._free[-1]
            )
            self._free.remove(name)
            try:
                self._holds[name] = commit
                yield await anyio.to_thread.run_sync(self._prepare, name, commit)
            finally:
                self._free.append(name)

    def _prepare(self, name: str, commit: str) -> Lent:
        checkout = self._checkouts.checkout(name, commit)
        home = self._home / name
        for place in (home, temporary_of(home)):
            remove_tree(place)  # what the last one left there is not this one's
        own_folder(self._home)
        own_folder(home)
        return Lent(name, checkout.path, home)
