"""The tests of a mission's checks, as people read them and as a document for machines.

Owns the words and the layout; what is listed is `engine.beside.listing`'s.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from rich.console import Console
from rich.text import Text

from orchestrator.engine.beside.listed import CheckTests, Listing
from orchestrator.ui.text import count, one_line, short, word

FORMAT = "orchestrate/tests"
VERSION = 1


def render_listing(listing: Listing, console: Console) -> None:
    """Every test by its id, below its check; ids are never cut, so that they can be copied."""
    console.print(Text(f"on {one_line(listing.base.name)} ({short(listing.base.commit)})"))
    for gate, checks in groupby(listing.checks, key=lambda check: check.gate):
        console.print(Text(one_line(gate), "bold"), soft_wrap=True)
        for check in checks:
            console.print(Text(f"  {_head(check)}"), soft_wrap=True)
            for test_id, outcome in check.tests.items():
                said = "" if outcome == "passed" else f"  {word(outcome)}"
                line = Text.assemble("    ", one_line(test_id, 2000), (said, "dim"))
                console.print(line, soft_wrap=True)
    if listing.stopped_by:
        console.print(Text(f"stopped by {listing.stopped_by}; there may be more"))


def _head(check: CheckTests) -> str:
    tests = count(len(check.tests), "test") if check.tests else ""
    told = ": ".join(part for part in (tests, one_line(check.text)) if part)
    return f"{one_line(check.check)} ({check.kind}): {told}"


def listing_document(listing: Listing) -> dict[str, Any]:
    """The same for machines; an addition does not change the version."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "base": {"name": listing.base.name, "commit": listing.base.commit},
        "stopped_by": listing.stopped_by,
        "checks": [
            {
                "gate": check.gate,
                "check": check.check,
                "kind": check.kind,
                "text": check.text,
                "tests": [
                    {"id": test_id, "outcome": outcome} for test_id, outcome in check.tests.items()
                ],
            }
            for check in listing.checks
        ],
    }
