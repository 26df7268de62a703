"""Whether a changed file stays within the symbols of a scope: each kind of change, and what holds
of all of them.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orchestrator.mission.scope import Imports, NewSymbols, SymbolRule
from orchestrator.mission.symbols import parse_symbol
from orchestrator.structure.scoping import MOST, Outside, outside

PROJECT = Path(__file__).resolve().parents[2] / "orchestrator"


def rule(*symbols: str, imports: Imports = "add", new: NewSymbols = "private") -> SymbolRule:
    return SymbolRule(tuple(map(parse_symbol, symbols)), imports, new)


RUN = rule("A.run")
PYTHON = b'''# Licence
"""Doc."""

import os
import sys
from a import b  # noqa: F401

if TYPE_CHECKING:
    from t import T

LIMIT = 3


# about f
@dec
def f(x):
    # inside
    return x


class A(Base):
    """Doc A."""

    size = 1

    # about run
    def run(self):
        return 1

    @property
    def p(self):
        return 1

    @p.setter
    def p(self, v):
        pass


# loose

def g():
    return 2


if __name__ == "__main__":
    f(1)
'''


def changed(old: str, new: str, source: bytes = PYTHON) -> bytes:
    assert source.count(old.encode()) >= 1, old
    return source.replace(old.encode(), new.encode(), 1)


def found(
    new: bytes | None, allowed: SymbolRule = RUN, *, old: bytes | None = PYTHON, path: str = "a.py"
) -> list[str]:
    return [f"{one.line} {one.symbol}: {one.text}" for one in outside(path, old, new, allowed)]


STOP = "\n\n    def stop(self):\n        pass"
HELPER = "\n\n    def _help(self):\n        pass"
FIRST = "        return 1"


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        pytest.param(FIRST, "        return 2", RUN, id="body"),
        pytest.param("def run(self):", "@cache\n    async def run(self, *, x=1):", RUN, id="decorators-and-signature"),
        pytest.param("# about run", "# all about\n    # run", RUN, id="comment-above"),
        pytest.param("    # about run\n", "    # about run\n\n", RUN, id="comment-above-cut-off"),
        pytest.param(f"    # about run\n    def run(self):\n{FIRST}\n\n", "", RUN, id="removed"),
        pytest.param(FIRST, FIRST + HELPER, RUN, id="private-helper-in-the-class"),
        pytest.param("# about f\n", "# Helpers\n\n\n# about h\ndef _h():\n    pass\n\n\n# about f\n", RUN, id="helper"),
        pytest.param("# about f\n", "# about f\ndef _h():\n    pass\n\n\n", RUN, id="helper-below-a-comment"),
        pytest.param("LIMIT = 3\n", "LIMIT = 3\n_CACHE: dict[str, int] = {}\n", RUN, id="private-variable"),
        pytest.param("import sys\n", "import re\nimport sys\nimport os.path\n", RUN, id="imports-added"),
        pytest.param("import sys\n", "import sys\n\n# for x\nfrom c import (\n    d,\n    e as h,\n)\n", RUN,
                     id="from"),
        pytest.param("from a import b ", "from a import b, c ", RUN, id="import-extended"),
        pytest.param("from a import b  # noqa: F401", "from a import (  # noqa: F401\n    b,\n)", RUN,
                     id="laid-out-anew"),
        pytest.param("    from t import T\n", "    from t import T, U\n", RUN, id="import-for-types"),
        pytest.param("\n\n\n# about f", "\n\n\n\n\n# about f", RUN, id="blank-lines-between"),
        pytest.param("def p(self, v):", "def p(self, value):", rule("A.p"), id="setter-goes-with-its-name"),
        pytest.param("def p(self):\n", "def p(self) -> int:\n", rule("A.p"), id="and-so-does-its-getter"),
        pytest.param('"""Doc A."""\n\n    size = 1', '"""New."""\n\n    size: int = 2', rule("A"), id="all-of-a-class"),
        pytest.param("LIMIT = 3", "LIMIT = 4", rule("LIMIT"), id="variable"),
        pytest.param("def f(x)", "def f(y)", rule("?"), id="pattern"),
        pytest.param(FIRST, FIRST + STOP, rule("A.run", "A.stop"), id="new-and-named"),
        pytest.param(FIRST, FIRST + STOP, rule("A.run", new="allow"), id="new-allowed"),
        pytest.param("import os\n", "from x import *\n", rule("f", imports="any"), id="any-imports"),
        pytest.param("LIMIT", "class New:\n    '''N.'''\n\n    def run(self):\n        pass\n\n\nLIMIT",
                     rule("New.run"), id="class-that-holds-it"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["plain", "crlf", "bom", "no end"])
def test_what_stays_inside(old: str, new: str, allowed: SymbolRule, form: str) -> None:
    before, after = PYTHON, changed(old, new)
    if form == "crlf":
        before, after = (source.replace(b"\n", b"\r\n") for source in (before, after))
    if form == "bom":
        before, after = b"\xef\xbb\xbf" + before, b"\xef\xbb\xbf" + after
    if form == "no end":
        before = before.removesuffix(b"\n")
    assert found(after, allowed, old=before) == []


NOT_PRIVATE = "a new symbol that is not private, and not named by the scope"
REMOVED, CHANGED, MOVED = (
    f"{verb} outside of the scope" for verb in ("removed", "changed", "moved")
)
IMPORTS = "<imports>"
NO_MORE = "was taken from the imports, which may only be added to"
TAKEN = "has a meaning in this file already"
WIDE = "reaches beyond the scope: such an import needs `imports: any`"
ELSEWHERE = "a new symbol, in `A`, of which the scope names nothing"


@pytest.mark.parametrize(
    ("old", "new", "allowed", "said"),
    [
        ("    return x", "    return -x", RUN, [f"18 f: {CHANGED}"]),
        ("    # inside", "    # in it", RUN, [f"17 f: {CHANGED}"]),
        ("# about f", "# all about f", RUN, ["14 f: a comment was changed outside of the scope"]),
        ("# loose\n", "", RUN, ["39 g: a comment was removed outside of the scope"]),
        ("# Licence\n", "", RUN, ["1 <module>: a comment was removed outside of the scope"]),
        ("# loose\n\ndef g():\n", "def g():\n# loose\n", RUN,
         [f"40 g: {CHANGED}", "39 g: a comment was removed outside of the scope"]),
        ("@dec\n", "@other\n", RUN, [f"15 f: {CHANGED}"]),
        ("def g", "@dec\ndef g", RUN, [f"41 g: {CHANGED}"]),
        ("class A(Base)", "class A(Other)", RUN, [f"21 A.<header>: {CHANGED}"]),
        ("Doc A", "Doc B", RUN, [f"22 A.<body>: {CHANGED}"]),
        ("    size = 1\n", "    size = 1\n    print()\n", RUN, ["25 A.<body>: added outside of the scope"]),
        ("size = 1", "size = 2", RUN, [f"24 A.size: {CHANGED}"]),
        ("        pass\n", "        return\n", RUN, [f"36 A.p: {CHANGED}"]),
        ("LIMIT = 3", "LIMIT = 4", RUN, [f"11 LIMIT: {CHANGED}"]),
        ('"""Doc."""', '"""Document."""', RUN, [f"2 <module>: {CHANGED}"]),
        ("    f(1)\n", "    f(2)\n", RUN, [f"46 <module>: {CHANGED}"]),
        ("LIMIT = 3\n", "LIMIT = 3\nprint(LIMIT)\n", RUN, ["12 <module>: added outside of the scope"]),
        ("def g()", "def gg()", RUN, ["41 g: renamed to `gg` outside of the scope"]),
        ("class A(Base)", "class B(Base)", rule("A.run"), [f"21 B: {NOT_PRIVATE}", f"21 A: {REMOVED}"]),
        ("def run(", "def runs(", RUN, [f"27 A.runs: {NOT_PRIVATE}"]),
        ("def g():\n    return 2\n\n\n", "", RUN, [f"41 g: {REMOVED}"]),
        ("LIMIT = 3\n\n\n", "", RUN, [f"11 LIMIT: {REMOVED}"]),
        (FIRST, FIRST + STOP, RUN, [f"30 A.stop: {NOT_PRIVATE}"]),
        (FIRST, FIRST + "\n\n    def __eq__(self, o):\n        pass", RUN, [f"30 A.__eq__: {NOT_PRIVATE}"]),
        (FIRST, FIRST + HELPER, rule("A.run", new="deny"), ["30 A._help: a new symbol that the scope does not name"]),
        (FIRST, FIRST + HELPER, rule("f"), [f"30 A._help: {ELSEWHERE}"]),
        (FIRST, FIRST + HELPER, rule("f", new="allow"), [f"30 A._help: {ELSEWHERE}"]),
        ("LIMIT = 3", "LIMIT = 3\n_x = g = 3", RUN, ["12 _x, g: defines again what is there"]),
        ("LIMIT = 3", "LIMIT = 3\n_x = 3; g = 4", RUN, ["12 <module>: added outside of the scope"]),
        ("LIMIT = 3", "LIMIT = 3\nos.environ['x'] = 1", rule("*"), ["12 <module>: added outside of the scope"]),
        ("LIMIT = 3", "LIMIT = 3\n_y.x = 1", RUN, ["12 <module>: added outside of the scope"]),
        ("    return 2\n", "    return 2\n\n\ndef g():\n    return 3\n", RUN, ["45 g: defines again what is there"]),
        ("import os\n", "", RUN, [f"4 {IMPORTS}: `os` {NO_MORE}"]),
        ("import os\n", "import os as o\n", RUN, [f"4 {IMPORTS}: `os` {NO_MORE}"]),
        ("  # noqa: F401", "", RUN, [f"6 {IMPORTS}: `# noqa: F401` {NO_MORE}"]),
        ("import os\n", "import os\nfrom evil import LIMIT\n", RUN, [f"5 {IMPORTS}: binds `LIMIT`, which {TAKEN}"]),
        ("import os\n", "import os\nfrom evil import T\n", RUN, [f"5 {IMPORTS}: binds `T`, which {TAKEN}"]),
        ("import os\n", "import os\nimport a.f as f\n", RUN, [f"5 {IMPORTS}: binds `f`, which {TAKEN}"]),
        ("import os\n", "from __future__ import annotations\nimport os\n", RUN,
         [f"4 {IMPORTS}: `annotations` {WIDE}"]),
        ("import os\n", "import os\nfrom x import *\n", RUN,
         [f"5 {IMPORTS}: `from x import *` {WIDE}"]),
        ("import os\n", "import os, re\n", rule("A.run", imports="deny"), [f"4 {IMPORTS}: {CHANGED}"]),
        ("import os\n", "import os\nimport re\n", rule("A.run", imports="deny"), [f"5 {IMPORTS}: imports are denied"]),
        ("import os\nimport sys\n", "import sys\nimport os\n", rule("A.run", imports="deny"),
         [f"4 {IMPORTS}: {MOVED}"]),
        (FIRST, "        return (1", RUN, [f"30 A.p: {REMOVED}", "31 : it does not parse any more"]),
        (FIRST, "        return '''1", RUN, ["28 : it does not parse any more"]),
    ],
)  # fmt: skip
def test_what_goes_beyond(old: str, new: str, allowed: SymbolRule, said: list[str]) -> None:
    assert sorted(found(changed(old, new), allowed)) == sorted(said)


def test_what_moved_is_named_and_nothing_else() -> None:
    without = changed("LIMIT = 3\n\n\n", "")
    assert found(changed("if __name__", "LIMIT = 3\n\n\nif __name__", without)) == [
        f"42 LIMIT: {MOVED}"
    ]
    mine = "    # about run\n    def run(self):\n        return 1\n\n"
    without = changed(mine, "")
    assert found(changed("    @property", f"{mine}    @property", without)) == []
    assert found(changed("        pass\n", f"        pass\n\n{mine}", without)) == []


def test_other_forms_of_the_file() -> None:
    crlf = PYTHON.replace(b"\n", b"\r\n")
    assert found(crlf) == ["2 : the ends of its lines were changed"]
    assert (
        found(changed("return 1\r\n", "return 2\n", crlf), old=crlf) == []
    )  # its own line may end as it likes
    assert found(changed("return 2\r\n", "return 3\r\n", crlf), old=crlf) == [f"42 g: {CHANGED}"]
    assert found(b"\xef\xbb\xbf" + PYTHON) == ["1 : its byte order mark was changed"]
    assert found(PYTHON.removesuffix(b"\n")) == []
    latin = changed("# about f", "# about \xe9").decode().encode("latin-1")
    assert found(changed(FIRST, "        return 5", latin), old=latin) == []
    assert found(changed("    return x", "    return y", latin), old=latin) == [f"18 f: {CHANGED}"]


def test_a_file_that_comes_or_goes() -> None:
    assert found(None) == ["0 : the file was removed"]
    new = (
        b'"""Doc."""\n\nimport os\n\n\nclass A:\n    """D."""\n\n    def run(self):\n        pass\n'
    )
    assert found(new, old=None) == []
    assert found(new + b"\n    def stop(self):\n        pass\n\n\nprint()\n", old=None) == [
        f"12 A.stop: {NOT_PRIVATE}", "16 <module>: added outside of the scope",
    ]  # fmt: skip
    assert found(b"x", old=b"", path="a.txt") == [
        "0 : its symbols cannot be told apart, for want of a grammar"
    ]


def test_what_did_not_parse_before_is_still_compared() -> None:
    broken = PYTHON + b"\ndef ) (:\n"
    assert found(changed(FIRST, "        return 2", broken), old=broken) == []
    assert found(changed("return 2", "return 3", broken), old=broken) == [f"42 g: {CHANGED}"]


def test_a_file_that_was_formatted_anew_is_not_named_line_by_line() -> None:
    old = b"".join(b"def f%d():\n    return %d\n\n\n" % (n, n) for n in range(200))
    told = outside("a.py", old, old.replace(b"    ", b"  "), RUN)
    assert len(told) == MOST + 1
    assert told[-1] == Outside("", 0, "150 more changes outside of the scope")


@pytest.mark.parametrize(
    "hostile", [b"x=" + b"(" * 20000, b"".join(b" " * n + b"class C:\n" for n in range(1200))]
)
def test_no_file_is_too_strange(hostile: bytes) -> None:
    assert outside("a.py", PYTHON, hostile, RUN)
    assert outside("a.py", hostile, PYTHON, RUN)


SCRIPT = b"""import { a } from './a';
import './side';

