"""Budgets of time: who is over one is ended with what they had made, what was delivered lands, and a
resume gives anew what was spent.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.helpers import Bench, check_story, make_repository, write

pytestmark = pytest.mark.integration

MISSION = """\
version: 1
name: costly
objective: Take longer than is good.
repository: {path: ../user}
backends:
  script: {command: [sh, "{mission_dir}/{agent}.sh", "{mission_dir}"], brief: none}
defaults: {isolation: worktree, backend: script, timeout: 10m}
%s
gates: {green: {checks: [{command: [sh, -c, "test -s file"]}]}}
batches:
  - id: first
    %s
    agents:
      - {id: quick, name: Quick, mission: Be quick., files: [quick]}
      - {id: slow, name: Slow, mission: Be slow., files: [slow]}
    gate: green
  - id: beside
    agents: [{id: other, name: Other, mission: Work beside it., files: [other]}]
    gate: green
  - id: last
    needs: [beside]
    agents: [{id: last, name: Last, mission: Be last., files: [last]}]
    gate: green
"""
SCRIPTS = {
    "quick.sh": "echo quick > quick\n",
    "slow.sh": (
        'echo half > slow\nsleep 900 &\nsetsid sleep 900 &\nwhile ! test -e "$1/go"; do sleep 0.05; done\n'
        "echo slow > slow\n"
    ),
    "other.sh": "echo other > other\n",
    "last.sh": "echo last > last\n",
}
SOME = "budget: {wall: 5s}"


def bench(folder: Path, run: str = "", batch: str = "", **scripts: str) -> tuple[Bench, Path]:
    make_repository(folder / "user", {"file": "base\n"})
    texts = MISSION % (run or "on_failure: continue", batch or "title: The first")
    write(folder / "mission", {"mission.yaml": texts, **SCRIPTS, **scripts})
    return Bench(folder / "root"), folder / "mission" / "mission.yaml"


def outcomes(made: Bench) -> dict[str, str]:
    found = made.summary()["batches"]
    return {agent["id"]: agent["outcome"] for batch in found for agent in batch["agents"]}


@pytest.mark.slow
def test_a_run_over_its_budget_keeps_what_was_made_and_goes_on_later(tmp_path: Path) -> None:
    # What is to come waits for who is at work when the time is over.
    slow = SCRIPTS["slow.sh"].replace("slow", "other")
    made, mission = bench(tmp_path, SOME, **{"other.sh": slow})
    text = made.run("run", mission, "--plain", code=1)
    assert "the budget of the run is spent: 5s; no attempt begins any more" in text
    (spent,) = made.events("budget_exceeded")
    assert (spent["batch"], spent["what"], spent["limit"], spent["stops"]) == (
        None, "wall", 5.0, True,
    )  # fmt: skip
    assert 5.0 <= spent["spent"] < 60.0
    cut = {event["agent"]: event for event in made.events("attempt_interrupted")}
    assert set(cut) == {"slow", "other"}
    assert {it["reason"] for it in cut.values()} == {"the budget of the run is spent: 5s"}
    assert made.store("show", f"{cut['slow']['salvaged']}:slow") == "half"
    made.require_no_leftovers()
    assert outcomes(made) == {
        "quick": "landed", "slow": "over_budget", "other": "over_budget", "last": "over_budget",
    }  # fmt: skip
    assert made.store("show", f"{made.tip}:quick") == "quick"
    assert "gives it anew" in (made.report / "report.md").read_text(encoding="utf-8")
    (mission.parent / "go").touch()
    made.run("resume", "--plain", code=0)
    check_story(made.events())
    assert set(outcomes(made).values()) == {"landed"}
    assert len(made.events("budget_exceeded")) == 1


@pytest.mark.slow
def test_a_batch_over_its_budget_holds_up_nobody_else(tmp_path: Path) -> None:
    made, mission = bench(tmp_path, batch="budget: {wall: 4s}")
    text = made.run("run", mission, "--plain", code=1)
    assert "the budget of batch first is spent: 4s" in text
    assert outcomes(made) == {
        "quick": "landed", "slow": "over_budget", "other": "landed", "last": "landed",
    }  # fmt: skip
    (batch,) = [it for it in made.summary()["batches"] if it["id"] == "first"]
    assert batch["outcome"] == "over_budget"
    # It is not counted before it began, nor after it ended.
    assert [event["batch"] for event in made.events("budget_exceeded")] == ["first"]


def test_a_warning_stops_nobody(tmp_path: Path) -> None:
    waits = "sleep 1.5\necho slow > slow\n"
    made, mission = bench(tmp_path, "budget: {wall: 1s, on_exceed: warn}", **{"slow.sh": waits})
    text = made.run("run", mission, "--plain", code=0)
    assert "the budget of the run is spent: 1s; the run goes on all the same" in text
    assert [event["stops"] for event in made.events("budget_exceeded")] == [False]
    assert set(outcomes(made).values()) == {"landed"}
    (item,) = [it for it in made.summary()["recommendation"]["items"] if it["kind"] == "budget"]
    assert not item["keeps_open"]


def test_a_budget_that_is_enough_is_not_heard_of(tmp_path: Path) -> None:
    quick = {"slow.sh": "echo slow > slow\n"}
    made, mission = bench(tmp_path, "budget: {wall: 1h}", "budget: {wall: 30m}", **quick)
    text = made.run("run", mission, "--plain", code=0)
    assert "the budget" not in text
    assert made.events("budget_exceeded") == []
    # A pause before a resume is not counted: the run is over, and nothing of it is left to do.
    assert "nothing is left to do" in made.run("resume", made.run_id, code=0)


@pytest.mark.slow
def test_an_attempt_that_waits_for_its_second_try_is_told_with_its_first(tmp_path: Path) -> None:
    fails = 'test -e "$1/tried" && exec sleep 900\ntouch "$1/tried"\nexit 3\n'
    made, mission = bench(tmp_path, batch="budget: {wall: 4s}", **{"slow.sh": fails})
    made.run("run", mission, "--plain", code=1)
    (batch,) = [it for it in made.summary()["batches"] if it["id"] == "first"]
    (slow,) = [it for it in batch["agents"] if it["id"] == "slow"]
    assert slow["outcome"] == "over_budget"
    assert "the budget of batch first is spent: 4s" in slow["reason"]
    assert [it["attempt"] for it in made.events("attempt_ended") if it["agent"] == "slow"] == [1]
