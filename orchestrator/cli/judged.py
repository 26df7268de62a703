"""What `gate` and `hook` share: which gate is meant by what was typed, and a judgement as text."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from orchestrator.engine.beside.judgement import Judgement
from orchestrator.ui.gate_view import render_judgement


def told(found: Judgement) -> str:
    """What was found, as plain text."""
    text = io.StringIO()
    render_judgement(found, Console(file=text, width=110, no_color=True, highlight=False))
    return text.getvalue()


def split_gate(mission: str) -> tuple[Path, str | None]:
    """The file and the gate; a file whose own name holds a colon is that file."""
    file, colon, name = mission.rpartition(":")
    if not colon or Path(mission).is_file():
        return Path(mission), None
    return Path(file), name
