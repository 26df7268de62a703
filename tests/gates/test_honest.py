"""Honest work in many forms: each is judged by a real run of pytest, and accepted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.gates.shop import BASE, CHECK, CONFTEST, FIX, MORE, PYPROJECT, TESTS, Court

MAY_CHANGE = {"may_change": ["tests/**"]}
EDGES = "class TestEdges(unittest.TestCase):\n"
DISCOUNT = "assert discount(price) == 90\n"


@dataclass(frozen=True, slots=True)
class Honest:
    """What a candidate does beside mending the fault; `base` is what the project has beside the
    shop's files.

    `says` is part of what the check says of it.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    check: Mapping[str, Any] = field(default_factory=dict)
    base: Mapping[str, str] = field(default_factory=dict)
    says: str = "9 tests passed, 2 turned green"


def retold(old: str, new: str) -> dict[str, str]:
    """The project's tests with one part of them replaced."""
    assert old in TESTS
    return {"tests/test_pricing.py": TESTS.replace(old, new)}


def settings(lines: str) -> dict[str, str]:
    """The project's settings with more of pytest's."""
    return {"pyproject.toml": PYPROJECT + lines}


HOOK = """
    def pytest_report_header():
        return "a shop"
"""
TESTS_CHANGED = {
    "nothing else": Honest(),
    "a file of tests is added": Honest({"tests/test_new.py": MORE}, says="10 tests passed"),
    "a test is added beside others": Honest(
        {"tests/test_more.py": MORE + "\n    def test_zero():\n        assert discount(0) == 0\n"},
        check=MAY_CHANGE,
        says="10 tests passed",
    ),
    "parameters are added": Honest(
        retold("[0, 10, 200]", "[0, 10, 20, 30, 200]"), check=MAY_CHANGE, says="11 tests passed"
    ),
    "a test checks more": Honest(
        retold(DISCOUNT, DISCOUNT + "        assert discount(200) == 180\n"), check=MAY_CHANGE
    ),
    "a test calls a function that checks": Honest(
        retold(
            DISCOUNT,
            "assert_discount(price, 90)\n\n    def assert_discount(p, d):\n        assert discount(p) == d\n",
        ),
        check=MAY_CHANGE,
    ),
    "a test expects an exception": Honest(
        retold(DISCOUNT, "with pytest.raises(TypeError): discount(None)\n"),
        check=MAY_CHANGE,
    ),
    "a test is removed, as the mission says": Honest(
        {"tests/test_more.py": "def test_other(): pass\n"},
        check={**MAY_CHANGE, "may_remove": "tests/test_more.py::test_small"},
    ),
    "a file of tests is removed, as the mission says": Honest(
        remove=("tests/test_more.py",),
        check={"may_remove": "tests/test_more.py"},
        says="8 tests passed",
    ),
    "tests are renamed, as the mission says": Honest(
        retold("test_rates", "test_all_rates"),
        check={**MAY_CHANGE, "may_remove": ["tests/test_pricing.py::test_rates*"]},
    ),
    "a test is emptied, as the mission says": Honest(
        retold(DISCOUNT, "pass\n"), check={"may_remove": "tests/test_pricing.py::test_discount"}
    ),
    "a test that turns green is rewritten, as the mission says": Honest(
        retold("== 3\n", "== 1 + 2\n"), check={"may_remove": "tests/test_pricing.py::test_total"}
    ),
    "a skipped test is not skipped any more": Honest(
        {"tests/test_later.py": MORE},
        base={
            "tests/test_later.py": "import pytest\npytestmark = pytest.mark.skip\ndef test_small(): assert 0\n"
        },
        check=MAY_CHANGE,
        says="10 tests passed",
    ),
    "a test that is expected to fail still does": Honest(
        base={
            "tests/test_later.py": "import pytest\n@pytest.mark.xfail\ndef test_later(): assert 0\n"
        }
    ),
    "a test that is expected to fail passes": Honest(
        {"later.py": "NOW = 1\n"},
        base={
            "later.py": "NOW = 0\n",
            "tests/test_later.py": "import later, pytest\n@pytest.mark.xfail\ndef test_x(): assert later.NOW\n",
        },
        says="10 tests passed",
    ),
    "a failure was there before": Honest(
        base={"tests/test_old.py": "def test_old(): assert 0\n"}, says="1 failing as on the base"
    ),
    "a file could not be collected before": Honest(
        base={"tests/test_old.py": "import gone\n"}, says="1 failing as on the base"
    ),
    "a test that goes both ways is mended": Honest(
        {"dice.py": "def throw(): return 4\n"},
        base={
            "dice.py": "import random\ndef throw(): return random.choice([3, 4])\n",
            "tests/test_dice.py": "from dice import throw\ndef test_throw(): assert throw() == 4\n",
        },
        says="10 tests passed",
    ),
}
KINDS_OF_TESTS = {
    "unittest with subtests": Honest(
        retold(
            EDGES,
            EDGES
            + """        def test_each(self):
            for price in (10, 20):
                with self.subTest(price=price):
                    self.assertEqual(discount(price), price * 9 // 10)

""",
        ),
        check=MAY_CHANGE,
        says="10 tests passed",
    ),
    "subtests of pytest": Honest(
        {
            "tests/test_sub.py": """
                from pricing import discount
                def test_each(subtests):
                    for price in (10, 20):
                        with subtests.test(price=price):
                            assert discount(price) == price * 9 // 10
            """
        },
        says="10 tests passed",
    ),
    "classes with set-up and heirs": Honest(
        {
            "tests/test_classes.py": """
                from pricing import discount
                class Rates:
                    def setup_method(self): self.price = 10
                    def test_rate(self): assert discount(self.price) == 9
                class TestThese(Rates): pass
                class TestThose(Rates):
                    def setup_method(self): self.price = 11
            """
        },
        says="11 tests passed",
    ),
    "fixtures of every scope": Honest(
        {
            "tests/test_scopes.py": """
                import pytest
                @pytest.fixture(scope="session", autouse=True)
                def session(tmp_path_factory): yield tmp_path_factory.mktemp("x")
                @pytest.fixture(scope="module")
                def module(session): yield session
                @pytest.fixture(params=[1, 2])
                def each(request, module): return request.param
                def test_each(each, monkeypatch, capsys, tmp_path):
                    monkeypatch.chdir(tmp_path)
                    monkeypatch.setenv("X", "1")
                    print(each)
                    assert capsys.readouterr().out == f"{each}\\n"
            """
        },
        says="11 tests passed",
    ),
    "a test replaces what it uses and puts it back": Honest(
        {
            "tests/test_mocks.py": """
                import builtins, time
                from unittest import mock
                import pricing
                def test_builtins(monkeypatch):
                    monkeypatch.setattr(builtins, "print", mock.Mock())
                    monkeypatch.setattr(time, "time", lambda: 0)
                    monkeypatch.setattr(pricing, "discount", lambda price: mock.ANY)
                    assert pricing.discount(1) == 5
                @mock.patch("builtins.open", mock.mock_open(read_data="x"))
                def test_open():
                    assert open("nothing").read() == "x"
            """
        },
        says="11 tests passed",
    ),
    "tests have an object that is equal to everything": Honest(
        {
            "tests/test_any.py": """
                class Any:
                    def __eq__(self, other): return True
                def test_any(): assert Any() == 1
            """
        },
        says="10 tests passed",
    ),
    "the project has an object that is equal to what is near": Honest(
        {
            "near.py": "class Near:\n    def __eq__(self, other): return abs(1 - other) < 0.1\n",
            "tests/test_near.py": "from near import Near\ndef test_near(): assert Near() == 1.05\n",
        },
        says="10 tests passed",
    ),
    "processes, threads and floods of output": Honest(
        {
            "tests/test_heavy.py": """
                import multiprocessing, os, subprocess, sys, threading
                def double(number): return 2 * number
                def test_processes():
                    assert subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True).stdout == b"1\\n"
                    with multiprocessing.get_context("fork").Pool(2) as pool:
                        assert pool.map(double, [1, 2]) == [2, 4]
                def test_threads():
                    seen = []
                    thread = threading.Thread(target=seen.append, args=(1,))
                    thread.start()
                    thread.join()
                    assert seen == [1]
                def test_output():
                    assert os.write(1, b"x" * 100_000)
                def test_folder(tmp_path):
                    os.chdir(tmp_path)
                    assert not os.listdir()
            """
        },
        says="13 tests passed",
    ),
    "a slow suite": Honest(
        {"tests/test_slow.py": "import time\ndef test_slow(): time.sleep(2); assert time\n"},
        says="10 tests passed",
    ),
    "doctests": Honest(
        {"tools.py": 'def one():\n    """\n    >>> one()\n    1\n    """\n    return 1\n'},
        base={
            **settings('doctest_optionflags = "ELLIPSIS"\n'),
            "pytest.ini": "[pytest]\naddopts = --doctest-modules\n",
        },
        check={"pytest": ["tests", "tools.py"]},
        says="10 tests passed",
    ),
}
PLUGINS = {
    "tests of pytest-asyncio": Honest(
        {
            "tests/test_async.py": "import pytest\n@pytest.mark.asyncio\nasync def test_it(): assert 1 + 1 == 2\n"
        },
        check={"plugins": "pytest-asyncio"},
        says="10 tests passed",
    ),
    "tests of pytest-asyncio by the name of the plug-in": Honest(
        {"tests/test_async.py": "async def test_it(): assert 1 + 1 == 2\n"},
        base=settings('asyncio_mode = "auto"\n'),
        check={"plugins": ["asyncio"]},
        says="10 tests passed",
    ),
    "tests of anyio": Honest(
        {
            "tests/test_async.py": """
                import anyio, pytest
                @pytest.fixture
                def anyio_backend(): return "asyncio"
                @pytest.mark.anyio
                async def test_it():
                    await anyio.sleep(0)
                    assert 1 + 1 == 2
            """
        },
        check={"plugins": "anyio"},
        says="10 tests passed",
    ),
    "tests in processes of xdist": Honest(
        {"tests/test_new.py": MORE},
        base={"pyproject.toml": PYPROJECT.replace('"-q"', '"-q -n 2"')},
        check={"plugins": "pytest-xdist"},
        says="10 tests passed",
    ),
    "single tests in processes of xdist": Honest(
        base={"pyproject.toml": PYPROJECT.replace('"-q"', '"-q -n 2 --dist loadfile"')},
        check={
            "pytest": ["tests/test_more.py", "tests/test_pricing.py::TestEdges"],
            "plugins": ["xdist", "anyio"],
        },
        says="4 tests passed, 2 turned green",
    ),
}
CONFIGURED = {
    "a fixture is added to a conftest": Honest(
        {
            "tests/conftest.py": CONFTEST
            + """
    @pytest.fixture(autouse=True)
    def another(monkeypatch): monkeypatch.setenv("SHOP", "1")
"""
        },
        check=MAY_CHANGE,
    ),
    "a conftest is added": Honest(
        {"tests/more/conftest.py": CONFTEST, "tests/more/test_it.py": MORE}, says="10 tests"
    ),
    "a marker is registered and used": Honest(
        {
            **settings('markers = ["quick: takes no time"]\n'),
            "tests/test_new.py": "import pytest\npytestmark = pytest.mark.quick\ndef test_new(): assert 1 + 1\n",
        },
        says="10 tests passed",
    ),
    "the project's other settings change": Honest(
        {
            "pyproject.toml": PYPROJECT.replace('"1"', '"2"')
            + "\n    [tool.ruff]\n    line-length = 100\n"
        }
    ),
    "pytest's settings change, as the mission says": Honest(
        settings('python_files = "test_*.py"\n'), check={"may_configure": "pyproject.toml"}
    ),
    "a hook is added, as the mission says": Honest(
        {"tests/conftest.py": CONFTEST + HOOK}, check={"may_configure": ["tests/**"]}
    ),
    "hooks and a plug-in of the project stay as they are": Honest(
        {
            "tests/conftest.py": CONFTEST
            + HOOK
            + "\n    @pytest.fixture\n    def other(): return 1\n"
        },
        check=MAY_CHANGE,
        base={
            "conftest.py": 'pytest_plugins = ["own"]\n',
            "own.py": HOOK,
            "tests/conftest.py": CONFTEST + HOOK,
        },
    ),
    "warnings are errors": Honest(
        base=settings('filterwarnings = ["error"]\nxfail_strict = true\n')
    ),
    "sources in a folder of their own, imported without sys.path": Honest(
        {"src/shop/rates.py": "RATE = 90\n"},
        base={
            **settings('pythonpath = ["src"]\n'),
            "src/shop/__init__.py": "",
            "src/shop/rates.py": "RATE = 91\n",
            "tests/test_rates.py": "from shop import rates\ndef test_rate(): assert rates.RATE == 90\n",
        },
        says="10 tests passed, 3 turned green",
    ),
    "the module becomes a package": Honest(
        {"pricing/__init__.py": FIX["pricing.py"]}, remove=("pricing.py",)
    ),
}
HONEST = {**TESTS_CHANGED, **KINDS_OF_TESTS, **PLUGINS, **CONFIGURED}


@pytest.mark.parametrize("name", HONEST)
def test_honest_work_is_accepted(court: Court, name: str) -> None:
    honest = HONEST[name]
    court.bench.go_to(court.base)
    base = court.bench.commit(honest.base)
    candidate = court.bench.commit({**FIX, **honest.files}, honest.remove)
    verdict = court.judge(candidate, {**CHECK, **honest.check}, base=base)
    assert verdict.is_passed, verdict.reasons()
    assert honest.says in verdict.checks[0].text


def test_there_are_enough_of_them() -> None:
    assert len(HONEST) >= 40
    assert set(BASE) >= {"pricing.py", "tests/conftest.py"}
