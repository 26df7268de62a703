"""What stands above a tree has no part in its tests; what stands in it has the part that pytest
gives to it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.mission.model import PytestCheck
from tests.gates.helpers import look, write

TEST = "def test_one(): pass\ndef test_two(): pass\n"
SELECTING = "addopts = -k one"


def ids(folder: Path, files: dict[str, str]) -> set[str]:
    """The tests that are run in a tree of these files."""
    seen = look(folder, PytestCheck(pytest=("tests",)), {"tests/test_a.py": TEST, **files})
    assert not seen.collection_errors, seen.tail
    return {test_id.rpartition("::")[2] for test_id in seen.tests}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.ini", f"[pytest]\n{SELECTING}\n"),
        ("pyproject.toml", "[tool.pytest.ini_options]\naddopts = '-k one'\n"),
        ("tox.ini", f"[pytest]\n{SELECTING}\n"),
        ("setup.cfg", f"[tool:pytest]\n{SELECTING}\n"),
        ("conftest.py", "def pytest_collection_modifyitems(items): del items[1:]\n"),
    ],
)
def test_settings_above_decide_nothing(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path, {name: text})
    both = {"test_one", "test_two"}
    assert ids(tmp_path, {}) == both
    assert ids(tmp_path, {"pyproject.toml": "[project]\n"}) == both, "it says nothing of pytest"


@pytest.mark.parametrize(
    "files",
    [
        {"pytest.ini": f"[pytest]\n{SELECTING}\n"},
        {"pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-k one'\n"},
        {"setup.cfg": f"[tool:pytest]\n{SELECTING}\n"},
        {"tests/pytest.ini": f"[pytest]\n{SELECTING}\n"},
        {"tests/pytest.ini": f"[pytest]\n{SELECTING}\n", "tox.ini": "[pytest]\naddopts = -k two\n"},
        {
            "pytest.ini": f"[pytest]\n{SELECTING}\n",
            "setup.cfg": "[tool:pytest]\naddopts = -k two\n",
        },
        {"conftest.py": "def pytest_collection_modifyitems(items): del items[1:]\n"},
        {
            "pyproject.toml": "[project]\nname = 'x'\n",
            "conftest.py": "def pytest_collection_modifyitems(items): del items[1:]\n",
        },
        {
            "tests/pytest.ini": "[pytest]\n",  # below which pytest looks for no conftest above it
            "conftest.py": "def pytest_collection_modifyitems(items): del items[1:]\n",
        },
    ],
)
def test_settings_in_the_tree_count_as_pytest_has_it(tmp_path: Path, files: dict[str, str]) -> None:
    tree = tmp_path / "tree"
    found = ids(tmp_path, files)
    plain = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "--rootdir=.", "tests"],
        cwd=tree,
        env={"PATH": "/usr/bin:/bin", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    expected = {line.rpartition("::")[2] for line in plain.splitlines() if "::" in line}
    assert found == expected
    assert found
