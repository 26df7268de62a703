"""Every trap of merging by structure, each as the smallest file that shows it."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from orchestrator.structure.languages import language_of
from orchestrator.structure.merge import merge_file

LICENCE = "# Licence: do as you like\n"
BODY = "\n\ndef f():\n    return os\n"


def clean(path: str, base: str, left: str, right: str) -> str:
    result = merge_file(path, base.encode(), left.encode(), right.encode())
    assert result.content is not None, result.conflicts
    return result.content.decode()


def conflict(path: str, base: str, left: str, right: str) -> dict[str, str]:
    result = merge_file(path, base.encode(), left.encode(), right.encode())
    assert result.content is None, result.content
    return {found.symbol: found.reason for found in result.conflicts}


def test_a_licence_stays_above_the_first_import() -> None:
    merged = clean(
        "a.py",
        LICENCE + "import os\n" + BODY,
        LICENCE + "import abc\nimport os\n" + BODY + "    abc\n",
        LICENCE + "import ast\nimport os\n" + BODY + "\n\ndef g():\n    ast\n",
    )
    assert merged.startswith(LICENCE + "import abc\nimport ast\nimport os\n")


def test_future_imports_stay_first() -> None:
    merged = clean(
        "a.py",
        "import os\n" + BODY,
        "from __future__ import annotations\nimport os\n" + BODY,
        "import abc\nimport os\n" + BODY + "\n\ndef g():\n    abc\n",
    )
    assert merged.startswith("from __future__ import annotations\nimport abc\n")


def test_continued_imports_are_taken_apart() -> None:
    base = "from m import a, \\\n    b\n\n\ndef f():\n    a, b\n"
    left = "from m import a, \\\n    b, c\n\n\ndef f():\n    a, b\n\n\ndef g():\n    c\n"
    right = "from m import a, d, \\\n    b\n\n\ndef f():\n    a, b\n\n\ndef h():\n    d\n"
    merged = clean("a.py", base, left, right)
    names = merged.partition("\n\n")[0].replace("\\\n", "").partition("import")[2]
    assert {name.strip() for name in names.split(",")} == {"a", "b", "c", "d"}


def test_setters_and_overloads_are_told_apart() -> None:
    base = "class A:\n    @property\n    def x(self):\n        return 1\n\n"
    base += "    @x.setter\n    def x(self, v):\n        pass\n"
    left = base.replace("return 1", "return 2") + "\n    def p(self):\n        pass\n"
    right = base.replace("pass", "self.y = v") + "\n    def q(self):\n        pass\n"
    merged = clean("a.py", base, left, right)
    for part in ("return 2", "self.y = v", "def p", "def q"):
        assert merged.count(part) == 1


def test_overloads_of_typescript_are_told_apart() -> None:
    base = "function f(a: string): void;\nfunction f(a: number): void;\nfunction f(a: any) {}\n"
    left = base.replace("string): void", "string): number") + "function p() {}\n"
    right = base.replace("number): void", "number): string") + "function q() {}\n"
    merged = clean("a.ts", base, left, right)
    for part in ("string): number", "number): string", "function p", "function q"):
        assert merged.count(part) == 1


def test_overloads_of_python_are_told_apart() -> None:
    base = (
        "from typing import overload\n\n\n"
        "@overload\ndef f(a: int) -> int: ...\n@overload\ndef f(a: str) -> str: ...\n"
    )
    base += "def f(a):\n    return a\n"
    left = base.replace("a: int) -> int", "a: int) -> float")
    right = base.replace("a: str) -> str", "a: str) -> bytes").replace(
        "return a", "return a or b''"
    )
    merged = clean("a.py", base, left, right)
    assert merged == right.replace("a: int) -> int", "a: int) -> float")


def test_overloads_of_java_are_told_apart() -> None:
    if language_of("A.java") is None:
        pytest.skip("the grammar of Java is not installed")
    base = "class A {\n  int f(int a) {\n    return 1;\n  }\n  int f(String a) {\n    return 2;\n  }\n}\n"
    left, right = (
        f"{base.replace(*change)[:-2]}  int f({kind} a) {{\n    return 0;\n  }}\n}}\n"
        for change, kind in ((("return 1", "return 3"), "long"), (("return 2", "return 5"), "char"))
    )
    merged = clean("A.java", base, left, right)
    for part in ("return 3", "return 5", "f(long a)", "f(char a)", "f(int a)", "f(String a)"):
        assert merged.count(part) == 1


def test_a_side_that_changed_the_line_ends_changed_nothing_else() -> None:
    base = "class A:\n    def f(self):\n        pass\n"
    left = (base + "\n    def g(self):\n        pass\n").replace("\n", "\r\n")
    right = base + "\n    def h(self):\n        pass\n"
    both = base + "\n    def g(self):\n        pass\n\n    def h(self):\n        pass\n"
    assert clean("a.py", base, left, right) == both.replace("\n", "\r\n")


def test_an_import_with_a_comment_inside_is_not_taken_apart() -> None:
    base = "from m import (\n    a,  # why\n    z,\n)\n\nx = a, z\n"
    left = base.replace("    z,\n", "    b,\n    z,\n").replace("x = a", "x = b, a")
    right = base.replace("    z,\n", "    c,\n    z,\n") + "y = c\n"
    found = conflict("a.py", base, left, right)
    assert list(found.values()) == ["changed by both"]


def test_one_side_drops_an_import_that_the_other_extends() -> None:
    base = "from m import a\n\n\ndef f():\n    return a\n"
    left = "def f():\n    return 1\n"
    right = "from m import a, b\n\n\ndef f():\n    return a\n\n\ndef g():\n    return b\n"
    assert clean("a.py", base, left, right).startswith("from m import b\n")


def test_one_side_drops_an_import_that_the_other_begins_to_use() -> None:
    base = "import os\nimport re\n\n\ndef f():\n    return os, re\n"
    left = "import re\n\n\ndef f():\n    return re\n"
    right = base + "\n\ndef g():\n    return os\n"
    assert "import os\n" in clean("a.py", base, left, right)


def test_one_name_imported_from_two_modules_is_a_conflict() -> None:
    base = "import os\n" + BODY
    left = "import os\nfrom m import x\n" + BODY + "\n\ndef g():\n    return x\n"
    right = "import os\nfrom n import x\n" + BODY + "\n\ndef h():\n    return x\n"
    assert "x" in conflict("a.py", base, left, right)


def test_one_side_drops_a_name_that_the_other_moves_to_another_statement() -> None:
    base = "export { a, B, C } from './m';\n"
    left = "export { a, B } from './m';\n"
    right = "export { a } from './m';\nexport type { B, C } from './m';\n"
    assert clean("a.ts", base, left, right) == right.replace(", C", "")
    assert clean("a.ts", base, right, left) == right.replace(", C", "")


def test_a_name_that_was_dropped_and_moved_stays_where_it_is_used() -> None:
    base = "from m import a, b, c\n\n\ndef f():\n    return a, b, c\n"
    left = "from m import a\n\n\ndef f():\n    return a\n"
    right = "from m import a\nfrom m import b, c\n\n\ndef f():\n    return a, b, c\n\n\nd = c()\n"
    merged = clean("a.py", base, left, right)
    assert merged == "from m import a\nfrom m import c\n\n\ndef f():\n    return a\n\n\nd = c()\n"


def test_the_condition_around_imports_was_changed_by_one_and_its_body_by_the_other() -> None:
    base = "import t\n\nif False:\n    # for types\n    from m import a\n\nx: 'a' = t\n"
    left = base.replace("if False", "if t.CHECKING")
    right = base.replace("import a", "import a, b").replace("x: 'a'", "x: 'a | b'")
    assert clean("a.py", base, left, right) == right.replace("if False", "if t.CHECKING")


def test_fields_of_a_type_are_members() -> None:
    base = "export type A = {\n  x: number;\n};\n"
    left, right = (
        base.replace("};", f"  {field};\n}};") for field in ("y: string", "z?: () => void")
    )
    assert clean("a.ts", base, left, right) == left.replace("};", "  z?: () => void;\n};")
    other = left.replace("string", "number")
    assert conflict("a.ts", base, left, other) == {"A.y": "added by both, differently"}


@pytest.mark.parametrize(
    ("path", "base", "one", "other"),
    [
        (
            "a.py",
            "# c\n@d\ndef f(a):\n    return a\n",
            ("(a)", "(a, b)"),
            ("return a", "return -a"),
        ),
        ("a.py", "# c\n@d\ndef f(a):\n    return a\n", ("@d", "@e"), ("(a)", "(a, b)")),
        ("a.py", "# c\n@d\ndef f(a):\n    return a\n", ("# c", "# C"), ("@d", "@e")),
        ("a.ts", "function f(a) {\n  return a;\n}\n", ("(a)", "(a, b)"), ("return a", "return -a")),
    ],
    ids=["header-body", "decorator-header", "comment-decorator", "braces"],
)
def test_parts_of_a_symbol_that_touch_are_merged(
    path: str, base: str, one: tuple, other: tuple
) -> None:
    left, right = base.replace(*one), base.replace(*other)
    assert clean(path, base, left, right) == left.replace(*other)
    assert conflict(path, base, left, base.replace(one[0], one[1] + "  # or not"))


def test_rewrapped_imports_are_one_import() -> None:
    base = "from m import a, b\n\n\ndef f():\n    return a, b\n"
    left = "from m import (\n    a,\n    b,\n    c,\n)\n\n\ndef f():\n    return a, b, c\n"
    right = "from m import a, b, d\n\n\ndef f():\n    return a, b\n\n\ndef g():\n    return d\n"
    assert clean("a.py", base, left, right).startswith(
        "from m import (\n    a,\n    b,\n    c,\n    d,\n)\n"
    )


def test_what_does_not_parse_falls_back_to_git() -> None:
    base = "def f(:\n    pass\n\n\nx = 1\n\n\ny = 1\n"
    assert clean(
        "a.py", base, base.replace("x = 1", "x = 2"), base.replace("y = 1", "y = 3")
    ).endswith("y = 3\n")
    found = conflict("a.py", base, base.replace("x = 1", "x = 2"), base.replace("x = 1", "x = 3"))
    assert "does not parse" in found[""]


@pytest.mark.parametrize(
    "form",
    [
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.rstrip("\n").encode(),
        lambda text: text.replace("    ", "\t").encode(),
        lambda text: b"# -*- coding: latin-1 -*-\nname = '\xe9'\n" + text.encode(),
    ],
    ids=["crlf", "bom", "no-last-newline", "tabs", "latin-1"],
)
def test_the_form_of_a_file_is_kept(form) -> None:
    base = "class A:\n    def f(self):\n        pass\n"
    left = base + "\n    def g(self):\n        pass\n"
    right = base + "\n    def h(self):\n        pass\n"
    both = base + "\n    def g(self):\n        pass\n\n    def h(self):\n        pass\n"
    result = merge_file("a.py", form(base), form(left), form(right))
    assert result.content == form(both)


def test_large_files_take_no_time_to_speak_of() -> None:
    base = "".join(f"def f{i}(a):\n    b = a + {i}\n    return b\n\n\n" for i in range(2000))
    left = base + "def g():\n    return 1\n"
    right = base.replace("b = a + 7\n", "b = a + 8\n") + "def h():\n    return 2\n"
    started = time.perf_counter()
    merged = clean("a.py", base, left, right)
    assert "def g" in merged
    assert "def h" in merged
    assert time.perf_counter() - started < 10


def test_large_symbols_that_both_rewrote_take_no_time_to_speak_of() -> None:
    base = "def f(a):\n" + "".join("    a()\n\n    b()\n" for _ in range(1500))
    left = base.replace("    b()\n", "    b(1)\n")
    right = base.replace("    b()\n", "    b(2)\n\n")
    started = time.perf_counter()
    assert conflict("a.py", base, left, right) == {"f": "changed by both"}
    assert time.perf_counter() - started < 10


def test_both_changed_one_constant() -> None:
    base = "import os\n\nLIMIT = 1\n"
    assert conflict("a.py", base, base.replace("1", "2"), base.replace("1", "3")) == {
        "LIMIT": "changed by both"
    }


def test_positional_arguments_parameters_and_statements_do_not_commute() -> None:
    assert conflict("a.py", "x = f(1)\n", "x = f(1, 2)\n", "x = f(1, 3)\n")
    assert conflict("a.py", "def f(a): pass\n", "def f(a, b): pass\n", "def f(a, c): pass\n")
    base = "def f():\n    a()\n"
    assert conflict("a.py", base, base + "    b()\n", base + "    c()\n")
    assert conflict("a.py", "a()\n", "a()\nb()\n", "a()\nc()\n")


def test_removed_by_one_and_changed_by_the_other() -> None:
    base = "def f():\n    return 1\n\n\ndef g():\n    return 2\n"
    found = conflict("a.py", base, "def g():\n    return 2\n", base.replace("return 1", "return 3"))
    assert found == {"f": "removed by left, changed by right"}


def test_defined_by_both_in_two_places_is_not_git_clean() -> None:
    base = "".join(f"def f{i}():\n    return {i}\n\n\n" for i in range(6))
    left = "def new():\n    return 'left'\n\n\n" + base
    right = base + "def new():\n    return 'right'\n"
    assert conflict("a.py", base, left, right) == {"new": "added by both, differently"}


def test_entries_side_by_side() -> None:
    base = "__all__ = [\n    'a',\n]\nD = {\n    'a': 1,\n}\nx = f(a=1)\n"
    left = (
        base.replace("'a',\n]", "'a',\n    'b',\n]")
        .replace("1,\n}", "1,\n    'b': 2,\n}")
        .replace("a=1)", "a=1, b=2)")
    )
    right = (
        base.replace("'a',\n]", "'a',\n    'c',\n]")
        .replace("1,\n}", "1,\n    'c': 3,\n}")
        .replace("a=1)", "a=1, c=3)")
    )
    assert clean(
        "a.py",
        base.replace("f(", "dict("),
        left.replace("f(", "dict("),
        right.replace("f(", "dict("),
    ) == (
        "__all__ = [\n    'a',\n    'b',\n    'c',\n]\nD = {\n    'a': 1,\n    'b': 2,\n    'c': 3,\n}\n"
        "x = dict(a=1, b=2, c=3)\n"
    )


def test_git_clean_results_are_checked() -> None:
    base = "import os\n\n\ndef a():\n    return os\n\n\ndef b():\n    pass\n\n\ndef c():\n    return 1\n"
    left = base.replace("def a():\n    return os\n\n\n", "").replace("import os\n\n\n", "")
    right = base.replace("return 1", "return a()")
    assert "a is not defined" in conflict("a.py", base, left, right)["a"]


def test_data_by_key() -> None:
    assert (
        clean("requirements.txt", "a==1\n", "a==1\nb==1\n", "a==1\nC==1\n") == "a==1\nb==1\nC==1\n"
    )
    assert conflict("requirements.txt", "my_a==1\n", "my-a==2\n", "My.A==3\n") == {
        "my-a": "changed by both"
    }
    assert clean(
        "p.toml", "[t]\na = 1 # c\n", "[t]\na = 1 # c\nb = 2\n", "[t]\na = 1 # c\nd = 3\n"
    ) == ("[t]\na = 1 # c\nb = 2\nd = 3\n")
    assert clean(
        "p.yaml", "t:\n  a: 1 # c\n", "t:\n  a: 1 # c\n  b: 2\n", "t:\n  a: 1 # c\n  d: 3\n"
    ) == ("t:\n  a: 1 # c\n  b: 2\n  d: 3\n")
    assert clean(
        "p.json", '{\n  "a": 1\n}\n', '{\n  "a": 1,\n  "b": 2\n}\n', '{\n  "a": 1,\n  "d": 3\n}\n'
    ) == ('{\n  "a": 1,\n  "b": 2,\n  "d": 3\n}\n')
    assert conflict("p.json", '{\n  "a": 1\n}\n', '{\n  "a": 2\n}\n', '{\n  "a": 3\n}\n') == {
        "a": "changed by both"
    }


RETURNS = "import os\r\n\r\n\r\ndef f():\r\n    return os\r\n"


@pytest.mark.parametrize(
    ("base", "left", "right"),
    [
        (
            RETURNS,
            RETURNS + "\r\n\r\ndef g():\r\n    return 3\r\n",
            RETURNS + "\n\ndef h():\n    return 4\n",
        ),
        (
            RETURNS,
            RETURNS + "\n\ndef g():\n    return 3\n",
            RETURNS + "\n\ndef h():\n    return 4\n",
        ),
        (
            RETURNS.replace("\r", ""),
            RETURNS + "\r\n\r\ndef g():\r\n    return 3\r\n",
            RETURNS.replace("\r", "") + "\r\n\r\ndef h():\r\n    return 4\r\n",
        ),
    ],
    ids=["one side added plain lines", "both did", "one side added returns, the other everywhere"],
)
def test_lines_that_end_in_two_ways_are_not_mixed_up(base: str, left: str, right: str) -> None:
    """Not one return is doubled, and every line of what was a file with returns has one."""
    for sides in ((left, right), (right, left)):
        merged = clean("a.py", base, *sides)
        assert "\r\r" not in merged
        assert merged.count("\r\n") == merged.count("\n")
        assert merged.count("return 3") == merged.count("return 4") == 1


@pytest.mark.parametrize("depth", [150, 330, 500, 900, 2000])
@pytest.mark.parametrize(
    "deep",
    [
        lambda n: "a = " + " + ".join(["x"] * n),
        lambda n: "a = x" + ".y" * n,
        lambda n: "a = x" + "()" * n,
        lambda n: "a = " + "[" * n + "1" + "]" * n,
        lambda n: "if x:\n    pass\n" + "elif x:\n    pass\n" * n,
    ],
    ids=["sum", "attributes", "calls", "lists", "elif"],
)
def test_what_is_nested_too_deeply_for_the_checks_is_merged_without_them(deep, depth: int) -> None:
    base = f"x = y = 1\n{deep(depth)}\n\n\ndef f():\n    return 1\n\n\ndef g():\n    return 2\n"
    left, right = base.replace("return 1", "return x"), base.replace("return 2", "return y")
    merged = clean("a.py", base, left, right)
    assert merged == left.replace("return 2", "return y")
    merged = clean(
        "a.py", base, base + "\n\ndef h():\n    return 3\n", base + "\n\ndef i():\n    return 4\n"
    )
    assert "def h" in merged
    assert "def i" in merged


def test_data_that_is_nested_too_deeply() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    base = f'{{\n"a": 1,\n"b": 1,\n"c": 1,\n"d": {deep}\n}}\n'
    merged = clean(
        "a.json", base, base.replace('"a": 1', '"a": 2'), base.replace('"c": 1', '"c": 2')
    )
    assert merged == base.replace('"a": 1', '"a": 2').replace('"c": 1', '"c": 2')
    found = conflict(
        "a.json", base, base.replace('"a": 1', '"a": 2'), base.replace('"a": 1', '"a": 1, "e": 3')
    )
    assert found == {"": "both changed it, and it is nested too deeply to be looked into"}


def test_aliases_that_stand_for_billions_of_values() -> None:
    letters = "abcdefghi"
    base = "a: &a [x,x,x,x,x,x,x,x,x]\n"
    base += "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in pairwise(letters))
    started = time.perf_counter()
    found = conflict("a.yaml", base + "z: 1\n", base + "z: 2\n", base + "z: 1\ny: 2\n")
    assert "aliases stand for too much" in found[""]
    assert time.perf_counter() - started < 10


def test_several_documents_in_one_file_are_read() -> None:
    base = "a: 1\n---\nb: 1\nc: 1\nd: 1\n"
    assert (
        clean("a.yaml", base, base.replace("a: 1", "a: 2"), base.replace("d: 1", "d: 2")).count("2")
        == 2
    )
    left, right = base.replace("b: 1", "e: 1\nb: 1"), base + "e: 2\n"
    merge = merge_file("a.yaml", base.encode(), left.encode(), right.encode())
    assert merge.content is None
    assert any("the key 'e' is there twice" in note for note in merge.notes)


def test_large_data_is_merged_quickly_where_both_added_and_not_all_by_key() -> None:
    base = "".join(f"key{i}:\n  - name: x{i}\n    value: {i}\n" for i in range(10_000))
    started = time.perf_counter()
    left, right = (
        base.replace("value: 5\n", "value: 55\n"),
        base.replace("value: 9000\n", "value: 55\n"),
    )
    assert clean("a.yaml", base, left, right) == left.replace("value: 9000\n", "value: 55\n")
    assert clean("a.yaml", base, base + "y: 1\n", base + "z: 1\n") == base + "y: 1\nz: 1\n"
    same = base.replace("value", "other").replace("name", "called")
    other = base.replace("value", "third").replace("name", "named")
    assert "too large to be merged by key" in conflict("a.yaml", base, same, other)[""]
    assert time.perf_counter() - started < 10


def test_files_that_were_generated_are_gits_alone() -> None:
    base = "".join(f"def f{i}(a):\n    return a + {i}\n\n\n" for i in range(40_000))
    started = time.perf_counter()
    left, right = base.replace("a + 5\n", "a + 55\n"), base.replace("a + 39000\n", "a + 55\n")
    assert clean("a.py", base, left, right) == left.replace("a + 39000\n", "a + 55\n")
    assert conflict("a.py", base, base + "y = 1\n", base + "z = 1\n") == {
        "": "a binary or very large file that both changed"
    }
    assert time.perf_counter() - started < 10


TABLE = "T = {\n    # the first\n    'a': 1,\n    'b': 2,\n    'c': 3,\n    # the end\n}\n"


@pytest.mark.parametrize(
    "commented",
    [
        TABLE.replace("'b': 2,", "'b': 2,  # two"),
        TABLE.replace("    'b': 2,", "    # the second\n    'b': 2,"),
        TABLE.replace("# the first", "# number one"),
        TABLE.replace("# the end", "# the very end"),
        TABLE.replace("    # the end\n", ""),
    ],
    ids=["after an entry", "above one", "changed above one", "changed at the end", "removed"],
)
def test_comments_in_a_literal_that_both_changed_are_kept(commented: str) -> None:
    added = TABLE.replace("'a': 1,", "'a': 1,\n    'n': 4,").replace(
        "'c': 3,", "'c': 3,\n    'm': 5,"
    )
    for sides in (
        (commented.replace("'c': 3", "'c': 6"), added),
        (added, commented.replace("'c': 3", "'c': 6")),
    ):
        merged = clean("a.py", TABLE, *sides)
        assert (
            merged.split()
            == commented.replace("'a': 1,", "'a': 1,\n    'n': 4,")
            .replace("'c': 3,", "'c': 6,\n    'm': 5,")
            .split()
        )


def test_one_comment_in_a_literal_changed_by_both() -> None:
    base = TABLE.replace("'b': 2,", "'b': 2,  # two")
    left = base.replace("# two", "# zwei").replace("'a': 1,", "'a': 1,\n    'n': 4,")
    right = base.replace("# two", "# deux").replace("'c': 3,", "'c': 3,\n    'm': 5,")
    assert conflict("a.py", base, left, right) == {"T": "changed by both"}


NAMED = "# why\nfrom m import (\n    a,\n    c,\n)\n\n\ndef f():\n    return a, c\n"


@pytest.mark.parametrize(
    "comment", ["# why, and since when\n", "# why\n# more\n", ""], ids=["changed", "more", "gone"]
)
def test_the_comment_above_an_import_that_both_changed(comment: str) -> None:
    left = NAMED.replace("    a,\n", "    a,\n    b,\n") + "\n\ndef g():\n    return b\n"
    right = (
        NAMED.replace("# why\n", comment)
        .replace("    c,\n", "    c,\n    d,\n")
        .replace("a, c", "a, c, d")
    )
    for sides in ((left, right), (right, left)):
        merged = clean("a.py", NAMED, *sides)
        assert merged.startswith(f"{comment}from m import (\n    a,\n    b,\n    c,\n    d,\n)\n")


def test_an_import_that_both_added_with_a_comment_above_one() -> None:
    base = "from t import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import x\n\n\ndef f():\n    return x\n"
    left = (
        base.replace("    import x\n", "    import x\n    # for g\n    from m import a\n")
        + "\n\ndef g():\n    return a\n"
    )
    right = base.replace("    import x\n", "    import x\n    from m import b\n").replace(
        "return x", "return x, b"
    )
    for sides in ((left, right), (right, left)):
        names = (
            clean("a.py", base, *sides)
            .partition("    # for g\n    from m import ")[2]
            .partition("\n")[0]
        )
        assert set(names.split(", ")) == {"a", "b"}


@pytest.mark.parametrize(
    ("path", "base", "left", "right"),
    [
        (
            "a.toml",
            "[t]\na = 1\nz = 1\n",
            "[t]\na = 1\nb = 2\nz = 1\n",
            "[t]\na = 1\n# to do\nc = 3\nz = 1\n",
        ),
        ("a.yaml", "a: 1\nz: 1\n", "a: 1\nb: 2\nz: 1\n", "a: 1\n# to do\nc: 3\nz: 1\n"),
        ("a.yaml", "a: 1\nz: 1\n", "a: 1\nb: 2\nz: 1\n", "a: 1  # to do\nc: 3\nz: 1\n"),
    ],
)
def test_a_comment_in_data_is_kept_or_a_conflict(
    path: str, base: str, left: str, right: str
) -> None:
    for sides in ((left, right), (right, left)):
        result = merge_file(path, base.encode(), *(side.encode() for side in sides))
        if result.content is None:
            assert [found.reason for found in result.conflicts] == [
                "both changed it, and a comment would be lost: # to do"
            ]
        else:
            assert b"# to do" in result.content
            assert {b"b", b"c"} <= {line[:1] for line in result.content.splitlines()}


def test_what_was_first_in_each_of_two_new_files_stands_apart() -> None:
    for path, one, other in (
        ("a.py", "def f():\n    return 1\n", "def g():\n    return 2\n"),
        (
            "a.ts",
            "export function f() {\n  return 1;\n}\n",
            "export function g() {\n  return 2;\n}\n",
        ),
    ):
        result = merge_file(path, None, one.encode(), other.encode())
        assert result.content == f"{one}\n\n{other}".encode()


def test_an_import_at_the_beginning_stays_above_what_the_other_puts_there() -> None:
    left = "from m import a\n\n\ndef f():\n    return a\n"
    right = "class C:\n    def g(self):\n        return 1\n"
    for sides in ((left, right), (right, left)):
        result = merge_file("a.py", b"", *(side.encode() for side in sides))
        assert result.content is not None
        assert result.content.startswith(b"from m import a\n\n\n")
        assert result.content.count(b"\n\n\n") == 2


def test_an_import_that_was_moved_down_stays_there() -> None:
    base = "import x\nimport y\n\n\ndef f():\n    return x, y\n"
    left = base.replace("return x, y", "return y, x") + "\n\ndef h():\n    pass\n"
    right = "import y\n\n\ndef f():\n    return x, y\n\n\ndef g():\n    pass\n\n\nimport x\n"
    for sides in ((left, right), (right, left)):
        assert clean("a.py", base, *sides).startswith("import y\n\n\ndef f")


def test_an_import_that_a_side_began_to_use_is_kept_without_its_use() -> None:
    base = "class A:\n    def one(self):\n        return 1\n\n\ndef f():\n    return 2\n"
    right = base.replace("class A", "from m import one\n\n\nclass A").replace(
        "\n\ndef f():\n    return 2\n", ""
    )
    for sides in (("", right), (right, "")):
        assert "from m import one" in clean("a.py", base, *sides)
