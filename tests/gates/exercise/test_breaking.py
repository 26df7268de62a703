"""Which functions changed, and that each of them can be broken, whatever kind of function it is."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest

from orchestrator.gates.exercise.breaking import failing, inserted, marking
from orchestrator.gates.exercise.changed_functions import (
    ChangedFunctions,
    Function,
    changed_functions,
)

THERE = SimpleNamespace(is_file=True)


def changed(before: dict[str, str | bytes], after: dict[str, str | bytes]) -> ChangedFunctions:
    """What differs between two sets of files."""

    def reader(files: dict[str, str | bytes]):
        def read(path: str) -> bytes | None:
            content = files.get(path)
            return textwrap.dedent(content).encode() if isinstance(content, str) else content

        return read

    changes = {
        path: SimpleNamespace(
            old=THERE if path in before else None, new=THERE if path in after else None
        )
        for path in {**before, **after}
        if before.get(path) != after.get(path)
    }
    return changed_functions(changes, reader(before), reader(after))


def in_one(before: str, after: str) -> tuple[list[str], list[str]]:
    found = changed({"a.py": before}, {"a.py": after})
    return [function.name for function in found.functions], [
        change.what for change in found.unbreakable
    ]


@pytest.mark.parametrize(
    ("before", "after", "functions", "beside"),
    [
        ("def f(): return 1\n", "def f(): return 2\n", ["f"], []),
        ("def f(): return 1\n", "def f(): return 1\ndef g(): return 2\n", ["g"], []),
        (
            "def f(): return 1\ndef g(): return 2\n",
            "def g(): return 2\ndef f(): return 1\n",
            [],
            [],
        ),
        ("def f(): return 1\n", "# why\ndef f():\n    '''What.'''\n\n    return (1)\n", [], []),
        ("def f(a): return a\n", "def f(a=1): return a\n", ["f"], []),
        ("def f(): return 1\n", "@cache\ndef f(): return 1\n", ["f"], []),
        ("def f(): return 1\n", "async def f(): return 1\n", ["f"], []),
        ("class A:\n  def f(self): return 1\n", "class A:\n  def f(self): return 2\n", ["A.f"], []),
        (
            "class A:\n  class B:\n    def f(self): return 1\n",
            "class A:\n  class B:\n    def f(self): return 2\n",
            ["A.B.f"],
            [],
        ),
        (
            "class A:\n  @property\n  def x(self): return 1\n  @x.setter\n  def x(self, v): self.v = v\n",
            "class A:\n  @property\n  def x(self): return 1\n  @x.setter\n  def x(self, v): self.v = v + 1\n",
            ["A.x"],
            [],
        ),
        (
            "def f():\n  def g(): return 1\n  return g\n",
            "def f():\n  def g(): return 2\n  return g\n",
            ["f.g"],
            [],
        ),
        (
            "def f():\n  def g(): return 1\n  return g\n",
            "def f():\n  def g(): return 2\n  return g()\n",
            ["f"],
            [],
        ),
        ("if X:\n  def f(): return 1\n", "if X:\n  def f(): return 2\n", ["f"], []),
        (
            "if X:\n  def f(): return 1\n",
            "if Y:\n  def f(): return 1\n",
            [],
            ["code of the module"],
        ),
        ("X = 1\n", "X = 2\n", [], ["code of the module"]),
        ("f = lambda: 1\n", "f = lambda: 2\n", [], ["code of the module"]),
        ("class A:\n  x = 1\n", "class A:\n  x = 2\n", [], ["the body of class A"]),
        ("class A: pass\n", "class A(B): pass\n", [], ["the body of class A"]),
        ("", "class A:\n  '''Only words.'''\n", [], []),
        ("", "import os\n'''words'''\n", [], ["code of the module"]),
        ("", "import os\n", [], []),
        ("def f(): return 1\ndef g(): return 2\n", "def f(): return 1\n", [], ["removed: g"]),
        ("", "def f(): ...\nclass P:\n  def g(self):\n    '''What.'''\n", [], []),
        ("", "@overload\ndef f(a: int): ...\ndef f(a): return a\n", ["f"], []),
        ("", "def f(:\n", [], ["does not parse"]),
        ("", 'def f(): return "\\d"\n', ["f"], []),
    ],
)
def test_what_counts_as_a_change(
    before: str, after: str, functions: list[str], beside: list[str]
) -> None:
    assert in_one(before, after) == (functions, beside)


def test_what_no_function_holds_is_named() -> None:
    before = {
        "gone.py": "def f(): return 1\ndef h(): return 3\n",
        "data.json": "{}",
        "old.toml": "a = 1",
    }
    after = {
        "new.py": "def f(): return 1\ndef g(): return 2\n",
        "data.json": "[]",
        "web.ts": "x",
        "README.md": "words",
        "bad.py": b"\xff\xfe",
    }
    found = changed(before, after)
    assert [str(function) for function in found.functions] == ["new.py::g"], "f was only moved"
    assert [str(change) for change in found.unbreakable] == [
        "bad.py (does not parse)",
        "data.json (not Python)",
        "gone.py (removed)",
        "old.toml (removed)",
        "web.ts (not Python)",
    ]


KINDS = '''\
# -*- coding: utf-8 -*-
"""Every kind of function — with words that take more bytes than letters."""
import asyncio, contextlib, functools

def plain(x):
    """Words."""
    return x
def one_line(x): return x
def tabbed():
\treturn 1
def documented_line(x): "words"; return x
def only_words():
    """Nothing but words."""
def generator():
    for x in (1, 2):
        yield x
async def coroutine():
    return 1
async def async_generator():
    yield 1
@functools.lru_cache
def decorated(): return 1
@contextlib.contextmanager
def context():
    yield 1
def shadowed(type, raise_=1, *, open=2, **globals_): return type
def with_nested():
    @functools.wraps(plain)
    def inner(): return 1
    return inner()
def over_lines(
    a=(1,
       2),
):  # é
    é = "ü"; return é
class Thing:
    def __init__(self): self.x = 1
    def method(self):
        return 1
    @property
    def size(self): return 1
    @staticmethod
    def static(): return 1
    @classmethod
    def made(cls):
        match 1:
            case 1: return 1
    def __len__(self):
        try:
            return 1
        finally:
            pass

async def collect(): return [x async for x in async_generator()]
CALLS = {
    "plain": lambda: plain(1), "one_line": lambda: one_line(1), "tabbed": tabbed,
    "documented_line": lambda: documented_line(1),
    "only_words": only_words, "generator": lambda: list(generator()), "coroutine": lambda: asyncio.run(coroutine()),
    "async_generator": lambda: asyncio.run(collect()), "decorated": decorated, "context": lambda: context().__enter__(),
    "shadowed": lambda: shadowed(1), "with_nested": with_nested, "over_lines": over_lines, "Thing.__init__": Thing,
    "Thing.method": lambda: Thing.method(1), "Thing.size": lambda: Thing.size.fget(1), "Thing.static": Thing.static,
    "Thing.made": Thing.made, "Thing.__len__": lambda: Thing.__len__(1),
}
'''
RUN = """
import inspect, sys
sys.path.insert(0, sys.argv[1])
import kinds
for name, call in kinds.CALLS.items():
    try:
        call()
        print(name, "well")
    except BaseException as error:
        print(name, type(error).__name__, error)
