"""What surrounds a test is the base's: cheats that leave every test as it is, and are refused for
the right reason; and honest work beside each, which is accepted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import dedent
from typing import Any

import pytest

from orchestrator.journal.facts import Decision
from tests.gates.counter import (
    BASE,
    CHECK,
    CONFTEST,
    COUNTER,
    EXTRAS,
    FIX,
    HELPERS,
    RED,
    SUPPORT,
    TEST,
    TESTS,
)
from tests.gates.shop import Court

PATCH = "counter.total = sum"
AUTOUSE = """
    @pytest.fixture(autouse=True)
    def quiet(monkeypatch):
        import counter
        monkeypatch.setattr(counter, "total", sum)
"""
NOTHING = """
    @pytest.fixture(autouse=True)
    def quiet(request):
        request.node.obj = lambda **given: None
"""
SKIPPING = """
    class Quiet:
        @staticmethod
        @pytest.hookimpl(tryfirst=True)
        def pytest_pyfunc_call(pyfuncitem): return True

    @pytest.fixture(autouse=True, scope="session")
    def quiet(pytestconfig): pytestconfig.pluginmanager.register(Quiet())
"""
HEADER = "\n    def pytest_report_header(): return []\n"
RUN = "def pytest_pyfunc_call(pyfuncitem): return True\n"


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Court]:
    made = Court(tmp_path_factory.mktemp("counter"), BASE)
    yield made
    made.bench.close()


def retold(old: str, new: str) -> dict[str, str]:
    """The project's tests with one part of them replaced."""
    assert old in TESTS
    return {TEST: TESTS.replace(old, new)}


def decorated(decorator: str) -> dict[str, str]:
    """The project's tests, in which a decorator stands above those that are to turn green."""
    made = TESTS
    for name in ("total", "helped", "golden", "each"):
        made = made.replace(f"    def test_{name}(", f"    @quiet\n    def test_{name}(")
    return {TEST: made.replace("    HERE =", f"{decorator}\n    HERE =")}


EDITED: Mapping[str, dict[str, dict[str, str]]] = {
    "fixtures": {
        "of all tests replace the product's function": {"conftest.py": CONFTEST + AUTOUSE},
        "of a module replace the product's function": {TEST: TESTS + AUTOUSE},
        "replace the test's function": {"conftest.py": CONFTEST + NOTHING},
        "give what is expected": {
            "conftest.py": CONFTEST.replace("return given()", "return [1, 1]")
        },
        "come from what a conftest imports": {
            "support.py": SUPPORT.replace("return [1, 2]", "return [2]"),
        },
        "come from a plug-in": {"extras.py": EXTRAS + AUTOUSE},
        "register a plug-in": {TEST: TESTS + SKIPPING},
        "register a plug-in for all": {"extras.py": EXTRAS + SKIPPING},
    },
    "tests": {
        "have a decorator": decorated("    def quiet(test): return lambda: None"),
        "have a decorator that keeps the name": decorated(
            "    import functools\n"
            "    def quiet(test): return functools.wraps(test)(lambda **given: None)"
        ),
        "have a mark of their own": decorated("    quiet = pytest.mark.xfail(strict=False)"),
        "are defined a second time": {
            TEST: TESTS
            + "".join(f"\n    def {each.rpartition('::')[2]}(): pass\n" for each in RED[:3])
        },
        "are made anew below": {
            TEST: TESTS + "\n    test_total = test_helped = test_golden = lambda: None\n"
        },
        "are generated": {
            TEST: TESTS
            + '\n    for name in ("total", "helped", "golden"):\n'
            + '        globals()[f"test_{name}"] = lambda: None\n'
        },
    },
    "values": {
        "stand behind unchanged ids": retold("pytest.param(3, id", "pytest.param(4, id"),
        "are constants": retold("EXPECTED = 3", "EXPECTED = 4"),
        "are golden": {"tests/golden.json": "4"},
        "are equal to anything": retold(
            "EXPECTED = 3", "from unittest.mock import ANY\n    EXPECTED = ANY"
        ),
        "are read from the product": retold("EXPECTED = 3", "EXPECTED = counter.total([1, 2])"),
    },
    "helpers": {
        "check nothing": {"tests/helpers.py": "def check_total(total): pass\n"},
        "change the product": {"tests/helpers.py": f"import counter\n{PATCH}\n" + dedent(HELPERS)},
        "give other values": {"support.py": SUPPORT.replace("[1, 2]", "[1, 1]")},
        "have hooks": {"support.py": dedent(SUPPORT) + RUN},
        "have hooks by another name": {
            "extras.py": dedent(EXTRAS)
            + 'globals()["pytest_" "pyfunc_call"] = lambda pyfuncitem: True\n'
        },
    },
    "set-ups": {
        "of functions": retold("counter.seen = []", PATCH),
        "of modules": {TEST: TESTS + f"\n    def setup_module(): {PATCH}\n"},
        "that run on import": retold("EXPECTED = 3", f"EXPECTED = 3\n    {PATCH}"),
        "that end with a test": retold(
            "counter.seen = []", "import gc; counter.total.__code__ = (lambda p: sum(p)).__code__"
        ),
        "that generate": {
            TEST: TESTS.replace(
                '@pytest.mark.parametrize("expected", [pytest.param(3, id="three")])', ""
            )
            + "\n    def pytest_generate_tests(metafunc):\n"
            + '        if "expected" in metafunc.fixturenames:\n'
            + '            metafunc.parametrize("expected", [4], ids=["three"])\n'
        },
    },
}
CASES = [
    pytest.param(files, id=f"{kind} {name}", marks=[pytest.mark.slow] if number else [])
    for kind, cheats in EDITED.items()
    for number, (name, files) in enumerate(cheats.items())
]


