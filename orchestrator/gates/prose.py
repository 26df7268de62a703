"""Rule 6: documentation is not a fix.

Owns what counts as prose. Which paths a candidate changes is given; whether its batch claims a fix too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from orchestrator.gates.words import count, named
from orchestrator.journal.facts import CheckResult, Decision, Reason

PROSE = frozenset({".md", ".markdown", ".mdx", ".rst", ".txt", ".adoc"})
NAMES = frozenset({"README", "LICENSE", "LICENCE", "COPYING", "NOTICE", "AUTHORS", "CHANGELOG", "CONTRIBUTING"})
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


def no_code_changed(paths: Iterable[str]) -> CheckResult | None:
    """The result that a candidate earns whose batch claims a fix and which changes nothing but prose; else None."""
    changed = sorted(paths)
    if not changed or not all(is_prose(path) for path in changed):
        return None
    text = f"a fix is claimed, but only prose was changed ({count(len(changed), 'file')}: {named(changed)})"
    return CheckResult(
        name="changes", kind="changes", decision=Decision.FAILED, reason=Reason.NO_CODE_CHANGED, text=text
    )