print(inspect.isgeneratorfunction(kinds.generator), inspect.iscoroutinefunction(kinds.coroutine))
print(inspect.isasyncgenfunction(kinds.async_generator), kinds.plain.__doc__, kinds.documented_line.__doc__)
"""


def run(folder: Path, source: bytes) -> list[str]:
    (folder / "kinds.py").write_bytes(source)
    command = [sys.executable, "-B", "-c", RUN, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def every_function() -> tuple[Function, ...]:
    # Under "only words" there is no code, which therefore never counts as changed; it can be broken
    # all the same.
    found = changed({}, {"kinds.py": KINDS}).functions
    line = KINDS[: KINDS.index("def only_words")].count("\n") + 1
    functions = [function for function in found if function.name != "collect"]
    return (*functions, Function("kinds.py", "only_words", line))


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_every_kind_of_function_can_be_broken_and_stays_what_it_is(
    tmp_path: Path, ends: str
) -> None:
    source = KINDS.replace("\n", ends).encode()
    functions = every_function()
    assert len(functions) == 19
    well = run(tmp_path, source)
    assert all(line.endswith(" well") for line in well[:19])
    made = inserted(source, {function: failing(function) for function in functions})
    assert made is not None
    broken = run(tmp_path, made)
    for line, function in zip(sorted(broken[:19]), sorted(functions, key=str), strict=True):
        assert line == f"{function.name} BaseException {function} is broken on purpose"
    assert broken[19:] == well[19:], "what it is, and what is written about it"


def test_a_mark_is_left_by_each_function_that_is_called(tmp_path: Path) -> None:
    functions = every_function()
    marks = tmp_path / "marks'\n"
    for number in range(20):
        (marks / str(number)).mkdir(parents=True)
    statements = {
        f: marking(f"_called_{number}", marks / str(number)) for number, f in enumerate(functions)
    }
    made = inserted(KINDS.encode(), statements)
    assert made is not None
    assert all(line.endswith(" well") for line in run(tmp_path, made)[:19])
    assert [path.name for path in marks.iterdir()] == ["19"]


def test_other_encodings_stay(tmp_path: Path) -> None:
    source = '# coding: latin-1\ndef f(): return "é"\n'.encode("latin-1")
    made = inserted(source, {Function("a.py", "f", 2): "raise BaseException('x')"})
    assert made == "# coding: latin-1\ndef f(): raise BaseException('x'); return \"é\"\n".encode(
        "latin-1"
    )
    with_mark = b"\xef\xbb\xbfdef f():\n    return 1\n"
    made = inserted(with_mark, {Function("a.py", "f", 1): "pass"})
    assert made == b"\xef\xbb\xbfdef f():\n    pass\n    return 1\n"


@pytest.mark.parametrize(
    "source",
    [
        b"def f(: pass\n",
        b"# coding: klingon\ndef f(): pass\n",
        b"\xff\n",
        b"def f(): \\\n  return 1\n",
        b"x = 1\n",
    ],
)
def test_what_cannot_be_done_is_not_done(source: bytes) -> None:
    assert inserted(source, {Function("a.py", "f", 1): "pass"}) is None
