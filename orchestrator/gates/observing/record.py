"""The judge's end of the socket: reading, checking and folding what the plugin in the test process
reports.

Owns the verification of the chain of records. It trusts nothing that it reads: whatever does not
continue the chain damages the record, and a record without its finish is truncated. It starts no
process and decides nothing about tests.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import anyio

from orchestrator.gates.observing.observation import RED, RecordState, TestSeen
from orchestrator.gates.observing.plugin.orchestrate_line import next_link

RECORD_LIMIT_BYTES = 256 * 1024 * 1024
LINE_LIMIT_BYTES = 1024 * 1024
CHUNK_BYTES = 1024 * 1024
ODDITIES = ("control", "patched", "reached", "shadowed", "always_equal", "forged")
"""What the watch reports, each with a list of texts."""
CALLS = 16
"""How often a test process may call again, whose tests have closed its end."""


@dataclass(slots=True)
class Record:
    """What has been reported so far. `feed` it bytes; after the end, `state` and `problem` say what
    it is worth.
    """

    token: str
    collected: dict[str, None] = field(default_factory=dict)
    deselected: dict[str, None] = field(default_factory=dict)
    oddities: dict[str, dict[str, None]] = field(default_factory=dict)
    """What the watch saw, by its kind; `forged`: whose code was running when a line was asked for."""
    used: dict[str, None] = field(default_factory=dict)
    """Top-level modules of which modules of the project have something."""
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
                number, kind, facts, *askers = json.loads(body)
                self.oddities.setdefault("forged", {}).update(dict.fromkeys(*askers or [()]))
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
            case "deselected":
                self.deselected.update(dict.fromkeys(facts["ids"]))
            case "watch":
                self.used.update(dict.fromkeys(facts["used"]))
                self.controls = (self.controls or 0) + facts["controls"]
                for oddity in ODDITIES:
                    self.oddities.setdefault(oddity, {}).update(dict.fromkeys(facts[oddity]))
            case "origin":
                for oddity, found in facts.items():
                    self.oddities.setdefault(oddity, {}).update(dict.fromkeys(found))
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


class Receiver:
    """The judge's end of a record: what comes on a socket, and on those by which a test process
    calls again after its tests have closed its end.

    `name` is what to call. Who calls need not be asked: nobody else can go on with the chain.
    """

    def __init__(self, reading: int, record: Record) -> None:
        self._record = record
        self.name = f"orchestrate-{secrets.token_hex(16)}"
        self._called = socket.socket(socket.AF_UNIX)
        self._lines: list[int] = [reading]
        self._calls: list[socket.socket] = []
        with contextlib.suppress(OSError):  # elsewhere than on Linux nobody can be called so
            self._called.bind(f"\0{self.name}")
            self._called.listen()
        self._called.settimeout(0)

    async def receive(self, on_change: Callable[[Record], None]) -> None:
        """Feed the record for as long as it takes; to be cancelled when the process has ended, and
        `drain` called.
        """
        async with anyio.create_task_group() as tasks:
            heard: set[int] = set()

            def hear() -> None:
                self.drain()
                on_change(self._record)
                for line in self._lines:  # whoever has called meanwhile, too
                    if line not in heard:
                        heard.add(line)
                        tasks.start_soon(listen, line)

            async def listen(line: int) -> None:
                while line in self._lines:
                    await anyio.wait_readable(line)
                    await anyio.sleep(GATHER_SECONDS)
                    hear()

            hear()
            while len(self._calls) < CALLS:
                await anyio.wait_readable(self._called)
                hear()

    def drain(self) -> None:
        """Take what is there without waiting.

        Whoever still holds another end is not waited for: the test process, which alone writes, has
        ended, or is on another line by now.
        """
        for line in list(self._lines):
            self._drain(line)
        while len(self._calls) < CALLS:
            try:
                call, _ = self._called.accept()
            except OSError:
                return
            call.settimeout(0)
            self._calls.append(call)
            for line in list(self._lines):
                self._drain(line)  # what was said before the call
            self._lines.append(call.fileno())
            self._drain(call.fileno())

    def _drain(self, line: int) -> None:
        while True:
            try:
                data = os.read(line, CHUNK_BYTES)
            except BlockingIOError:
                return
            except ConnectionError:
                data = b""
            if not data:
                self._lines.remove(line)
                return
            self._record.feed(data)

    def close(self) -> None:
        """Let go of the calls; the first line is its owner's."""
        for call in (*self._calls, self._called):
            call.close()
