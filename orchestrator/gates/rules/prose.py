"""Rule 6: documentation is not a fix.

Owns what counts as prose: files that are written for people, and comments, docstrings and lay-out
of Python code. Which paths a candidate changes is given; whether its batch claims a fix too.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

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


def says_the_same(before: bytes | None, after: bytes | None) -> bool:
    """Whether two versions of a Python file differ in comments, docstrings and lay-out alone."""
    if before is None or after is None:
        return False
    try:
        return _code(before) == _code(after)
    except (SyntaxError, ValueError, RecursionError):
        return False


def _code(source: bytes) -> str:
    module = ast.parse(source)
    for node in ast.walk(module):
        match node:
            case ast.Module() | ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                if ast.get_docstring(node, clean=False) is not None:
                    del node.body[0]
    return ast.dump(module)


def no_code_changed(paths: Iterable[str], before: Read, after: Read) -> CheckResult | None:
    """The result that a candidate earns whose batch claims a fix and which changes nothing but
    prose; else None.
    """
    changed = sorted(paths)
    if not changed:
        return None
    for path in changed:
        if not is_prose(path) and not (
            path.endswith(".py") and says_the_same(before(path), after(path))
        ):
            return None
    text = f"a fix is claimed, but only prose was changed ({count(len(changed), 'file')}: {named(changed)})"
    return CheckResult(
        name="changes",
        kind="changes",
        decision=Decision.FAILED,
        reason=Reason.NO_CODE_CHANGED,
        text=text,
    )
