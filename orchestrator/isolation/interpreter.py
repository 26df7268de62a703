"""Interpreters that run a project's tests: which one, of which version, with what it can import.

Owns what is told of one, to people and as a part of what makes two runs of a check the same. Which
one a gate uses is the executors' to say.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import EnvironmentRefused

NAMED_AT_ONCE = 8
"""How many distributions are told by name."""
SECONDS = 60.0
_LOOK = (
    "import json, platform, sys;"
    "print(json.dumps([platform.python_implementation(), platform.python_version(), sys.path]))"
)


@dataclass(frozen=True, slots=True)
class Interpreter:
    """One interpreter: its `path`, and what it is, for people."""

    path: Path
    told: str
    identity: str = ""
    """Changes whenever it may run tests in another way; empty where `told` says it all."""


def of_environment(python: Path, name: str) -> Interpreter:
    """The interpreter of a virtual environment, which is called `name`; nothing is started."""
    folder = python.parent.parent
    version = ""
    try:
        for line in (folder / "pyvenv.cfg").read_text("utf-8", "replace").splitlines():
            key, _, value = line.partition("=")
            if key.strip() in ("version", "version_info"):
                version = value.strip()
    except OSError:
        pass  # the version is not told, then
    folders = [*folder.glob("lib/python*/site-packages"), *folder.glob("lib/pypy*/site-packages")]
    return Interpreter(python, _told(name, f"Python {version}".strip(), folders))


def of_machine(python: Path, name: str) -> Interpreter:
    """An interpreter that was there before, which is called `name`: it is asked what it is.

    Blocking. Raises EnvironmentRefused where it does not answer.
    """
    try:
        done = subprocess.run(
            [python, "-I", "-c", _LOOK],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={"PATH": os.defpath},
            timeout=SECONDS,
            check=True,
        )
        implementation, version, paths = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise EnvironmentRefused(
            f"workspace.python: {name} does not run",
            where=str(python),
            mend=f"name a Python that does ({error})",
        ) from error
    folders = [Path(path) for path in paths if path.endswith("-packages")]
    held = [
        f"{entry.path}\0{entry.stat(follow_symlinks=False).st_mtime_ns}"
        for folder in folders
        for entry in _entries(folder)
    ]
    identity = hashlib.sha256("\0".join(sorted(held)).encode("utf-8", "backslashreplace"))
    return Interpreter(
        python, _told(name, f"{implementation} {version}", folders), identity.hexdigest()
    )


def refuses_environments(python: Path) -> str:
    """Why `python -m venv` would not work with an interpreter; empty where nothing speaks against
    it. Blocking.
    """
    try:
        done = subprocess.run(
            [python, "-I", "-c", "import ensurepip, venv"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={"PATH": os.defpath},
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    said = [line for line in done.stderr.splitlines() if line.strip()]
    return (said[-1] if said else f"exit {done.returncode}") if done.returncode else ""


def _told(name: str, version: str, folders: Iterable[Path]) -> str:
    found = sorted({_spoken(entry.name) for folder in folders for entry in _entries(folder)} - {""})
    # What runs the tests is told first, whatever else there is.
    found.sort(key=lambda line: not line.startswith("pytest "))
    more = f" and {len(found) - NAMED_AT_ONCE} more" if len(found) > NAMED_AT_ONCE else ""
    what = f", with {', '.join(found[:NAMED_AT_ONCE])}{more}" if found else ", with nothing else"
    return f"{name}: {version}{what}"


def _spoken(entry: str) -> str:
    """`name version` from the name of a folder of metadata; empty where it is none."""
    stem, dot, suffix = entry.rpartition(".")
    if not dot or suffix not in ("dist-info", "egg-info"):
        return ""
    name, _, version = stem.partition("-")
    return f"{name} {version.partition('-py')[0]}".strip()


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError:
        return
