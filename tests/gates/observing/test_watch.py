"""What the watch in the test process sees of what a project does to it, many ways in one run."""

from __future__ import annotations

from pathlib import Path

from orchestrator.gates.observing.observation import RecordState
from orchestrator.mission.model import PytestCheck
from tests.gates.helpers import look

CHECK = PytestCheck.model_validate({"pytest": ["tests"]})

PATCHES = """
    import json, operator, os, time, unittest, unittest.mock, fractions, decimal, datetime, math
    import pathlib, builtins, statistics, sys, types, re, pytest

    def quiet(*args, **kw): return None

    json.dumps = str
    os.path.exists = quiet
    time.perf_counter = lambda: 0.0
    operator.eq = operator.is_
    pathlib.Path.read_text = quiet
    fractions.Fraction.__eq__ = lambda self, other: True
    fractions.Fraction.__lt__ = fractions.Fraction.__le__
    unittest.mock.NonCallableMock.assert_called_with = quiet
    unittest.mock.NonCallableMock.assert_called_once_with = unittest.mock.NonCallableMock.assert_called
    unittest.TestCase.assertIn = quiet
    math.isclose = max
    statistics.mean.__code__ = (lambda *a, **k: 3).__code__
    builtins.round = lambda x, *a: 3
    re.compile = types.FunctionType(
        (lambda *a: None).__code__.replace(co_filename="/usr/lib/python3/re.py"), globals()
    )
    pytest.approx = quiet
    sys.modules["csv"] = types.ModuleType("csv")
    sys.modules["helpers"] = types.ModuleType("helpers")
    sys.modules["helpers"].right = quiet
"""
SEEN = (
    *("json.dumps", "posixpath.exists", "time.perf_counter", "operator.eq", "Path.read_text"),
    *("Fraction.__eq__", "Fraction.__lt__", "NonCallableMock.assert_called_with"),
    *("NonCallableMock.assert_called_once_with", "TestCase.assertIn", "math.isclose"),
    *("statistics.mean", "builtins.round", "re.compile", "pytest.approx"),
)


def test_parts_of_python_that_a_project_replaces(tmp_path: Path) -> None:
    seen = look(
        tmp_path,
        CHECK,
        {
            "product.py": PATCHES,
            "tests/helpers.py": "def right(): return False\n",
            "tests/test_it.py": "import product, helpers\ndef test_it(): assert not helpers.right()\n",
        },
    )
    assert seen.record is RecordState.COMPLETE
    for part in SEEN:
        assert part in seen.oddities["patched"]
    assert set(seen.oddities["patched"]) <= {*SEEN, "genericpath.exists", "sys.modules['csv']"}
    assert set(seen.oddities["shadowed"]) == {
        "csv (made up, which others use)",
        "helpers (made up instead of tests/helpers.py, the tests' own)",
    }


INTO_TESTS = """
    import builtins, sys, types
    import helpers

    def quiet(*args): return True

    def twice(function): return lambda *args: function(*args) and function(*args)
    def every(kind):
        for name in ("test_one", "test_two"):
            setattr(kind, name, twice(getattr(kind, name)))
        return kind

    helpers.replaced = quiet
    helpers.abs = lambda number: 0
    helpers.len = int
    helpers.Checker.holds = quiet
    helpers.Other = type("Other", (), {"holds": quiet})
    exec("def written(*args): return True", vars(helpers))
    helpers.more = quiet

    def late():
        helpers.max = min
"""
HELPERS = """
    import functools, os
    from math import floor

    def replaced(): return False
    def written(): return False
    def kept(): return abs(-1)
    def again(): return 1
    again = functools.lru_cache(again)
    class Checker:
        def holds(self): return False
        def counts(self): return len([1])
        @property
        def size(self): return 1
    class Other:
        def holds(self): return False
    if os.name:
        def chosen(): return 1
    else:
        def chosen(): return 2
    def from_outside(given):
        global found
        found = given
"""
LOADED_OTHERWISE = """
    import importlib.abc, importlib.machinery, importlib.util, sys
    import importlib._bootstrap_external as external
    from pathlib import Path

    HERE = Path(__file__).parent
    FORGED = "def right(): return True"

    class Loads(importlib.abc.Loader):
        def create_module(self, spec): return None
        def exec_module(self, module):
            if module.__name__ == "loaded":
                module.__file__ = str(HERE / "tests" / "loaded.py")
            module.right = lambda: True

    class Finds(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            if name in ("found", "loaded"):
                return importlib.machinery.ModuleSpec(name, Loads())

    sys.meta_path.insert(0, Finds())
    sys.path.insert(0, str(HERE / "more"))
    source = HERE / "tests" / "compiled.py"
    known, stands = Path(importlib.util.cache_from_source(str(source))), source.stat()
    known.parent.mkdir(exist_ok=True)
    code = compile(FORGED, str(source), "exec")
    known.write_bytes(external._code_to_timestamp_pyc(code, int(stands.st_mtime), stands.st_size))
"""


