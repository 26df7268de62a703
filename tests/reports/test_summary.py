"""The summary tells what the events say, and no more."""

from __future__ import annotations

import pytest

from orchestrator.journal.events import (
    AgentsReturned,
    ApprovalRecorded,
    GateStarted,
    Return,
    RunEnded,
    RunResumed,
    TargetLanded,
)
from orchestrator.journal.facts import ClaimResult, ClaimStatus, Decision, Outcome
from orchestrator.reports.markdown import render_markdown
from orchestrator.reports.summary import summarize
from tests.reports.builder import (
    STORIES,
    Story,
    agent,
    batch,
    commit,
    every_outcome,
    good,
    interrupted,
    many,
    mission,
    only_started,
    red,
    redone,
    replayed,
    resumed,
    running,
    two_batches,
    ungated,
    verdict_of,
    waiting,
)


@pytest.mark.parametrize("name", STORIES)
def test_every_run_has_a_summary_at_every_moment(name: str) -> None:
    from orchestrator.journal.state import apply

    state = None
    for record in STORIES[name]().records:
        state = apply(state, record)
        summary = summarize(state)
        assert len(summary.agents) == summary.counts.agents
        assert summary.recommendation.is_resolved == (
            not any(i.keeps_open for i in summary.recommendation.items)
        )
        assert state.ended or not summary.recommendation.is_resolved


def test_a_good_run_is_resolved_and_lists_what_nobody_proved() -> None:
    summary = summarize(good().state)
    assert summary.status == "complete"
    assert summary.recommendation.is_resolved
    assert [(item.kind, item.subject) for item in summary.recommendation.items] == [
        ("deliverable", "1.1"),
        ("deliverable", "1.2"),
        ("deliverable", "2.1"),
    ]
    assert summary.counts.criteria.validated == summary.counts.criteria.total == 2
    assert [gate.landed for each in summary.batches for gate in each.gates] == [True, True]
    assert summary.batches[1].commit == summary.tip
    assert summary.batches[0].verdict is not None
    assert summary.batches[0].verdict.checks[0].evidence == "gates/core/unit.json"


def test_the_outcomes_are_the_agents_own() -> None:
    summary = summarize(every_outcome().state)
    assert {agent.id: agent.status for agent in summary.agents} == {
        "good": "landed",
        "unneeded": "no_change_needed",
        "retried": "landed",
        "rejected": "rejected",
        "conflicted": "conflicted",
        "scope": "out_of_scope",
        "failed": "failed",
        "slow": "timed_out",
        "costly": "over_budget",
        "whatever": "failed",
        "2.1": "blocked",
        "3.1": "cancelled",
    }
    agents = {agent.id: agent for agent in summary.agents}
    assert [attempt.status for attempt in agents["retried"].attempts] == ["failed", "landed"]
    assert agents["retried"].attempts[0].reason == "exit code 1"
    assert agents["rejected"].attempts[0].status == "rejected"
    assert agents["scope"].breaches[0].path == "src/core.py"
    assert summary.batches[0].conflicts[0].others == ("good",)
    assert summary.batches[1].reason == "batch core is not whole"
    assert summary.status == "failed"
    keeping = {item.subject for item in summary.recommendation.items if item.keeps_open}
    assert keeping == {
        "core",
        "integration",
        "docs",
        "rejected",
        "conflicted",
        "scope",
        "failed",
        "slow",
        "costly",
    }


def test_what_is_known_of_a_claim_comes_from_what_landed() -> None:
    summary = summarize(every_outcome().state)
    claims = {agent.id: agent.deliverables[0] for agent in summary.agents}
    assert claims["good"].status is ClaimStatus.VALIDATED
    assert claims["good"].evidence == ("gates/core/unit.json",)
    assert claims["rejected"].status is ClaimStatus.FAILED
    assert claims["rejected"].detail == "tests/test_rejected.py::test_works failed"
    assert claims["slow"].status is ClaimStatus.UNVALIDATED
    assert claims["slow"].detail == "no gate has judged this agent's work"
    assert claims["2.1"].detail == "the agent has not run"


