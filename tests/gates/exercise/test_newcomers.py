"""Tests that are new: whatever they look at, honest ones notice that the product is broken; and
what looks at nothing turns nothing green.
"""

from __future__ import annotations

import re
from typing import Any

import anyio
import pytest

from orchestrator.gates.subject import Subject
from orchestrator.journal.facts import ClaimStatus, Decision, Exercise, Reason, Verdict
from orchestrator.mission.model import Claim, Gate
from tests.gates.helpers import Bench

SHOP = '''
    """A shop — of many kinds of things."""
    from __future__ import annotations

    import dataclasses, enum, functools, json, re, typing
    from pathlib import Path

    RATE = 0.2
    TABLE = {"a": 1}
    WORD = re.compile(r"[a-z]+")
    IS_OPEN = True
    NOTHING = None
    HERE = Path("here")
    double = lambda x: 2 * x
    HANDLERS = {"triple": lambda x: 3 * x}
    rounded = functools.partial(round, ndigits=1)
    total = sum

    class Error(Exception):
        """What goes wrong."""

    class Color(enum.Enum):
        RED = 1

    @dataclasses.dataclass
    class Point:
        x: int
        y: int = 3

    class Pair(typing.NamedTuple):
        left: int

    class Counter:
        start = 5
        step = property(lambda self: 1)

        def __init__(self, at=0):
            self.at = at

        @property
        def next(self):
            return self.at + 1

        @classmethod
        def made(cls):
            return cls(7)

    def add(a, b):
        return a + b

    def fails():
        raise Error("so")

    def each():
        yield 1

    async def later():
        return 4

    def data():
        return json.loads(Path("data/prices.json").read_text())

    STARTED = add(1, 2)
'''
BASE = {
    "shop.py": SHOP,
    "kit/__init__.py": "from kit.core import LIMIT, twice\n",
    "kit/core.py": "LIMIT = 9\ndef twice(x):\n    return 2 * x\nOPENED = twice(2)\n",
    "cli.py": "import sys, shop\nif __name__ == '__main__':\n    print(shop.add(1, 2))\n",
    "old.py": "import warnings\nwarnings.warn('old', DeprecationWarning)\n",
    "run.sh": "echo 5\n",
    "data/prices.json": '{"apple": 3}',
    "tests/conftest.py": """
        import pytest, shop

        READY = shop.add(0, 0)

        @pytest.fixture(autouse=True)
        def opened():
            shop.add(1, 1)
            yield
            shop.add(1, 1)

        @pytest.fixture
        def three():
            return shop.add(1, 2)
    """,
    "tests/test_old.py": "import shop\ndef test_old(): assert shop.add(1, 1) == 2\n",
}
HONEST = """
    import asyncio, importlib, json, subprocess, sys, threading, unittest
    import kit, pytest, shop
    from shop import RATE, Counter, Point

    CASES = [shop.add(1, n) for n in (1, 2)]

    def test_function(): assert shop.add(1, 2) == 3
    def test_error():
        with pytest.raises(shop.Error): shop.fails()
    def test_generator(): assert list(shop.each()) == [1]
    def test_coroutine(): assert asyncio.run(shop.later()) == 4
    def test_lambda(): assert shop.double(2) == 4
    def test_lambda_in_a_table(): assert shop.HANDLERS["triple"](1) == 3
    def test_partial(): assert shop.rounded(1.23) == 1.2
    def test_alias(): assert shop.total([1, 2]) == 3
    def test_constant(): assert RATE == 0.2
    def test_table(): assert shop.TABLE["a"] == 1
    def test_kinds_in_a_table():
        for name in shop.TABLE: assert isinstance(name, str)
    def test_length(): assert len(shop.TABLE) == 1
    def test_pattern(): assert shop.WORD.fullmatch("abc")
    def test_flag(): assert shop.IS_OPEN
    def test_none(): assert shop.NOTHING is None
    def test_path(): assert str(shop.HERE) == "here"
    def test_enum(): assert shop.Color.RED.value == 1
    def test_dataclass(): assert Point(1).y == 3
    def test_named_tuple(): assert shop.Pair(1).left == 1
    def test_class_attribute(): assert Counter.start == 5
    def test_property(): assert Counter(1).next == 2
    def test_property_of_a_lambda(): assert Counter(1).step == 1
    def test_class_method(): assert Counter.made().at == 7
    def test_data(): assert shop.data()["apple"] == 3
    def test_data_itself(): assert json.load(open("data/prices.json"))["apple"] == 3
    def test_script(): assert subprocess.run(["sh", "run.sh"], stdout=-1).stdout == b"5\\n"
    def test_program():
        assert subprocess.run([sys.executable, "cli.py"], stdout=-1).stdout.strip() == b"3"
    def test_thread():
        found = []
        one = threading.Thread(target=lambda: found.append(shop.add(1, 2)))
        one.start(); one.join()
        assert found == [3]
    def test_late_import(): assert importlib.import_module("kit.core").twice(2) == 4
    def test_warning():
        with pytest.warns(DeprecationWarning): import old
    def test_other_name(): assert kit.LIMIT == 9
    def test_other_function(): assert kit.twice(1) == 2
    def test_fixture(three): assert three == 3
    def test_of_the_module(): assert CASES == [2, 3]
    @pytest.mark.parametrize("n", [1, 2])
    def test_cases(n): assert shop.add(n, 0) == n
    def test_replaced(monkeypatch):
        monkeypatch.setattr(shop, "RATE", 3)
        assert shop.add(shop.RATE, 1) == 4

    class TestSetUp:
        def setup_method(self): self.found = shop.add(1, 2)
        def test_set_up(self): assert self.found == 3

    class TestCase(unittest.TestCase):
        def setUp(self): self.found = shop.add(1, 2)
        def test_case(self): self.assertEqual(self.found, 3)
"""
CARELESS = """
    import contextlib
    import kit, pytest, shop
    from shop import RATE, Color, add

    def test_sum(): assert 1 + 1 == 2
    def test_there(): assert shop is not None and shop.add is not None
    def test_named(): assert add.__name__ == "add"
    def test_swallowed():
        try:
            assert shop.add(1, 2) == 4
        except BaseException:
            pass
    def test_suppressed():
        with contextlib.suppress(BaseException):
            assert shop.add(1, 2) == 4
    def test_source(): assert "def add(a, b)" in open("shop.py").read()
    def test_all_of_the_source(): assert open("kit/core.py").read().count("\\n") == 4
    def test_words(): assert "project" in open("README.md").read()
    def test_inside():
        from shop import later
        assert 1 + 1 == 2
    @pytest.mark.skipif(False, reason="never")
    def test_marked(): assert True
    @pytest.mark.parametrize("n, m", [(1, 1)])
    def test_parameters(n, m): assert n == m

    class TestThings:
        def test_inner(self): assert not False
"""