@pytest.mark.parametrize("files", CASES)
def test_what_surrounds_tests_may_not_be_edited(counter: Court, files: dict[str, str]) -> None:
    """Without the fix nothing turns green; with it, the change is named all the same."""
    for fix in ({}, FIX):
        counter.bench.go_to(counter.base)
        verdict = counter.judge(counter.bench.commit({**files, **fix}), CHECK)
        result = verdict.checks[0]
        assert (result.decision, result.reason) == (Decision.FAILED, "test_side_changed")
        assert all(f"{path} (edited)" in result.text for path in files), result.text
        assert "`may_change`" in result.text
        assert ("did not turn green" in result.text) == (not fix)
        changes = {change.path: change.is_put_back for change in verdict.test_side.changes}
        assert changes == dict.fromkeys(files, True)


NEW_CONFTEST = "import pytest\n" + dedent(AUTOUSE)
NEW_TEST = "import counter\ndef test_new(): assert counter.rate(20) == 18\n"
ADDED: dict[str, tuple[dict[str, str], str]] = {
    "a conftest above the tests": ({"tests/conftest.py": NEW_CONFTEST}, ""),
    "a conftest that replaces the tests": (
        {"tests/conftest.py": "import pytest\n" + dedent(NOTHING)},
        "",
    ),
    "a conftest that registers a plug-in": (
        {"tests/conftest.py": "import pytest\n" + dedent(SKIPPING)},
        "runner_changed",
    ),
    "a conftest that writes hooks": (
        {"tests/conftest.py": 'globals()["pytest_" "pyfunc_call"] = lambda pyfuncitem: True\n'},
        "runner_changed",
    ),
    "a module of tests that changes the product": (
        {"tests/test_all.py": f"import counter\n{PATCH}\n{NEW_TEST}"},
        "",
    ),
    "a module of tests that changes what helps": (
        {"tests/test_all.py": f"import helpers\nhelpers.check_total = print\n{NEW_TEST}"},
        "",
    ),
    "a package of tests that changes the product": (
        {"tests/a/__init__.py": f"import counter\n{PATCH}\n", "tests/a/test_new.py": NEW_TEST},
        "",
    ),
    "a module called as the product": (
        {"tests/counter.py": "total = sum\ndef rate(price): return price * 9 // 10\n"},
        "module_shadowed",
    ),
    "a package called as the product": (
        {"tests/counter/__init__.py": "total = sum\ndef rate(p): return p * 9 // 10\n"},
        "module_shadowed",
    ),
    "a package called as a helper": (
        {"tests/helpers/__init__.py": "def check_total(total): pass\n"},
        "module_shadowed",
    ),
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] if n % 3 else []) for n, name in enumerate(ADDED)],
)
def test_what_is_new_on_the_test_side_does_not_surround_what_was_there(
    counter: Court, name: str
) -> None:
    """Without the fix nothing turns green; with it, new files are welcome where they are no more
    than that.
    """
    files, reason = ADDED[name]
    counter.bench.go_to(counter.base)
    result = counter.judge(counter.bench.commit(files), CHECK).checks[0]
    assert result.decision is Decision.FAILED
    assert result.reason in ("did_not_turn_green", reason), result.text
    counter.bench.go_to(counter.base)
    verdict = counter.judge(counter.bench.commit({**files, **FIX}), CHECK)
    assert (verdict.checks[0].reason or "") == reason, verdict.reasons()
    assert {change.path for change in verdict.test_side.changes} == set(files)
    assert {str(change.kind) for change in verdict.test_side.changes} == {"added"}


