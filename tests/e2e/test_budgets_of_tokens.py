"""Budgets of tokens and cost, with programs that work, and report what they used, as agents do."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.e2e.helpers import Bench, check_story, make_repository, write

pytestmark = pytest.mark.integration

MISSION = """\
version: 1
name: costly
objective: Use more than is good.
repository: {{path: ../user}}
defaults: {{backend: {backend}, parallel: 1, isolation: worktree, attempts: 1}}
budget: {budget}
batches:
  - id: first
    budget: {batch}
    agents:
      - {{id: one, name: One, mission: Do one., files: [done/**]}}
      - {{id: two, name: Two, mission: Do two., files: [done/**]}}
      - {{id: three, name: Three, mission: Do three., files: [done/**]}}
"""
LAST = {
    "codex": {"type": "turn.completed", "usage": {"input_tokens": 500, "output_tokens": 100}},
    "claude": {
        "type": "result",
        "subtype": "success",
        "is_error": False,
        "result": "done",
        "total_cost_usd": 0.6,
        "usage": {"input_tokens": 500, "output_tokens": 100},
    },
}


def bench(folder: Path, backend: str, budget: str, batch: str = "{wall: 1h}") -> tuple[Bench, Path]:
    make_repository(folder / "user", {"file": "base\n"})
    text = MISSION.format(backend=backend, budget=budget, batch=batch)
    write(folder / "mission", {"mission.yaml": text})
    work = 'mkdir -p done; echo done > "done/$ORCHESTRATE_AGENT"'
    last = json.dumps(LAST[backend])
    program = folder / "bin" / backend
    write(folder / "bin", {backend: f"#!/bin/sh\ncat > /dev/null\n{work}\necho '{last}'\n"})
    program.chmod(0o755)
    return Bench(folder / "root"), folder / "mission" / "mission.yaml"


def outcomes(made: Bench) -> list[str]:
    (found,) = made.summary()["batches"]
    return [agent["outcome"] for agent in found["agents"]]


@pytest.fixture(autouse=True)
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("backend", "budget", "said"),
    [
        ("codex", "{tokens: 1k}", "the budget of the run is spent: 1,000 tokens"),
        ("claude", "{tokens: 1k}", "the budget of the run is spent: 1,000 tokens"),
        ("claude", "{cost_usd: 1}", "the budget of the run is spent: 1.00 US dollars"),
    ],
)
def test_what_agents_report_is_counted(
    tmp_path: Path, backend: str, budget: str, said: str
) -> None:
    made, mission = bench(tmp_path, backend, budget)
    text = made.run("run", mission, "--plain", code=1)
    assert text.count(f"{said}; no attempt begins any more") == 1
    assert outcomes(made) == ["landed", "landed", "over_budget"]
    (spent,) = made.events("budget_exceeded")
    assert spent["spent"] == (1.2 if "cost" in budget else 1200)
    # What was used before does not count again.
    made.run("resume", "--plain", code=0)
    check_story(made.events())
    assert outcomes(made) == ["landed"] * 3
    assert len(made.events("budget_exceeded")) == 1


def test_who_reports_no_cost_is_not_counted(tmp_path: Path) -> None:
    made, mission = bench(tmp_path, "codex", "{cost_usd: 0.01}")
    made.run("run", mission, "--plain", code=0)
    assert made.events("budget_exceeded") == []


def test_a_batch_may_have_less_and_a_warning_stops_nobody(tmp_path: Path) -> None:
    made, mission = bench(tmp_path, "codex", "{tokens: 1k, on_exceed: warn}", "{tokens: 1}")
    made.run("run", mission, "--plain", code=1)
    assert outcomes(made) == ["landed", "over_budget", "over_budget"]
    (spent,) = made.events("budget_exceeded")
    assert (spent["batch"], spent["stops"]) == ("first", True)
    made.run("resume", "--plain", code=1)
    assert outcomes(made) == ["landed", "landed", "over_budget"]
    # The run's own was not spent when it was given anew: of 1,200 tokens 600 count.
    assert [it["batch"] for it in made.events("budget_exceeded")] == ["first", "first"]
