"""What the checks across a batch find."""

from __future__ import annotations

import pytest

from orchestrator.structure.batch import Edit, check_batch

LIB = b"def area(width, height):\n    return width * height\n"


def both(
    before: bytes,
    after: bytes | None,
    user: bytes,
    path: str = "pkg/lib.py",
    user_path: str = "pkg/use.py",
):
    return check_batch([Edit("one", path, before, after), Edit("two", user_path, b"", user)])


@pytest.mark.parametrize(
    ("after", "user", "check"),
    [
        (LIB.replace(b"area", b"surface"), b"area(1, 2)\n", "removed and used"),
        (LIB.replace(b"height):", b"height, depth):"), b"area(1, 2)\n", "old signature"),
        (LIB.replace(b"width,", b"breadth,"), b"area(width=1, height=2)\n", "old signature"),
        (None, b"from .lib import area\n", "removed and used"),
        (LIB.replace(b"height):", b"height, depth=1):"), b"area(1, 2)\n", None),
        (LIB + b"\n", b"area(1, 2)\n", None),
    ],
)
def test_python(after, user, check) -> None:
    found = both(LIB, after, user)
    assert (check in {finding.check for finding in found}) if check else not found


def test_typescript() -> None:
    found = both(
        b"export function f(a) {}\n",
        b"export function f(a, b) {}\n",
        b"f(1);\n",
        "lib.ts",
        "use.ts",
    )
    assert [finding.check for finding in found] == ["old signature"]
