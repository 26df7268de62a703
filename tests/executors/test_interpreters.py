"""Which interpreter runs tests: the mission's, the one that set-up made, or a clean one."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from orchestrator.errors import EnvironmentRefused
from orchestrator.executors.interpreters import Interpreters
from orchestrator.isolation.clean_python import CleanPython, is_clean


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work tree in which a set-up has made two environments."""
    folder = tmp_path_factory.mktemp("tree")
    for name in (".venv", "env/test"):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / name], check=True)
    (site,) = (folder / "env/test").glob("lib/*/site-packages")
    for name in ("alpha-1.0", "pytest-8.0", "omega-2.1"):
        (site / f"{name}.dist-info").mkdir()
    return folder


def test_what_the_mission_names_comes_first(tree: Path) -> None:
    made = (".venv", "env")
    named = Interpreters("env/test/bin/python").of(tree, made)
    assert named.path == tree / "env/test/bin/python"
    version = ".".join(map(str, sys.version_info[:3]))
    assert named.told == (
        f"env/test/bin/python: Python {version}, with pytest 8.0, alpha 1.0, omega 2.1"
    )
    found = Interpreters().of(tree, made)
    assert found.path == tree / ".venv/bin/python"
    assert found.told == f".venv/bin/python: Python {version}, with nothing else"
    ours = Interpreters(sys.executable).of(tree, made)
    assert ours.path == Path(sys.executable)
    assert f"{sys.executable}: CPython {version}, with pytest" in ours.told
    assert "more" in ours.told


def test_without_any_it_is_a_clean_one(tree: Path) -> None:
    found = Interpreters().of(tree, ())
    assert is_clean(found.path)
    assert found.told == CleanPython().told
    assert Interpreters().of(tree, (), is_judge=False).path == found.path
    assert Interpreters().of(tree, ("build", ".venv2")).path == found.path


@pytest.mark.parametrize(
    ("wanted", "given", "says"),
    [
        ("env/test/bin/python", (), "is a file of the commit, which may not say what judges it"),
        ("env/test/bin/python", ("env/other",), "is a file of the commit"),
        ("./.venv/bin/python3.1", (".venv",), "is not there"),
        ("tools/python", (".venv",), "is not there"),
        ("/no/such/python", (), "there is no /no/such/python on this machine"),
        ("python-that-nobody-has", (), "there is no python-that-nobody-has on this machine"),
        (sysconfig.__file__, (), "does not run"),
    ],
)
def test_what_is_not_there_is_refused_by_name(
    tree: Path, wanted: str, given: tuple[str, ...], says: str
) -> None:
    with pytest.raises(EnvironmentRefused) as refused:
        Interpreters(wanted).of(tree, given)
    assert "workspace.python: " in str(refused.value)
    assert says in str(refused.value)
    assert "name another" in str(refused.value) or "name a Python that does" in str(refused.value)


def test_one_of_the_machine_is_known_before_there_is_a_tree() -> None:
    ours = Interpreters(sys.executable)
    known = ours.in_advance(is_set_up=True)
    assert known is not None
    assert known.path == Path(sys.executable)
    assert Interpreters(".venv/bin/python").in_advance(is_set_up=True) is None
    assert Interpreters().in_advance(is_set_up=True) is None
    clean = Interpreters().in_advance(is_set_up=False)
    assert clean is not None
    assert is_clean(clean.path)
    identities = {
        Interpreters(name).identity() for name in ("", sys.executable, ".venv/bin/python")
    }
    assert len(identities) == 3


def test_what_is_installed_into_one_of_the_machine_makes_it_another(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "it"], check=True)
    python = tmp_path / "it/bin/python"
    before = Interpreters(str(python)).identity()
    assert Interpreters(str(python)).identity() == before
    (site,) = (tmp_path / "it").glob("lib/*/site-packages")
    (site / "more.py").write_text("")
    after = Interpreters(str(python)).identity()
    assert after != before
    (site / "more.py").write_text("x = 1")
    assert Interpreters(str(python)).identity() != after