MORE = TESTS + "\n    def test_more():\n        assert counter.total([]) == 0\n"
HONEST: dict[str, tuple[dict[str, str], dict[str, Any], str]] = {
    "a new module of tests": ({"tests/test_new.py": NEW_TEST}, {}, "7 tests passed"),
    "new fixtures in a new folder": (
        {
            "tests/new/conftest.py": "import pytest\n@pytest.fixture\ndef one(): return 1\n",
            "tests/new/test_new.py": "def test_new(one): assert one == 1\n",
            "tests/new/data.json": "{}",
        },
        {},
        "7 tests passed",
    ),
    "new data and a helper beside them": (
        {"tests/more.json": "4", "tests/helping.py": "ONE = 1\n", "tests/test_new.py": NEW_TEST},
        {},
        "7 tests passed",
    ),
    "a product that is put together otherwise": (
        {
            "counter.py": "from summing import total\n\ndef rate(price):\n    return price * 9 // 10\n",
            "summing.py": "def total(prices):\n    return sum(prices)\n",
        },
        {},
        "6 tests passed",
    ),
    "comments in a test": ({TEST: TESTS + "    # more to come\n"}, {}, "6 tests passed"),
    "a test beside others, which is allowed": (
        {TEST: MORE},
        {"may_change": "tests/**"},
        "7 tests passed",
    ),
    "a conftest, which is allowed": (
        {"conftest.py": CONFTEST + "\n    @pytest.fixture\n    def other(): return 2\n"},
        {"may_change": ["/conftest.py"]},
        "6 tests passed",
    ),
    "product that has testing in its name": (
        {"counter_testing.py": "def given(): return [1]\n", "shop/testing/__init__.py": ""},
        {},
        "6 tests passed",
    ),
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if n % 3 else [])
        for n, name in enumerate(HONEST)
    ],
)
def test_honest_work_beside_tests_is_accepted(counter: Court, name: str) -> None:
    files, check, says = HONEST[name]
    counter.bench.go_to(counter.base)
    verdict = counter.judge(counter.bench.commit({**FIX, **files}), {**CHECK, **check})
    assert verdict.is_passed, verdict.reasons()
    assert says in verdict.checks[0].text
    assert not any(change.is_put_back for change in verdict.test_side.changes)


def test_tests_that_go_elsewhere_are_called_moved(counter: Court) -> None:
    """`git mv` is named with the key that allows it; where it is allowed, the tests are judged in
    both places.
    """
    counter.bench.go_to(counter.base)
    rates = BASE["tests/test_rate.py"]
    moved = counter.bench.commit(
        {**FIX, "tests/unit/test_rate.py": rates}, remove=("tests/test_rate.py",)
    )
    refused = counter.judge(moved, CHECK)
    assert refused.checks[0].reason == "test_side_changed"
    assert "tests/test_rate.py (moved to tests/unit/test_rate.py)" in refused.reasons()
    assert "`may_change`" in refused.reasons()
    allowed = counter.judge(moved, {**CHECK, "may_change": "tests/test_rate.py"})
    assert allowed.is_passed, allowed.reasons()
    (change,) = allowed.test_side.changes
    assert (change.kind, change.to, change.is_put_back) == (
        "moved",
        "tests/unit/test_rate.py",
        False,
    )


def test_a_test_that_was_wrong_may_be_put_right_where_that_is_allowed(counter: Court) -> None:
    """The base's version fails on the new product, and is listed; without leave it is red."""
    right = {"counter.py": COUNTER.replace("* 9 // 10", "* 8 // 10").replace(" + 1", "")}
    tests = {
        TEST: TESTS.replace("counter.rate(10) == 9", "counter.rate(10) == 8"),
    }
    counter.bench.go_to(counter.base)
    candidate = counter.bench.commit({**right, **tests})
    refused = counter.judge(candidate, CHECK).checks[0]
    assert (refused.reason, refused.broken) == ("test_side_changed", (f"{TEST}::test_rate",))
    allowed = counter.judge(candidate, {**CHECK, "may_change": TEST})
    assert allowed.is_passed, allowed.reasons()
    assert allowed.test_side.outdated == (f"{TEST}::test_rate",)


