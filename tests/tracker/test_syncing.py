"""`issues sync`: what a run proved, told to the issues of its mission."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.helpers import make_user, runs
from tests.tracker.github import GitHub, serving
from tests.tracker.helpers import Bench

MISSION = """\
version: 1
name: small
objective: Change three files.
repository: {path: user}
backends: {script: {command: [sh, "{mission_dir}/{agent}.sh"], brief: none}}
defaults: {isolation: worktree, backend: script, attempts: 1, timeout: 1m, land: passing}
gates: {changed: {checks: [{command: [grep, -q, changed, a.txt], name: a-changed}]}}
batches:
  - id: first
    agents:
      - {id: a, name: A, mission: Change a., files: [a.txt], deliverables: [{text: a is changed, proof: a-changed}]}
      - {id: b, name: B, mission: Change b., files: [b.txt], deliverables: [{text: nobody can tell}]}
      - {id: c, name: C, mission: Change c., files: [c.txt], deliverables: [{text: c is there, proof: {file: c.txt}}]}
    gate: changed
"""


@pytest.mark.slow
def test_outcomes_come_back_and_what_is_proven_is_closed(tmp_path: Path) -> None:
    make_user(tmp_path / "user")
    (tmp_path / "m.yaml").write_text(MISSION)
    for name in "ab":
        (tmp_path / f"{name}.sh").write_text(f"echo changed >> {name}.txt\n")
    (tmp_path / "c.sh").write_text("echo '@everybody look at #1' >> a.txt\n")
    github = GitHub()
    parent = github.issue("It is broken")
    with serving(github) as server:
        bench = Bench(tmp_path, server)
        bench("run", "m.yaml", code=1)
        (run,) = runs(tmp_path)
        assert "has no issues in o/r" in bench("issues", "sync", "--repo", "o/r", code=2).err
        bench("issues", "publish", "m.yaml", "--repo", "o/r", "--parent", str(parent))
        a, b, c = (github.titled(f"Agent {name}") for name in "abc")
        batch = github.titled("Batch 1")

        done = bench("issues", "sync", "--repo", "o/r", "--dry-run")
        assert "would be made" in done.out
        assert github.comments.keys() == {parent}
        bench("issues", "sync", "--repo", "o/r")
        assert [issue["state"] for issue in (a, b, c, batch)] == ["closed", "open", "open", "open"]
        assert a["state_reason"] == "completed"
        assert github.issues[parent]["state"] == "open"  # theirs to close
        (told,) = github.comments[a["number"]]
        assert "| a is changed | ✅ validated |" in told["body"]
        (told,) = github.comments[b["number"]]
        assert "◻️ unvalidated" in told["body"]
        (told,) = github.comments[c["number"]]
        assert "out_of_scope" in told["body"]
        assert "keep open" in github.comments[parent][1]["body"]
        for issue in (a, b, c, batch):
            assert f"run:{run}"[:50] in {label["name"] for label in issue["labels"]}

        # Again: nothing. And what a person opened again stays open for this run.
        before = len(github.writes)
        assert "nothing to do" in bench("issues", "sync", "--repo", "o/r").out
        a["state"] = "open"
        assert "was opened again by somebody" in bench("issues", "sync", "--repo", "o/r").err
        assert (a["state"], github.writes[before:]) == ("open", [])
        a["state"] = "closed"

        # A later run proves less: what was closed here is opened again. And what is proven by then
        # is closed.
        (tmp_path / "a.sh").write_text("echo nothing >> a.txt\n")
        (tmp_path / "m.yaml").write_text(MISSION.replace("[grep, -q, changed, a.txt]", '["true"]'))
        (tmp_path / "a.sh").write_text("exit 1\n")
        (tmp_path / "c.sh").write_text("echo changed >> c.txt\n")
        bench("run", "m.yaml", code=1)
        bench("issues", "sync", "--repo", "o/r")
        assert [issue["state"] for issue in (a, b, c)] == ["open", "open", "closed"]
        assert len(github.comments[a["number"]]) == 1
        assert "❌ **failed**" in github.comments[a["number"]][0]["body"]
    assert github.unknown == []
