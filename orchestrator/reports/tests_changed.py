"""What a candidate did to the tests that judge it, in lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.journal.facts import SideChange, SideChangeKind, TestSide


def side_groups(side: TestSide) -> Iterator[tuple[str, Sequence[str]]]:
    """Each kind of what was done or is to be known, in words, with what it is true of."""
    for is_put_back in (False, True):
        for kind in SideChangeKind:
            if found := _of(side.changes, kind, is_put_back=is_put_back):
                yield f"{kind}, and judged as on the base" if is_put_back else str(kind), found
    if side.outdated:
        yield "pass as they would land; the base's version fails on this product", side.outdated
    if side.weaker:
        yield "check less than on the base", side.weaker


def _of(changes: Sequence[SideChange], kind: SideChangeKind, *, is_put_back: bool) -> list[str]:
    return [
        f"{change.path} → {change.to}" if change.to else change.path
        for change in changes
        if change.kind is kind and change.is_put_back == is_put_back
    ]
