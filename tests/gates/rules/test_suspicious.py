"""What product code asks that only a judge could answer, and what is no news."""

from __future__ import annotations

import pytest

from orchestrator.gates.rules.suspicious import suspicious


def told(after: str, before: str = "", path: str = "shop.py") -> list[str]:
    found = suspicious([path], lambda _: before.encode(), lambda _: after.encode())
    return [line.removeprefix(f"{path}:") for line in found]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("x = 'pytest' in sys.modules", "asks for the loaded modules (pytest)"),
        ("x = sys.modules.get('_pytest')", "asks for the loaded modules (_pytest)"),
        ("if 'unittest' in sys.modules: pass", "asks for the loaded modules (unittest)"),
        (
            "x = any(m.startswith('pytest') for m in sys.modules)",
            "asks for the loaded modules (pytest)",
        ),
        ("x = ('py' + 'test') in sys.modules", "asks for the loaded modules (pytest)"),
        ("x = ''.join(['py', 'test']) in mods", "asks for a test runner (pytest)"),
        ("x = 'tsetyp'[::-1] in mods", "asks for a test runner (pytest)"),
        ("x = f'{\"py\"}test' in mods", "asks for a test runner (pytest)"),
        ("import pytest", "imports a test runner (pytest)"),
        ("from _pytest import config", "imports a test runner (_pytest)"),
        ("x = os.environ.get('PYTEST_CURRENT_TEST')", "mentions PYTEST_CURRENT_TEST"),
        ("x = 'PYTEST_' + 'CURRENT_TEST' in os.environ", "mentions PYTEST_CURRENT_TEST"),
        ("x = os.getenv('CI')", "asks for a variable of test machines (CI)"),
        ("x = sys._called_from_test", "mentions _called_from_test"),
        ("x = hasattr(sys, '_called_from_test')", "mentions _called_from_test"),
        ("x = 'orchestrate_record' in sys.modules", "mentions orchestrate_record"),
        ("x = os.getcwd().endswith('gate.1')", "mentions gate.1"),
        ("x = inspect.stack()[1].function", "asks who calls or looks on (stack)"),
        ("from inspect import stack", "asks who calls or looks on (inspect)"),
        ("x = sys._getframe(1).f_code", "asks who calls or looks on (_getframe)"),
        ("x = inspect.currentframe().f_back", "asks who calls or looks on (currentframe)"),
        ("x = traceback.extract_stack()", "asks who calls or looks on (extract_stack)"),
        ("x = 'test' in sys.argv[0]", "asks how it was started (test)"),
        (
            "x = Path('tests/test_shop.py').read_text()",
            "names files of the tests (tests/test_shop.py)",
        ),
        ("x = open(os.path.join(here, 'tests', name))", "names files of the tests (tests)"),
        ("x = list(root.glob('test_shop.py'))", "names files of the tests (test_shop.py)"),
        ("x = inspect.getsource(load('shop_test.py'))", "names files of the tests (shop_test.py)"),
        (
            "x = (Path(__file__).parents[1] / 'test' / 'data').open()",
            "names files of the tests (test)",
        ),
        ("x = sys.gettrace()", "asks who calls or looks on (gettrace)"),
    ],
)
def test_what_only_a_judge_has(line: str, what: str) -> None:
    assert f"2: {what}" in told(f"import a\n{line}\n")
    inside = f"def f():\n    {line}\n    return 1\n"
    assert f"2: {what}" in told(inside)
    assert told(inside, inside) == [], "the base has it"
    assert told(f"x = 1\n{line}\n", f"{line}\n") == [], "it was only moved"


@pytest.mark.parametrize(
    "line",
    [
        "'''Run it with pytest.'''",
        "# in sys.modules there is pytest",
        "x = os.environ.get('HOME')",
        "x = Path('data/contests.json').read_text()",
        "x = 'tests' in words",
        "x = find_packages(exclude=['tests'])",
        "x = sys.argv[1:]",
        "x = 'contest' in latest",
        "x = sys.modules[__name__]",
        "x = stack.pop()",
        "import traceback",
        "from unittest.mock import Mock",
        "x = 'navigate.12'",
        "CITY = 'CI'",
    ],
)
def test_what_says_nothing(line: str) -> None:
    assert told(f"def f():\n    {line}\n    return 1\n") == []


def test_what_was_made_for_test_runners_may_go_on() -> None:
    before = "import pytest\n"
    assert told("import pytest\nx = 'pytest' in names\nfrom _pytest import a\n", before) == []
    assert told("import pytest\nx = 'PYTEST_CURRENT_TEST' in e\n", before) != []
    assert told("import setuptools, pytest\n", path="setup.py") == []
    assert told("pytest\n", path="notes.cfg") == []
    assert told("def f(:\n  'pytest' in sys.modules\n") == []


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("web/a.ts", "if (process.env.JEST_WORKER_ID) return 3;"),
        ("a.js", "if (typeof jest !== 'undefined') return 3"),
        ("a.mjs", "const t = process.env.NODE_ENV === 'test'"),
        ("a.js", "const s = new Error().stack"),
        ("a.go", 'if flag.Lookup("test.v") != nil {'),
        ("a.go", "if testing.Testing() {"),
        ("a.rs", "if cfg!(test) {"),
        ("run.sh", '[ -n "$PYTEST_CURRENT_TEST" ] && exit 0'),
    ],
)
def test_other_languages(path: str, line: str) -> None:
    assert told(f"one\n{line}\n", "one\n", path)[0].startswith("2: mentions ")
    assert told(f"one\n{line}\n", f"{line}\n", path) == []