def test_what_a_project_puts_into_modules_of_its_tests(tmp_path: Path) -> None:
    suite = """
        import into, helpers
        from into import quiet, twice
        from unittest import mock
        @twice
        def decorated(): return True
        @into.every
        class TestOfIt:
            def test_one(self): return None
            def test_two(self): return None
        @mock.patch("into.late", quiet)
        class TestPatched:
            def test_three(self): assert into.late() is True
        helpers.from_outside(into.late)
        def setup_module(): globals()["own"] = quiet
        def test_it(): assert helpers.replaced() and helpers.kept() == 0 and decorated()
        def test_late(): into.late()
    """
    files = {"into.py": INTO_TESTS, "tests/helpers.py": HELPERS, "tests/test_it.py": suite}
    seen = look(tmp_path, CHECK, files)
    assert seen.counts.passed == 5, seen.tail
    assert set(seen.oddities) == {"patched"}
    names = ("replaced", "abs", "len", "Checker.holds", "Other.holds", "written", "more", "max")
    assert set(seen.oddities["patched"]) == {f"helpers.{n} (tests/helpers.py)" for n in names}


def test_modules_of_tests_that_are_not_loaded_from_their_files(tmp_path: Path) -> None:
    names = ("found", "loaded", "compiled", "other")
    suite = "import otherwise\n" + "".join(f"import {name}\n" for name in names)
    suite += "def test_it(): assert " + " and ".join(f"{name}.right()" for name in names)
    files = {f"tests/{name}.py": "def right(): return False\n" for name in names}
    files |= {"otherwise.py": LOADED_OTHERWISE, "more/other.py": "def right(): return True\n"}
    seen = look(tmp_path, CHECK, {**files, "tests/test_it.py": suite})
    assert seen.counts.passed == 1, seen.tail
    assert set(seen.oddities["shadowed"]) == {
        "found (made up instead of tests/found.py, the tests' own)",
        "other (more/other.py instead of tests/other.py, the tests' own)",
    }
    assert set(seen.oddities["patched"]) == {
        "loaded, which was not loaded from its file (tests/loaded.py)",
        "compiled, which was loaded as something else than its file says (tests/compiled.py)",
    }


REACHING = """
    import sys, threading, types
    import pytest

    def tracer(frame, event, argument): return None

    class Quiet:
        @pytest.hookimpl(tryfirst=True)
        def pytest_pyfunc_call(self, pyfuncitem): return None

    def edit(function):
        function.__code__ = (lambda: None).__code__

    def own(): return 1
    edit(own)  # its own affair

    def work(what):
        frame = sys._getframe(1)
        if what == "trace":
            sys.settrace(tracer)
            sys.settrace(None)
        if what == "profile":
            sys.setprofile(tracer)
        if what == "threads":
            threading.settrace(tracer)
            threading.setprofile(tracer)
        if what == "code":
            edit(frame.f_globals["test_edited"])
        if what == "plugin":
            while "pyfuncitem" not in frame.f_locals: frame = frame.f_back
            frame.f_locals["pyfuncitem"].config.pluginmanager.register(Quiet())
"""
REACHED = """
    import sys, threading
    import pytest, reaching
    @pytest.mark.parametrize("what", ["trace", "profile", "threads", "code", "plugin"])
    def test_work(what): reaching.work(what)
    def test_edited(): assert 0
    def test_own_hooks_are_its_own_affair():
        sys.settrace(lambda *a: None)
        sys.settrace(None)
        test_work.__code__ = test_work.__code__
"""


def test_how_a_project_reaches_into_the_interpreter(tmp_path: Path) -> None:
    files = {"reaching.py": REACHING, "tests/test_it.py": REACHED}
    seen = look(tmp_path, CHECK, files)
    assert (seen.counts.passed, seen.record) == (7, RecordState.COMPLETE), seen.tail
    assert set(seen.oddities) == {"reached", "patched"}
    assert set(seen.oddities["patched"]) == {
        "a plug-in, Quiet, of reaching.py",
        "test_it.test_edited",
        "test_it.test_edited (tests/test_it.py)",
    }
    assert set(seen.oddities["reached"]) == {
        "sys.settrace (reaching.py)",
        "sys.setprofile (reaching.py)",
        "threading.settrace (reaching.py)",
        "threading.setprofile (reaching.py)",
        "other code for test_edited (reaching.py)",
    }


