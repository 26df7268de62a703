"""How many lines a change adds and removes, where that is the same however the two versions are
compared.

Between the first and the last line that differ, either the versions have a line in common, and then
it is a matter of the algorithm what counts as changed, or they have none. Only the latter is
answered here; git answers the rest.
"""

from __future__ import annotations

from io import BytesIO
from itertools import takewhile

_GITS_LOOK_FOR_BINARY = 8000
"""Bytes; git takes a file for binary if there is a NUL among its first."""
LARGEST = 1_000_000
"""Bytes; beyond that a process costs less than the comparison."""


def line_counts(old: bytes, new: bytes) -> tuple[int, int] | None:
    """Lines added and lines removed; None where git has to say."""
    if max(len(old), len(new)) > LARGEST or any(
        b"\0" in text[:_GITS_LOOK_FOR_BINARY] for text in (old, new)
    ):
        return None
    before, after = (
        BytesIO(old).readlines(),
        BytesIO(new).readlines(),
    )  # unlike `splitlines`, at line feeds only
    start = _in_common(before, after)
    before, after = before[start:], after[start:]
    end = _in_common(before[::-1], after[::-1])
    before, after = before[: len(before) - end], after[: len(after) - end]
    return None if set(before) & set(after) else (len(after), len(before))


def _in_common(one: list[bytes], other: list[bytes]) -> int:
    """How many lines the two begin with alike."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
