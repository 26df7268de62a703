"""Changes that no function holds: what undoes them, and that somebody has to notice it."""

from __future__ import annotations

import textwrap
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator.gates.exercise.undoing import Undone, undone
from orchestrator.journal.facts import Reason
from tests.gates.exercise.test_newcomers import NEW, exercised, judge
from tests.gates.helpers import Bench, Files

THERE = SimpleNamespace(is_file=True)


def undo(before: Files, after: Files) -> Undone:
    def read(files: Files) -> Any:
        return lambda path: files[path].encode() if path in files else None

    changes = {
        path: SimpleNamespace(
            old=THERE if path in before else None, new=THERE if path in after else None
        )
        for path in {**before, **after}
        if before.get(path) != after.get(path)
    }
    return undone(changes, read(before), read(after), ("tests/test_new.py",))


@pytest.mark.parametrize(
    ("before", "after", "name", "made"),
    [
        ("X = 1\n", "X = 2\n", "X", "X = 1\n"),
        ("X = 1; Y = 1\n", "X = 1; Y = 2\n", "Y", "X = 1; Y = 1\n"),
        ("X: int = 1\n", "X: int = 2\n", "X", "X: int = 1\n"),
        ("f = lambda: 1\n", "f = lambda: 2\n", "f", "f = lambda: 1\n"),
        ("T = {'a': 1}\n", "T = {\n  'a': 2,\n}\n", "T", "T = {'a': 1}\n"),
        ("T = [\n  1,\n]\nU = 1\n", "T = [1, 2]\nU = 1\n", "T", "T = [\n  1,\n]\nU = 1\n"),
        ("class A:\n  x = 1\n", "class A:\n  x = 2\n", "A.x", "class A:\n  x = 1\n"),
        ("class A:\n  x = 1\n", "class A(B):\n  x = 1\n", "class A", "class A:\n  x = 1\n"),
        (
            "@d\nclass A:\n  x = 1\n",
            "class A:\n  x = 2\n",
            "class A, A.x",
            "@d\nclass A:\n  x = 1\n",
        ),
        ("T['a'] = 1\n", "T['a'] = 2\n", "T['a']", "T['a'] = 1\n"),
        ("T = {}\n", "T = {}\nT['a'] = 2\n", "T['a']", "T = {}\npass\n"),
        ("T = []\n", "T = []\nT += [2]\n", "T", "T = []\npass\n"),
        ("r('a', 1)\n", "r('a', 2)\n", "r('a')", "r('a', 1)\n"),
        ("", "import x\nx.run(f)\n", "line 2", "import x\npass\n"),
        ("if A:\n  X = 1\n", "if B:\n  X = 1\n", "X", "if A:\n  X = 1\n"),
        ("A = 'ä'; X = 1\n", "A = 'ä'; X = 2\n", "X", "A = 'ä'; X = 1\n"),
        ("X = 1\n", "", "without X", "X = 1\n"),
        ("class A:\n  x: int\n", "class A:\n  x: str\n", "A.x", "class A:\n  x: int\n"),
        ("def f(): return 1\n", "", "without f", "def f(): return 1\n"),
        (
            "class A:\n  def f(self): 1\n",
            "class A: pass\n",
            "without A.f",
            "class A:\n  def f(self): 1\n",
        ),
    ],
)
def test_a_statement_is_what_it_was(before: str, after: str, name: str, made: str) -> None:
    found = undo({"a.py": before}, {"a.py": after})
    assert found.names == (f"a.py ({name})",)
    assert (found.contents["a.py"] or b"").decode() == made


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("__version__ = '1'\n", "__version__ = '2'\n"),
        ("", "__all__ = ['f']\nimport os\n"),
        ("X = 1\n", "X: int = 1\n"),
        ("", "X: int\n"),
        ("", "T = TypeVar('T')\nlog = logging.getLogger(__name__)\n"),
        ("", "if TYPE_CHECKING:\n  import a\n  from b import c\n"),
        ("", "try:\n  import a\nexcept ImportError:\n  pass\n"),
        ("X = 1\nY = 2\n", "Y = 2\n\n# first\nX = 1\n"),
    ],
)
def test_what_nobody_could_notice_is_no_change(before: str, after: str) -> None:
    assert undo({"a.py": before}, {"a.py": after}) == Undone()


def test_the_control_says_the_same_in_other_words() -> None:
    after = "X = 2\nclass A:\n  y: int = 3\nf = lambda: (1,\n  2)\n"
    found = undo({"a.py": "X = 1\nclass A:\n  y: int = 2\nf = 1\n"}, {"a.py": after})
    written = "X = (2)\nclass A:\n  y: int = (3)\nf = (lambda: (1,\n  2))\n"
    assert (found.control["a.py"] or b"").decode() == written


