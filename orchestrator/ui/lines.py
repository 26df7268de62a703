"""Lines to a stream that somebody may stop reading, or that cannot show every character."""

from __future__ import annotations

import os
from typing import TextIO


class LineWriter:
    """Writes whole lines at once. When the reader has gone (`orchestrate run … | head`), a run goes
    on without it.
    """

    def __init__(self, out: TextIO) -> None:
        self._out: TextIO | None = out

    def line(self, text: str) -> None:
        """One line, flushed."""
        if self._out is None:
            return
        encoding = self._out.encoding or "utf-8"
        try:
            self._out.write(text.encode(encoding, "replace").decode(encoding) + "\n")
            self._out.flush()
        except BrokenPipeError:
            # What is still in the stream's buffer would fail again when the interpreter closes it.
            with open(os.devnull, "wb") as nothing:  # noqa: PTH123 - a descriptor is needed, not a file's content
                os.dup2(nothing.fileno(), self._out.fileno())
            self._out = None
