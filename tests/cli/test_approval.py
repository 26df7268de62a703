"""A gate that waits for a person: the run in one process, the person in another."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.cli.helpers import (
    events,
    eventually,
    git,
    kinds,
    ledger,
    make_mission,
    orchestrate,
    runs,
    start,
    stop,
)

pytestmark = pytest.mark.integration


@pytest.fixture
def waiting(tmp_path: Path):
    """A run that waits for its first batch's sign-off; ended at the end whatever happened."""
    process = start(tmp_path, "run", make_mission(tmp_path, gate="signed"), "--plain")
    try:
        eventually(lambda: "gate_finished" in kinds(tmp_path) or process.poll() is not None)
        assert process.poll() is None, (tmp_path / "background.log").read_text()
        yield tmp_path, process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def test_what_waits_can_be_seen(waiting) -> None:
    root, _ = waiting
    run = runs(root)[0]
    first = orchestrate(root, "diff", run, "first").out
    assert "+changed" in first, "the batch's candidate"
    assert orchestrate(root, "diff", run).out == first, "nothing has landed before it"
    said = (root / "background.log").read_text()
    assert f"orchestrate diff {run} first" in said
    assert orchestrate(root, "diff", run, "second").out == ""


def test_yes(waiting) -> None:
    root, process = waiting
    assert "second" not in [event.get("batch") for event in events(root)], (
        "what needs it has not begun"
    )
    assert orchestrate(root, "status", "--json", code=1).json
    told = orchestrate(
        root, "approve", runs(root)[0], "first", "--by", "Zoë", "-m", "read it all"
    ).out
    assert "approved first/sign-off" in told
    assert process.wait(60) == 0
    recorded = next(event for event in events(root) if event["kind"] == "approval_recorded")
    assert (recorded["by"], recorded["comment"], recorded["approved"]) == (
        "Zoë",
        "read it all",
        True,
    )
    assert recorded["at"]
    assert ledger(root)[0] == "a"
    assert sorted(ledger(root)) == ["a", "b", "c"], "nobody ran twice"
    assert "Zoë" in (root / "reports" / runs(root)[0] / "report.md").read_text()
    orchestrate(root, "land")
    assert git(root / "user", "rev-list", "--count", "main") != "1"


def test_no(waiting) -> None:
    root, process = waiting
    orchestrate(root, "approve", runs(root)[0], "sign-off", "--decline", "--by", "Zoë")
    assert process.wait(60) == 1
    ended = {
        event["batch"]: event["outcome"] for event in events(root) if event["kind"] == "batch_ended"
    }
    assert ended == {"first": "rejected", "second": "blocked"}
    assert "batch_landed" not in kinds(root)
    assert ledger(root) == ["a"]
    assert orchestrate(root, "status", code=1)


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_stop_while_it_waits_and_a_sign_off_while_nobody_is_there(
    waiting, number: signal.Signals
) -> None:
    root, process = waiting
    assert stop(process, number) == 130
    assert "resume" in (root / "background.log").read_text()
    assert kinds(root)[-1] == "run_interrupted"
    told = orchestrate(root, "approve", runs(root)[0]).out
    assert "orchestrate resume" in told
    orchestrate(root, "resume", code=0)
    assert sorted(ledger(root)) == ["a", "b", "c"], "delivered work was not done again"
    orchestrate(root, "land")


@pytest.mark.slow
def test_a_kill_while_it_waits(waiting) -> None:
    root, process = waiting
    process.kill()
    process.wait()
    orchestrate(root, "approve", runs(root)[0])
    orchestrate(root, "resume", code=0)
    assert sorted(ledger(root)) == ["a", "b", "c"]


def test_a_sign_off_that_nobody_waits_for(waiting) -> None:
    root, _ = waiting
    done = orchestrate(root, "approve", runs(root)[0], "second", code=2)
    assert "waits for: first/sign-off" in done.err


@pytest.mark.slow
def test_patience_ends_as_no(tmp_path: Path) -> None:
    """No wait ever turns into 0."""
    mission = make_mission(tmp_path, gate="signed")
    mission.write_text(mission.read_text().replace("name: sign-off", "name: sign-off, timeout: 1s"))
    orchestrate(tmp_path, "run", mission, code=1)
    recorded = next(event for event in events(tmp_path) if event["kind"] == "approval_recorded")
    assert (recorded["approved"], recorded["by"]) == (False, "(time limit)")
