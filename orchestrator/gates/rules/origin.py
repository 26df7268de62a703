"""Was what was tested the candidate? What the modules that a test run loaded say of that (rule 6).

On a candidate, a module that the tree holds and that was loaded from elsewhere speaks against a
pass, unless it is the same to the byte. On a base it is a fault of the place: what agents make of
it would not be tested, and nobody is to be paid for that. Pure; what was loaded from where is
observed by `plugin/orchestrate_origin.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from orchestrator.gates.observing.observation import Observation
from orchestrator.gates.rules.finding import Finding
from orchestrator.gates.rules.words import named
from orchestrator.journal.facts import Reason

OTHER, SAME, NEW = "elsewhere", "elsewhere_same", "elsewhere_new"
"""The kinds of what is loaded from elsewhere: not what the tree holds, the same as it, and what a
base may have as well.
"""
MEND = (
    "install it from the work tree in `workspace.setup`, as `.venv/bin/pip install -e .` does, or"
    " put its folder on the path, as `pythonpath` in pytest's settings does"
)
_INSTEAD = ", not "


def not_the_candidate(seen: Observation, base: Observation | None) -> Iterator[Finding]:
    """Was something tested that is not what would land?"""
    before = base.oddities.get(NEW, ()) if base else ()
    new = [text for text in seen.oddities.get(NEW, ()) if text not in before]
    if found := (*seen.oddities.get(OTHER, ()), *new):
        text = f"what was tested is not the candidate: {named(found)} ({MEND})"
        yield Finding(Reason.NOT_TESTED, text)


def brought_along(seen: Observation) -> Iterator[Finding]:
    """Does its own set-up bring what runs before its tests?"""
    if found := seen.oddities.get("brought", ()):
        text = (
            "its set-up makes what runs before any test, and the base's does not:"
            f" {named(found)} (name the inputs of set-up that may in `may_configure`)"
        )
        yield Finding(Reason.RUNNER_CHANGED, text)


def untested(
    seen: Observation, may_change: Callable[[str], bool], is_followed: Callable[[str], bool]
) -> tuple[str, str] | None:
    """What of a base would not be tested, whatever somebody makes of it, and the mend; None where
    all would.

    `may_change` tells the paths that work may change, `is_followed` those whose change has what
    trees are given made anew.
    """
    found = [
        text
        for text in (*seen.oddities.get(OTHER, ()), *seen.oddities.get(SAME, ()))
        if may_change(path := text.rpartition(_INSTEAD)[2]) and not is_followed(path)
    ]
    if not found:
        return None
    return f"no change of it would be tested: {named(found)}", MEND
