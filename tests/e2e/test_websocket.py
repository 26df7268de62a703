"""The seed plan from end to end: run, `kill -9` in batch 2, resume, report, land, clean.

What must come out is computed without the program under test: each agent's patch on its batch's
base, merged by git.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.e2e.helpers import (
    MISSIONS,
    Bench,
    Git,
    check_story,
    ended,
    ending,
    eventually,
    first_parents,
)

pytestmark = [pytest.mark.integration, pytest.mark.slow]

MISSION = MISSIONS / "websocket.yaml"
LONG = 900.0
"""Seconds; a run is five servers' worth of tests per batch, on whatever machine this is."""
PLAN = {
    batch["id"]: [agent["id"] for agent in batch["agents"]]
    for batch in yaml.safe_load(MISSION.read_text())["batches"]
}
CORE, INTEGRATION, *LATER = PLAN


def test_run_killed_in_its_second_batch_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "root")
    with ending(bench.start("run", MISSION, "--plain")) as process:
        eventually(
            "an agent of the second batch has finished",
            lambda: ended(bench, INTEGRATION) or process.popen.poll() is not None,
            LONG,
        )
        assert process.kill(), process.text
    finished = [(event["agent"], event["attempt"]) for event in bench.events("attempt_ended")]
    assert Counter(agent for agent, _ in finished if agent in PLAN[CORE]) == Counter(PLAN[CORE])
    assert [event["batch"] for event in bench.events("batch_landed")] == [CORE]
    (landed,) = bench.events("batch_landed")
    assert bench.tip == landed["commit"]
    killed_at = len(bench.events())
    assert "resume" in bench.run("status", code=None)

    told = bench.run("resume", "--plain", patience=LONG)
    assert "resumed" in told
    _check_resumed(bench, killed_at, finished)
    _check_report(bench)
    _check_landed(bench, tmp_path / "expected")
    _check_clean(bench)


def _check_resumed(bench: Bench, killed_at: int, finished: list[tuple[str, int]]) -> None:
    """What had ended was not done again, and what is there is whole."""
    events = bench.events()
    check_story(events)
    again = {event["agent"] for event in events[killed_at:] if event["kind"] == "attempt_started"}
    assert not again & {agent for agent, _ in finished}
    ends = Counter(event["agent"] for event in events if event["kind"] == "attempt_ended")
    assert ends == Counter(agent for agents in PLAN.values() for agent in agents)
    assert [event["batch"] for event in events if event["kind"] == "batch_landed"] == list(PLAN)
    landings = [event["commit"] for event in events if event["kind"] == "batch_landed"]
    assert first_parents(bench.store, events[0]["base"], bench.tip) == landings
    bench.store.fsck()


def _check_report(bench: Bench) -> None:
    """It is green because all of it is proven."""
    assert str(bench.report / "report.md") in bench.run("report")
    summary = bench.summary()
    assert (summary["status"], summary["exit_code"], summary["resumes"]) == ("complete", 0, 1)
    assert summary["recommendation"]["decision"] == "resolved"
    for batch in summary["batches"]:
        assert batch["outcome"] == "landed"
        assert {agent["outcome"] for agent in batch["agents"]} == {"landed"}
        claims = [
            *batch["criteria"],
            *(claim for agent in batch["agents"] for claim in agent["deliverables"]),
        ]
        assert {claim["status"] for claim in claims} == {"validated"}
        assert all(claim["evidence"] for claim in claims)
        assert all(
            (bench.report / path).is_file() for claim in claims for path in claim["evidence"]
        )
        check = batch["gates"][-1]["checks"][0]
        assert check["counts"]["executed"] == check["counts"]["passed"] > 0
        assert check["turned_green"] or check["base_counts"]["executed"] == 0
    text = (bench.report / "report.md").read_text(encoding="utf-8")
    assert "FAILED" not in text.replace("0 FAILED", "")
    assert all(f"`{agent}`" in text for agents in PLAN.values() for agent in agents)
    assert "complete" in bench.run("status")


def _check_landed(bench: Bench, scratch: Path) -> None:
    """The target's branch and checkout are what git alone makes of the recording."""
    target = Git(Path(bench.events()[0]["repository"]))
    base = bench.events()[0]["base"]
    expected = _expected_tree(target, base, scratch)
    assert bench.store.tree(bench.tip) == expected
    assert bench.tip[:12] in bench.run("land")
    assert target("rev-parse", "main", "HEAD").split() == [bench.tip, bench.tip]
    assert target.tree() == expected
    assert target("status", "--porcelain", "--ignored") == ""
    target.fsck()


def _expected_tree(target: Git, base: str, scratch: Path) -> str:
    """Each batch's patches, each on the batch's base, merged in the order of the mission."""
    target("clone", "--quiet", "--no-hardlinks", str(target.path), str(scratch))
    git = Git(scratch)
    for agents in PLAN.values():
        commits = []
        for agent in agents:
            git("checkout", "--quiet", "--detach", base)
            git("apply", "--index", str(MISSIONS / "websocket" / "recording" / f"{agent}.patch"))
            git("commit", "--quiet", "--message", agent)
            commits.append(git("rev-parse", "HEAD"))
        git("checkout", "--quiet", "--detach", base)
        for commit in commits:
            git("merge", "--quiet", "--no-ff", "--no-edit", commit)
        base = git("rev-parse", "HEAD")
    return git.tree(base)


def _check_clean(bench: Bench) -> None:
    """Nothing is left but the reports and the repository that was landed on."""
    bench.run("clean")
    assert not (bench.root / "workspaces" / bench.run_id).exists()
    target = Git(Path(bench.events()[0]["repository"]))
    assert not [ref for ref in target.refs() if "orchestrate" in ref]
    target.fsck()
    assert target("log", "--format=%s", "--first-parent").splitlines()[-1] == "Snapshot"
    bench.require_no_leftovers()