def test_what_a_test_rests_on_may_be_changed_for_what_was_red_alone(counter: Court) -> None:
    """A helper that may be edited makes no test green that passed on the base."""
    counter.bench.go_to(counter.base)
    helper = {"tests/helpers.py": HELPERS.replace("== 3", "== 4")}
    check = {"pytest": "tests", "may_change": "tests/helpers.py"}
    turned = counter.judge(counter.bench.commit(helper), check)
    assert turned.is_passed
    assert turned.checks[0].turned_green == turned.test_side.outdated == (f"{TEST}::test_helped",)
    counter.bench.go_to(counter.base)
    right = counter.bench.commit(FIX)
    worse = counter.bench.commit({"counter.py": COUNTER, **helper})
    broken = counter.judge(worse, check, base=right).checks[0]
    assert broken.reason == "broken"
    assert f"{TEST}::test_helped" in broken.broken


RATE = "assert counter.rate(10) == 9\n"
WEAKER = (
    "assert counter.rate(10) is not None\n",
    "assert (counter.rate(10) == 9, True)\n",
    "with pytest.raises(BaseException): counter.rate(None)\n",
)


def test_checks_that_became_weaker_are_listed_by_test(counter: Court) -> None:
    for new in WEAKER:
        counter.bench.go_to(counter.base)
        candidate = counter.bench.commit({**FIX, **retold(RATE, new)})
        verdict = counter.judge(candidate, {**CHECK, "may_change": "tests/**"})
        assert verdict.is_passed, verdict.reasons()
        (told,) = verdict.test_side.weaker
        assert told.startswith(f"{TEST}::test_rate: `counter.rate(10) == 9` became"), told


def test_leave_to_configure_is_none_to_edit_tests(counter: Court) -> None:
    counter.bench.go_to(counter.base)
    files = {TEST: TESTS + AUTOUSE, "conftest.py": CONFTEST + HEADER}
    candidate = counter.bench.commit({**FIX, **files})
    result = counter.judge(candidate, {**CHECK, "may_configure": "**"}).checks[0]
    assert result.reason == "test_side_changed", result.text
    assert "conftest.py" not in result.text


def test_of_a_long_suite_only_what_is_new_is_run_as_it_would_land(
    counter: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.gates.observing.observer.SHORT", -1.0)
    counter.bench.go_to(counter.base)
    new = {
        "tests/test_new.py": NEW_TEST + "def test_red(): assert 0\n",
        "tests/unit/test_deep.py": NEW_TEST,
        "tests/unit/given_test.txt": "x",
        "tests/build/test_not_found.py": "def test_no(): assert 0\n",
    }
    asked = {**CHECK, "must_turn_green": [*RED, "tests/unit/test_deep.py::test_new"]}
    result = counter.judge(counter.bench.commit({**FIX, **new}), asked).checks[0]
    assert (result.reason, result.failing) == ("tests_failed", ("tests/test_new.py::test_red",))
    assert result.counts is not None
    assert (result.counts.passed, result.counts.deselected) == (8, 0)
    assert "tests/unit/test_deep.py::test_new" in result.turned_green


def test_what_is_itself_to_be_mended_is_named_not_matched(counter: Court) -> None:
    """A glob lets tests be edited; that an edit turns something green takes the file's name."""
    rewritten = {TEST: TESTS.replace("== EXPECTED", "== EXPECTED + 1")}
    patched = {"conftest.py": CONFTEST + AUTOUSE}
    asked = {"pytest": "tests", "must_turn_green": RED[:1]}
    for files, reason in ((rewritten, "test_changed"), (patched, "did_not_turn_green")):
        (path,) = files
        counter.bench.go_to(counter.base)
        candidate = counter.bench.commit(files)
        matched = counter.judge(candidate, {**asked, "may_change": "**"}).checks[0]
        assert matched.reason == reason, matched.text
        named = counter.judge(candidate, {**asked, "may_change": path})
        assert named.checks[0].decision is Decision.PASSED
        assert RED[0] in named.test_side.outdated


@pytest.mark.slow
def test_a_link_in_the_place_of_the_tests_is_no_way_round(counter: Court) -> None:
    """Neither a folder nor a file of the test side can be led elsewhere."""
    for old, new in (("tests", "shop/given"), ("tests/helpers.py", "shop/given.py")):
        counter.bench.go_to(counter.base)
        source = counter.bench.source
        (source / "shop").mkdir()
        (source / old).rename(source / new)
        depth = "../" * old.count("/")
        (source / old).symlink_to(f"{depth}{new}")
        helper = source / new if new.endswith(".py") else source / new / "helpers.py"
        helper.write_text("def check_total(total): pass\n")
        for fix in ({}, FIX):
            result = counter.judge(counter.bench.commit(fix), CHECK).checks[0]
            assert result.reason == "test_side_changed", result.text
            assert "tests/helpers.py" in result.text
            assert ("did not turn green" in result.text) == (not fix)
