"""What a program says: into a size-capped log, by its last words, and line by line for whoever
reads them. No secret gets into any of it.

Owns the cutting of streams. Memory is bounded whatever comes: a line that is too long to be read is
logged as far as the log goes, and told of instead. When standard output and standard error come
apart, the log has both, by whole lines.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import anyio

from orchestrator.isolation.own_paths import append_to
from orchestrator.isolation.redaction import Stream

GATHER_SECONDS = 0.01
"""How long to let output come together: many programs write a letter at a time."""
MUCH_BYTES = 4096
LEAST_LOG_BYTES = 64 * 1024
"""What a log may have though the run's other logs have taken all there is."""
TAIL_BYTES = 8 * 1024
MOST_LINE_BYTES = 1024 * 1024
"""Of a line that is read; a longer one is not a line of anything that is read here."""
HELD_BYTES = 64 * 1024
"""Of a line that has not ended yet, before the log gets it in pieces."""

OnLine = Callable[[str], None]
TakeLine = Callable[[str], str]
"""Reads a line that may be an object of JSON, without its end; returns what of it people are shown,
empty for nothing.
"""
OBJECT = b"{"
"""How such a line begins."""


@dataclass(slots=True)
class Budget:
    """How many more bytes the logs of the run may hold, all together."""

    left: int


@dataclass(slots=True)
class Output:
    """The log file, its limit, and the last of what came by."""

    path: Path
    limit: int
    on_line: OnLine | None
    budget: Budget
    clean: Callable[[], Stream]
    """What frees a stream of secrets, one for each."""
    written: int = 0
    dropped: int = 0
    tail: bytearray = field(default_factory=bytearray)

    async def merged(self, read: Callable[[], Awaitable[bytes]]) -> None:
        """Take all of a stream, of which people are shown the newest line now and then."""
        await self._stream(read, self._take)

    async def apart(
        self, read: Callable[[], Awaitable[bytes]], take_line: TakeLine | None = None
    ) -> None:
        """Take all of a stream of several: by whole lines, of which `take_line` is given those that
        may be objects of JSON. People are shown what it returns of these, and other lines as they
        are.
        """
        lines = _Lines(self, take_line)
        await self._stream(read, lines.feed, lines.finish)

    async def _stream(
        self,
        read: Callable[[], Awaitable[bytes]],
        take: Callable[[IO[bytes], bytes], None],
        finish: Callable[[IO[bytes]], None] = lambda log: None,  # noqa: ARG005
    ) -> None:
        clean = self.clean()
        with append_to(self.path) as log:
            try:
                while chunk := await read():
                    take(log, clean.feed(chunk))
                    if len(chunk) < MUCH_BYTES:
                        await anyio.sleep(GATHER_SECONDS)
            finally:  # also when nobody waits for the end of it
                take(log, clean.finish())
                finish(log)

    def _take(self, log: IO[bytes], chunk: bytes) -> None:
        self.keep(log, chunk)
        if chunk and self.on_line and (line := self.last_line()):
            self.on_line(line)

    def keep(self, log: IO[bytes], chunk: bytes) -> None:
        """Log it, as far as there is room, and remember the end of it."""
        room = min(self.limit, max(self.budget.left + self.written, LEAST_LOG_BYTES))
        kept = chunk[: max(0, room - self.written)]
        log.write(kept)
        log.flush()
        self.written += len(kept)
        self.budget.left -= len(kept)
        self.dropped += len(chunk) - len(kept)
        self.tail += chunk[-TAIL_BYTES:]
        del self.tail[:-TAIL_BYTES]

    def show(self, line: str) -> None:
        """Show people a line."""
        if self.on_line and (line := line.strip()):
            self.on_line(line)

    def tell_dropped(self) -> None:
        """After the end: say in the log what is not in it."""
        if self.dropped:
            with append_to(self.path) as log:
                told = f"\n[orchestrate: {self.dropped} more bytes were not kept]\n"
                log.write(told.encode())

    def text(self) -> str:
        return self.tail.decode("utf-8", "replace")

    def last_line(self) -> str:
        # The tail of a chatty program is decoded often; its last few hundred bytes hold the last
        # line.
        lines = self.tail[-400:].decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


@dataclass(slots=True)
class _Lines:
    """One stream of several, cut into lines."""

    output: Output
    take_line: TakeLine | None
    held: bytearray = field(default_factory=bytearray)
    """What the log has not got yet."""
    line: bytearray = field(default_factory=bytearray)
    """What has come of the line that has not ended yet; no more than may be read."""
    length: int = 0
    """How long that line is so far."""

    def feed(self, log: IO[bytes], chunk: bytes) -> None:
        self.held += chunk
        end = self.held.rfind(b"\n") + 1 or (len(self.held) if len(self.held) > HELD_BYTES else 0)
        if end:
            self.output.keep(log, bytes(self.held[:end]))
            del self.held[:end]
        first, *more = chunk.split(b"\n")
        self._add(first)
        if not more:
            return
        shown = self._ended(log)
        *whole, begun = more
        # A flood of lines that mean nothing passes by as fast as it is split.
        for line in whole:
            if line.startswith(OBJECT):
                self._add(line)
                shown = self._ended(log) or shown
        self._add(begun)
        self.output.show(shown or next((_text(line) for line in reversed(whole) if line), ""))

    def finish(self, log: IO[bytes]) -> None:
        if self.held:
            self.output.keep(log, bytes(self.held))
            self.held.clear()
        if self.length:
            self.output.show(self._ended(log))

    def _add(self, part: bytes) -> None:
        self.line += part[: MOST_LINE_BYTES + 1 - len(self.line)]
        self.length += len(part)

    def _ended(self, log: IO[bytes]) -> str:
        """Have the line that is complete now read; what of it people are shown."""
        line, length = bytes(self.line), self.length
        self.line.clear()
        self.length = 0
        if length > MOST_LINE_BYTES:
            told = f"[orchestrate: a line of {length} bytes is too long to be read]"
            self.output.keep(log, f"{told}\n".encode())
            return told
        if self.take_line is None or not line.startswith(OBJECT):
            return _text(line)
        return self.take_line(_text(line))


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").removesuffix("\r")
