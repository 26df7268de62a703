"""A merge by structure neither doubles nor loses nor revives anything: kinds of it, in every
language, each beside honest work of the same kind.
"""

from __future__ import annotations

import pytest

from orchestrator.structure.conservation import unkept
from tests.structure.three_ways import merged, refused


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("A.java", ["class A {\n", "  int a;\n", "  int b;\n", "  int c;\n", "}\n"]),
        (
            "A.java",
            ["class A {\n", "  List<String> a;\n", "  List<String> b;\n", "  int c = 1;\n", "}\n"],
        ),
        (
            "a.rs",
            [
                "struct S;\n",
                "\nimpl S {\n    fn a() {}\n}\n",
                "\nimpl S {\n    fn b() {}\n}\n",
                "\nfn z() {}\n",
            ],
        ),
        (
            "a.rs",
            [
                "struct S;\n",
                "\n#[cfg(unix)]\nfn f() {\n    a()\n}\n",
                "\n#[cfg(windows)]\nfn f() {\n    b()\n}\n",
                "\nfn z() {}\n",
            ],
        ),
        (
            "a.go",
            [
                "package a\n",
                "\nfunc init() { a() }\n",
                "\nfunc init() { b() }\n",
                "\nfunc z() {}\n",
            ],
        ),
        ("a.py", ["x = 1\n", "x = g(x, 'one')\n", "x = g(x, 'two')\n", "z = 1\n"]),
        ("a.ts", ["let x = 1;\n", "x = g(x, 'one');\n", "x = g(x, 'two');\n", "const z = 1;\n"]),
    ],
    ids=["fields", "generic fields", "impl", "cfg", "init", "python", "let"],
)
def test_each_side_removes_one_of_what_has_one_name(path: str, parts: list[str]) -> None:
    base, left, right, both = (
        "".join(part for part in parts if part not in gone)
        for gone in ((), parts[1:2], parts[2:3], parts[1:3])
    )
    assert merged(path, base, left, right) == both


@pytest.mark.parametrize(
    ("path", "parts", "new"),
    [
        (
            "A.java",
            ["class A {\n", "  int a;\n", "  int b;\n", "}\n"],
            ("  int a = 1;\n", "  int b = 2;\n"),
        ),
        (
            "a.rs",
            ["struct S;\n", "\nimpl S {\n    fn a() {}\n}\n", "\nimpl S {\n    fn b() {}\n}\n"],
            (
                "\nimpl S {\n    fn a() {}\n    fn c() {}\n}\n",
                "\nimpl S {\n    fn b() {}\n    fn d() {}\n}\n",
            ),
        ),
        (
            "a.go",
            ["package a\n", "\nfunc init() { a() }\n", "\nfunc init() { b() }\n"],
            ("\nfunc init() { a(1) }\n", "\nfunc init() { b(2) }\n"),
        ),
        (
            "a.rs",
            [
                "struct S;\n",
                "\n#[cfg(unix)]\nfn f() {\n    a()\n}\n",
                "\n#[cfg(windows)]\nfn f() {\n    b()\n}\n",
            ],
            (
                "\n#[cfg(unix)]\nfn f() {\n    a(1)\n}\n",
                "\n#[cfg(windows)]\nfn f() {\n    b(2)\n}\n",
            ),
        ),
        (
            "a.py",
            ["x = 1\n", "x = g(x, 'one')\n", "x = g(x, 'two')\n"],
            ("x = g(x, 'three')\n", "x = g(x, 'four')\n"),
        ),
    ],
    ids=["fields", "impl", "init", "cfg", "python"],
)
def test_each_side_changes_one_of_what_has_one_name(
    path: str, parts: list[str], new: tuple[str, str]
) -> None:
    base = "".join(parts)
    left, right = base.replace(parts[1], new[0]), base.replace(parts[2], new[1])
    assert merged(path, base, left, right) == left.replace(parts[2], new[1])


@pytest.mark.parametrize(
    ("path", "pattern", "call"),
    [
        ("a.ts", "const {{ {} }} = f();\n", "a"),
        ("a.js", "const [{}] = f();\n", "a"),
        ("a.tsx", "let {{ {} }} = f();\n", "a, z"),
        ("a.ts", "export const {{ {} }} = f();\n", "a"),
        ("a.py", "{} = f()\n", "a, z"),
        ("a.js", "var {{ {} }} = f();\n", "a: z"),
    ],
    ids=["object", "array", "let", "export", "tuple", "var"],
)
def test_destructuring_that_both_extend_stands_once(path: str, pattern: str, call: str) -> None:
    base, left, right = (pattern.format(names) for names in (call, f"{call}, b", f"{call}, c"))
    if "{{" in pattern:
        assert merged(path, base, left, right) == pattern.format(f"{call}, b, c")
    else:
        assert "changed by both" in refused(path, base, left, right)


@pytest.mark.parametrize("path", ["a.tsx", "a.ts", "a.py"])
def test_an_import_that_nobody_removed_stays(path: str) -> None:
    uses = 'import React from "react";\nimport "./effects";\n\n', "function f() {{ return {}; }}\n"
    if path == "a.py":
        uses = "import React\nimport effects\n\n\n", "def f():\n    return {}\n"
    name, other = ("function f", "function g") if path != "a.py" else ("def f", "def g")
    first, second = uses[1], uses[1].replace(name, other)
    space = "\n" if path != "a.py" else "\n\n"
    base = uses[0] + first.format("React") + space + second.format("React")
    left = uses[0] + first.format("1") + space + second.format("React")
    right = uses[0] + first.format("React") + space + second.format("2")
    sides = left + space + second.format("3").replace("g", "p", 1), right + space
    text = merged(path, base, *sides)
    assert text.count("React") == 1
    assert "effects" in text


def test_what_nobody_touched_is_counted() -> None:
    base = "a = 1\nb = 2\n"
    assert (
        unkept("a.py", b"a = 1\n", b"a = 1\nb = 2\n", b"a = 1\nc = 3\n", b"a = 1\nb = 2\nc = 3\n")
        == []
    )
    for wrong in (b"a = 1\nc = 3\n", b"a = 1\na = 1\nb = 2\nc = 3\n", b"a = 1\nb = 2\n"):
        assert unkept("a.py", b"a = 1\n", b"a = 1\nb = 2\n", b"a = 1\nc = 3\n", wrong)
    removed = unkept("a.py", base.encode(), b"b = 2\n", b"a = 1\n", b"a = 1\n")
    assert "`a` would be there more often than both sides together say" in removed
