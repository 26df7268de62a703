"""Rule 8: documentation is not a fix.

Owns what counts as prose: files that are written for people, and what `sameness` says of the
others. Which paths a candidate changes is given; whether its batch claims a fix too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

from orchestrator.gates.rules.sameness import does_the_same, says_the_same
from orchestrator.gates.rules.words import count, named
from orchestrator.journal.facts import CheckResult, Decision, Reason

PROSE = frozenset({".md", ".markdown", ".mdx", ".rst", ".txt", ".adoc"})
NAMES = frozenset(
    {"README", "LICENSE", "LICENCE", "COPYING", "NOTICE", "AUTHORS", "CHANGELOG", "CONTRIBUTING"}
)
FOLDERS = frozenset({"doc", "docs", "documentation"})
CODE_IN_FOLDERS = frozenset({".py", ".js", ".ts", ".sh", ".toml", ".cfg", ".ini"})
READ_BY_MACHINES = re.compile(r"(requirements|constraints|CMakeLists).*\.txt")


def is_prose(path: str) -> bool:
    """Whether a path is written for people only."""
    place = PurePosixPath(path)
    if READ_BY_MACHINES.fullmatch(place.name):
        return False
    if place.suffix.lower() in PROSE or place.name in NAMES:
        return True
    return not FOLDERS.isdisjoint(place.parts[:-1]) and place.suffix.lower() not in CODE_IN_FOLDERS


Read = Callable[[str], bytes | None]
"""The bytes of a path, or None where there is no such file."""


def no_code_changed(
    paths: Iterable[str], before: Read, after: Read, *, is_green: bool = True
) -> CheckResult | None:
    """The result that a candidate earns whose batch claims a fix and which changes nothing but
    prose; else None. Where the gate is not green without that, code that does the same as before is
    no better.
    """
    changed = sorted(paths)
    same: list[str] = []
    for path in changed:
        if is_prose(path) or says_the_same(path, before(path), after(path)):
            continue
        if is_green or not does_the_same(path, before(path), after(path)):
            return None
        same.append(path)
    if not changed:
        return None
    files = f"{count(len(changed), 'file')}: {named(changed)}"
    text = f"a fix is claimed, but only prose was changed ({files})"
    if same:
        text = f"a fix is claimed, but what was changed does the same as before ({files})"
    return CheckResult(
        name="changes",
        kind="changes",
        decision=Decision.FAILED,
        reason=Reason.NO_CODE_CHANGED,
        text=text,
    )
