"""`notify:` of a mission, from the command line: who is told what while a run goes on, and that a
way which fails changes nothing of it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.helpers import events, eventually, kinds, make_mission, orchestrate, runs, start

pytestmark = pytest.mark.integration

NOTIFY = """\
notify:
  - command: {shell: "cat >> told.jsonl; echo >> told.jsonl"}
  - {webhook: "http://127.0.0.1:1/nobody-listens", timeout: 5s}
  - {command: [./no-such-program], on: end}
"""


def messages(root: Path) -> list[dict[str, str]]:
    path = root / "told.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_person_is_told_when_they_are_needed_and_at_the_end(tmp_path: Path) -> None:
    mission = make_mission(tmp_path, gate="signed")
    mission.write_text(f"{mission.read_text()}{NOTIFY}")
    process = start(tmp_path, "run", mission, "--plain")
    try:
        eventually(lambda: messages(tmp_path) or process.poll() is not None)
        (wanted,) = messages(tmp_path)
        (run,) = runs(tmp_path)
        assert (wanted["event"], wanted["batch"], wanted["run"]) == ("approval", "first", run)
        assert wanted["text"].endswith(f"orchestrate approve {run} signed")
        orchestrate(tmp_path, *wanted["text"].partition("orchestrate ")[2].split())
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
    assert [it["event"] for it in messages(tmp_path)] == ["approval", "end"]
    assert messages(tmp_path)[1]["text"] == "small: everything landed"
    assert kinds(tmp_path)[-1] == "run_ended"
    log = (tmp_path / "reports" / run / "notify.log").read_text()
    assert "webhook 127.0.0.1: end: failed: " in log
    assert "no-such-program: end: failed: could not be started" in log
    assert [event["exit_code"] for event in events(tmp_path) if event["kind"] == "run_ended"] == [0]
