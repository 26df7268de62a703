"""What was tested is the candidate, or it is said where it came from."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from orchestrator.gates.observing.observation import Observation
from orchestrator.gates.rules.decide import decide
from orchestrator.gates.rules.origin import untested
from orchestrator.isolation.clean_python import CleanPython
from orchestrator.mission.model import PytestCheck
from tests.gates.helpers import Files, look, write

CHECK = PytestCheck(pytest=("tests",))
TEST = {"tests/test_it.py": "import shop\n\ndef test_it():\n    assert shop.NAME == 1\n"}
RIGHT, BROKEN = "NAME = 1\n", "raise ImportError\n"


class Installed:
    """An environment of the project's, with pytest and what is put into it."""

    def __init__(self, folder: Path) -> None:
        self.elsewhere = folder / "elsewhere"
        venv = folder / "venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
        self.python = venv / "bin" / "python"
        (self.packages,) = venv.glob("lib/*/site-packages")
        (clean,) = CleanPython().place().parent.parent.glob("lib/*/site-packages")
        for path in clean.iterdir():
            (self.packages / path.name).symlink_to(path)
        self._pytest = {path.name for path in self.packages.iterdir()}

    def put(self, packages: Files, elsewhere: Files) -> None:
        """Install these, and nothing else beside pytest."""
        for path in self.packages.iterdir():
            if path.name not in self._pytest:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.rmtree(self.elsewhere, ignore_errors=True)
        self.elsewhere.mkdir()
        write(self.packages, packages)
        write(self.elsewhere, elsewhere)
        (self.packages / "elsewhere.pth").write_text(f"{self.elsewhere}\n{self.elsewhere}/src\n")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("installed"))


@dataclass(frozen=True)
class Case:
    """A tree, what is installed, what lies in another checkout, and what is said of it."""

    tree: Files
    packages: Files = field(default_factory=dict)
    elsewhere: Files = field(default_factory=dict)
    says: str = ""


OTHERS = {
    "installed editable from another checkout": Case(
        {"src/shop/__init__.py": BROKEN},
        elsewhere={"src/shop/__init__.py": RIGHT},
        says="shop from {elsewhere}/src/shop/__init__.py, not src/shop/__init__.py",
    ),
    "installed as a copy": Case(
        {"src/shop.py": BROKEN},
        packages={"shop.py": RIGHT},
        says="shop from {packages}/shop.py, not src/shop.py",
    ),
    "a package of a folder of packages": Case(
        {"backend/shop/__init__.py": BROKEN},
        packages={"shop/__init__.py": RIGHT},
        says="shop from {packages}/shop/__init__.py, not backend/shop/__init__.py",
    ),
    "one module of several": Case(
        {
            "lib/shop/__init__.py": "from shop.rates import NAME\n",
            "lib/shop/rates.py": "NAME = 2\n",
        },
        packages={"shop/__init__.py": "from shop.rates import NAME\n", "shop/rates.py": RIGHT},
        says="shop.rates from {packages}/shop/rates.py, not lib/shop/rates.py",
    ),
    "a part of a namespace": Case(
        {
            "python/corp/shop/__init__.py": BROKEN,
            "tests/test_it.py": "from corp import shop\n\ndef test_it(): assert shop.NAME == 1\n",
        },
        packages={"corp/shop/__init__.py": RIGHT, "corp/other.py": ""},
        says="corp.shop from {packages}/corp/shop/__init__.py, not python/corp/shop/__init__.py",
    ),
    "a conftest that puts another checkout first": Case(
        {
            "shop.py": BROKEN,
            "conftest.py": """
                import pathlib, pytest, sys
                sys.path.insert(0, str(pathlib.Path(sys.prefix).parent / "elsewhere"))
            """,
        },
        elsewhere={"shop.py": RIGHT},
        says="shop from {elsewhere}/shop.py, not shop.py",
    ),
    "a module of pytest's own": Case(
        {
            "src/iniconfig/__init__.py": BROKEN,
            "tests/test_it.py": "import iniconfig\n\ndef test_it(): assert iniconfig.IniConfig\n",
        },
        says="not src/iniconfig/__init__.py",
    ),
    "a module that the tree has no more": Case(
        {"src/shop/__init__.py": "from shop.rates import NAME\n"},
        packages={"shop/__init__.py": "from shop.rates import NAME\n", "shop/rates.py": RIGHT},
        says="shop.rates from {packages}/shop/rates.py, not of the tree",
    ),
    "a module that a test has made": Case(
        {
            "src/shop.py": BROKEN,
            "tests/conftest.py": """
                import pathlib, sys, tempfile
                folder = pathlib.Path(tempfile.mkdtemp())
                (folder / "shop.py").write_text("NAME = 1")
                sys.path.insert(0, str(folder))
            """,
        },
        says="shop from a temporary folder, not src/shop.py",
    ),
}
HONEST = {
    "the path of pytest's settings": Case(
        {"src/shop.py": RIGHT, "pytest.ini": "[pytest]\npythonpath = src\n"},
        packages={"shop.py": BROKEN},
    ),
    "a copy of the very same": Case({"src/shop.py": RIGHT}, packages={"shop.py": RIGHT}),
    "somebody else's, of which the tree has a copy": Case(
        {
            "shop.py": "from lent import NAME\n",
            "vendor/lent/__init__.py": "",
            "app/_vendor/lent.py": "",
            "app/__init__.py": "",
            "docs/lent.py": "",
        },
        packages={"lent/__init__.py": RIGHT},
    ),
    "modules called as Python's": Case(
        {
            "shop.py": "import calendar, json, code, types\nNAME = 1\n",
            "src/calendar.py": "",
            "types.py": "",
        }
    ),
    "another part of the namespace": Case(
        {"corp/shop.py": "", "shop.py": "from corp2.other import NAME\n", "corp2/mine.py": ""},
        packages={"corp2/other.py": RIGHT},
    ),
    "a module that a test makes and takes away": Case(
        {
            "shop.py": RIGHT,
            "src/config.py": "",
            "tests/test_more.py": """
                import sys

                def test_it(tmp_path, monkeypatch):
                    (tmp_path / "config.py").write_text("HERE = 1")
                    monkeypatch.syspath_prepend(tmp_path)
                    import config
                    assert config.HERE
                    del sys.modules["config"]
            """,
        }
    ),
}