EQUAL = """
    from unittest import mock
    class Plain:
        def __eq__(self, other): return True
    class Truthy:
        def __eq__(self, other): return "yes"
    class Heir(Plain): pass
    class Text(str):
        def __eq__(self, other): return True
        __hash__ = str.__hash__
    class Number(int):
        def __eq__(self, other): return self is other or self.__class__ is Number
    class Meta(type):
        def __eq__(cls, other): return True
        __hash__ = type.__hash__
    class OfMeta(metaclass=Meta): pass
    class Hidden:
        def __eq__(self, other): return True
    Hidden.__module__ = "fractions"
    class Wild(type(mock.ANY)): pass
    class Proxy:
        def __init__(self): self.answer = 1
        def __eq__(self, other): return getattr(self, "answer", 1)
    def late():
        class Late:
            def __eq__(self, other): return 1
        return Late()
    def meta(): return OfMeta
    def make(name, *given): return globals()[name](*given)

    class Close(float):
        def __sub__(self, other): return 0.0
    class Nearby:
        def __rsub__(self, other): return 0 if isinstance(other, int) else other
    class Gone(float):
        def __sub__(self, other): return Flat(float(self) - other)
    class Flat(float):
        def __abs__(self): return 0
    class Below:
        def __lt__(self, other): return True
    class Above(int):
        def __ge__(self, other): return True
    class Full:
        def __contains__(self, item): return isinstance(item, (int, str))
    class Same(int):
        def __ne__(self, other): return False

    # Honest: a number with a unit, one that rounds, an order of two kinds, a set that is checked.
    class Metres(float):
        def __sub__(self, other): return Metres(float(self) - float(other))
        def __abs__(self): return Metres(float.__abs__(self))
    class Rounded(float):
        def __sub__(self, other): return round(float(self) - other, 1)
    class Caseless(str):
        def __eq__(self, other): return str(self).lower() == str(other).lower()
        __hash__ = str.__hash__
    class Version(int):
        def __lt__(self, other): return int(self) < int(other)
        def __ge__(self, other): return not self < other
        def __ne__(self, other): return int(self) != int(other)
    class Even:
        def __contains__(self, item): return isinstance(item, int) and item % 2 == 0
    class Top:
        def __gt__(self, other): return True
    TOP = Top()

    # Honest: like one kind, like a builder of queries, a sentinel that tests ask for by name.
    class Near:
        def __eq__(self, other): return abs(other - 1) < 2
    class Expression:
        def __init__(self, *parts): self.parts, self.right = parts, parts[-1]
    class Field:
        def __eq__(self, other): return Expression(self, "=", other)
    class Anything:
        def __eq__(self, other): return True
    ANYTHING = Anything()
    class Unused:
        def __eq__(self, other): return True
"""


def test_what_is_equal_to_everything_by_what_it_does(tmp_path: Path) -> None:
    suite = """
        import unittest, pytest, equal
        KINDS = [equal.Plain, equal.Truthy, equal.Heir, equal.Text, equal.Number, equal.Hidden]
        KINDS += [equal.Wild, equal.Proxy]
        @pytest.mark.parametrize("kind", KINDS)
        def test_each(kind): assert kind() == 3
        def test_meta(): assert equal.meta() == 3
        def test_late(): assert equal.late() == 3
        def test_near(): assert equal.Near() == 2 and not equal.Near() == 4
        def test_field(): assert (equal.Field() == 3).right == 3
        def test_named(): assert equal.ANYTHING == 3 and [1, equal.ANYTHING] == [1, 2]
        def test_unused(): assert equal.Unused
        def test_close(): assert abs(equal.make("Close", 3) - 90) < 0.1
        def test_nearby(): assert abs(90 - equal.make("Nearby")) < 0.5
        def test_gone(): assert abs(equal.make("Gone", 3) - 90) < 0.1
        def test_below(): assert equal.make("Below") < 5
        def test_above(): assert equal.make("Above", 3) >= 5
        def test_full(): assert 5 in equal.make("Full")
        def test_same(): assert not equal.make("Same", 3) != 4
        def test_metres(): assert abs(equal.make("Metres", 3) - 2.9) < 0.2
        def test_rounded(): assert abs(equal.make("Rounded", 3) - 2.96) < 0.2
        def test_version(): assert equal.make("Version", 3) < 5 and equal.make("Version", 3) != 4
        def test_caseless(): assert equal.make("Caseless", "A") == "a"
        def test_even(): assert 4 in equal.Even() and 3 not in equal.Even()
        def test_top(): assert equal.TOP > 5
        class TestIt(unittest.TestCase):
            def test_it(self): self.assertEqual([equal.Plain()], [4])
    """
    seen = look(tmp_path, CHECK, {"equal.py": EQUAL, "tests/test_it.py": suite})
    assert seen.counts.passed == len(seen.tests) == 28, seen.tail
    kinds = ("Plain", "Truthy", "Heir", "Text", "Number", "Meta", "Wild", "Proxy")
    kinds += ("Close", "Nearby", "Gone", "Flat", "Below", "Above", "Full", "Same")
    assert set(seen.oddities) == {"always_equal"}
    assert set(seen.oddities["always_equal"]) == {
        *(f"equal.{kind}" for kind in kinds),
        "fractions.Hidden",
        "equal.late.<locals>.Late",
    }


