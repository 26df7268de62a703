"""The environment that agents and tests are given: an allow-list, never the user's own with holes
in it.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from orchestrator.isolation.own_paths import own_folder
from orchestrator.isolation.passed_on import passed_on

_SHARED = ("/tmp", "/var/tmp")  # noqa: S108  (where tests make repositories that set TMPDIR themselves)


def clean_environment(
    home: Path, extra: Mapping[str, str] | None = None, *, python: Path | None = None
) -> dict[str, str]:
    """What a program of an attempt, a set-up or a gate may see.

    `home` is a private folder that is made if absent; `extra` are variables that the backend
    declared. `python`, an interpreter of a virtual environment, comes first on PATH. The
    environment that orchestrate itself is installed in is not on PATH otherwise: who may write to
    it can change the judge.
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


def own_python() -> Path:
    """The interpreter that orchestrate is installed in, by which gates run tests that have no
    environment of their own.
    """
    return Path(sys.executable)


def _own_folders() -> tuple[Path, ...]:
    return (own_python().parent, Path(sys.prefix) / "bin")


def _interpreter(home: Path, python: Path | None) -> dict[str, str]:
    path = path_of_agents()
    found = {"PATH": path}
    # Debian's Python is called python3 alone; a set-up is to read the same everywhere.
    missing = [name for name in ("python", "python3") if not shutil.which(name, path=path)]
    if missing:
        found["PATH"] = os.pathsep.join([str(_names(home, missing)), path])
    if python is not None:
        found["PATH"] = os.pathsep.join([str(python.parent), found["PATH"]])
        # Not orchestrate's own: tools that install would take it for the project's.
        if python != own_python() and (python.parent.parent / "pyvenv.cfg").exists():
            found["VIRTUAL_ENV"] = str(python.parent.parent)
    return found


def _names(home: Path, names: list[str]) -> Path:
    """A folder in which these names start the interpreter that orchestrate's own stands on.

    Scripts and not links: an environment that is made by one must not lead into this folder.
    """
    folder = home / ".python"
    if folder.is_symlink():
        folder.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    base = getattr(sys, "_base_executable", None) or sys.executable
    for name in names:
        script = folder / name
        if not script.exists():
            fresh = folder / f".{name}.{os.getpid()}"
            fresh.write_text(f'#!/bin/sh\nexec {shlex.quote(base)} "$@"\n')
            fresh.chmod(0o755)
            fresh.replace(script)
    return folder
