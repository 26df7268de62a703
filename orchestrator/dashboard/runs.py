"""All runs below a folder, folded once for however many look at them.

Owns the following of their journals and the number that says that something has changed. What is
shown of a run is made of its state when somebody asks, and once for each change.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from anyio import to_thread

from orchestrator.engine.beside.reading import is_begun
from orchestrator.engine.folders import Folders
from orchestrator.errors import OrchestrateError
from orchestrator.journal.lock import is_owned
from orchestrator.journal.state import State, apply
from orchestrator.journal.tail import Tail
from orchestrator.reports.model import Summary
from orchestrator.reports.summary import summarize

PAUSE_SECONDS = 0.4
"""Between two looks at the journals, and so the least between two changes that are shown."""


@dataclass(slots=True)
class Run:
    """One run as it stands; `fault` says why it cannot be read any further."""

    folders: Folders
    tail: Tail
    state: State | None = None
    is_alive: bool = False
    fault: str = ""
    version: int = 0
    """Grows with every change."""
    _summary: tuple[int, Summary] | None = field(default=None, repr=False)

    def follow(self) -> bool:
        """Take what is new; whether anything is."""
        records, fault, is_alive = [], "", False
        try:
            # Asked first: what is written up to its owner's end is then read once more.
            is_alive = is_owned(self.folders.report)
            records = self.tail.more()
            for record in records:
                self.state = apply(self.state, record)
        except (OrchestrateError, OSError) as error:  # its folder may go, or be shut, meanwhile
            fault = str(error)
        is_new = bool(records) or (is_alive, fault) != (self.is_alive, self.fault)
        self.is_alive, self.fault = is_alive, fault
        self.version += is_new
        return is_new

    @property
    def summary(self) -> Summary | None:
        """What there is to say of it; None before its first record."""
        if self.state is None:
            return None
        if self._summary is None or self._summary[0] != self.version:
            self._summary = (self.version, summarize(self.state, is_alive=self.is_alive))
        return self._summary[1]


class Runs:
    """The runs below `root`. One task has to `watch` them."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._runs: dict[str, Run] = {}
        self._changed = anyio.Event()
        self.version = 0

    @property
    def newest_first(self) -> list[Run]:
        """Those that have begun."""
        return [run for _, run in sorted(self._runs.items(), reverse=True) if run.state]

    def run(self, name: str) -> Run | None:
        """A run by its whole id."""
        found = self._runs.get(name)
        return found if found is not None and found.state is not None else None

    async def watch(self) -> None:
        """Follow all journals for as long as this goes on."""
        while True:
            if await to_thread.run_sync(self.look):
                self.version += 1
                self._changed.set()
                self._changed = anyio.Event()
            await anyio.sleep(PAUSE_SECONDS)

    def look(self) -> bool:
        """Follow all of them once; whether anything is new."""
        folders = [
            Folders(self._root, path.parent.name)
            for path in (self._root / "reports").glob("*/journal.jsonl")
        ]
        begun = {each.run: each for each in folders if each.run in self._runs or is_begun(each)}
        gone = [name for name in self._runs if name not in begun]
        for name in gone:
            del self._runs[name]
        for name, each in begun.items():
            self._runs.setdefault(name, Run(each, Tail(each.report)))
        changed = [run for run in self._runs.values() if run.follow()]
        return bool(changed or gone)

    async def changes(self, version_of: Callable[[], int]) -> AsyncIterator[None]:
        """Once at the beginning, and then whenever that number is another one."""
        seen = None
        while True:
            changed = self._changed
            if (version := version_of()) != seen:
                seen = version
                yield
            await changed.wait()


class Shared:
    """Texts that are made once for all who look, and again when their version is another."""

    def __init__(self, make: Callable[[str], str]) -> None:
        self._make = functools.lru_cache(64)(lambda key, _: make(key))

    def of(self, key: str, version: int) -> str:
        """The text of a thing, as of this version of it."""
        return self._make(key, version)
