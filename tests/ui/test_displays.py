"""Which display is chosen, and what plain lines, the event stream and the live view write."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from orchestrator.engine.progress import GateProgress, OutputLine
from orchestrator.journal.events import Record
from orchestrator.journal.facts import Outcome
from orchestrator.journal.state import apply
from orchestrator.ui.displays import Display, choose_display, make_display
from orchestrator.ui.live import LiveDisplay
from orchestrator.ui.plain import PlainDisplay
from orchestrator.ui.stream import JsonStream
from tests.reports.builder import HOSTILE, STORIES, Story, batch, mission
from tests.reports.snapshot import assert_matches

SNAPSHOTS = Path(__file__).parent / "snapshots"


def play(story: Story, display: Display) -> None:
    state = None
    with display:
        for record in story.records:
            state = apply(state, record)
            display.on_record(record, state)
            display.on_progress(OutputLine("core", "1.1", 1, HOSTILE))
            display.on_progress(GateProgress("core", "unit", 1, None, 0))


@pytest.mark.parametrize(
    ("chosen", "options", "environ", "is_tty"),
    [
        ("live", {}, {"TERM": "xterm"}, True),
        ("plain", {}, {"TERM": "xterm"}, False),
        ("plain", {}, {"TERM": "xterm", "NO_COLOR": "1"}, True),
        ("live", {}, {"TERM": "xterm", "NO_COLOR": ""}, True),
        ("plain", {}, {"TERM": "dumb"}, True),
        ("plain", {}, {}, True),
        ("plain", {"plain": True}, {"TERM": "xterm"}, True),
        ("json", {"json": True}, {"TERM": "xterm"}, True),
        ("json", {"json": True, "plain": True}, {}, False),
    ],
)
def test_the_choice(
    chosen: str, options: dict[str, bool], environ: dict[str, str], is_tty: bool
) -> None:
    wanted = {"json": False, "plain": False, **options}
    assert choose_display(**wanted, environ=environ, is_tty=is_tty) == chosen


def test_each_kind_is_made(tmp_path: Path) -> None:
    with (
        (tmp_path / "out").open("w", encoding="utf-8") as out,
        (tmp_path / "old").open("w", encoding="ascii") as old,
    ):
        assert type(make_display("json", out=out)) is JsonStream
        assert type(make_display("plain", out=out)) is PlainDisplay
        assert type(make_display("live", out=out)) is LiveDisplay
        assert type(make_display("live", out=old)) is PlainDisplay, (
            "its glyphs could not be written"
        )


def test_choosing_a_display_imports_neither_rich_nor_jinja() -> None:
    modules = "orchestrator.ui.displays, orchestrator.reports.writer"
    program = f"import sys, {modules}; print('rich' in sys.modules, 'jinja2' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["False", "False"]


@pytest.mark.parametrize(
    "name", ["every_outcome", "resumed", "replayed", "waiting", "redone", "blamed", "over_budget"]
)
def test_plain_lines(name: str) -> None:
    out = io.StringIO()
    play(STORIES[name](), PlainDisplay(out, report="reports/x/report.md"))
    assert_matches(out.getvalue(), SNAPSHOTS / f"plain-{name}.txt")


@pytest.mark.parametrize("name", STORIES)
def test_plain_lines_have_their_columns_and_nothing_that_a_terminal_obeys(name: str) -> None:
    out = io.StringIO()
    play(STORIES[name](), PlainDisplay(out))
    for line in out.getvalue().splitlines():
        seconds, batch, agent, said = line.split(" ", 3)
        assert float(seconds.removesuffix("s")) >= 0
        assert batch
        assert agent
        assert said
        assert line.isprintable()


def test_the_stream_is_the_journal() -> None:
    out = io.StringIO()
    story = STORIES["hostile"]()
    play(story, JsonStream(out))
    lines = out.getvalue().splitlines()
    assert [Record.model_validate_json(line) for line in lines] == story.records
    assert json.loads(lines[0])["event"]["kind"] == "run_started"


def test_a_reader_that_has_gone_does_not_stop_the_run() -> None:
    program = """if True:
        import sys, time
        from orchestrator.ui.displays import make_display
        from tests.ui.test_displays import STORIES, play
        time.sleep(0.2)
        play(STORIES["good"](), make_display(sys.argv[1]))
        print("went on", file=sys.stderr)
    """
    for kind in ("plain", "json"):
        reader, writer = os.pipe()
        os.close(reader)
        command = [sys.executable, "-c", program, kind]
        found = subprocess.run(
            command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False
        )
        os.close(writer)
        assert (found.returncode, found.stderr) == (0, "went on\n")


def test_characters_that_the_stream_does_not_know_are_replaced() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    play(STORIES["good"](), PlainDisplay(out))
    assert b"- - resolved: 2 batches whole" in raw.getvalue()


def test_the_live_view_draws_by_its_own_timer_and_leaves_the_last_words() -> None:
    out = io.StringIO()
    console = Console(
        file=out, force_terminal=True, width=100, height=24, color_system=None, legacy_windows=False
    )
    story = STORIES["good"]()
    began = time.perf_counter()
    display = LiveDisplay(console, report="reports/x/report.md", clock=lambda: story.now)
    with display:
        state = None
        for record in story.records:
            state = apply(state, record)
            for _ in range(200):
                display.on_record(record, state)
        time.sleep(0.5)
    text = out.getvalue()
    frames = text.count("websocket  20250902-080000-websocket") - 1
    assert 1 <= frames <= 8 * (time.perf_counter() - began) + 2
    assert text.startswith("\x1b[?1049h"), "the alternate screen"
    last = text.rpartition("\x1b[?1049l")[2]
    assert "✔ resolved: 2 batches whole" in last
    assert "report: reports/x/report.md" in last


def test_the_live_view_gives_the_terminal_back_when_the_run_breaks() -> None:
    out = io.StringIO()
    console = Console(
        file=out, force_terminal=True, width=80, height=24, color_system=None, legacy_windows=False
    )
    with pytest.raises(RuntimeError, match="broken"), LiveDisplay(console):
        raise RuntimeError("broken")
    assert "\x1b[?1049l" in out.getvalue()
    assert out.getvalue().count("\x1b[?25l") == out.getvalue().count("\x1b[?25h") > 0


def test_lines_of_an_attempt_that_ended_are_forgotten() -> None:
    display = LiveDisplay(Console(file=io.StringIO(), force_terminal=True, width=80, height=24))
    story = Story(mission(batch("core", "1.1"))).begin("core").start("1.1")

    def shown() -> str:
        display.on_record(story.records[-1], story.state)
        console = Console(file=(out := io.StringIO()), width=80, height=24)
        console.print(display)
        return out.getvalue()

    shown()
    display.on_progress(OutputLine("core", "1.1", 1, "of the first attempt"))
    story.begin("core")
    assert "of the first attempt" in shown()
    story.end("1.1", Outcome.FAILED, reason="exit code 1")
    shown()
    story.start("1.1")
    assert "of the first attempt" not in shown()
