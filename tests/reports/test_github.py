"""Summaries of a step and annotations: their limits, and what is escaped."""

from __future__ import annotations

import io
from pathlib import Path

from orchestrator.reports.github import Annotation, annotate, fenced, summarize

ACTIONS = {"GITHUB_ACTIONS": "true"}


def test_ten_annotations_and_nothing_that_a_message_could_say_to_the_runner() -> None:
    out = io.StringIO()
    hostile = Annotation("a: b, c", "50%\n::stop-commands::x\r", "tests/a,b.py")
    annotate([hostile, *(Annotation(str(n), "x") for n in range(30))], out, ACTIONS)
    lines = out.getvalue().splitlines()
    assert len(lines) == 10
    assert (
        lines[0] == "::error title=a%3A b%2C c,file=tests/a%2Cb.py::50%25%0A::stop-commands::x%0D"
    )
    assert lines[9] == "::error title=8::x"


def test_outside_of_actions_nothing_is_said() -> None:
    out = io.StringIO()
    annotate([Annotation("a", "b")], out, {})
    summarize("a", {})
    assert not out.getvalue()


def test_a_summary_is_added_to_and_cut_where_there_is_no_more_room(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    environ = {"GITHUB_STEP_SUMMARY": str(path)}
    summarize("# One\n", environ)
    summarize(fenced("é line\n" * 200_000), environ)
    summarize("# Three\n", environ)
    text = path.read_text()
    assert text.startswith("# One\n```text\né line\n")
    assert text.count("```") == 2
    assert "Cut here" in text
    assert path.stat().st_size < 1024 * 1024


def test_text_as_it_is() -> None:
    assert fenced("a\n````\nb\n") == "`````text\na\n````\nb\n`````\n"
