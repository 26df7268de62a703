"""The folder of the user's cache in which orchestrate keeps what outlives a command and belongs in
no project.

Owns which folder that is: one that is the user's alone, of which nothing lies above that programs
which search upward would take for theirs. What is in it is its users'.
"""

from __future__ import annotations

import functools
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from orchestrator.errors import EnvironmentRefused

CHOICE = "ORCHESTRATE_CACHE"
MEND = f"set {CHOICE} to a folder that is yours, with no project in it or above it"

LONGEST = 70
"""Bytes of its path. Of the name of a socket there are 107, of which the temporary folder of an
agent or a gate takes 34 more; whoever chooses a folder chooses its length.
"""
FOUND_UPWARD = (
    *(".git", ".hg", "conftest.py", "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml"),
    *("pyproject.toml", "tox.ini", "setup.cfg", "setup.py", "noxfile.py", "mypy.ini", ".mypy.ini"),
    *("ruff.toml", ".ruff.toml", "pyrightconfig.json", "package.json", "node_modules"),
    *("pnpm-workspace.yaml", "tsconfig.json", "jsconfig.json", "babel.config.js", ".babelrc"),
    *(f".eslintrc{end}" for end in ("", ".js", ".cjs", ".json", ".yml", ".yaml")),
    *(f"eslint.config.{end}" for end in ("js", "mjs", "cjs", "ts")),
    *("jest.config.js", "jest.config.ts", ".prettierrc", "Cargo.toml", "go.mod", "go.work"),
)
"""What programs take for theirs when it lies in a folder above the one in which they are."""


def cache() -> Path:
    """The folder of all places, made. Raises EnvironmentRefused where there is none to be had."""
    return _choose(*(os.environ.get(name, "") for name in (CHOICE, "XDG_CACHE_HOME", "HOME")))


@functools.lru_cache
def _choose(chosen: str, caches: str, home: str) -> Path:
    refused = []
    for folder in _candidates(chosen, caches, home):
        if not (problem := _problem(folder, is_chosen=bool(chosen))):
            return folder.resolve()
        refused.append(f"{folder}: {problem}")
    raise EnvironmentRefused(
        "there is no place for work trees outside of any project",
        where="; ".join(refused),
        mend=MEND,
    )


def _candidates(chosen: str, caches: str, home: str) -> Iterator[Path]:
    if chosen:
        yield Path(chosen).expanduser().absolute()
        return
    if Path(caches).is_absolute():
        yield Path(caches) / "orchestrate"
    if Path(home).is_absolute():
        yield Path(home) / ".cache" / "orchestrate"
    # Unlike /tmp it is on a disk, and it outlives a restart, as runs are to.
    yield Path(f"/var/tmp/orchestrate-{os.getuid()}")  # noqa: S108  (held to be ours below)


def _problem(folder: Path, *, is_chosen: bool) -> str:
    """Why work cannot stand there; empty when it can."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat() if not is_chosen else folder.stat()
        if status.st_uid != os.getuid() or not stat.S_ISDIR(status.st_mode):
            return "it is not a folder of yours"
        if not is_chosen:
            folder.chmod(0o700)
            if len(os.fsencode(folder.resolve())) > LONGEST:
                return "its path is too long for the names of sockets"
        if not os.access(folder, os.W_OK | os.X_OK):
            return "it cannot be written to"
    except OSError as error:
        return error.strerror or str(error)
    real = folder.resolve()
    for above in (real, *real.parents):
        for name in FOUND_UPWARD:
            if os.path.lexists(above / name):
                return f"programs that search upward would find {above / name}"
    return ""
