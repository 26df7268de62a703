"""What a base lacks: the place's fault where nobody's work can bring it, and the product's where
somebody's may. Real runs of real tests on plain folders.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from orchestrator.gates.rules.declared import declared
from orchestrator.gates.rules.lacking import Lack, Reach, lack_of, names_of
from orchestrator.mission.model import AnyCheck, CommandCheck, Gate
from orchestrator.mission.scope import Scope
from tests.gates.helpers import Files, look

TESTS = {"pytest": "tests"}
PRODUCT = {"shop/__init__.py": "", "shop/cart.py": "def total(): return 1\n"}
GREEN = "def test_green(): assert 1\n"


def check_of(written: dict[str, Any]) -> AnyCheck:
    return Gate.model_validate({"checks": [written]}).checks[0]


def lack(
    folder: Path,
    files: Files,
    *scopes: str,
    required: tuple[str, ...] = (),
    check: dict[str, Any] | None = None,
) -> Lack | None:
    """What the check lacks on a base of these files, where agents may change what `scopes` say."""
    scope, asked = Scope(scopes), check_of(check or TESTS)
    contents = {path: textwrap.dedent(text).encode() for path, text in files.items()}
    reach = Reach(
        frozenset(files),
        scope.allows,
        frozenset(names_of(entry.glob for entry in scope.entries)),
        declared(files, contents.get),
    )
    return lack_of(asked, look(folder, asked, files), required, reach)


def test_a_module_that_nobody_can_bring(tmp_path: Path) -> None:
    files = {**PRODUCT, "tests/test_a.py": "import not_here, shop.cart\ndef test_a(): pass\n"}
    found = lack(tmp_path, files, "shop/cart.py", "tests/test_new.py")
    assert found is not None
    assert found[0] == "tests/test_a.py: No module named 'not_here'"
    assert "workspace.setup" in found[1]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements.txt", "# what it needs\nnot_here>=1\n"),
        ("requirements/dev.txt", "Not.Here[extra]\n"),
        ("pyproject.toml", '[project]\nname = "p"\ndependencies = ["not-here>=1"]\n'),
        ("pyproject.toml", '[tool.poetry.dependencies]\nnot-here = "^1"\n'),
        ("setup.py", "setup(install_requires=['not-here>2'])\n"),
        ("setup.cfg", "[options]\ninstall_requires =\n    not_here\n"),
    ],
)
def test_a_module_that_is_declared_is_none_of_the_agents(
    tmp_path: Path, name: str, text: str
) -> None:
    files = {"tests/test_a.py": "import not_here\ndef test_a(): pass\n", name: text}
    assert lack(tmp_path, files, "**")


@pytest.mark.parametrize(
    ("imported", "scopes"),
    [
        ("import newcart", ("newcart.py",)),  # named
        ("import newcart", ("newcart/**",)),
        ("import newcart", ("src/**",)),  # may be made below a wildcard
        ("import newcart", ("tests/**",)),  # a helper beside the tests
        ("import shop.wishes", ("shop/**",)),  # of a package that is there
        ("from shop.cart import discount", ("shop/cart.py",)),  # a name, of a module that is there
        ("import newcart.parts", ("/newcart/parts.py",)),
    ],
)
def test_what_an_agent_is_to_write_is_not_lacking(
    tmp_path: Path, imported: str, scopes: tuple[str, ...]
) -> None:
    files = {**PRODUCT, "tests/test_a.py": f"{imported}\ndef test_a(): pass\n"}
    assert lack(tmp_path, files, *scopes) is None
    check = {**TESTS, "must_turn_green": "tests/test_a.py"}
    assert lack(tmp_path, files, *scopes, check=check) is None


def test_a_part_that_cannot_be_collected_stops_nobody_who_does_not_need_it(tmp_path: Path) -> None:
    files = {
        "tests/test_a.py": "import not_here\ndef test_a(): pass\n",
        "tests/test_b.py": GREEN,
    }
    assert lack(tmp_path, files, "shop/**") is None
    promised = {**TESTS, "must_turn_green": "tests/test_a.py::test_a"}
    assert lack(tmp_path, files, "shop/**", check=promised)
    assert lack(tmp_path, files, "shop/**", required=("tests/test_a.py",))
    assert lack(tmp_path, files, "shop/**", required=("tests/test_b.py",)) is None


def test_what_is_merely_red_is_not_lacking(tmp_path: Path) -> None:
    files = {
        "tests/test_a.py": "import not_here\ndef test_a(): pass\n",
        "tests/test_b.py": "def test_b(): assert 0\n",
    }
    assert lack(tmp_path, files, "shop/**") is None, "the second file has something to mend"
    assert lack(tmp_path, {"tests/test_b.py": files["tests/test_b.py"]}) is None
    assert lack(tmp_path, {"tests/test_c.py": "def test_c(:\n"}) is None
    assert lack(tmp_path, {"shop.py": ""}) is None, "no tests yet"


def test_a_conftest_that_cannot_be_imported(tmp_path: Path) -> None:
    files = {"tests/conftest.py": "import not_here\n", "tests/test_a.py": GREEN}
    found = lack(tmp_path, files, "shop/**")
    assert found is not None
    assert found[0] == "No module named 'not_here'"


def test_a_plug_in_that_is_not_there(tmp_path: Path) -> None:
    check = {**TESTS, "plugins": ["pytest_not_here"]}
    found = lack(tmp_path, {"tests/test_a.py": GREEN}, "shop/**", check=check)
    assert found is not None
    assert "pytest_not_here" in found[0]


def test_settings_that_no_plug_in_understands(tmp_path: Path) -> None:
    files = {"tests/test_a.py": GREEN, "pytest.ini": "[pytest]\naddopts = --not-known=1\n"}
    found = lack(tmp_path, files, "**")
    assert found is not None
    assert "--not-known=1" in found[0]
    assert "plugins" in found[1]


def test_fixtures_of_plug_ins(tmp_path: Path) -> None:
    files = {"tests/test_a.py": "def test_a(mocker): pass\n"}
    found = lack(tmp_path, files, "**")
    assert found == (
        "tests/test_a.py::test_a: fixture 'mocker' not found (of pytest-mock)",
        "install it, and name it in `plugins:`",
    )
    own = {"tests/test_a.py": "def test_a(basket): pass\n"}
    assert lack(tmp_path, own, "shop/**")
    assert lack(tmp_path, own, "tests/conftest.py") is None, "somebody may write it"


def test_coroutines_without_a_plug_in(tmp_path: Path) -> None:
    found = lack(tmp_path, {"tests/test_a.py": "async def test_a(): pass\n"}, "**")
    assert found is not None
    assert "plugins" in found[1]


def test_a_service_that_does_not_answer(tmp_path: Path) -> None:
    files = {
        "tests/test_a.py": """
            import pytest
            @pytest.fixture
            def database():
                raise ConnectionRefusedError(111, "Connection refused")
            def test_a(database): pass
            """
    }
    found = lack(tmp_path, files, "**")
    assert found is not None
    assert "Connection refused" in found[0]
    promised = {**TESTS, "must_turn_green": "tests/test_a.py"}
    assert lack(tmp_path, files, "**", check=promised) is None, "to make it answer is the task"


def test_a_file_that_nobody_has(tmp_path: Path) -> None:
    files = {"tests/test_a.py": "KEY = open('.env.test').read()\ndef test_a(): pass\n"}
    found = lack(tmp_path, files, "shop/**")
    assert found is not None
    assert found[0] == "tests/test_a.py: No such file: '.env.test'"
    assert "workspace.copy" in found[1]
    assert lack(tmp_path, files, ".env.test") is None


def test_programs(tmp_path: Path) -> None:
    assert lack(tmp_path, {"a": ""}, "**", check={"command": ["not-a-program", "x"]})
    assert lack(tmp_path, {"a": ""}, "a", check={"command": ["scripts/smoke.sh"]})
    assert lack(tmp_path, {"a": ""}, "scripts/**", check={"command": ["scripts/smoke.sh"]}) is None
    assert lack(tmp_path, {"a": ""}, "**", check={"command": ["sh", "-c", "not-a-program x"]})
    assert (
        lack(tmp_path, {"a": ""}, "**", check={"command": ["sh", "-c", "echo no; exit 1"]}) is None
    )
    python = CommandCheck.model_validate({"command": ["sh", "-c", "python3 -m not_here"]})
    assert lack(tmp_path, {"a": ""}, "b.py", check=python.model_dump(include={"command"}))


def test_packages_of_node(tmp_path: Path) -> None:
    says = "echo \"Error: Cannot find module 'left-pad/x'\"; exit 1"
    check = {"command": ["sh", "-c", says]}
    needs = {"package.json": '{"devDependencies": {"left-pad": "1"}}'}
    assert lack(tmp_path, needs, "**", check=check)
    assert lack(tmp_path, {"package.json": "{}"}, "**", check=check) is None


@pytest.mark.parametrize(
    ("settings", "told", "plugin"),
    [
        ("addopts = --cov=shop --cov-report=term", "--cov=shop --cov-report=term", "pytest-cov"),
        ("addopts = --timeout=60", "--timeout=60", "pytest-timeout"),
        (
            "addopts = --reruns 3 --disable-socket",
            "--reruns",
            "pytest-rerunfailures, pytest-socket",
        ),
        ("addopts = -n auto", "-n", "pytest-xdist"),
        ("addopts = --strict-config\nasyncio_mode = auto", "asyncio_mode", "pytest-asyncio"),
        ("addopts = --of-nobody", "--of-nobody", ""),
    ],
)
def test_options_of_plug_ins_that_nobody_named(
    tmp_path: Path, settings: str, told: str, plugin: str
) -> None:
    files = {"tests/test_a.py": GREEN, "pytest.ini": f"[pytest]\n{settings}\n"}
    found = lack(tmp_path, files)
    assert found is not None
    assert told in found[0]
    assert (f"plugins: [{plugin}]" if plugin else "`plugins:`") in found[1]
