"""What is to be told of a candidate's test side, whichever of its checks looked at it. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.gates.observing.observation import GREEN, RED, Observation
from orchestrator.journal.facts import SideChange, TestSide


def told_side(
    changes: Iterable[SideChange], seen: Iterable[Observation], weaker: Iterable[str]
) -> TestSide:
    """One fact of what all checks found; what one of them put back, was put back."""
    found: dict[str, SideChange] = {}
    for change in changes:
        known = found.get(change.path)
        if known is None or (change.is_put_back and not known.is_put_back):
            found[change.path] = change
    outdated = (
        test
        for observed in seen
        for test, then in observed.on_base_side.items()
        if then.outcome in RED and observed.outcome(test) in GREEN
    )
    return TestSide(
        changes=tuple(found.values()),
        outdated=tuple(dict.fromkeys(outdated)),
        weaker=tuple(weaker),
    )
