"""The environment that agents and tests are given: an allow-list, never the user's own with holes
in it.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from orchestrator.isolation.clean_python import is_clean
from orchestrator.isolation.own_paths import own_folder
from orchestrator.isolation.passed_on import passed_on

NAMES = ("python", "python3")
_SHARED = ("/tmp", "/var/tmp")  # noqa: S108  (where tests make repositories that set TMPDIR themselves)


def clean_environment(
    home: Path, extra: Mapping[str, str] | None = None, *, python: Path | None = None
) -> dict[str, str]:
    """What a program of an attempt, a set-up or a gate may see.

    `home` is a private folder that is made if absent; `extra` are variables that the backend
    declared. `python`, an interpreter, is what `python` and `python3` start. The environment that
    orchestrate itself is installed in is not on PATH: who may write to it can change the judge.
    """
    own_folder(home)
    temporary = own_folder(temporary_of(home))
    real = Path(os.path.realpath(home))
    return {
        **_interpreter(home, python),
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "CI": "true",
        **passed_on(os.environ),
        # Git that is asked outside of any repository finds none: neither above a work tree that has
        # lost its own, nor above what tests make in a temporary folder.
        "GIT_CEILING_DIRECTORIES": os.pathsep.join(
            map(str, (temporary_of(real), real, *real.parents, *_SHARED))
        ),
        **(extra or {}),
    }


def temporary_of(home: Path) -> Path:
    """The temporary folder that goes with a home: beside it, under a name that is short, however
    long the home's is. Of the name of a socket in it, 108 bytes are all that there is.
    """
    return home.with_name(f".{hashlib.sha256(os.fsencode(home.name)).hexdigest()[:6]}")


def path_of_agents() -> str:
    """PATH as the user has it, without the virtual environment that orchestrate is installed in."""
    path = os.environ.get("PATH", os.defpath)
    if sys.prefix == sys.base_prefix:
        return path  # in no such environment; its folder is where everything else is as well
    own = {os.path.realpath(folder) for folder in _own_folders()}
    return os.pathsep.join(
        folder for folder in path.split(os.pathsep) if os.path.realpath(folder or ".") not in own
    )


def interpreter_on_path(name: str) -> Path | None:
    """The interpreter of that name as agents would find it; None where there is none."""
    found = shutil.which(name, path=path_of_agents())
    return Path(found) if found else None


def is_there(program: str, path: str | None = None) -> bool:
    """Whether a program that is called by its name alone would be found, on `path` or as agents
    have it. A path is taken for granted: it may begin in a tree that is not there yet.
    """
    if "/" in program or program in NAMES:
        return True
    return shutil.which(program, path=path_of_agents() if path is None else path) is not None


def _own_folders() -> tuple[Path, ...]:
    return (Path(sys.executable).parent, Path(sys.prefix) / "bin")


def _interpreter(home: Path, python: Path | None) -> dict[str, str]:
    path = path_of_agents()
    found = {"PATH": path}
    if python is None:
        # Debian's Python is called python3 alone; a set-up is to read the same everywhere.
        missing = [name for name in NAMES if not shutil.which(name, path=path)]
        if missing:
            folder = _names(home, missing, _base())
            found["PATH"] = os.pathsep.join([str(folder), path])
        return found
    is_environment = (python.parent.parent / "pyvenv.cfg").exists()
    if is_environment and all((python.parent / name).exists() for name in NAMES):
        found["PATH"] = os.pathsep.join([str(python.parent), path])
    else:  # what else stands in its folder is not asked for
        found["PATH"] = os.pathsep.join([str(_names(home, NAMES, python)), path])
    # The clean interpreter is nobody's project's: tools that install would take it for one.
    if is_environment and not is_clean(python):
        found["VIRTUAL_ENV"] = str(python.parent.parent)
    return found


def _names(home: Path, names: Iterable[str], python: Path) -> Path:
    """A folder in which these names start an interpreter.

    Scripts and not links: an environment that is made by one must not lead into this folder.
    """
    folder = home / ".python"
    if folder.is_symlink():
        folder.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    text = f'#!/bin/sh\nexec {shlex.quote(str(python))} "$@"\n'
    for name in names:
        script = folder / name
        if script.is_symlink() or not script.is_file() or script.read_text() != text:
            fresh = folder / f".{name}.{os.getpid()}"
            fresh.write_text(text)
            fresh.chmod(0o755)
            fresh.replace(script)
    return folder


def _base() -> Path:
    """The interpreter that orchestrate's own stands on."""
    return Path(getattr(sys, "_base_executable", None) or sys.executable)
