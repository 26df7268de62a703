"""Whose turn it is: what goes on in all runs, in four columns.

Pure: runs in, cards out. A card leads to what it is about; one that waits for a person carries what
the person can answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from orchestrator.dashboard.runs import Run
from orchestrator.engine.approvals import awaited
from orchestrator.engine.attempts.answering import unanswered
from orchestrator.reports import telling
from orchestrator.reports.model import BatchSummary, Summary
from orchestrator.reports.text import count, duration

Column = Literal["working", "needs you", "in judgement", "done"]
COLUMNS: tuple[Column, ...] = ("needs you", "working", "in judgement", "done")
JUDGING = ("integrating", "judging", "searching")


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is asked: a sign-off of a tree, or more scope for an agent."""

    kind: Literal["approve", "answer"]
    batch: str
    about: str
    """The check, or the path."""
    agent: str = ""
    tree: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """One thing that goes on, or waits."""

    run: str
    title: str
    text: str
    link: str
    tone: str = "dim"
    question: Question | None = None
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Board:
    """The cards of each column, newest runs first."""

    columns: dict[Column, list[Card]] = field(
        default_factory=lambda: {name: [] for name in COLUMNS}
    )
    runs: list[Summary] = field(default_factory=list)


def board(runs: Iterable[Run]) -> Board:
    """What there is to do, and who does it."""
    found = Board()
    for run in runs:
        if run.summary is not None:
            found.runs.append(run.summary)
        for column, card in _cards(run):
            found.columns[column].append(card)
    return found


def questions(run: Run) -> list[Question]:
    """What a person is asked by a run now."""
    if run.state is None:
        return []
    approvals = [
        Question("approve", batch, check, tree=tree) for batch, check, tree in awaited(run.state)
    ]
    requests = [
        Question("answer", it.batch, it.path, agent=it.agent) for it in unanswered(run.state)
    ]
    return approvals + requests


def _cards(run: Run) -> Iterator[tuple[Column, Card]]:
    summary, name = run.summary, run.folders.run
    if summary is None:
        return
    link = f"/runs/{name}"
    if run.fault:
        yield "needs you", Card(name, summary.mission, run.fault, link, "bad")
        return
    for asked in questions(run):
        whose = (
            f"{asked.agent} asks for {asked.about}" if asked.agent else f"sign off {asked.about}"
        )
        yield (
            "needs you",
            Card(name, summary.mission, f"{asked.batch}: {whose}", link, "held", asked),
        )
    if summary.status == "running":
        yield from _going_on(summary, link)
    elif summary.status in ("interrupted", "stopped", "failed"):
        text = f"{telling.turn(summary.status)} {summary.reason}".strip()
        steps = tuple(step.line for step in telling.next_steps(summary))
        yield "needs you", Card(name, summary.mission, text, link, "bad", commands=steps[:3])
    elif summary.status == "complete":
        if summary.landed_on:
            text = f"landed on {summary.landed_on}"
            yield "done", Card(name, summary.mission, text, link, "good")
        else:
            steps = tuple(step.line for step in telling.next_steps(summary))
            text = f"{summary.recommendation.text}. {telling.turn(summary.status)}"
            yield "needs you", Card(name, summary.mission, text, link, "good", commands=steps[:3])


def _going_on(summary: Summary, link: str) -> Iterator[tuple[Column, Card]]:
    for batch in summary.batches:
        if batch.phase in JUDGING:
            yield (
                "in judgement",
                Card(
                    summary.run,
                    batch.title or batch.id,
                    _judged(batch),
                    f"{link}#batch-{batch.id}",
                    "active",
                ),
            )
        elif batch.phase == "ended":
            good = sum(agent.is_good for agent in batch.agents)
            text = (
                f"{batch.status.replace('_', ' ')}: {good} of {count(len(batch.agents), 'agent')}"
            )
            tone = "good" if batch.is_whole else "bad"
            yield (
                "done",
                Card(summary.run, batch.title or batch.id, text, f"{link}#batch-{batch.id}", tone),
            )
        for agent in batch.agents:
            if agent.phase == "running":
                attempt = agent.attempts[-1].number if agent.attempts else 1
                text = (
                    f"{batch.id} · attempt {attempt} of {agent.attempts_allowed} · {agent.backend}"
                )
                yield (
                    "working",
                    Card(summary.run, agent.name, text, f"{link}/agents/{agent.id}", "active"),
                )


def _judged(batch: BatchSummary) -> str:
    what = {
        "integrating": "is merged",
        "judging": "is judged",
        "searching": "is searched for who made it red",
    }
    return f"{what[batch.phase]} · gate {batch.gate or '–'} · {duration(batch.seconds)}"
