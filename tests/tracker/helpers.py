"""Commands that speak to the server of `github` through a real `gh`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.cli.helpers import PATIENCE, Done, environment
from tests.ready import run_program

BESIDE_PYTHON = str(Path(sys.executable).parent)


def gh_environment(home: Path, server: str, **more: str) -> dict[str, str]:
    """What brings `gh` to the server, and git nowhere else."""
    return (
        environment()
        | {
            "PATH": f"{BESIDE_PYTHON}:{os.environ['PATH']}",
            "GH_HOST": "github.localhost",
            "HTTP_PROXY": server,
            "GH_TOKEN": "secret",
            "GH_CONFIG_DIR": str(home / "gh"),
            "HOME": str(home),
        }
        | more
    )


class Bench:
    """A folder in which commands are typed, and the server that they speak to."""

    def __init__(self, root: Path, server: str, patience: float = PATIENCE) -> None:
        self.root, self.server, self.patience = root, server, patience

    def __call__(self, *arguments: str | Path, code: int | None = 0, **more: str) -> Done:
        env = gh_environment(self.root, self.server, **more)
        found = Done(
            *run_program(list(map(str, arguments)), cwd=self.root, env=env, timeout=self.patience)
        )
        assert "Traceback" not in found.err, found.err
        assert code is None or found.code == code, f"{arguments}: {found}"
        return found