export class A {
  private x = 1;
  run(): number {
    return 1;
  }
}

export function f() { return 1; }
const h = () => 2;
export { h };
describe('x', () => {
  it('works', () => {
    f();
  });
});
"""


@pytest.mark.parametrize(
    ("old", "new", "allowed", "said"),
    [
        ("return 1;\n  }", "return 2;\n  }\n  private y = 2;\n  #z() {}\n  _k() {}", RUN, []),
        ("import { a } from './a';", "import C, { a, type B } from './a';\nimport type { T } from 't';", RUN, []),
        ("const h", "function help() {}\nconst limit = 3;\nconst h", RUN, []),
        ("    f();\n", "    f(1);\n", RUN, ["16 describe('x').it('works'): changed outside of the scope"]),
        ("export { h };", "export { h, k };", rule("h", "k"), []),
        ("export { h };", "export { h, k };", rule("h", new="allow"), []),
        ("export { h };", "export { h, k };", RUN, [f"13 <module>: {CHANGED}"]),
        ("export { h };", "", RUN, [f"13 <module>: {REMOVED}"]),
        ("import { a }", "import type { a }", RUN, [
            f"1 {IMPORTS}: `a` {NO_MORE}",
            f"1 {IMPORTS}: binds `a`, which {TAKEN}",
        ]),
        ("import './side';\n", "", RUN, [f"2 {IMPORTS}: `import './side'` {NO_MORE}"]),
        ("return 1;\n  }", "return 2;\n  }\n  y = 2;", RUN, [f"9 A.y: {NOT_PRIVATE}"]),
        ("const h", "export function pub() {}\nconst h", RUN, [f"12 pub: {NOT_PRIVATE}"]),
        ("const h", "export default A;\nconst h", RUN, [f"12 default: {NOT_PRIVATE}"]),
        ("export function f", "function f", RUN, [f"11 f: {CHANGED}"]),
        ("});\n", "}, 5);\n", RUN, [f"17 describe('x').it('works'): {CHANGED}"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["a.ts", "a.tsx"])
def test_scripts(old: str, new: str, allowed: SymbolRule, said: list[str], path: str) -> None:
    assert found(changed(old, new, SCRIPT), allowed, old=SCRIPT, path=path) == said


GO = b'package p\n\nimport (\n\t"fmt"\n)\n\ntype T struct{}\n\nfunc (t *T) Run() int {\n\treturn 1\n}\n\nfunc F() {}\n'
RUST = (
    b"use a::b;\n\nstruct T;\n\n"
    b"impl T {\n    fn run(&self) -> u8 { 1 }\n\n    fn stop(&self) {}\n}\n\npub fn f() {}\n"
)
JAVA = b"import a.B;\n\nclass T {\n    int run() { return 1; }\n\n    void stop() {}\n}\n"


@pytest.mark.parametrize(
    ("path", "source", "old", "new", "said"),
    [
        ("a.go", GO, "return 1", "return 2", []),
        ("a.go", GO, '\t"fmt"\n', '\t"fmt"\n\t"os"\n', []),
        ("a.go", GO, "func F() {}", "func F() {}\n\nfunc help() {}", []),
        ("a.go", GO, "func F() {}", "func F() {}\n\nfunc Help() {}", [f"15 Help: {NOT_PRIVATE}"]),
        ("a.go", GO, "func F() {}", "func F() int {}", [f"13 F: {CHANGED}"]),
        ("a.rs", RUST, "{ 1 }", "{ 2 }", []),
        ("a.rs", RUST, "fn stop(&self) {}", "fn stop(&self) {}\n\n    fn help(&self) {}", []),
        ("a.rs", RUST, "fn stop(&self) {}", "fn stop(&self) {}\n\n    pub fn help(&self) {}",
         [f"10 T.help: {NOT_PRIVATE}"]),
        ("a.rs", RUST, "use a::b;", "use a::b;\nuse c::d;", []),
        ("a.rs", RUST, "fn stop(&self)", "fn stop(self)", [f"8 T.stop: {CHANGED}"]),
        ("A.java", JAVA, "return 1", "return 2", []),
        ("A.java", JAVA, "void stop() {}", "void stop() {}\n\n    private int help() { return 1; }", []),
        ("A.java", JAVA, "void stop() {}", "void stop() {}\n\n    int help() { return 1; }",
         [f"8 T.help: {NOT_PRIVATE}"]),
        ("A.java", JAVA, "void stop() {}", "int stop() {}", [f"6 T.stop: {CHANGED}"]),
    ],
)  # fmt: skip
def test_other_languages(path: str, source: bytes, old: str, new: str, said: list[str]) -> None:
    for package in ("tree_sitter_go", "tree_sitter_rust", "tree_sitter_java"):
        pytest.importorskip(package)
    assert found(changed(old, new, source), rule("T.[Rr]un"), old=source, path=path) == said


# What holds of every file: generated ones whose parts are known, and the files of this project as
# `ast` sees them.

NAMES = st.sampled_from(["alpha", "beta", "gamma", "delta", "eps", "zeta", "eta"])
Part = tuple[str, str, int]  # a kind, a qualified name, and what is in it


def written(parts: list[Part], *, edited: str = "", edit: str = "body") -> bytes:
    """A module of these parts; the part called `edited` with one more thing of the kind `edit`."""
    lines = ["# Licence", "", "import os", "from m import x", ""]
    for kind, name, value in parts:
        above, _, last = name.rpartition(".")
        pad = "    " if above else ""
        mark = edit if name == edited else ""
        head = [f"{pad}# about {last}"] if value % 2 or mark == "comment" else []
        head += [f"{pad}# more"] if mark == "comment" else []
        if kind == "class":
            lines += [
                "",
                *head,
                f"class {last}{'(object)' if mark else ''}:",
                f'    """The {last}."""',
                "",
            ]
        elif kind == "variable":
            lines += [*head, f"{pad}{last} = {value}{' + 1' if mark == 'body' else ''}", ""]
        else:
            lines += [*head, *([f"{pad}@cache"] if value % 3 == 0 or mark == "decorator" else [])]
            lines += [f"{pad}@once"] if mark == "decorator" else []
            lines += [
                f"{pad}def {last}({'self' if above else 'a'}{', more=1' if mark == 'signature' else ''}):"
            ]
            lines += [
                f"{pad}    here = {value}",
                *([f"{pad}    here += 1"] if mark == "body" else []),
            ]
            lines += [f"{pad}    # done", f"{pad}    return here", ""]
    return ("\n".join(lines) + "\n").encode()


@st.composite
def modules(draw: st.DrawFn) -> list[Part]:
    parts: list[Part] = []
    for name in draw(st.lists(NAMES, unique=True, min_size=2, max_size=5)):
        kind = draw(st.sampled_from(["function", "class", "variable"]))
        parts.append((kind, name, draw(st.integers(0, 5))))
        if kind == "class":
            members = draw(st.lists(NAMES, unique=True, min_size=1, max_size=4))
            kinds = st.sampled_from(["function", "function", "variable"])
            parts += [
                (draw(kinds), f"{name}.{member}", draw(st.integers(0, 5))) for member in members
            ]
    return parts


EDITS = {"class": ["body", "comment"], "variable": ["body", "comment"],
         "function": ["body", "comment", "decorator", "signature"]}  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(modules(), st.data())
def test_an_edit_is_a_breach_exactly_if_its_symbol_is_not_in_the_scope(
    parts: list[Part], data: st.DataObject
) -> None:
    kind, name, _ = data.draw(st.sampled_from(parts))
    edit = data.draw(st.sampled_from(EDITS[kind]))
    allowed = data.draw(st.sampled_from([other for _, other, _ in parts]))
    before, after = written(parts), written(parts, edited=name, edit=edit)
    if data.draw(st.booleans()):
        before, after = (source.replace(b"\n", b"\r\n") for source in (before, after))
    told = outside("a.py", before, after, rule(allowed))
    if name == allowed or name.startswith(f"{allowed}."):
        assert told == ()
        return
    lines = after.split(b"\n")
    old_lines = before.split(b"\n")
    assert told
    for one in told:
        assert one.symbol in (name, f"{name}.<header>")
        assert lines[one.line - 1] != old_lines[one.line - 1] or edit == "comment"


@settings(max_examples=60, deadline=None)
@given(modules(), st.data())
def test_several_edits_are_judged_each_by_itself(parts: list[Part], data: st.DataObject) -> None:
    """Removals, additions and moves of whole parts, some allowed and some not."""
    plain = [part for part in parts if part[0] == "function" and "." not in part[1]]
    assume(len(plain) >= 2)
    mine, theirs = (plain[index][1] for index in (0, 1))
    kept = [part for part in parts if part[1] != mine or data.draw(st.booleans())]
    if data.draw(st.booleans()):
        kept = [*kept, ("function", "_helper", 7)]
    assert outside("a.py", written(parts), written(kept), rule(mine)) == ()
    without = [part for part in kept if part[1] != theirs]
    told = outside("a.py", written(parts), written(without), rule(mine))
    assert [(one.symbol, one.text) for one in told] == [(theirs, REMOVED)]
    public = [*kept, ("function", "theta", 8)]
    told = outside("a.py", written(parts), written(public), rule(mine))
    assert [(one.symbol, one.text) for one in told] == [("theta", NOT_PRIVATE)]


FILES = sorted(path for path in PROJECT.rglob("*.py") if path.stat().st_size > 2000)


def functions(source: bytes) -> list[tuple[str, ast.stmt]]:
    """The functions and methods of a file by their qualified names, as Python's own parser sees
    them.
    """
    found: list[tuple[str, ast.stmt]] = []
    lines = source.decode().split("\n")

    def walk(nodes: list[ast.stmt], above: str) -> None:
        for node in nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                last = node.body[-1]
                if not lines[last.lineno - 1][: last.col_offset].strip():  # on a line of its own
                    found.append((above + node.name, last))
            elif isinstance(node, ast.ClassDef):
                walk(node.body, f"{above}{node.name}.")

    walk(ast.parse(source).body, "")
    return found


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(FILES), st.data())
def test_real_files(path: Path, data: st.DataObject) -> None:
    source = path.read_bytes()
    all_of_it = functions(source)
    assume(len({name for name, _ in all_of_it}) >= 2)
    name, last = data.draw(st.sampled_from(all_of_it))
    lines = source.split(b"\n")
    pad = b" " * last.col_offset
    lines.insert(last.lineno - 1, pad + b"edited = True")
    edited = b"\n".join(lines)
    assert outside(path.name, source, edited, rule(name)) == ()
    assert outside(path.name, source, edited, rule(name.partition(".")[0])) == ()
    other = data.draw(st.sampled_from([other for other, _ in all_of_it if other != name]))
    told = outside(path.name, source, edited, rule(other))
    assert [(one.symbol, one.line) for one in told] == [(name, last.lineno)]