def seen_of(installed: Installed, folder: Path, case: Case) -> Observation:
    installed.put(case.packages, case.elsewhere)
    return look(folder, CHECK, {**TEST, **case.tree}, python=installed.python)


@pytest.mark.parametrize("name", OTHERS)
def test_another_product_is_not_the_candidate(
    installed: Installed, tmp_path: Path, name: str
) -> None:
    case = OTHERS[name]
    seen = seen_of(installed, tmp_path, case)
    assert seen.counts.passed == 1, seen.tail
    result = decide("tests", CHECK, seen)
    assert result.reason == "not_tested", result
    says = case.says.format(elsewhere=installed.elsewhere, packages=installed.packages)
    assert says in result.text
    assert "workspace.setup" in result.text
    assert "pythonpath" in result.text


@pytest.mark.parametrize("name", HONEST)
def test_the_candidate_beside_other_things_is_tested(
    installed: Installed, tmp_path: Path, name: str
) -> None:
    seen = seen_of(installed, tmp_path, HONEST[name])
    assert not seen.oddities.get("elsewhere")
    assert not seen.oddities.get("elsewhere_new")
    assert decide("tests", CHECK, seen, seen).decision == "passed", seen.tail


def test_workers_of_xdist_tell_what_they_have_loaded(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", {"shop.py": RIGHT})
    files = {
        **TEST,
        "shop.py": BROKEN,
        "conftest.py": f"import sys\nsys.path.insert(0, {str(tmp_path / 'elsewhere')!r})\n",
        "pytest.ini": "[pytest]\naddopts = -n 2\n",
    }
    check = PytestCheck(pytest=("tests",), plugins=("xdist",))
    seen = look(tmp_path, check, files)
    assert seen.counts.passed == 1, seen.tail
    result = decide("tests", check, seen)
    assert result.reason == "not_tested"
    assert f"shop from {tmp_path}/elsewhere/shop.py, not shop.py" in result.text


def test_what_nobodys_change_would_reach_is_known_on_the_base(
    installed: Installed, tmp_path: Path
) -> None:
    seen = seen_of(installed, tmp_path, HONEST["a copy of the very same"])
    everything, nothing = (lambda path: True), (lambda path: False)
    lack = untested(seen, everything, nothing)
    assert lack is not None
    assert f"shop from {installed.packages}/shop.py, not src/shop.py" in lack[0]
    assert "workspace.setup" in lack[1]
    assert untested(seen, everything, everything) is None
    assert untested(seen, nothing, nothing) is None


def test_what_a_base_makes_too_is_no_news(installed: Installed, tmp_path: Path) -> None:
    for name in ("a module that the tree has no more", "a module that a test has made"):
        seen = seen_of(installed, tmp_path, OTHERS[name])
        assert decide("tests", CHECK, seen, seen).decision == "passed"