def judge(
    bench: Bench, base: str, candidate: str, *turn: str, selected: str = "tests", **more: Any
) -> Verdict:
    written = {"name": "tests", "pytest": selected, "must_turn_green": list(turn)}
    subject = Subject(checks=Gate.model_validate({"checks": [written]}).checks, **more)

    async def run() -> Verdict:
        return await bench.judge().judge(subject, candidate=candidate, base=base)

    return anyio.run(run)


def exercised(verdict: Verdict) -> Exercise:
    assert verdict.exercise is not None
    return verdict.exercise


def names_in(path: str, written: str) -> list[str]:
    """The ids of tests as they are written in a file."""
    found, inside = [], ""
    for line in written.splitlines():
        if made := re.match(r"    class (\w+)", line):
            inside = f"{made[1]}::"
        if made := re.match(r" +def (test_\w+)", line):
            found.append(f"{path}::{inside}{made[1]}")
    return found


@pytest.mark.slow
def test_whatever_an_honest_test_looks_at_it_notices(bench: Bench) -> None:
    base = bench.commit(BASE)
    path = "tests/test_new.py"
    verdict = judge(bench, base, bench.commit({path: HONEST}), *names_in(path, HONEST))
    assert exercised(verdict).careless == ()
    assert verdict.is_passed, verdict.reasons()
    assert verdict.checks[-1].text.startswith("the product broken on purpose: ")


@pytest.mark.slow
def test_what_looks_at_nothing_turns_nothing_green(bench: Bench) -> None:
    base = bench.commit(BASE)
    path = "tests/test_new.py"
    names = names_in(path, CARELESS)
    verdict = judge(bench, base, bench.commit({path: CARELESS}), *names)
    assert verdict.checks[-1].reason is Reason.VACUOUS, verdict.reasons()
    assert [one.partition("[")[0] for one in exercised(verdict).careless] == names
    assert "tests/test_new.py::test_sum" in verdict.reasons()
    assert "and 9 more notice nothing: new, and green with every function" in verdict.reasons()


RIGHT = "def add(a, b):\n    return a + b\nRATE = 3\ndef sub(a, b):\n    return a - b\n"
WRONG = RIGHT.replace("a + b", "a * b")
OLD = "import sums\ndef test_add(): assert sums.add(1, 2) == 3\n"
NEW = "tests/test_new.py::test_new"
ADD = "tests/test_sums.py::test_add"


