"""What a candidate does to its own judgement while it is judged, or leaves behind for the next one.

Gives findings, as `findings` does. Pure. What is seen in the test process itself, and is no act
against the record or the tree, is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from orchestrator.gates.observing.observation import BYTECODE, Observation
from orchestrator.gates.rules.finding import Finding
from orchestrator.gates.rules.words import named
from orchestrator.journal.facts import Reason


def forged(seen: Observation, base: Observation | None) -> Iterator[Finding]:
    """Was code of the project running when a line of the record was asked for? A conftest that runs
    tests in its own way is, on the base too.
    """
    by = seen.oddities.get("forged", ())
    if base is not None:
        by = tuple(who for who in by if who not in base.oddities.get("forged", ()))
    else:
        by = tuple(who for who in by if PurePosixPath(who).name != "conftest.py")
    if by:
        yield Finding(
            Reason.RECORD_DAMAGED,
            f"the record is damaged: {named(by)} was running when a line of it was asked for",
        )


def tampered(seen: Observation, base: Observation | None) -> Iterator[Finding]:
    """Were files written to that the outcomes rest on? What the base's tests write to too is no
    news.
    """
    # Without a base nobody knows whether tests write to their data anyway; to code they do not.
    written = seen.oddities.get("written", ())
    if base is not None:
        known = base.oddities.get("written", ())
    else:
        known = tuple(path for path in written if not path.endswith(".py"))
    if new := [path for path in written if path not in known]:
        yield Finding(
            Reason.TAMPERED,
            f"written to while the tests ran that rest on it: {named(new)} "
            "(what tests make belongs into a temporary folder)",
        )


def bytecode(seen: Observation, base: Observation | None) -> Iterator[Finding]:
    """Would compiled files land that were taken out, as Python may take one for that of a source it
    was not made of? What lies on the base is no news.
    """
    found = [path for path, why in seen.restored.items() if why == BYTECODE]
    if base is not None and (new := [path for path in found if path not in base.restored]):
        yield Finding(
            Reason.BYTECODE,
            f"compiled files, which nobody can read, and which it was judged without: {named(new)} "
            "(leave them out, or let .gitignore do so)",
        )