def test_a_claim_that_held_on_a_candidate_which_did_not_land_is_not_validated() -> None:
    story = Story(two_batches()).begin("core").work("1.1", "1.2")
    made = story.candidate("core", "1.1", "1.2")
    proven = verdict_of(story.state, "core", made, ("1.1", "1.2"), 1.0)
    story.judge(
        "core",
        made,
        "1.1",
        "1.2",
        **red(deliverables=proven.deliverables, criteria=proven.criteria),
    )
    summary = summarize(story.state)
    assert summary.agents[0].deliverables[0].status is ClaimStatus.UNVALIDATED
    assert f"candidate {made[:10]}" in summary.agents[0].deliverables[0].detail
    assert summary.batches[0].criteria[0].status is ClaimStatus.UNVALIDATED


def test_a_landing_makes_no_red_verdict_a_proof() -> None:
    story = Story(mission(batch("core", "1.1"))).begin("core").work("1.1")
    made = story.candidate("core", "1.1")
    proven = verdict_of(story.state, "core", made, ("1.1",), 1.0)
    story.judge(
        "core", made, "1.1", **red(deliverables=proven.deliverables, criteria=proven.criteria)
    )
    summary = summarize(story.settle("core", made, "1.1").close("core").finish().state)
    assert summary.agents[0].deliverables[0].status is ClaimStatus.UNVALIDATED
    assert not summary.batches[0].gates[0].landed
    assert "gate" in {item.kind for item in summary.recommendation.items if item.keeps_open}


def test_two_claims_with_the_same_words_keep_their_own_evidence() -> None:
    twice = agent(
        "1.1", deliverables=[{"text": "works", "proof": ["a"]}, {"text": "works", "proof": ["b"]}]
    )
    story = Story(mission(batch("core", twice))).begin("core").work("1.1")
    results = (
        ClaimResult(text="works", status=ClaimStatus.VALIDATED, proofs=("a",)),
        ClaimResult(text="works", status=ClaimStatus.FAILED, proofs=("b",)),
    )
    story.land("core", "1.1", deliverables={"1.1": results})
    found = summarize(story.state).agents[0].deliverables
    assert [claim.status for claim in found] == [ClaimStatus.VALIDATED, ClaimStatus.FAILED]


def test_after_a_redo_old_verdicts_prove_nothing() -> None:
    summary = summarize(redone().state)
    assert summary.status == "running"
    assert not summary.recommendation.is_resolved
    core = summary.batches[0]
    assert core.commit is None
    assert not core.gates[0].landed
    assert core.criteria[0].status is ClaimStatus.UNVALIDATED
    assert core.agents[1].phase == "running"
    assert len(core.agents[1].attempts) == 2


def test_nothing_is_proven_without_a_gate() -> None:
    summary = summarize(ungated().state)
    assert summary.status == "complete"
    kinds = {item.kind: item.text for item in summary.recommendation.items if item.keeps_open}
    assert "nothing was proven" in kinds["gate"]
    assert "deliverable" in kinds, "there is no criterion that stands for the unproven deliverable"


def test_an_unproven_deliverable_under_validated_criteria_is_shown_and_excused() -> None:
    items = summarize(good().state).recommendation.items
    assert items
    assert not any(item.keeps_open for item in items)


def test_an_unvalidated_criterion_keeps_it_open() -> None:
    story = Story(mission(batch("core", "1.1", criteria=["Beta users are happy"])))
    story.whole("core").finish()
    keeping = [item.kind for item in summarize(story.state).recommendation.items if item.keeps_open]
    assert keeping == ["criterion", "deliverable"]


def test_a_passed_verdict_without_a_check_proves_nothing() -> None:
    story = (
        Story(mission(batch("core", "1.1")))
        .begin("core")
        .work("1.1")
        .land("core", "1.1", checks=())
    )
    summary = summarize(story.close("core").finish().state)
    assert [item.kind for item in summary.recommendation.items if item.keeps_open] == ["gate"]


def test_an_optional_agent_does_not_keep_it_open() -> None:
    story = (
        Story(mission(batch("core", "1.1", agent("1.2", optional=True)))).begin("core").work("1.1")
    )
    for _ in range(2):
        story.start("1.2").end("1.2", Outcome.FAILED, reason="exit code 1")
    summary = summarize(story.land("core", "1.1").close("core").finish().state)
    assert summary.recommendation.is_resolved
    assert summary.recommendation.items[0].text == "failed (optional): exit code 1"