def test_every_entry_is_held_and_not_the_batch_alone(bench: Bench) -> None:
    """One test notices the fix; another one is to turn green beside it, and notices nothing."""
    base = bench.commit({"sums.py": WRONG, "tests/test_sums.py": OLD})
    nothing = "import sums\ndef test_new(): assert 1 + 1 == 2\n"
    verdict = judge(
        bench, base, bench.commit({"sums.py": RIGHT, "tests/test_new.py": nothing}), ADD, NEW
    )
    assert verdict.decision is Decision.FAILED
    assert verdict.checks[-1].reason is Reason.VACUOUS
    assert f"{NEW} notices nothing" in verdict.reasons()
    assert exercised(verdict).noticed_by == (ADD,), "what is known of the change stays"
    something = "import sums\ndef test_new(): assert sums.sub(3, 1) == 2\n"
    verdict = judge(bench, base, bench.commit({"tests/test_new.py": something}), ADD, NEW)
    assert verdict.is_passed, verdict.reasons()
    assert exercised(verdict).careless == ()


def test_a_change_without_which_nothing_can_be_imported_is_not_noticed_by_that(
    bench: Bench,
) -> None:
    base = bench.commit({"sums.py": RIGHT})
    change = RIGHT + "def begin():\n    return 1\nBEGUN = begin()\n"
    test = "import sums\ndef test_new(): assert 1 + 1 == 2\n"
    for written in (
        test,
        test.replace("import sums\n", "").replace(": a", ":\n  import sums\n  a"),
    ):
        verdict = judge(
            bench, base, bench.commit({"sums.py": change, "tests/test_new.py": written}), NEW
        )
        assert verdict.checks[-1].reason is Reason.VACUOUS, written
        assert exercised(verdict).careless == (NEW,)


def test_an_entry_of_many_tests_is_held_by_one_of_them(bench: Bench) -> None:
    base = bench.commit({"sums.py": RIGHT})
    many = "import pytest, sums\n@pytest.mark.parametrize('n', range(20))\n"
    many += "def test_new(n): assert n != 4 or sums.add(n, 1) == 5\n"
    verdict = judge(bench, base, bench.commit({"tests/test_new.py": many}), "tests/test_new.py")
    assert verdict.is_passed, verdict.reasons()
    assert exercised(verdict).noticed_by == (f"{NEW}[4]",)
    assert len(exercised(verdict).careless) == 19, "and the others are told"


@pytest.mark.parametrize("is_careless", [True, False])
def test_without_names_all_new_tests_are_asked(bench: Bench, is_careless: bool) -> None:
    base = bench.commit({"sums.py": RIGHT, "tests/test_sums.py": OLD})
    test = "import sums\ndef test_new(): assert SUM == 3\n".replace(
        "SUM", "1 + 2" if is_careless else "sums.add(1, 2)"
    )
    verdict = judge(bench, base, bench.commit({"tests/test_new.py": test}), exercise=True)
    assert verdict.is_passed is not is_careless, verdict.reasons()
    if is_careless:
        assert verdict.reasons().startswith("exercise: every new test of tests notices nothing")


@pytest.mark.parametrize("selected", ["tests", ADD], ids=["of the check", "run for the claim"])
def test_a_claim_is_not_proven_by_a_new_test_that_notices_nothing(
    bench: Bench, selected: str
) -> None:
    base = bench.commit({"sums.py": WRONG, "tests/test_sums.py": OLD})
    tests = """
        import sums
        def test_nothing(): assert 1 + 1 == 2
        def test_something(): assert sums.sub(3, 1) == 2
    """
    candidate = bench.commit({"sums.py": RIGHT, "tests/test_new.py": tests})
    claims = [
        Claim(text=name, proof=(f"tests/test_new.py::test_{name}",))
        for name in ("nothing", "something")
    ]
    claims.append(Claim(text="both", proof=("tests/test_new.py",)))
    verdict = judge(bench, base, candidate, ADD, selected=selected, criteria=claims)
    assert verdict.is_passed, verdict.reasons()
    nothing, *others = verdict.criteria
    assert nothing.status is ClaimStatus.UNVALIDATED
    assert nothing.detail.startswith("tests/test_new.py::test_nothing is new and green with every")
    assert [one.status for one in others] == [ClaimStatus.VALIDATED] * 2
    assert exercised(verdict).careless == ("tests/test_new.py::test_nothing",)
