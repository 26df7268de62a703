"""What the index of a file says."""

from __future__ import annotations

from orchestrator.structure.symbols import index

PYTHON = b'''# Licence
import os.path
from m import a as b


class A(object):
    """Doc."""

    size = 1

    # about x
    @property
    def x(self):
        return 1

    @x.setter
    def x(self, value):
        pass


def f():
    return 1
'''


def test_names_lines_and_imports() -> None:
    found = index("a.py", PYTHON)
    assert found is not None
    names = [symbol.name for symbol in found.symbols if not symbol.name.endswith(">")]
    assert names == ["A", "A.size", "A.x", "A.x@setter", "f"]
    assert found.imports == {"os": "os.path", "b": "m.a"}
    assert (found.by_name["A.x"].first_line, found.by_name["A.x"].last_line) == (11, 14)


def test_typescript() -> None:
    source = b"export class A {\n  static s = 1;\n  get x() {\n    return 1;\n  }\n  set x(v) {\n  }\n}\n"
    source += b"export const f = () => {};\n"
    found = index("a.ts", source)
    assert found is not None
    assert set(found.by_name) >= {"A", "A.s@static", "A.x@get", "A.x@set", "f"}
    assert index("a.txt", b"x") is None