def test_an_exit_code_that_nothing_explains_keeps_it_open() -> None:
    story = Story(two_batches()).whole("core").whole("integration").finish(1)
    assert [
        item.kind for item in summarize(story.state).recommendation.items if item.keeps_open
    ] == ["run"]


def test_tests_that_were_red_before_are_told_and_held_against_nobody() -> None:
    story = Story(mission(batch("core", "1.1"))).begin("core").work("1.1")
    check = verdict_of(story.state, "core", "x", ("1.1",), 1.0).checks[0]
    story.land(
        "core",
        "1.1",
        checks=(check.model_copy(update={"pre_existing": ("tests/test_old.py::test_red",)}),),
    )
    summary = summarize(story.close("core").finish().state)
    assert summary.recommendation.is_resolved
    told = summary.recommendation.items[-1]
    assert told.kind == "pre_existing"
    assert told.text == "1 test red before the run and still red: tests/test_old.py::test_red"


def test_flaky_tests_are_told_and_held_against_nobody() -> None:
    story = Story(mission(batch("core", "1.1"))).begin("core").work("1.1")
    check = verdict_of(story.state, "core", "x", ("1.1",), 1.0).checks[0]
    story.land(
        "core",
        "1.1",
        checks=(check.model_copy(update={"flaky": ("tests/test_a.py::test_x",), "reruns": 2}),),
    )
    summary = summarize(story.close("core").finish().state)
    assert summary.recommendation.is_resolved
    told = summary.recommendation.items[-1]
    assert (told.kind, told.keeps_open) == ("flaky", False)
    assert told.text == "1 flaky test, green and red on one tree: tests/test_a.py::test_x"
    report = render_markdown(summary)
    assert "2 reruns" in report
    assert "1 flaky: went both ways on one tree: `tests/test_a.py::test_x`" in report


def test_interrupted_and_resumed() -> None:
    summary = summarize(interrupted().state)
    assert summary.status == "interrupted"
    assert summary.reason == "SIGINT"
    assert summary.commands[0].line == f"orchestrate resume {summary.run}"
    assert summary.recommendation.items[0].text.startswith(
        "the run was interrupted (SIGINT); 2 batches not ended"
    )
    after = summarize(resumed().state)
    assert after.recommendation.is_resolved
    assert after.resumes == 1
    assert [attempt.status for attempt in after.agents[1].attempts] == ["interrupted", "landed"]
    assert after.agents[1].attempts[0].commit == commit("saved")
    assert after.times.wall < 120, "the hour between is nobody's work"


def test_a_run_whose_process_is_gone_is_called_stopped() -> None:
    assert summarize(running().state).status == "running"
    assert summarize(running().state, is_alive=False).status == "stopped"
    assert summarize(good().state, is_alive=False).status == "complete"


def test_waiting_for_a_person() -> None:
    summary = summarize(waiting().state, is_alive=False)
    assert summary.status == "waiting"
    assert summary.batches[0].phase == "waiting"
    assert summary.commands[1].line == f"orchestrate approve {summary.run} tests"
    assert "approval" in {item.kind for item in summary.recommendation.items}


def test_where_a_batch_stands() -> None:
    story = Story(two_batches())
    phases = []

    def note() -> None:
        phases.append(summarize(story.state).batches[0].phase)

    note()
    story.begin("core").work("1.1", "1.2")
    note()
    made = story.candidate("core", "1.1", "1.2")
    note()
    story.happens(GateStarted(batch="core", gate="tests", candidate=made))
    note()
    story.judge("core", made, "1.1", "1.2")
    note()
    story.settle("core", made, "1.1", "1.2")
    note()
    story.close("core")
    note()
    assert phases == [
        "pending",
        "running",
        "integrating",
        "judging",
        "integrating",
        "running",
        "ended",
    ]


def test_a_recording_is_called_one() -> None:
    summary = summarize(replayed().state)
    assert summary.replayed == ("earlier",)
    assert summary.counts.attempts_replayed == summary.counts.attempts == 3
    assert summarize(good().state).replayed == ()
    named = Story(two_batches(defaults={"backend": "recording"})).whole("core", backend="recording")
    assert summarize(named.state).replayed == ("recording",)


