"""The table of verbs is what the modules behind it say."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest
import typer
from typer.main import get_command

from orchestrator.cli.main import app
from orchestrator.cli.verbs import VERBS


@pytest.mark.parametrize("name", VERBS)
def test_the_line_in_the_help_is_how_the_verbs_own_help_begins(name: str) -> None:
    group = get_command(app)
    command = group.get_command(typer.Context(group), name)  # type: ignore[attr-defined]
    assert command is not None
    own = " ".join((command.help or "").split())
    assert own.startswith(VERBS[name].help.removesuffix(".")), own


def test_the_help_imports_no_verb() -> None:
    look = (
        "import sys, orchestrator.cli.main as m\n"
        "try: m.app(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted(n for n in sys.modules if n.startswith(('orchestrator.', 'git', 'pydantic'))))"
    )
    out = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    loaded = out.stdout.splitlines()[-1]
    own = {"orchestrator.cli.main", "orchestrator.cli.streams", "orchestrator.cli.verbs"}
    assert set(ast.literal_eval(loaded)) - own == {
        "orchestrator.cli",
        "orchestrator.errors",
        "orchestrator.ui",
        "orchestrator.ui.lines",
    }


def test_a_mistyped_verb_is_told_the_nearest_one() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "rnu"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Did you mean 'run'?" in done.stderr
