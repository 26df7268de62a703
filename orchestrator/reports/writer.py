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
from orchestrator.reports.html.page import NOTHING, render_html
from orchestrator.reports.junit import render_junit
from orchestrator.reports.markdown import render_markdown
from orchestrator.reports.material import Gatherer, Material
from orchestrator.reports.model import Summary
from orchestrator.reports.schema import NAME as SCHEMA
from orchestrator.reports.schema import report_schema
from orchestrator.reports.summary import summarize


def _markdown(summary: Summary, _: Material) -> str:
    return render_markdown(summary)


def _json(summary: Summary, _: Material) -> str:
    return summary.model_dump_json(by_alias=True, indent=2) + "\n"


RENDERERS: dict[str, Callable[[Summary, Material], str]] = {
    "md": _markdown,
    "json": _json,
    "html": render_html,
    "junit": render_junit,
}
"""By format; the file is `report.<format>`, where `NAMES` has no other."""
NAMES = {"junit": "junit.xml"}
WITH_MATERIAL = frozenset({"html", "junit"})
"""Formats that show what lies beside the journal, and cost more."""
ALL = tuple(RENDERERS)


def render(summary: Summary, format: str, material: Material = NOTHING) -> str:
    """The report in one of the formats. Raises UsageError for a format that there is not."""
    if format not in RENDERERS:
        raise UsageError(
            f"no report format is called `{format}`", mend=f"choose from {', '.join(RENDERERS)}"
        )
    return known().text(RENDERERS[format](without_secrets(summary), material))


class ReportWriter:
    """Writes the report of a run into `folder`; `BackgroundWriter` says when."""

    def __init__(self, folder: Path, formats: Sequence[str] = ALL) -> None:
        self.folder = folder
        self.formats = tuple(formats)
        self._gatherer = Gatherer(folder)

    @property
    def quick(self) -> tuple[str, ...]:
        """Those of its formats that cost next to nothing."""
        return tuple(each for each in self.formats if each not in WITH_MATERIAL)

    def write(
        self, state: State, *, is_alive: bool = True, formats: Sequence[str] = ()
    ) -> tuple[Path, ...]:
        """Write all formats now, or these only; returns the files. Raises EnvironmentRefused where
        the disk does not take them.
        """
        formats = tuple(formats) or self.formats
        summary = summarize(state, is_alive=is_alive)
        is_rich = bool(WITH_MATERIAL & set(formats))
        try:
            material = self._gatherer.gather(summary, state) if is_rich else NOTHING
        except OSError as error:
            raise EnvironmentRefused(
                f"what the report shows cannot be read: {error.strerror}", where=str(self.folder)
            ) from error
        texts = {file_name(each): render(summary, each, material) for each in formats}
        if "json" in formats and not (self.folder / SCHEMA).exists():
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
        return tuple(self.folder / file_name(each) for each in formats)


def file_name(format: str) -> str:
    """What the report is called in one of the formats."""
    return NAMES.get(format, f"report.{format}")


def _replace(path: Path, text: str) -> None:
    """A reader sees the old file or the new one, never half of one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        draft.touch(mode=0o600)
        draft.write_bytes(text.encode("utf-8", "replace"))
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
