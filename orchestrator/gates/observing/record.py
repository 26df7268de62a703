"""The judge's end of the socket: reading, checking and folding what the plugin in the test process
reports.

Owns the verification of the chain of records. It trusts nothing that it reads: whatever does not
continue the chain damages the record, and a record without its finish is truncated. It starts no
process and decides nothing about tests.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import anyio

from orchestrator.gates.observing.observation import RED, RecordState, TestSeen
from orchestrator.gates.observing.plugin.orchestrate_record import next_link

RECORD_LIMIT_BYTES = 256 * 1024 * 1024
LINE_LIMIT_BYTES = 1024 * 1024
CHUNK_BYTES = 1024 * 1024
ODDITIES = ("control", "patched", "shadowed", "always_equal")
"""What the watch reports, each with a list of texts."""


@dataclass(slots=True)
class Record:
    """What has been reported so far. `feed` it bytes; after the end, `state` and `problem` say what
    it is worth.
    """

    token: str
    collected: dict[str, None] = field(default_factory=dict)
    deselected: dict[str, None] = field(default_factory=dict)
    oddities: dict[str, dict[str, None]] = field(default_factory=dict)
    """What the watch saw, by its kind."""
    controls: int | None = None
    """How many control tests were run; None as long as no watch has reported."""
    tests: dict[str, TestSeen] = field(default_factory=dict)
    collection_errors: dict[str, str] = field(default_factory=dict)
    finish: int | None = None
    red: int = 0
    lines: int = 0
    damage: str = ""
    _size: int = 0
    _rest: bytes = b""

    def feed(self, data: bytes) -> None:
        """Take the next bytes; nothing is kept of what comes after the first damage."""
        self._size += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if self._size > RECORD_LIMIT_BYTES or len(self._rest) > LINE_LIMIT_BYTES:
            self.damage = self.damage or "it is too large"
        for line in lines:
            if self.damage:
                break
            self._take(line)
        if self.damage:
            self._rest = b""

    def _take(self, line: bytes) -> None:
        chain, _, body = line.decode("utf-8", "replace").partition(" ")
        if self.finish is not None:
            self.damage = "it goes on after its end"
        elif chain != next_link(self.token, body):
            self.damage = "a line does not follow from the one before"
        else:
            self.token = chain
            self.lines += 1
            try:
                number, kind, facts = json.loads(body)
                self._fold(kind, facts)
            except (ValueError, KeyError, TypeError, RecursionError):
                self.damage = "a line is not what the plugin writes"
            else:
                if number != self.lines:
                    self.damage = "lines are missing"

    def _fold(self, kind: str, facts: dict[str, Any]) -> None:
        match kind:
            case "collected":
                self.collected.update(dict.fromkeys(facts["ids"]))
            case "watch":
                self.deselected.update(dict.fromkeys(facts["deselected"]))
                self.controls = (self.controls or 0) + facts["controls"]
                for oddity in ODDITIES:
                    self.oddities.setdefault(oddity, {}).update(dict.fromkeys(facts[oddity]))
            case "origin":
                for oddity, found in facts.items():
                    self.oddities.setdefault(oddity, {}).update(dict.fromkeys(found))
            case "forged":
                self.damage = f"{facts['by']} was running when a line of it was asked for"
            case "collection_error":
                self.collection_errors[facts["id"]] = facts["message"]
            case "test":
                seen = TestSeen(
                    outcome=facts["outcome"], seconds=facts["seconds"], message=facts["message"]
                )
                known = self.tests.get(facts["id"])
                # The same id twice: what was red once stays red.
                if known is None or known.outcome not in RED:
                    self.tests[facts["id"]] = seen
                    self.red += seen.outcome in RED
            case "finish":
                self.finish = facts["exit"]

    @property
    def not_run(self) -> tuple[str, ...]:
        """Collected, but without an outcome."""
        return tuple(test_id for test_id in self.collected if test_id not in self.tests)

    @property
    def state(self) -> RecordState:
        """What the record is worth, once nothing more can come."""
        if self.damage:
            return RecordState.DAMAGED
        if not self.lines:
            return RecordState.MISSING
        is_watched = self.controls is not None
        whole = self.finish is not None and is_watched and not self._rest and not self.not_run
        return RecordState.COMPLETE if whole else RecordState.TRUNCATED

    @property
    def problem(self) -> str:
        """Why it is not complete, in words; empty when it is."""
        match self.state:
            case RecordState.COMPLETE:
                return ""
            case RecordState.MISSING:
                return "the test process reported nothing"
            case RecordState.DAMAGED:
                return f"the record is damaged: {self.damage}"
        not_run = self.not_run
        where = f" at {not_run[0]}" if not_run else ""
        if self.collected:
            return f"the record stops{where}, {len(not_run)} of {len(self.collected)} tests without an outcome"
        return "the record stops before any test was collected"


GATHER_SECONDS = 0.02
"""How long to let lines come together: to wake up for each costs more than the line."""


async def receive(reading: int, record: Record, on_change: Callable[[Record], None]) -> None:
    """Feed the record for as long as it takes; to be cancelled when the process has ended, and
    `drain` called.
    """
    while True:
        await anyio.wait_readable(reading)
        await anyio.sleep(GATHER_SECONDS)
        if not drain(reading, record):
            return
        on_change(record)


def drain(reading: int, record: Record) -> bool:
    """Take what is there without waiting; whether more may come.

    Whoever still holds the other end is not waited for: the test process, which alone writes, has
    ended.
    """
    while True:
        try:
            data = os.read(reading, CHUNK_BYTES)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        if not data:
            return False
        record.feed(data)
