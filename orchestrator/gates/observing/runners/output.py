"""What a check printed, read back from its log: bounded, from both ends.

Owns the bounds and the reading; what stands in it means is `telling`'s and the runners'.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio

from orchestrator.gates.observing.telling import told

HEAD_BYTES = 64 * 1024
TAIL_BYTES = 512 * 1024


def output_of(log: Path, head: int = HEAD_BYTES, tail: int = TAIL_BYTES) -> str:
    """The first and the last of a log, `head` and `tail` bytes of it; all of a short one, and
    nothing where there is none.
    """
    try:
        with log.open("rb") as file:
            first = file.read(head)
            end = file.seek(0, 2)
            file.seek(max(head, end - tail))
            text = first + (b"\n" if end > head + tail else b"") + file.read()
    except FileNotFoundError:
        return ""
    return text.decode("utf-8", "replace")


async def told_facts(log: Path) -> dict[str, Any]:
    """What every observation without counts says of the tests that its output tells of."""
    found = await anyio.to_thread.run_sync(lambda: told(output_of(log)))
    return {"told": found.counts, "quoted": found.line}
