"""The rules of scheduling over thousands of random missions and fates, in a world without git and
processes.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.engine import redo
from orchestrator.errors import UsageError
from orchestrator.journal.events import AttemptStarted, BudgetExceeded, RunEnded
from orchestrator.journal.facts import Outcome
from orchestrator.journal.state import Phase, State, fold
from orchestrator.mission.model import Mission
from tests.engine.world import World, missions
from tests.reports.builder import two_batches

fates = st.integers(0, 2**32)
"""Seeds of the world's random numbers."""
often = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
seldom = settings(often, max_examples=100)


def starts(world: World, since: int = 0) -> set[str]:
    return {
        record.event.agent
        for record in world.records[since:]
        if isinstance(record.event, AttemptStarted)
    }


@given(missions(), fates, st.integers(1, 5))
@often
def test_every_run_ends_and_keeps_the_rules(mission: Mission, fate: int, parallel: int) -> None:
    world = World(mission, Random(fate), parallel=parallel).go_on()
    world.check_end()
    assert sum(isinstance(record.event, RunEnded) for record in world.records) == 1


@given(missions(), fates)
@often
def test_kills_and_stops_change_nothing_but_the_time(mission: Mission, fate: int) -> None:
    World(mission, Random(fate), kills=0.08).go_on().check_end()


@given(missions(), fates)
@often
def test_budgets_end_what_they_hold_and_a_resume_gives_them_anew(
    mission: Mission, fate: int
) -> None:
    world = World(mission, Random(fate), spends=0.1, kills=0.02).go_on()
    world.check_end()
    told = [record.event for record in world.records]
    spent = {it.batch for it in told if isinstance(it, BudgetExceeded) and it.stops}
    for one in world.state.agents.values():
        if one.settled is Outcome.OVER_BUDGET:
            assert spent & {None, one.batch}
            assert "the budget of" in one.settled_reason
    world.spends = world.kills = 0.0
    world.resume()
    world.go_on().check_end()
    assert not any(it.settled is Outcome.OVER_BUDGET for it in world.state.agents.values())


@given(missions(batches=3, agents=3), fates, st.data())
@seldom
def test_any_prefix_can_be_taken_up(mission: Mission, fate: int, data: st.DataObject) -> None:
    whole = World(mission, Random(fate), parallel=2).go_on()
    cut = data.draw(st.integers(1, len(whole.records)), label="records that reached the disk")
    taken_up = World.__new__(World)
    taken_up.__dict__.update(whole.__dict__)
    taken_up.random = Random(cut)
    taken_up.records = whole.records[:cut]
    state = fold(taken_up.records)
    assert state
    taken_up.state = state
    # The compare-and-swap lies between two records: it has happened or it has not.
    torn = state.batches[state.integrating].intent if state.integrating else None
    taken_up.ref = torn.after if torn and data.draw(st.booleans(), label="moved") else state.tip
    if state.ended:
        return
    landed = {one.id for one in state.agents.values() if one.settled and one.settled.is_good}
    delivered = {one.id for one in state.agents.values() if one.phase is Phase.READY}
    taken_up.resume()
    first = len(taken_up.records)
    taken_up.go_on().check_end()
    assert not starts(taken_up, first) & landed, "landed work is not done again"
    returned = {
        item.agent
        for record in taken_up.records[first:]
        if record.event.kind == "agents_returned"
        for item in record.event.returns
    }
    assert not (starts(taken_up, first) & delivered) - returned, "delivered work is not done again"


@given(missions(), fates, st.integers(1, 3))
@seldom
def test_a_plain_resume_does_again_what_is_not_done(
    mission: Mission, fate: int, times: int
) -> None:
    world = World(mission, Random(fate), kills=0.02).go_on()
    for _ in range(times):
        before = world.state
        landed = {one.id for one in before.agents.values() if one.outcome and one.outcome.is_good}
        if redo.unfinished(before) is None:
            assert landed == set(before.agents)
            return
        since = len(world.records)
        world.resume()
        assert world.state.tip == before.tip, "what landed is not taken back"
        world.go_on().check_end()
        assert not starts(world, since) & landed
        assert {
            one.id for one in world.state.agents.values() if one.outcome and one.outcome.is_good
        } >= landed


def closure(state: State, batches: set[str], agents: set[str]) -> set[str]:
    """All that has to be done again: the chosen work, who needs it, and the batches that need
    theirs.
    """
    plan = state.plan
    again = agents | {one.id for name in batches for one in plan.batch(name).agents}
    again |= {dependent for id in again for dependent in plan.agent_dependents(id)}
    touched = {plan.agent(id).batch for id in again}
    return again | {
        one.id
        for name in touched
        for later in plan.dependents(name)
        for one in plan.batch(later).agents
    }


def redone(world: World, data: st.DataObject) -> tuple[State, set[str]]:
    """Redo something; returns the state before it and what has to run again."""
    state = world.state
    batches = set(
        data.draw(st.lists(st.sampled_from(sorted(state.batches)), max_size=1), label="batches")
    )
    picked = st.lists(
        st.sampled_from(sorted(state.agents)), min_size=0 if batches else 1, max_size=2
    )
    agents = set(data.draw(picked, label="agents"))
    request = redo.choose(state, sorted(batches), sorted(agents))
    again = closure(state, batches, agents)
    assert set(request.agents) == again, "dependents follow, and nobody else"
    world.resume(lambda now: redo.choose(now, sorted(batches), sorted(agents)))
    for id in again:
        assert world.state.agents[id].phase is Phase.PENDING
        assert id not in world.on_tip, "the tip holds nothing of what is done again"
    for id, one in state.agents.items():
        if id not in again and one.settled is Outcome.LANDED:
            now = world.state.agents[id]
            assert now.phase is Phase.READY or now.settled is Outcome.LANDED, (
                "independent work is kept"
            )
    return state, again


@given(missions(), fates, st.data())
@seldom
def test_chosen_work_is_redone_with_its_dependents(
    mission: Mission, fate: int, data: st.DataObject
) -> None:
    world = World(mission, Random(fate), kills=0.02).go_on()
    for _ in range(2):
        before, again = redone(world, data)
        since = len(world.records)
        world.go_on().check_end()
        kept = {one.id for one in before.agents.values() if one.settled is Outcome.LANDED} - again
        sent_back = {
            item.agent
            for record in world.records[since:]
            if record.event.kind == "agents_returned"
            for item in record.event.returns
        }
        assert not (starts(world, since) & kept) - sent_back, (
            "independent landed work is not done again"
        )


@given(missions(), fates, st.integers(1, 60), st.data())
@seldom
def test_a_redo_in_the_middle_of_a_run(
    mission: Mission, fate: int, rounds: int, data: st.DataObject
) -> None:
    world = World(mission, Random(fate), kills=0.02).go_on(rounds)
    world.interrupt() if not world.state.ended else None
    redone(world, data)
    world.go_on().check_end()


def test_a_name_that_the_run_has_not_is_refused() -> None:
    state = World(two_batches(), Random(0)).state
    with pytest.raises(UsageError, match="no batch cor"):
        redo.choose(state, ["cor"], [])
    with pytest.raises(UsageError, match=r"no agent 9\.9"):
        redo.choose(state, [], ["9.9"])
