"""The structural merge in the languages beside Python."""

from __future__ import annotations

import pytest

from orchestrator.structure.languages import language_of
from orchestrator.structure.merge import merge_file


@pytest.mark.parametrize(
    ("path", "start", "end", "member"),
    [
        (
            "a.go",
            "package a\n\nfunc One() int {\n\treturn 1\n}\n",
            "",
            "\nfunc {}() int {{\n\treturn 2\n}}\n",
        ),
        (
            "A.java",
            "class A {\n  int one() {\n    return 1;\n  }\n",
            "}\n",
            "\n  int {}() {{\n    return 2;\n  }}\n",
        ),
        (
            "a.rs",
            "impl A {\n    fn one() -> u8 {\n        1\n    }\n",
            "}\n",
            "\n    fn {}() -> u8 {{\n        2\n    }}\n",
        ),
        (
            "a.tsx",
            "export class A {\n  one() {\n    return 1;\n  }\n",
            "}\n",
            "\n  {}() {{\n    return 2;\n  }}\n",
        ),
        (
            "a.js",
            "describe('a', () => {\n  it('b', () => {});\n",
            "});\n",
            "\n  it('{}', () => {{}});\n",
        ),
    ],
)
def test_members_side_by_side(path: str, start: str, end: str, member: str) -> None:
    if language_of(path) is None:
        pytest.skip(f"the grammar for {path} is not installed")
    sides = [(start + text + end).encode() for text in ("", member.format("x"), member.format("y"))]
    merged = merge_file(path, *sides)
    assert merged.content == (start + member.format("x") + member.format("y") + end).encode(), (
        merged
    )
