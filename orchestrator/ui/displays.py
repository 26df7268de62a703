"""Which display watches a run, and what all displays have in common.

The choice is made here and nowhere else. The displays themselves are imported when chosen: rich
takes longer to import than a small run takes to start.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self, TextIO, cast

from orchestrator.engine.recorder import Observer
from orchestrator.ui.lines import LastingStream

DisplayKind = Literal["json", "plain", "live"]


class Display(Observer, Protocol):
    """An observer that is entered before the run and left after it."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...


def choose_display(
    *, json: bool, plain: bool, environ: Mapping[str, str], is_tty: bool
) -> DisplayKind:
    """Events for machines if asked for; the live view only where a person watches a terminal that
    can show it.
    """
    if json:
        return "json"
    # https://no-color.org: any value but the empty one
    if (
        plain
        or not is_tty
        or environ.get("NO_COLOR")
        or environ.get("TERM", "dumb") in ("dumb", "")
    ):
        return "plain"
    return "live"


def make_display(
    kind: DisplayKind, *, report: Path | None = None, out: TextIO | None = None
) -> Display:
    """The display, writing to `out` (standard output by default); `report` is what it points people
    to at the end.
    """
    out = out or sys.stdout
    where = str(report) if report else ""
    if kind == "json":
        from orchestrator.ui.stream import JsonStream

        return JsonStream(out)
    if kind == "live" and (out.encoding or "").lower().replace("-", "") == "utf8":
        from rich.console import Console

        from orchestrator.ui.live import LiveDisplay

        return LiveDisplay(
            Console(file=cast("TextIO", LastingStream(out)), highlight=False), report=where
        )
    from orchestrator.ui.plain import PlainDisplay

    return PlainDisplay(out, report=where)
