"""What runs before any test is found in what a set-up made."""

from __future__ import annotations

import importlib.util
import py_compile
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.executors.startup import brought, startup


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """What a set-up made: an environment with a runner and what is usual beside it."""
    made = tmp_path / "files/env/.venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", made], check=True)
    (found,) = made.glob("lib/*/site-packages")
    for name in ("_pytest", "pluggy", "shop"):
        (found / name).mkdir()
        (found / name / "__init__.py").write_text("x = 1\n")
    (found / "pytest-8.0.dist-info").mkdir()
    (found / "project.pth").write_text("/some/where/src\n# import is but a word here\n")
    (found / "hook.pth").write_text("import os; os\n")
    return found


def made_of(site: Path) -> Path:
    return next(folder for folder in site.parents if folder.name == "files")


def _unchecked(site: Path) -> None:
    source = site / "shop" / "__init__.py"
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(
        str(source), importlib.util.cache_from_source(source), invalidation_mode=mode
    )


def _installed_from_a_folder(site: Path) -> None:
    (site / "_pytest" / "__init__.py").write_text("x = 2\n")
    (site / "pytest-8.0.dist-info").rename(site / "pytest-8.1.dist-info")
    (site / "pytest-8.1.dist-info" / "direct_url.json").write_text("{}")


BRINGS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a path that runs code": (
        lambda site: (site / "more.pth").write_text("# at first\nimport shop\n"),
        "more.pth",
    ),
    "another one of the same name": (
        lambda site: (site / "hook.pth").write_text("import shop\n"),
        "hook.pth (not as in the base's)",
    ),
    "sitecustomize": (
        lambda site: (site / "sitecustomize.py").write_text(""),
        "sitecustomize.py",
    ),
    "usercustomize": (
        lambda site: (site / "usercustomize.py").write_text(""),
        "usercustomize.py",
    ),
    "bytecode that is not held against its source": (_unchecked, ".pyc"),
    "another runner of the same version": (
        lambda site: (site / "_pytest" / "__init__.py").write_text("x = 2\n"),
        "_pytest (not as in the base's)",
    ),
    "another runner from a folder": (_installed_from_a_folder, "_pytest (not as in the base's)"),
    "a runner where there was none": (
        lambda site: [
            (site / "iniconfig").mkdir(),
            (site / "iniconfig/__init__.py").write_text(""),
        ],
        "iniconfig",
    ),
}


@pytest.mark.parametrize("name", BRINGS)
def test_what_a_set_up_brings_is_named(site: Path, name: str) -> None:
    before = startup(made_of(site))
    assert brought(before, startup(made_of(site))) == ()
    change, says = BRINGS[name]
    change(site)
    (found,) = brought(before, startup(made_of(site)))
    assert found.startswith("env/.venv/lib/python")
    assert found.endswith(says)


def test_what_is_usual_is_not_named(site: Path) -> None:
    before = startup(made_of(site))
    (site / "rates.py").write_text("import os\n")
    (site / "rates.pth").write_text("/some/where/else\n")
    (site / "hook.pth").unlink()
    py_compile.compile(str(site / "shop" / "__init__.py"))
    (site / "_pytest" / "__init__.py").write_text("x = 2\n")
    (site / "pytest-8.0.dist-info").rename(site / "pytest-8.1.dist-info")
    assert brought(before, startup(made_of(site))) == ()
    assert brought({}, startup(made_of(site) / "nothing")) == ()
