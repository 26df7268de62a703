"""What both sides put at one point: in either order, or a conflict."""

from __future__ import annotations

import pytest

from tests.structure.three_ways import merged, refused

DATA = "from dataclasses import dataclass\n\n\n@dataclass\nclass A:\n    x: int\n"
ENUM = "from enum import Enum\n\n\nclass E(Enum):\n    A = 1\n"


@pytest.mark.parametrize(
    ("path", "base", "left", "right", "reason"),
    [
        ("a.py", DATA, "    y: int = 0\n", "    z: str\n", "order is one of parameters"),
        ("a.py", DATA, "    y: int = 0\n", "    z: int = 1\n", "order is one of parameters"),
        (
            "a.py",
            "from typing import NamedTuple\n\n\nclass A(NamedTuple):\n    x: int\n",
            "    y: int\n",
            "    z: int\n",
            "order is one of parameters",
        ),
        ("a.py", ENUM, "    B = 2\n", "    C = 2\n", "with the value 2"),
        ("a.py", ENUM, "    B = 'b'\n", "    C = 'b'\n", "with the value 'b'"),
        ("a.ts", "enum E {\n  A = 1,\n", "  B = 2,\n}\n", "  C = 2,\n}\n", "changed by both"),
        ("a.py", "x = 1\n", "y = x\n", "x = 2\n", "binds x"),
        ("a.py", "x = 1\n", "y = x\n", "x += 2\n", "binds x"),
        ("a.py", "x = 1\n", "f(x)\n", "x = 2\n", "binds x"),
        ("a.ts", "let x = 1;\n", "x = 2;\n", "const y = x;\n", "binds x"),
        ("a.ts", "let x = 1;\n", "x++;\n", "const y = x;\n", "binds x"),
        ("a.py", "x = 1\n", "f()\n", "g()\n", "both added statements"),
    ],
)
def test_what_has_an_order_is_refused(
    path: str, base: str, left: str, right: str, reason: str
) -> None:
    old = base + ("}\n" if left.endswith("}\n") else "")
    assert reason in refused(path, old, base + left, base + right)


@pytest.mark.parametrize(
    ("path", "base", "left", "right"),
    [
        (
            "a.py",
            DATA.replace("@dataclass", "@dataclass(kw_only=True)"),
            "    y: int = 0\n",
            "    z: str\n",
        ),
        ("a.py", DATA, "    y: int = 0\n", "\n    def f(self):\n        return self.x\n"),
        ("a.py", ENUM, "    B = 2\n", "    C = 3\n"),
        ("a.ts", "enum E {\n  A = 1,\n", "  B = 2,\n}\n", "  C = 3,\n}\n"),
        ("a.py", "x = 1\n", "y = x\n", "z = x\n"),
        ("a.ts", "let x = 1;\n", "const y = x;\n", "const z = x;\n"),
        ("a.py", "x = 1\n", "x = 2\n", "\n\ndef f():\n    return x\n"),
    ],
)
def test_what_has_none_is_merged(path: str, base: str, left: str, right: str) -> None:
    old = base + ("}\n" if left.endswith("}\n") else "")
    text = merged(path, old, base + left, base + right)
    for line in (left + right).splitlines():
        assert line in text.splitlines()


def test_main_comes_after_what_the_other_side_added() -> None:
    base = "def f():\n    pass\n"
    left = base + '\n\nif __name__ == "__main__":\n    f()\n'
    right = base + "\n\ndef helper():\n    pass\n\n\nclass C:\n    pass\n"
    text = merged("a.py", base, left, right)
    assert text.index("def helper") < text.index("class C") < text.index("__main__")