def test_other_files_hold_what_they_held_and_some_are_left_as_they_are() -> None:
    before = {"a.json": "1", "gone.sql": "x", "web/a.ts": "1", "a.md": "x", "pyproject.toml": "x"}
    after = {
        "a.json": "2",
        "web/a.ts": "2",
        "new.yaml": "x",
        "a.md": "y",
        "pyproject.toml": "y",
        ".github/workflows/ci.yml": "x",
        "requirements-dev.txt": "x",
        "Dockerfile": "x",
    }
    found = undo(before, after)
    assert found.contents == {"a.json": b"1", "gone.sql": b"x", "new.yaml": None, "web/a.ts": b"1"}
    assert found.names == ("a.json", "gone.sql (removed)", "new.yaml", "web/a.ts")
    assert (
        undo({"a.py": "import x\n'''a'''\nX = 1\n"}, {"a.py": "'''b'''\nX = (1)  # c\n"})
        == Undone()
    )


SHOP = {
    "shop.py": "RATE = 0.1\nTABLE = {'a': 1}\ntwice = lambda x: x\n"
    "def price(x):\n    return x * (1 + RATE)\ndef other():\n    return 1\n",
    "data.json": "[1]",
    "tests/test_old.py": "import shop\ndef test_old(): assert shop.other() == 1\n",
}
CHANGES: dict[str, tuple[Files, str]] = {
    "constant": ({"shop.py": SHOP["shop.py"].replace("0.1", "0.5")}, "shop.price(2) == 3"),
    "lambda": ({"shop.py": SHOP["shop.py"].replace("x: x", "x: 2 * x")}, "shop.twice(2) == 4"),
    "table": ({"shop.py": SHOP["shop.py"].replace("1}", "2}")}, "shop.TABLE['a'] == 2"),
    "new name": ({"shop.py": SHOP["shop.py"] + "LIMIT = 3\n"}, "shop.LIMIT == 3"),
    "data": ({"data.json": "[2]"}, "open('data.json').read() == '[2]'"),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", CHANGES)
def test_a_new_test_has_to_notice_what_was_changed(bench: Bench, kind: str) -> None:
    """One that looks at something else of the product speaks for no change; one that says nothing
    does not either.
    """
    change, claim = CHANGES[kind]
    base = bench.commit(SHOP)

    def told(asserted: str) -> Any:
        test = textwrap.dedent(f"import shop\ndef test_new(): assert {asserted}\n")
        return judge(bench, base, bench.commit({**change, "tests/test_new.py": test}), NEW)

    honest = told(claim)
    assert honest.is_passed, honest.reasons()
    assert exercised(honest).noticed_by == (NEW,)
    (name,) = exercised(honest).undone
    assert honest.checks[-1].text == "1 change undone: 1 of 1 test noticed"
    for asserted in ("1 + 1 == 2", "shop.other() == 1"):
        verdict = told(asserted)
        assert verdict.checks[-1].reason is Reason.VACUOUS, asserted
        assert f"stay green with {name} undone" in verdict.reasons()


def test_who_reads_the_source_has_noticed_nothing(bench: Bench) -> None:
    base = bench.commit(SHOP)
    test = "def test_new(): assert 'RATE = 0.5' in open('shop.py').read()\n"
    candidate = bench.commit({**CHANGES["constant"][0], "tests/test_new.py": test})
    verdict = judge(bench, base, candidate, NEW)
    assert verdict.checks[-1].reason is Reason.VACUOUS, verdict.reasons()
    assert "but for what looks at the text of it, with shop.py (RATE) undone" in verdict.reasons()


def test_a_name_that_is_imported_and_not_looked_at_is_not_noticed(bench: Bench) -> None:
    """Without the change it could not even be imported; that says nothing of the test."""
    base = bench.commit(SHOP)
    test = "from shop import LIMIT\ndef test_new(): assert 1 + 1 == 2\n"
    candidate = bench.commit({**CHANGES["new name"][0], "tests/test_new.py": test})
    verdict = judge(bench, base, candidate, NEW)
    assert verdict.checks[-1].reason is Reason.VACUOUS, verdict.reasons()


def test_settings_beside_new_tests_are_nothing_to_notice(bench: Bench) -> None:
    base = bench.commit({**SHOP, "pyproject.toml": "[project]\nname = 'shop'\n"})
    files = {
        "pyproject.toml": "[project]\nname = 'shop'\nversion = '1'\n",
        "tests/test_new.py": "import shop\ndef test_new(): assert shop.other() == 1\n",
    }
    verdict = judge(bench, base, bench.commit(files), NEW)
    assert verdict.is_passed, verdict.reasons()
    assert exercised(verdict).unbreakable == ("pyproject.toml (not Python)",)
