"""A run whose terminal, reader or disk of output is gone goes on, and exits with what is true."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.helpers import (
    PATIENCE,
    environment,
    eventually,
    kinds,
    ledger,
    make_mission,
    orchestrate,
    runs,
)
from tests.ready import PROGRAM

pytestmark = pytest.mark.integration
LIVE = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONIOENCODING": "utf-8", "NO_COLOR": ""}
SLOW = 'echo {name} >> "{root}/ledger"\nsleep 1\necho changed >> {name}.txt\n'


def make_slow(root: Path) -> Path:
    mission = make_mission(root)
    for name in "abc":
        (root / f"{name}.sh").write_text(SLOW.format(name=name, root=root))
    return mission


def on_a_terminal(
    root: Path, *arguments: str | Path, **more: object
) -> tuple[subprocess.Popen, int]:
    """A command whose streams are a terminal, and the other end of that."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, *map(str, arguments)],
        cwd=root,
        env=environment() | LIVE,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        **more,
    )
    os.close(theirs)
    return process, ours


def until_at_work(root: Path, process: subprocess.Popen) -> None:
    eventually(lambda: ledger(root) or process.poll() is not None)
    assert process.poll() is None


@pytest.mark.parametrize("display", ["--plain", "--json", "live"])
def test_a_terminal_that_answers_with_errors_ends_no_run(tmp_path: Path, display: str) -> None:
    """Its other end is closed, and nobody was told by a signal: every write is an EIO."""
    mission = make_slow(tmp_path)
    options = [] if display == "live" else [display]
    process, terminal = on_a_terminal(tmp_path, "run", mission, *options, start_new_session=True)
    until_at_work(tmp_path, process)
    os.close(terminal)
    assert process.wait(PATIENCE) == 0
    assert kinds(tmp_path)[-1] == "run_ended"


def hang_up_program(arguments: list[str], *, nohup: bool) -> list[str]:
    """What makes the terminal its own, as a shell in a window does, before it becomes the
    program.
    """
    script = (
        "import fcntl, os, signal, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
        f"{'signal.signal(signal.SIGHUP, signal.SIG_IGN);' if nohup else ''}"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    return [sys.executable, "-c", script, *arguments]


@pytest.mark.parametrize("display", ["--plain", "live"])
@pytest.mark.parametrize("nohup", [False, True])
def test_a_closed_terminal_is_an_interruption_unless_it_is_to_be_none(
    tmp_path: Path, display: str, nohup: bool
) -> None:
    mission = make_slow(tmp_path)
    options = [] if display == "live" else [display]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        hang_up_program([str(PROGRAM), "run", str(mission), *options], nohup=nohup),
        cwd=tmp_path,
        env=environment() | LIVE,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    until_at_work(tmp_path, process)
    os.close(ours)
    assert process.wait(PATIENCE) == (0 if nohup else 130)
    if not nohup:
        assert kinds(tmp_path)[-1] == "run_interrupted"
        orchestrate(tmp_path, "resume", "--plain")
    assert kinds(tmp_path)[-1] == "run_ended"


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_a_request_to_end_in_the_first_moments_is_an_interruption(
    tmp_path: Path, number: signal.Signals
) -> None:
    """Before the event loop listens, and with what is left of the run told truly."""
    mission = make_mission(tmp_path)
    process = subprocess.Popen(
        [PROGRAM, "run", mission, "--plain"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    eventually(lambda: (tmp_path / "reports").exists() or process.poll() is not None)
    process.send_signal(number)
    assert process.wait(PATIENCE) in (130, 0)
    if runs(tmp_path):
        orchestrate(tmp_path, "resume", "--plain")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full 2>&1"])
def test_streams_that_are_closed_or_full_end_no_run(tmp_path: Path, closed: str) -> None:
    mission = make_mission(tmp_path)
    command = f'exec "{PROGRAM}" run "{mission}" {closed}'
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=environment(), check=False, timeout=PATIENCE
    )
    assert done.returncode == 0
    assert kinds(tmp_path)[-1] == "run_ended"
    assert orchestrate(tmp_path, "status", "--json").json["status"] == "complete"


def test_output_that_is_all_a_command_makes_is_not_lost_without_a_word(tmp_path: Path) -> None:
    make_mission(tmp_path)
    command = f'exec "{PROGRAM}" plan small.yaml > /dev/full'
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 4, done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_makes_our_output_not_wait_loses_nothing(tmp_path: Path) -> None:
    """A pipe that is full for a moment is not one whose reader has gone."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    source = (
        "import sys; from orchestrator.ui.lines import LineWriter; out = LineWriter(sys.stdout)\n"
        "for number in range(20000): out.line(f'{number} of many lines')"
    )
    with subprocess.Popen([sys.executable, "-c", source], stdout=writing) as process:
        os.close(writing)
        time.sleep(0.5)
        with os.fdopen(reading, "rb") as pipe:
            lines = pipe.read().splitlines()
        assert process.wait(PATIENCE) == 0
    assert lines == [b"%d of many lines" % number for number in range(20000)]
