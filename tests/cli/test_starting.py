"""`run --start-at`: which moment is meant, and a wait that tells, begins in time and can be stopped."""

from __future__ import annotations

import signal
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.cli.starting import moment_of
from orchestrator.errors import UsageError
from tests.cli.helpers import (
    eventually,
    kinds,
    make_mission,
    orchestrate,
    runs,
    start,
)

NOW = datetime(2026, 11, 28, 14, 30, 10)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("15:00", datetime(2026, 11, 28, 15)),
        ("02:00", datetime(2026, 11, 29, 2)),
        ("2:00", datetime(2026, 11, 29, 2)),
        ("14:30", datetime(2026, 11, 29, 14, 30)),
        ("14:30:11", datetime(2026, 11, 28, 14, 30, 11)),
        (" 23:59:59 ", datetime(2026, 11, 28, 23, 59, 59)),
        ("2026-12-01 02:00", datetime(2026, 12, 1, 2)),
        ("2026-12-01T02:00:05", datetime(2026, 12, 1, 2, 0, 5)),
    ],
)
def test_what_is_meant(said: str, meant: datetime) -> None:
    assert moment_of(said, NOW) == meant


def test_a_zone_that_is_named_is_kept_to() -> None:
    there = (datetime.now().astimezone() + timedelta(hours=2)).isoformat()
    left = moment_of(there, datetime.now()) - datetime.now()
    assert timedelta(hours=1, minutes=59) < left < timedelta(hours=2, minutes=1)


@pytest.mark.parametrize("said", ["", "soon", "25:00", "12:60", "02", "2h", "2026-13-01 02:00"])
def test_what_is_no_time(said: str) -> None:
    with pytest.raises(UsageError, match="is no time") as raised:
        moment_of(said, NOW)
    assert "02:00" in str(raised.value)


def test_what_has_passed() -> None:
    with pytest.raises(UsageError, match="has passed"):
        moment_of("2026-11-28 02:00", NOW)


@pytest.mark.slow
def test_a_run_begins_then_and_a_wrong_mission_is_told_before(tmp_path: Path) -> None:
    mission = make_mission(tmp_path)
    moment = datetime.now() + timedelta(seconds=8)
    done = orchestrate(tmp_path, "run", mission, "--start-at", moment.strftime("%Y-%m-%d %H:%M:%S"))
    assert "starts at" in done.err
    assert datetime.now() >= moment.replace(microsecond=0)
    assert kinds(tmp_path)[-1] == "run_ended"
    assert orchestrate(tmp_path, "run", mission, "--start-at", "late", code=2).err
    text = mission.read_text()
    mission.write_text(text.replace("[sh, ", "[no-such-agent, "))
    lack = orchestrate(tmp_path, "run", mission, "--start-at", "02:00", code=4).err
    assert "no-such-agent is not on PATH" in lack, "it is told before the wait, not after it"
    mission.write_text(text.replace("script:", "scrip:"))
    began = time.monotonic()
    assert "script" in orchestrate(tmp_path, "run", mission, "--start-at", "02:00", code=2).err
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_wait_that_is_stopped_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    mission = make_mission(tmp_path)
    tomorrow = (datetime.now() + timedelta(days=1)).strftime("%Y-%m-%d %H:%M")
    process = start(tmp_path, "run", mission, "--start-at", tomorrow)
    log = tmp_path / "background.log"
    eventually(lambda: "starts at" in log.read_text())
    time.sleep(0.5)
    process.send_signal(number)
    assert process.wait(30) == 130, log.read_text()
    assert "nothing had begun" in log.read_text()
    assert runs(tmp_path) == []
