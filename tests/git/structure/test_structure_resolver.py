"""The structural merge behind integrate's hook, and the further languages."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.git.integrate import Contribution, integrate
from orchestrator.git.structure.languages import language_of
from orchestrator.git.structure.merge import merge_file

BASE = "class A:\n    def one(self):\n        return 1\n"


def test_what_git_cannot_merge_is_merged_by_structure(user: Any, make_run: Any) -> None:
    user.commit({"a.py": BASE})
    run = make_run(user)
    works = {name: {"a.py": BASE + f"\n    def {name}(self):\n        return 2\n"} for name in ("x", "y", "z")}
    works["same"] = {"a.py": BASE + "\n    def x(self):\n        return 3\n"}
    hands = [Contribution(name, run.base, run.work(files, name=f"{name}-1")) for name, files in works.items()]
    answer = integrate(run.store, run.base, hands, message="candidate\n", when=1_750_000_000)
    assert answer.merged == ("x", "y", "z")
    assert [conflict.agent for conflict in answer.conflicts] == ["same"]
    text = run.store.read(answer.commit, "a.py").decode()
    assert [text.count(f"def {name}(") for name in ("one", "x", "y", "z")] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("path", "start", "end", "member"),
    [
        ("a.go", "package a\n\nfunc One() int {\n\treturn 1\n}\n", "", "\nfunc {}() int {{\n\treturn 2\n}}\n"),
        ("A.java", "class A {\n  int one() {\n    return 1;\n  }\n", "}\n", "\n  int {}() {{\n    return 2;\n  }}\n"),
        (
            "a.rs",
            "impl A {\n    fn one() -> u8 {\n        1\n    }\n",
            "}\n",
            "\n    fn {}() -> u8 {{\n        2\n    }}\n",
        ),
        ("a.tsx", "export class A {\n  one() {\n    return 1;\n  }\n", "}\n", "\n  {}() {{\n    return 2;\n  }}\n"),
        ("a.js", "describe('a', () => {\n  it('b', () => {});\n", "});\n", "\n  it('{}', () => {{}});\n"),
    ],
)
def test_members_side_by_side(path: str, start: str, end: str, member: str) -> None:
    if language_of(path) is None:
        pytest.skip(f"the grammar for {path} is not installed")
    sides = [(start + text + end).encode() for text in ("", member.format("x"), member.format("y"))]
    merged = merge_file(path, *sides)
    assert merged.content == (start + member.format("x") + member.format("y") + end).encode(), merged