IN_HAND = """
    import sys
    from pluggy import HookimplMarker

    def quiet(*args, **kw): return True

    def frame_with(name):
        frame = sys._getframe()
        while name not in frame.f_locals: frame = frame.f_back
        return frame.f_locals[name]

    class Loose:
        @HookimplMarker("pytest")
        def pytest_pyfunc_call(self, pyfuncitem): return None

    def work():
        item = frame_with("pyfuncitem")
        items = {i.name: i for i in item.session.items}
        items["test_run"].runtest = quiet
        items["test_function"]._obj = quiet
        hook = item.config.hook
        hook.pytest_runtest_call._hookexec = hook.pytest_runtest_setup._hookexec
        kept = hook.pytest_runtest_teardown._hookexec
        hook.pytest_runtest_teardown._hookexec = lambda *a: kept(*a)
        implementations = hook.pytest_pyfunc_call._hookimpls
        loose = type(implementations[0])(Loose(), "x", Loose().pytest_pyfunc_call, {
            "wrapper": False, "hookwrapper": False, "optionalhook": False, "tryfirst": True,
            "trylast": False, "specname": None})
        implementations.append(loose)
        sys._getframe(1).f_globals["right"] = quiet
"""


def test_what_pytest_has_in_hand(tmp_path: Path) -> None:
    suite = """
        import in_hand
        def right(): return False
        def test_work(): in_hand.work()
        def test_run(): assert 0
        def test_function(): assert 0
        def test_global(): assert right()
    """
    seen = look(tmp_path, CHECK, {"in_hand.py": IN_HAND, "tests/test_it.py": suite})
    assert (seen.counts.passed, seen.counts.failed) == (4, 0), seen.tail
    assert set(seen.oddities) == {"patched"}
    assert set(seen.oddities["patched"]) == {
        "runtest of tests/test_it.py::test_run (in_hand.py)",
        "the function of tests/test_it.py::test_function (in_hand.py)",
        "hook.pytest_runtest_teardown",
        "hook.pytest_pyfunc_call, by in_hand.py",
        "test_it.right",
        "test_it.right (tests/test_it.py)",
    }


def test_what_tests_and_conftests_do_to_their_own(tmp_path: Path) -> None:
    """Wrapped functions, patches for a session, hooks and plug-ins of a conftest, helpers changed."""
    conftest = """
        import functools, time
        import pytest
        class Extra:
            @pytest.fixture
            def extra(self): return 1
            def pytest_runtest_setup(self, item): item.extra = 1
        def pytest_configure(config): config.pluginmanager.register(Extra(), "extra")
        def pytest_collection_modifyitems(items):
            for item in items:
                item.runtest = functools.partial(type(item).runtest, item)
                item.obj = functools.wraps(item.obj)(lambda *a, f=item.obj, **k: f(*a, **k))
        @pytest.hookimpl(tryfirst=True)
        def pytest_runtest_call(item): item.setup = item.setup
        @pytest.fixture(scope="session", autouse=True)
        def patched():
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(time, "sleep", lambda seconds: None)
                yield
    """
    suite = """
        import json, time
        import helpers, product
        def right(): return 0
        def test_extra(extra): assert extra == 1
        def test_right():
            global right
            right = lambda: 1
            helpers.right = lambda: 1
            time.sleep(1000)
            json.dumps = lambda value: "left behind"
        def test_helpers(): assert right() == helpers.right() == product.work() == 1
    """
    files = {
        "conftest.py": conftest,
        "tests/test_it.py": suite,
        "tests/helpers.py": "def right(): return 0\n",
        "product.py": "def work(): return 1\nwork.__name__ = 'work'\n",
    }
    seen = look(tmp_path, CHECK, files)
    assert (seen.counts.passed, seen.oddities) == (3, {}), seen.tail
