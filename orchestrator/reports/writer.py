"""Puts the report where people look for it: whole files only, whenever something worth reading has
happened.

Owns the names of the files and when they are written. What they say is `summary`'s and the
renderers'.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from orchestrator.errors import EnvironmentRefused, UsageError
from orchestrator.isolation.secrets import known, without_secrets
from orchestrator.journal.state import State
from orchestrator.reports.markdown import render_markdown
from orchestrator.reports.model import Summary
from orchestrator.reports.schema import NAME as SCHEMA
from orchestrator.reports.schema import report_schema
from orchestrator.reports.summary import summarize


def _json(summary: Summary) -> str:
    return summary.model_dump_json(by_alias=True, indent=2) + "\n"


RENDERERS: dict[str, Callable[[Summary], str]] = {"md": render_markdown, "json": _json}
"""By the ending of the file `report.<ending>`."""


def render(summary: Summary, format: str) -> str:
    """The report in one of the formats. Raises UsageError for a format that there is not."""
    if format not in RENDERERS:
        raise UsageError(
            f"no report format is called `{format}`", mend=f"choose from {', '.join(RENDERERS)}"
        )
    return known().text(RENDERERS[format](without_secrets(summary)))


class ReportWriter:
    """Writes the report of a run into `folder`; `BackgroundWriter` says when."""

    def __init__(self, folder: Path, formats: Sequence[str] = ("md", "json")) -> None:
        self.folder = folder
        self.formats = tuple(formats)

    def write(self, state: State, *, is_alive: bool = True) -> tuple[Path, ...]:
        """Write all formats now; returns the files. Raises EnvironmentRefused where the disk does
        not take them.
        """
        summary = summarize(state, is_alive=is_alive)
        texts = {f"report.{ending}": render(summary, ending) for ending in self.formats}
        if "json" in self.formats and not (self.folder / SCHEMA).exists():
            texts[SCHEMA] = json.dumps(report_schema(), indent=2) + "\n"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name, text in texts.items():
                _replace(self.folder / name, text)
        except OSError as error:
            raise EnvironmentRefused(
                f"the report cannot be written: {error.strerror}",
                where=str(self.folder),
                mend=f"make room or make the folder writable, then `orchestrate report {state.run}`; nothing is lost",
            ) from error
        return tuple(self.folder / f"report.{ending}" for ending in self.formats)


def _replace(path: Path, text: str) -> None:
    """A reader sees the old file or the new one, never half of one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        draft.touch(mode=0o600)
        draft.write_bytes(text.encode("utf-8", "replace"))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
