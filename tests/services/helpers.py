"""Services of real programs, beside guests that are told what they are given."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from orchestrator.mission.model import Service
from orchestrator.services.services import Guest, Services

PYTHON = sys.executable
SERVES = [PYTHON, "-u", "-m", "http.server", "--bind", "127.0.0.1", "{port}"]
URL = {"URL": "http://127.0.0.1:{port}/"}


def script(text: str, *arguments: str) -> list[str]:
    """A command that runs a Python script; its braces stand for themselves."""
    text = textwrap.dedent(text).replace("{", "{{").replace("}", "}}")
    return [PYTHON, "-u", "-c", text, *arguments]


def service(**keys: Any) -> Service:
    """As a mission has it."""
    return Service.model_validate(keys)


class Bench:
    """A folder with a work tree, and the services of a mission in it."""

    def __init__(self, folder: Path, **services: Mapping[str, Any]) -> None:
        self.folder = folder
        self.tree = folder / "tree"
        self.tree.mkdir(exist_ok=True)
        self.private = folder / "private"
        made = {name: service(**keys) for name, keys in services.items()}
        self.services = Services(made, folder=self.private, tag=str(folder))

    def guest(self, name: str = "guest", *, restarts: int = 0) -> Guest:
        return Guest(
            name=name,
            tree=self.tree,
            log=lambda of: self.folder / f"{name}.{of}.log",
            restarts=restarts,
        )

    def log(self, of: str, guest: str = "guest") -> str:
        path = self.folder / f"{guest}.{of}.log"
        return path.read_text() if path.exists() else ""

    def require_no_leftovers(self) -> None:
        """Fail unless no process that stands in the folder and no private file is left."""
        assert living(self.folder) == []
        assert not self.private.exists() or list(self.private.iterdir()) == []


def living(folder: Path) -> list[str]:
    """The command lines of processes that work in a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(folder):
                found.append(" ".join(process.cmdline()))
        except (psutil.Error, OSError):
            continue
    return found
