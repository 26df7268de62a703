"""What a page shows beside the summary: briefs, ends of logs, changes and tests, as they lie in the
run's folder and its store.

Owns what is read, and how much of it: nothing outside of the report's folder, whatever a journal
names; what is gone is left out. What was read once is kept, for it does not change. How it looks
is the renderers'.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from orchestrator.engine.folders import Folders
from orchestrator.engine.workshop import opened_store
from orchestrator.errors import OrchestrateError
from orchestrator.isolation.secrets import known
from orchestrator.journal.facts import TestRecord
from orchestrator.journal.state import State
from orchestrator.reports.model import Summary

TEXT_LIMIT = 64_000
"""Bytes that are read of one log (its end) or brief (its beginning)."""
DIFF_LIMIT = 400_000
"""Bytes that are kept of one agent's changes."""


@dataclass(frozen=True, slots=True)
class Material:
    """By path of the report's folder: texts, and tests by the path of their check's evidence; by
    agent: its changes as a patch.
    """

    briefs: Mapping[str, str] = field(default_factory=dict)
    logs: Mapping[str, str] = field(default_factory=dict)
    diffs: Mapping[str, str] = field(default_factory=dict)
    tests: Mapping[str, tuple[TestRecord, ...]] = field(default_factory=dict)


_PATCHES_AT_ONCE = 50


class _Kept(BaseModel):
    """What is read of a check's evidence."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    tests: tuple[TestRecord, ...] = ()


class Gatherer:
    """Reads the material of one run, whose report lies in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._diffs: dict[tuple[str, str], str] = {}
        self._tests: dict[str, tuple[TestRecord, ...]] = {}
        self._texts: dict[str, str] = {}

    def gather(self, summary: Summary, state: State) -> Material:
        """All that is there of what the summary speaks of."""
        attempts = [it for agent in summary.agents for it in agent.attempts if it.phase == "ended"]
        checks = [it for batch in summary.batches for gate in batch.told for it in gate.checks]
        return Material(
            briefs={it.brief: self._text(it.brief) for it in attempts},
            logs={
                **{it.log: self._text(it.log, end=True) for it in attempts},
                **{it.log: self._text(it.log, end=True) for it in checks},
            },
            diffs=self._changes(summary, state),
            tests={it.evidence: self._records(it.evidence) for it in checks},
        )

    def _text(self, path: str, *, end: bool = False) -> str:
        if path not in self._texts:
            found = self._file(path)
            if found is None:
                return ""
            with found.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size - TEXT_LIMIT) if end else 0)
                self._texts[path] = file.read(TEXT_LIMIT).decode("utf-8", "replace")
        return self._texts[path]

    def _records(self, path: str) -> tuple[TestRecord, ...]:
        if path not in self._tests:
            found = self._file(path)
            if found is None:
                return ()
            try:
                self._tests[path] = _Kept.model_validate_json(found.read_bytes()).tests
            except ValidationError:
                # Other checks keep other things; they have no tests to tell of.
                self._tests[path] = ()
        return self._tests[path]

    def _file(self, path: str) -> Path | None:
        """A file of the report's folder; None for anything else, and for what leads out of it."""
        if not path or "\0" in path:
            return None
        try:
            whole = (self._folder / path).resolve()
            is_ours = whole.is_relative_to(self._folder.resolve()) and whole.is_file()
        except OSError:
            return None
        return whole if is_ours else None

    def _changes(self, summary: Summary, state: State) -> dict[str, str]:
        """The patch of each agent's newest work that was captured, where its commits are known."""
        pairs = {
            agent.id: (done[-1].base, agent.commit)
            for agent in summary.agents
            if agent.commit and (done := [it for it in agent.attempts if it.commit])
        }
        if any(pair not in self._diffs for pair in pairs.values()):
            folders = Folders(self._folder.parent.parent, state.run)
            try:
                with opened_store(state, folders) as store:
                    wanted = [
                        pair
                        for pair in pairs.values()
                        if pair not in self._diffs and all(map(store.has, pair))
                    ]
                    # Some at a time: a patch may be large, and little of it is kept.
                    for at in range(0, len(wanted), _PATCHES_AT_ONCE):
                        found = store.diffs(wanted[at : at + _PATCHES_AT_ONCE])
                        for pair, patch in found.items():
                            shown = patch[:DIFF_LIMIT].decode("utf-8", "replace")
                            self._diffs[pair] = known().text(shown)
            except OrchestrateError:
                # The page then says where the changes would be; a report never fails for them.
                pass
        return {agent: self._diffs[pair] for agent, pair in pairs.items() if pair in self._diffs}
