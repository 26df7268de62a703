"""From a plan in Markdown to a merged pull request that someone can believe, and to one that stays open.

The whole plan is imported; of its four batches the first is carried out, for the others take minutes
of a processor: `WHOLE_WAY=4` has all of them carried out.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.helpers import git, runs
from tests.ready import PROJECT
from tests.tracker.github import GitHub, serving
from tests.tracker.helpers import Bench

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PLAN = PROJECT / "tests" / "importing" / "plans" / "websocket.md"
SAMPLE = PROJECT / "missions" / "websocket.yaml"
BATCHES = int(os.environ.get("WHOLE_WAY", "1"))
LONG = 900.0
"""Seconds; a run is five servers' worth of tests per batch, on whatever machine this is."""


def proven(imported: dict[str, Any], recording: Path) -> dict[str, Any]:
    """What the plan says, with what a person adds to it: gates, proofs, and who does the work."""
    sample = yaml.safe_load(SAMPLE.read_text())
    mission = sample | {name: imported[name] for name in ("name", "objective")}
    mission["backends"] = {"recording": {"dir": str(recording)}}
    mission["defaults"] |= {
        "backend": "recording",
        "isolation": "worktree",
        "attempts": 1,
        "land": "whole",
    }
    mission["repository"] = {"path": "user"}
    for batch, said in zip(mission["batches"], imported["batches"], strict=True):
        batch["title"] = said["title"]
        for agent, told in zip(batch["agents"], said["agents"], strict=True):
            agent |= {name: told[name] for name in ("id", "name", "mission", "tasks")}
            for claim, words in zip(agent["deliverables"], told["deliverables"], strict=True):
                claim["text"] = words["text"]
    mission["batches"] = mission["batches"][:BATCHES]
    return mission


SPOILT = """\
diff --git a/tests/acceptance/conftest.py b/tests/acceptance/conftest.py
new file mode 100644
--- /dev/null
+++ b/tests/acceptance/conftest.py
@@ -0,0 +1 @@
+collect_ignore = ["test_core.py"]
"""
"""Work that has what judges it left out instead of being right."""


@pytest.mark.parametrize("spoilt", [False, True], ids=["resolved", "kept open"])
def test_the_whole_way(tmp_path: Path, spoilt: bool) -> None:
    target = tmp_path / "user"
    shutil.copytree(SAMPLE.parent / "websocket" / "target", target)
    git(target, "init", "-q", "-b", "main")
    git(target, "add", ".")
    git(target, "commit", "-q", "-m", "As it was")
    git(tmp_path, "clone", "-q", "--bare", "user", "r.git")
    git(target, "remote", "add", "origin", str(tmp_path / "r.git"))
    recording = tmp_path / "recording"
    shutil.copytree(SAMPLE.parent / "websocket" / "recording", recording)
    if spoilt:
        with (recording / "1.1.patch").open("a") as patch:
            patch.write(SPOILT)
    github = GitHub(bare=tmp_path / "r.git", association="MEMBER")
    parent = github.issue("Beta users do not get events")
    with serving(github) as server:
        bench = Bench(tmp_path, server, LONG)
        # The plan becomes a mission, and issues; from these it is read again, and is the same.
        bench("import", PLAN, "--repository", "user", "-o", "plan.yaml")
        imported = yaml.safe_load((tmp_path / "plan.yaml").read_text())
        mission = proven(imported, recording)
        (tmp_path / "m.yaml").write_text(yaml.safe_dump(mission, sort_keys=False, width=110))
        bench("issues", "publish", "m.yaml", "--repo", "o/r", "--parent", str(parent))
        if not spoilt:
            assert [len(batch["agents"]) for batch in imported["batches"]] == [5, 5, 5, 5]
            assert len(github.issues) == 1 + BATCHES + 5 * BATCHES
            again = yaml.safe_load(bench("import", f"o/r#{parent}", "--repository", "user").out)
            names = [
                [(agent["id"], agent["name"]) for agent in batch["agents"]]
                for batch in imported["batches"][:BATCHES]
            ]
            assert names == [
                [(agent["id"], agent["name"]) for agent in batch["agents"]]
                for batch in again["batches"]
            ]

        bench("run", "m.yaml", code=1 if spoilt else 0, HTTP_PROXY="")
        (run,) = runs(tmp_path)
        bench("issues", "sync", "--repo", "o/r")
        pool = github.titled("Agent 1.1")
        first, last = github.titled("Batch 1"), github.titled(f"Batch {BATCHES}")
        if spoilt:
            assert (pool["state"], first["state"], last["state"]) == ("open", "open", "open")
            assert "keep open" in github.comments[parent][-1]["body"]
            assert "❌" in github.comments[pool["number"]][-1]["body"]
            found = bench("assess", run, "--strict", code=1).out
            assert "KEEP OPEN" in found
            assert re.search(r"1\.1.*out_of_scope|core: rejected: .*1\.1", found)
            return
        assert (pool["state"], first["state"], last["state"]) == ("closed", "closed", "closed")
        bench("land", "--pr", "--repo", "o/r")
        (number,) = github.pulls
        assert github.pulls[number]["draft"] is False
        assert len(github.pulls[number]["body"]) <= 65_536
        github.check(github._ref(f"orchestrate/{run}"), "unit", "success")
        assert "nothing stands against it" in bench("follow", "--repo", "o/r", "--once").out
        github.merge(number)
        assert "is merged into main" in bench("follow", "--repo", "o/r", "--once").out
        assert "RESOLVED" in bench("assess", run).out
    assert github.unknown == []
