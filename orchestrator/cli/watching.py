"""A run carried out under a display, with its report written as it goes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from orchestrator.engine.folders import Folders
from orchestrator.engine.recorder import Observer
from orchestrator.journal.state import State
from orchestrator.ui.displays import choose_display, make_display

Observers = Callable[[Folders], Sequence[Observer]]
"""Who watches a run, made once its folders are known."""

Writer = Callable[[Path], AbstractContextManager[Observer]]
"""What writes the reports of a folder while it is entered."""


def watched(
    carry_out: Callable[[Observers], tuple[State, int]], writer: Writer, *, json: bool, plain: bool
) -> tuple[State, int]:
    """Carry out under a display and a report writer."""
    with ExitStack() as stack:

        def observers(folders: Folders) -> Sequence[Observer]:

            kind = choose_display(
                json=json, plain=plain, environ=os.environ, is_tty=sys.stdout.isatty()
            )
            display = stack.enter_context(make_display(kind, report=folders.report / "report.md"))
            # Left before the display is, whose last words point to the report.
            return stack.enter_context(writer(folders.report)), display

        return carry_out(observers)
