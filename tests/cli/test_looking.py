"""The verbs that only look, at a real run in which everything landed and at one in which almost
nothing did.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.helpers import (
    environment,
    eventually,
    kinds,
    make_mission,
    orchestrate,
    runs,
    start,
    stop,
)
from tests.ready import run_program

pytestmark = pytest.mark.integration


@pytest.fixture
def failing(looked_at: Path) -> str:
    return next(run for run in runs(looked_at) if "failing" in run)


def test_status_of_the_newest_run(looked_at: Path) -> None:
    told = orchestrate(looked_at, "status", code=0).out
    assert "hello" in told
    assert "2 of 2 agents landed" in told


def test_status_says_by_its_exit_code_whether_everything_landed(
    looked_at: Path, failing: str
) -> None:
    assert "crasher" in orchestrate(looked_at, "status", failing, code=1).out
    assert orchestrate(looked_at, "status", "--json", code=0).json
    assert orchestrate(looked_at, "status", failing, "--json", code=1).json


def test_an_abbreviated_run(looked_at: Path, failing: str) -> None:
    whole = orchestrate(looked_at, "status", failing, "--json", code=1).out
    for part in ("failing", failing[:-2], failing[9:]):
        assert orchestrate(looked_at, "status", part, "--json", code=1).out == whole
    done = orchestrate(looked_at, "status", "2", code=2)
    assert "could be" in done.err
    assert all(run in done.err for run in runs(looked_at))
    assert "there is no run xyzzy" in orchestrate(looked_at, "status", "xyzzy", code=2).err


def test_runs(looked_at: Path) -> None:
    told = orchestrate(looked_at, "runs").out
    assert told.index("hello") < told.index("failing"), "newest first"
    assert len(orchestrate(looked_at, "runs", "--json").json) == 2


def test_the_report_is_rendered_again(looked_at: Path, failing: str) -> None:
    folder = looked_at / "reports" / failing
    before = {name: (folder / name).read_text() for name in ("report.md", "report.json")}
    for name in before:
        (folder / name).unlink()
    told = orchestrate(looked_at, "report", failing).out
    for name, text in before.items():
        assert str(folder / name) in told
        assert (folder / name).read_text() == text
    assert "keep open" in before["report.md"].lower()
    assert json.loads(before["report.json"])


def test_a_format_that_there_is_not(looked_at: Path) -> None:
    done = orchestrate(looked_at, "report", "--format", "pdf", code=2)
    assert "pdf" in done.err


def test_logs_and_briefs(looked_at: Path) -> None:
    assert "half" not in orchestrate(looked_at, "logs", "failing", "crasher").out
    assert "something went wrong" in orchestrate(looked_at, "logs", "failing", "crasher").out
    second = orchestrate(looked_at, "logs", "failing", "stray", "--brief").out
    first = orchestrate(looked_at, "logs", "failing", "stray", "--brief", "--attempt", "1").out
    assert "Attempt 1 ended as out_of_scope" in second
    assert "tests/test_words.py" in second
    assert "Attempt 1" not in first


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["failing", "nobody"], "has no agent nobody"),
        (["failing", "stray", "--attempt", "3"], "has 2 attempts"),
        (["failing", "patient"], "has 0 attempts"),
    ],
)
def test_logs_that_there_are_not(looked_at: Path, arguments: list[str], words: str) -> None:
    assert words in orchestrate(looked_at, "logs", *arguments, code=2).err


def test_logs_of_what_is_meant_by_less(looked_at: Path) -> None:
    newest = runs(looked_at)[-1]
    told = orchestrate(looked_at, "logs", code=2).err
    assert f"run {newest} has" in told
    assert "say which: " in told
    agent = told.partition("say which: ")[2].split(",")[0].strip()
    assert (
        orchestrate(looked_at, "logs", agent).out
        == orchestrate(looked_at, "logs", newest, agent).out
    )


def test_a_log_is_followed_until_its_attempt_ends(tmp_path: Path) -> None:
    mission = make_mission(tmp_path)
    wait = f'while [ ! -e "{tmp_path}/go" ]; do sleep 0.05; done'
    (tmp_path / "a.sh").write_text(f"echo one; {wait}; echo two; echo changed >> a.txt\n")
    process = start(tmp_path, "run", mission, "--plain")
    try:
        eventually(lambda: "attempt_started" in kinds(tmp_path))
        (tmp_path / "follower").mkdir()
        follower = start(tmp_path / "follower", "logs", "-f", "a", "--root", "..")
        said = tmp_path / "follower" / "background.log"
        eventually(lambda: said.read_text() == "one\n")
        assert follower.poll() is None
        (tmp_path / "go").touch()
        eventually(lambda: follower.poll() is not None)
        assert said.read_text() == "one\ntwo\n"
    finally:
        stop(process)


def test_a_shell_completes_verbs_runs_and_agents(looked_at: Path) -> None:
    def completed(words: str) -> list[str]:
        env = environment() | {
            "_ORCHESTRATE_COMPLETE": "complete_bash",
            "COMP_WORDS": f"orchestrate {words}",
            "COMP_CWORD": str(words.count(" ") + 1),
        }
        return run_program([], cwd=looked_at, env=env, timeout=60)[1].split()

    assert completed("das") == ["dashboard"]
    assert completed("status ") == sorted(runs(looked_at), reverse=True)
    assert "stray" in completed("diff failing s")
    assert completed("status nothing-like-it") == []


def test_diffs(looked_at: Path) -> None:
    whole = orchestrate(looked_at, "diff", "hello").out
    assert "hello.py" in whole
    assert "goodbye.py" in whole
    one = orchestrate(looked_at, "diff", "hello", "greeter").out
    assert "hello.py" in one
    assert "goodbye.py" not in one
    assert orchestrate(looked_at, "diff", "hello", "manners").out == whole
    stray = orchestrate(looked_at, "diff", "failing", "stray").out
    assert "test_words.py" in stray, "also what was refused can be looked at"
    assert orchestrate(looked_at, "diff", "failing", "waiting").out == ""
    assert "has no agent xyzzy" in orchestrate(looked_at, "diff", "failing", "xyzzy", code=2).err


def test_watching_what_has_ended(looked_at: Path) -> None:
    assert "exit code 1" in orchestrate(looked_at, "watch", "failing", "--plain", code=1).out
    lines = orchestrate(looked_at, "watch", "hello", "--json", code=0).out.splitlines()
    assert all(json.loads(line) for line in lines)


def test_a_recording_replays(looked_at: Path, tmp_path: Path) -> None:
    told = orchestrate(looked_at, "record", "failing", tmp_path / "rec").out
    assert {path.name for path in (tmp_path / "rec").iterdir()} == {"adder.patch", "left.patch"}
    assert "crasher: left out, it is failed" in told
    done = orchestrate(looked_at, "record", "failing", tmp_path / "rec", code=2)
    assert "there is a recording already" in done.err
    orchestrate(looked_at, "record", "failing", tmp_path / "rec", "--force")


def test_resuming_what_is_done_does_nothing(looked_at: Path) -> None:
    run = runs(looked_at)[-1]
    before = (looked_at / "reports" / run / "journal.jsonl").read_bytes()
    orchestrate(looked_at, "resume", "hello")
    assert (looked_at / "reports" / run / "journal.jsonl").read_bytes() == before


def test_names_to_redo_that_there_are_not(looked_at: Path) -> None:
    assert (
        "has no batch mannors"
        in orchestrate(looked_at, "resume", "hello", "--batch", "mannors", code=2).err
    )
    assert (
        "has no agent greter"
        in orchestrate(looked_at, "resume", "hello", "--agent", "greter", code=2).err
    )


def test_nothing_waits_for_a_sign_off(looked_at: Path) -> None:
    done = orchestrate(looked_at, "approve", "hello", code=2)
    assert "waits for: nothing" in done.err


def test_what_did_not_land_whole_is_not_landed_on_a_branch(looked_at: Path) -> None:
    done = orchestrate(looked_at, "land", "failing", code=2)
    assert "not everything landed" in done.err
    assert "--partial" in done.err


def test_clean_refuses_what_is_not_landed(looked_at: Path) -> None:
    done = orchestrate(looked_at, "clean", code=2)
    assert done.err.count("not landed on a branch of yours") == 2
    assert all((looked_at / "workspaces" / run).is_dir() for run in runs(looked_at))
