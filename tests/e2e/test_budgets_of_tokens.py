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


def streaming(folder: Path, *events: dict[str, object], then: str) -> None:
    """An agent that reports what it used while it works: it edits, says so, and goes on."""
    lines = "".join(f"echo '{json.dumps(event)}'\n" for event in events)
    work = 'mkdir -p done; echo done > "done/$ORCHESTRATE_AGENT"'
    write(folder / "bin", {"claude": f"#!/bin/sh\ncat > /dev/null\n{work}\n{lines}{then}\n"})
    (folder / "bin" / "claude").chmod(0o755)


def step(name: str, tokens: int) -> dict[str, object]:
    usage = {"input_tokens": tokens, "output_tokens": 0}
    return {"type": "assistant", "message": {"id": name, "content": [], "usage": usage}}


@pytest.mark.parametrize("on_exceed", ["stop", "warn"])
def test_an_attempt_is_held_to_its_own_ceiling_while_it_works(
    tmp_path: Path, on_exceed: str
) -> None:
    made, mission = bench(tmp_path, "claude", "{wall: 1h}")
    ceiling = f"budget: {{tokens: 1k, on_exceed: {on_exceed}}}, id: one,"
    mission.write_text(mission.read_text().replace("id: one,", ceiling))
    # The first two steps are one message that is told twice.
    events = [step("a", 400), step("a", 400), step("b", 400), step("c", 400)]
    whole = {"input_tokens": 1200, "output_tokens": 0}
    end = f"echo '{json.dumps(LAST['claude'] | {'usage': whole})}'"
    waits = f'if [ "$ORCHESTRATE_AGENT" = one ]; then sleep {"60" if on_exceed == "stop" else "0.5"}; fi'
    streaming(tmp_path, *events, then=f"{waits}; {end}")
    text = made.run("run", mission, "--plain", code=int(on_exceed == "stop"))
    first = "over_budget" if on_exceed == "stop" else "landed"
    assert outcomes(made) == [first, "landed", "landed"], text
    (agent, *_) = made.summary()["batches"][0]["agents"]
    assert "1,200 tokens; one attempt may use 1,000" in json.dumps(agent)
    (ended, *_) = (it for it in made.events("attempt_ended") if it["agent"] == "one")
    assert ended["usage"]["tokens_in"] == 1200
    check_story(made.events())


def test_a_rate_limit_holds_no_slot_and_costs_nothing(tmp_path: Path) -> None:
    """One of two providers limits the rate; the other's agents go on in the only slot."""
    made, mission = bench(tmp_path, "claude", "{wall: 1h}")
    text = mission.read_text().replace("id: two,", "backend: codex, id: two,")
    mission.write_text(text.replace("id: three,", "backend: codex, id: three,"))
    limited = {
        "type": "system",
        "subtype": "api_retry",
        "error_status": 429,
        "retry_delay_ms": 1500,
    }
    last = LAST["claude"] | {"subtype": "error", "is_error": True, "api_error_status": 429}
    first = f"if mkdir {tmp_path}/once; then echo '{json.dumps(last)}'; exit 1; fi"
    streaming(tmp_path, limited, then=f"{first}; echo '{json.dumps(LAST['claude'])}'")
    work = 'mkdir -p done; echo done > "done/$ORCHESTRATE_AGENT"'
    codex = f"#!/bin/sh\ncat > /dev/null\n{work}\necho '{json.dumps(LAST['codex'])}'\n"
    write(tmp_path / "bin", {"codex": codex})
    (tmp_path / "bin" / "codex").chmod(0o755)
    told = made.run("run", mission, "--plain", code=0)
    assert "rate limited" in told
    order = [(it["kind"], it.get("agent", "")) for it in made.events()]
    known = [kind for kind, _ in order]
    limit, over = known.index("rate_limited"), known.index("rate_limit_over")
    ended = [it[1] for it in order[limit:over] if it[0] == "attempt_ended"]
    assert ended == ["two", "three"], "they did not wait for it"
    agents = {it["id"]: it for it in made.summary()["batches"][0]["agents"]}
    assert len(agents["one"]["attempts"]) == 2
    assert agents["one"]["outcome"] == "landed", "of one attempt that it had"
    check_story(made.events())