def test_times() -> None:
    story = Story(mission(batch("core", "1.1", "1.2"))).begin("core").start("1.1", "1.2")
    story.end("1.1", after=40).end("1.2", after=0).land("core", "1.1", "1.2", after=9).close(
        "core"
    ).finish()
    times = summarize(story.state).times
    assert times.agents == 80
    assert times.gates == 9
    assert times.wall == pytest.approx(50, abs=1)
    assert times.speed_up == pytest.approx(1.6, abs=0.05)
    assert times.saved == pytest.approx(0.375, abs=0.02)
    assert summarize(only_started().state).times.speed_up is None


def test_the_critical_path_is_the_waits_that_made_the_wall() -> None:
    plan = mission(
        batch("slow", "1.1"), batch("quick", "2.1"), batch("last", "3.1", needs=["slow", "quick"])
    )
    story = (
        Story(plan)
        .begin("slow")
        .begin("quick")
        .start("1.1", "2.1")
        .end("2.1")
        .land("quick", "2.1")
        .close("quick")
    )
    story.end("1.1", after=100).land("slow", "1.1").close("slow").whole("last").finish()
    assert summarize(story.state).times.critical_path == ("slow", "last")


def test_landing_on_the_target_is_told_and_no_more_advised() -> None:
    story = good()
    assert any("orchestrate land" in command.line for command in summarize(story.state).commands)
    story.happens(TargetLanded(branch="main", before=commit("base"), commit=commit("merge")))
    summary = summarize(story.state)
    assert (summary.landed_on, summary.landed_commit) == ("main", commit("merge"))
    assert not any("orchestrate land" in command.line for command in summary.commands)


def test_a_failed_run_says_how_to_do_again_what_did_not_land() -> None:
    lines = [command.line for command in summarize(every_outcome().state).commands]
    run = every_outcome().state.run
    assert lines[:2] == [
        f"orchestrate resume {run} --batch core",
        f"orchestrate resume {run} --batch docs",
    ]


def test_odd_file_names_are_quoted_in_commands() -> None:
    story = Story(two_batches())
    started = story.state.started.model_copy(update={"mission_file": "my missions/a;b.yaml"})
    from dataclasses import replace

    lines = [command.line for command in summarize(replace(story.state, started=started)).commands]
    assert "orchestrate run 'my missions/a;b.yaml'" in lines


def test_a_large_run_is_summarised_quickly() -> None:
    import time

    state = many().state
    began = time.perf_counter()
    summary = summarize(state)
    assert time.perf_counter() - began < 1.0
    assert summary.counts.agents == 500
    assert len(summary.recommendation.items) < 300


def test_an_approval_given_while_nobody_worked_leaves_the_batch_waiting_until_it_is_integrated_again() -> (
    None
):
    story = waiting()
    story.happens(
        ApprovalRecorded(
            batch="core", check="sign-off", tree="t", approved=True, by="ada", at="2025-09-02"
        ),
        RunResumed(parallel=5),
    )
    assert summarize(story.state).batches[0].phase == "waiting"
    made = story.candidate("core", "1.1", "1.2")
    story.judge("core", made, "1.1", "1.2").settle("core", made, "1.1", "1.2").close("core")
    assert summarize(story.state).batches[0].is_whole


def test_returned_work_can_be_tried_again() -> None:
    story = Story(two_batches()).begin("core").work("1.1", "1.2")
    made = story.candidate("core", "1.1", "1.2")
    story.judge("core", made, "1.1", "1.2", **red())
    back = Return(
        agent="1.1", outcome=Outcome.REJECTED, reason="2 tests broke", evidence="E assert"
    )
    story.happens(AgentsReturned(batch="core", returns=(back,)))
    summary = summarize(story.state)
    assert summary.agents[0].phase == "pending"
    assert summary.agents[0].attempts[0].status == "rejected"
    assert summary.agents[1].phase == "delivered"
    assert summary.batches[0].verdict is not None
    assert summary.batches[0].verdict.decision is Decision.FAILED
    story.start("1.1").end("1.1").land("core", "1.1", "1.2").close("core", Outcome.LANDED)
    story.happens(RunEnded(exit_code=0))
    assert [gate.landed for gate in summarize(story.state).batches[0].gates] == [False, True]
