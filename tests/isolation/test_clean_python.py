"""The clean interpreter: pytest and nothing else of ours, whatever somebody does to it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.errors import EnvironmentRefused
from orchestrator.isolation.clean_python import CleanPython, is_clean
from orchestrator.isolation.environment import clean_environment

LOOK = """
import importlib.util, pytest, sys
names = ["orchestrator", "pydantic", "anyio", "yaml", "rich", "git", "hypothesis", "xdist", "pip"]
print(pytest.__file__)
print([name for name in names if importlib.util.find_spec(name)])
print(sys.prefix)
"""
MAKES = """
import sys
from pathlib import Path
from orchestrator.isolation.clean_python import CleanPython
print(CleanPython(Path(sys.argv[1])).ready())
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clean")


def prefix_of(python: Path) -> Path:
    return python.parent.parent


def test_it_imports_pytest_and_nothing_of_ours(folder: Path) -> None:
    python = CleanPython(folder).ready()
    assert is_clean(python)
    assert not is_clean(Path(sys.executable))
    done = subprocess.run([python, "-I", "-c", LOOK], capture_output=True, text=True, check=True)
    where, found, prefix = done.stdout.splitlines()
    assert Path(where).is_relative_to(prefix_of(python))
    assert (found, prefix) == ("[]", str(prefix_of(python)))
    subprocess.run([python, "-I", "-m", "pytest", "--version"], capture_output=True, check=True)
    assert not list(prefix_of(python).glob("lib/*/*/*.pth"))
    # Modules are compiled already: a start costs what it costs with what is installed.
    assert list(prefix_of(python).glob("lib/*/*/_pytest/__pycache__/main.*.pyc"))


def test_it_is_called_python_and_is_nobodys_project(folder: Path, tmp_path: Path) -> None:
    python = CleanPython(folder).place()
    env = clean_environment(tmp_path / "home", python=python)
    told = [
        subprocess.check_output([name, "-c", "import sys; print(sys.prefix)"], env=env, text=True)
        for name in ("python", "python3")
    ]
    assert {line.strip() for line in told} == {str(prefix_of(python))}
    assert "VIRTUAL_ENV" not in env


def test_one_that_is_in_no_environment_is_called_python_too(tmp_path: Path) -> None:
    made = tmp_path / "bin" / "mine"
    made.parent.mkdir()
    made.write_text("#!/bin/sh\necho mine $*\n")
    made.chmod(0o755)
    for _ in range(2):
        env = clean_environment(tmp_path / "home", python=made)
        assert subprocess.check_output(["python3", "x"], env=env, text=True) == "mine x\n"
        (tmp_path / "home/.python/python3").write_text("#!/bin/sh\necho other\n")


def _add(prefix: Path) -> None:
    (site_of(prefix) / "yaml.py").write_text("")


def _add_path(prefix: Path) -> None:
    (site_of(prefix) / "more.pth").write_text("import os\n")


def _edit(prefix: Path) -> None:
    path = site_of(prefix) / "pytest" / "__init__.py"
    status = path.stat()
    path.chmod(0o644)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"a", b"b", 1))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _edit_compiled(prefix: Path) -> None:
    (path,) = site_of(prefix).glob("_pytest/__pycache__/main.*.pyc")
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")


def _remove(prefix: Path) -> None:
    (site_of(prefix) / "pluggy" / "__init__.py").unlink()


def _lead_elsewhere(prefix: Path) -> None:
    (prefix / "bin" / "python").unlink()
    (prefix / "bin" / "python").symlink_to("/bin/true")


def _open_to_others(prefix: Path) -> None:
    path = prefix / "pyvenv.cfg"
    path.chmod(0o644)
    path.write_text(path.read_text().replace("false", "true"))


def _replace_by_a_link(prefix: Path) -> None:
    path = site_of(prefix) / "iniconfig" / "__init__.py"
    copy = prefix.parent / "copy.py"
    copy.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(copy)


def site_of(prefix: Path) -> Path:
    (found,) = prefix.glob("lib/*/site-packages")
    for path in (found, *(path for path in found.rglob("*") if path.is_dir())):
        path.chmod(0o755)
    return found


@pytest.mark.parametrize(
    "change",
    [
        _add,
        _add_path,
        _edit,
        _edit_compiled,
        _remove,
        _lead_elsewhere,
        _open_to_others,
        _replace_by_a_link,
    ],
)
def test_what_is_touched_is_made_anew(folder: Path, change: Callable[[Path], None]) -> None:
    clean = CleanPython(folder)
    prefix = prefix_of(clean.ready())
    before = content_of(prefix)
    change(prefix)
    assert content_of(prefix) != before
    # Known to this process, and to one that has never seen it.
    assert prefix_of(clean.ready()) == prefix
    assert content_of(prefix) == before
    change(prefix)
    CleanPython(folder).ready()
    assert content_of(prefix) == before
    assert [path for path in folder.iterdir() if path.name.startswith(".")] == []


def content_of(prefix: Path) -> dict[str, bytes | str]:
    return {
        str(path.relative_to(prefix)): str(path.readlink())
        if path.is_symlink()
        else path.read_bytes()
        for path in prefix.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def test_two_processes_make_it_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MAKES, str(tmp_path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    told = {process.communicate()[0].strip() for process in running}
    assert [process.returncode for process in running] == [0, 0, 0]
    (python,) = told
    subprocess.run([python, "-I", "-c", "import pytest"], check=True)
    assert len(list(tmp_path.iterdir())) == 1


def test_where_it_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentRefused, match="cannot be made") as refused:
        CleanPython(tmp_path / "file").ready()
    assert "workspace.python" in str(refused.value)
