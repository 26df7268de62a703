"""White space that means nothing stands in no one's way, and white space that means something is
never touched.
"""

from __future__ import annotations

import pytest

from orchestrator.structure.merge import MergeResult, merge_file


def merge(base: str, left: str, right: str, path: str = "a.py") -> MergeResult:
    return merge_file(path, base.encode(), left.encode(), right.encode())


def clean(base: str, left: str, right: str, path: str = "a.py") -> str:
    result = merge(base, left, right, path)
    assert result.content is not None, result.conflicts
    mirrored = merge(base, right, left, path)
    assert mirrored.content == result.content, "the sides' order decides"
    return result.content.decode()


@pytest.mark.parametrize(
    "string",
    [
        "'''x  \n    y'''",
        '"""x\t\n"""',
        "f'''x{\n        a  \n    }  \n'''",
        "('''x  \n''' '''y  \n''')",
    ],
)
def test_the_ends_of_lines_inside_strings_stay(string: str) -> None:
    base = f"def f(a):\n    a = 1  \n    b = 2\n    s = {string}\n    c = 3\n    return a\n"
    left = base.replace("a = 1  ", "a = 1").replace("c = 3", "c = 4")
    right = base.replace("b = 2", "b = 5")
    assert clean(base, left, right) == left.replace("b = 2", "b = 5")


def test_the_ends_of_lines_inside_template_strings_stay() -> None:
    base = "function f() {\n  const a = 1;  \n  const b = 2;\n  const s = `x  \n  y`;\n  const c = 3;\n}\n"
    left = base.replace("a = 1;  ", "a = 1;").replace("c = 3", "c = 4")
    right = base.replace("b = 2", "b = 5")
    assert clean(base, left, right, "a.ts") == left.replace("b = 2", "b = 5")


def test_a_side_that_changed_the_layout_only_gives_way() -> None:
    base = "def f(a, b):\n    return g(a, b)\n"
    left = "def f(\n    a,\n    b\n):\n\n    return g(a,\n             b)\n"
    right = "def f(a, b, c):\n    return g(a, b, c)\n"
    assert clean(base, left, right) == right
    assert merge(base, left, right).notes == (
        "f: left changed nothing but its layout, which was left out",
    )


def test_what_one_removed_and_the_other_only_laid_out_anew_is_gone() -> None:
    keep = "\n\ndef g():\n    pass\n"
    assert (
        clean(
            "def f(a, b): return a\n" + keep, keep.lstrip(), "def f(a,b): return a\n" + keep
        ).strip()
        == keep.strip()
    )


def test_the_same_in_two_layouts_is_the_same() -> None:
    left = "def f():\n    return g(1, 2)\n\n\ndef h():\n    return [\n        1\n    ]\n"
    right = "def f():\n    return g(1, 2)\n\n\ndef h():\n    return [1]\n"
    assert clean("def f():\n    return g(1)\n", left, right) == right


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("if a:\n        b()\n    c()", "if a:\n        b()\n        c()"),
        ("return 'a b'", "return 'ab'"),
        ("return '''a\n    b'''", "return '''a\n  b'''"),
        ("return a in b", "return ainb"),
    ],
    ids=["nesting", "string", "long-string", "words"],
)
def test_white_space_that_means_something_is_not_layout(one: str, other: str) -> None:
    left, right = (f"x = 1\n\n\ndef f(a):\n    {body}\n" for body in (one, other))
    assert merge("x = 1\n", left, right).content is None
    base = "x = 1\n\n\ndef f(a):\n    pass\n"
    assert merge(base, left, right).content is None
