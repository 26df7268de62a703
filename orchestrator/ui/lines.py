"""Text to a stream that may fail: its reader has gone, its terminal was closed, its disk is full.

A run is worth more than what it says of itself while it goes on: what cannot be written is lost,
and nothing else is.
"""

from __future__ import annotations

import contextlib
import os
from typing import IO, Any, TextIO


class LastingStream:
    """A text stream for displays, of which the first failure is the last: from then on nothing is
    written, and nothing raised. All else is the stream's own.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._is_lost = False
        # Whoever shares it may have made it so that it does not wait; then a reader who is slow
        # would look like one who has gone.
        self._wait()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - of whichever stream it is
        return getattr(self._out, name)

    def write(self, text: str) -> int:
        """Write it if that is possible."""
        if not self._is_lost:
            try:
                self._out.write(text)
            except (OSError, ValueError) as error:
                self._fail(error)
        return len(text)

    def flush(self) -> None:
        """Have it seen, if that is possible."""
        if not self._is_lost:
            try:
                self._out.flush()
            except (OSError, ValueError) as error:
                self._fail(error)

    def _fail(self, error: OSError | ValueError) -> None:
        if isinstance(error, UnicodeError):
            raise error  # of the text, not of the stream
        if isinstance(error, BlockingIOError):
            self._wait()
            return
        self._is_lost = True
        give_up(self._out)

    def _wait(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            os.set_blocking(self._out.fileno(), True)


def give_up(out: IO[Any]) -> None:
    """Have what is still in a stream's buffer go nowhere: it would fail again when the interpreter
    closes it, and change how the program ends.
    """
    with contextlib.suppress(OSError, ValueError), open(os.devnull, "wb") as nothing:  # noqa: PTH123 - a descriptor is needed, not a file's content
        os.dup2(nothing.fileno(), out.fileno())


class LineWriter:
    """Writes whole lines at once, also of characters that the stream does not have."""

    def __init__(self, out: TextIO) -> None:
        self._encoding = out.encoding or "utf-8"
        self._out = LastingStream(out)

    def line(self, text: str) -> None:
        """One line, flushed."""
        self._out.write(text.encode(self._encoding, "replace").decode(self._encoding) + "\n")
        self._out.flush()
