"""Races and reviews, with real programs as agents and real gates: who is picked and why, what is
kept of the others, and that a review decides nothing.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.helpers import Bench, check_story, ending, eventually, make_repository, write

pytestmark = pytest.mark.integration

MISSION = """\
version: 1
name: racing
objective: Make it two.
repository: {path: ../user}
defaults: {backend: good, isolation: worktree, attempts: 1, parallel: 2}
backends:
  good: {command: {shell: "echo 2 > value"}}
  long: {command: {shell: "printf '2\\n\\n\\n' > value"}}
  bad: {command: {shell: "echo 3 > value"}}
  fails: {command: {shell: "echo 2 > value; exit 3"}}
  stray: {command: {shell: "echo 2 > value; echo x > other"}}
  idle: {command: {shell: "true"}}
  reads: {command: {shell: "cat value; echo x > scratch; echo 'FINDING high value:1: a magic number'"}}
  mute: {command: {shell: "cat value"}}
gates:
  tests: {checks: [{name: two, command: {shell: "CHECK"}}]}
batches:
  - id: one
    gate: tests
    agents:
AGENTS
"""
TWO = "test $(head -n 1 value) = 2"
WORKER = "{{id: {id}, name: W, mission: Make it two., files: [value], {more}}}"
REVIEWER = "{{id: {id}, name: R, mission: Read it., {more}}}"


def made(folder: Path, *agents: str, check: str = TWO) -> tuple[Bench, Path]:
    make_repository(folder / "user", {"value": "1\n", "other": "1\n"})
    lines = "\n".join(f"      - {agent}" for agent in agents)
    text = MISSION.replace("CHECK", check).replace("AGENTS", lines)
    write(folder / "mission", {"m.yaml": text})
    return Bench(folder / "root"), folder / "mission" / "m.yaml"


def worker(id: str, more: str) -> str:
    return WORKER.format(id=id, more=more)


def reviewer(id: str, more: str) -> str:
    return REVIEWER.format(id=id, more=more)


def agents_of(bench: Bench) -> dict[str, Any]:
    (batch,) = bench.summary()["batches"]
    return {agent["id"]: agent for agent in batch["agents"]}


def test_the_gate_picks_and_the_review_decides_nothing(tmp_path: Path) -> None:
    race = "race: [fails, bad, long, good, stray]"
    bench, mission = made(
        tmp_path, worker("w", race), reviewer("r", "backend: reads"), reviewer("m", "backend: mute")
    )
    text = bench.run("run", mission, "--plain", code=1)  # for want of a review
    check_story(bench.events())
    assert bench.store("show", f"{bench.tip}:value") == "2"
    assert "w started attempt 1/1 with good, racer 4 of 5" in text
    assert "w attempt 4 (good) was picked: it is green by itself; its change is the small" in text

    found = agents_of(bench)
    (story,) = found["w"]["races"]
    assert [story["picked"], *(it["outcome"] for it in story["results"])] == [
        *(4, "failed", "rejected", None, None, "out_of_scope")
    ]
    reasons = [it["reason"] for it in story["results"]]
    assert "exited with 3" in reasons[0]
    assert "gate tests is red on it: two:" in reasons[1]
    assert "not picked: its 4 lines are more than the 2 of attempt 4" in reasons[2]
    # What the others made is kept, by name, with homes, logs and briefs of their own.
    for number in range(1, 6):
        ref = f"refs/orchestrate/{bench.run_id}/w/{number}"
        assert bench.store("show", f"{ref}:value").startswith("3" if number == 2 else "2")
        for place in (f"logs/w-{number}.log", f"briefs/w-{number}.md"):
            assert (bench.report / place).is_file()

    # The reviewers read the batch's work before it had landed.
    assert found["r"]["outcome"] == "no_change_needed"
    (finding,) = found["r"]["findings"]
    assert finding == {"severity": "high", "path": "value", "line": 1, "text": "a magic number"}
    assert found["r"]["notes"] == ["it changed scratch, which was discarded: it reviews"]
    assert (bench.report / "logs/r-1.log").read_text().splitlines()[0] == "2"
    assert "scratch" not in bench.store("ls-tree", "--name-only", bench.tip)
    assert found["m"]["outcome"] == "failed"
    assert "without saying `NO FINDINGS`" in found["m"]["reason"]
    (batch,) = bench.summary()["batches"]
    assert (batch["outcome"], batch["gates"][0]["decision"]) == ("landed", "passed")
    brief = (bench.report / "briefs/r-1.md").read_text()
    assert "FINDING high|medium|low" in brief
    assert "+2" in brief

    report = (bench.report / "report.md").read_text()
    assert "| `r` | high | `value:1` | a magic number |" in report
    assert re.search(r"\| `w` \| 1 \| 4 \| good \| 2 \| yes \|", report)
    page = (bench.report / "report.html").read_text()
    assert "attempt 4 was picked" in page
    assert "a magic number" in page


def test_none_that_may_land_fails_with_the_reasons_of_all(tmp_path: Path) -> None:
    race = "race: [bad, fails, idle], attempts: 2"
    bench, mission = made(tmp_path, worker("w", race))
    bench.run("run", mission, "--plain", code=1)
    check_story(bench.events())
    found = agents_of(bench)["w"]
    assert (found["outcome"], len(found["attempts"])) == ("rejected", 6)
    for part in ("(bad): gate tests is red", "(fails): sh exited with 3", "(idle): nothing deliv"):
        assert part in found["reason"]
    assert len(bench.events("race_decided")) == 2
    # The second race is told of the first.
    brief = (bench.report / "briefs/w-5.md").read_text()
    assert "Attempt 1 ended as rejected" in brief
    assert "Attempt 2 ended as failed" in brief
    assert "Attempt 4" not in brief


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["attempt_ended", "race_closed", "race_decided"])
def test_a_kill_picks_the_same(tmp_path: Path, moment: str) -> None:
    """Whatever was known of the race is known after it, and no racer that ended works again."""
    check = f"sleep 0.5; {TWO}"
    bench, mission = made(tmp_path, worker("w", "race: [bad, long, good, fails]"), check=check)
    with ending(bench.start("run", mission, "--plain")) as process:
        eventually(moment, lambda: bench.events(moment))
        assert process.kill()
    before = {it["attempt"] for it in bench.events("attempt_ended")}
    bench.run("resume", "--plain")
    check_story(bench.events())
    started = [it["racer"] for it in bench.events("attempt_started")]
    ended = [it["attempt"] for it in bench.events("attempt_ended")]
    assert len(ended) == len(set(ended)) == 4
    assert before <= set(ended)
    assert set(started) == {1, 2, 3, 4}
    (decided,) = bench.events("race_decided")
    picked = {it["attempt"]: it["backend"] for it in decided["results"]}[decided["stands_on"]]
    assert picked == "good"
    assert bench.store("show", f"{bench.tip}:value") == "2"
    bench.require_no_leftovers()


def test_what_the_plan_and_the_loader_say(tmp_path: Path) -> None:
    bench, mission = made(tmp_path, worker("w", "race: 3"), reviewer("r", "backend: reads"))
    text = bench.run("plan", mission)
    assert "race of good, good, good" in text
    assert "reviewer · reads" in text
    for index, (more, said) in enumerate(
        {
            "race: [good]": "backends to race one another",
            "race: 11": "a number up to 10",
            "race: [good, goood]": "did you mean `good`?",
            "race: [good, bad], backend: good": "take `backend` out",
            "budget: {on_exceed: warn}": "expected a ceiling",
            "budget: {wall: 1h}": "wall",
        }.items()
    ):
        _, wrong = made(tmp_path / str(index), worker("w", more))
        assert said in bench.run("plan", wrong, code=2), more
    _, wrong = made(tmp_path / "review", reviewer("r", "race: 2"))
    assert "no `files`" in bench.run("plan", wrong, code=2)
