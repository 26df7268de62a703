"""`orchestrate status` and `orchestrate runs` at 80 and 120 columns."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from orchestrator.reports.summary import summarize
from orchestrator.ui.status_view import last_words, render_runs, render_status
from tests.reports.builder import STORIES, many
from tests.reports.snapshot import assert_matches

SNAPSHOTS = Path(__file__).parent / "snapshots"


def recorded(width: int) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=width, highlight=False, color_system=None), out


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize(
    "name",
    ["good", "every_outcome", "running", "interrupted", "blamed", "exercised", "over_budget"],
)
def test_status(name: str, width: int) -> None:
    console, out = recorded(width)
    render_status(summarize(STORIES[name]().state), console)
    text = "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"
    assert_matches(text, SNAPSHOTS / f"status-{name}-{width}.txt")


@pytest.mark.parametrize("width", [80, 120])
def test_runs(width: int) -> None:
    console, out = recorded(width)
    render_runs([summarize(make().state) for make in STORIES.values()], console)
    text = "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"
    assert_matches(text, SNAPSHOTS / f"runs-{width}.txt")
    assert max(cell_len(line) for line in text.splitlines()) <= width


def test_no_runs() -> None:
    console, out = recorded(80)
    render_runs([], console)
    assert out.getvalue().startswith("no runs yet")


def test_a_large_run_is_still_a_glance() -> None:
    console, out = recorded(80)
    render_status(summarize(many().state), console)
    assert len(out.getvalue().splitlines()) < 90
    console, out = recorded(80)
    console.print(last_words(summarize(many().state), "report.md"))
    assert len(out.getvalue().splitlines()) < 24


@pytest.mark.parametrize("name", STORIES)
def test_hostile_text_is_shown_and_not_obeyed(name: str) -> None:
    console, out = recorded(100)
    summary = summarize(STORIES[name]().state)
    render_status(summary, console)
    console.print(last_words(summary))
    assert all(line.isprintable() for line in out.getvalue().splitlines())
