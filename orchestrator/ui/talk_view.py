"""What agents say while they work, in lines: for the plain display and for a run at a glance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from orchestrator.journal.events import AgentSaid, ChannelFlooded, ScopeAnswered, ScopeRequested
from orchestrator.journal.talk import TalkEvent
from orchestrator.ui.text import one_line, word

if TYPE_CHECKING:
    from orchestrator.reports.model import Summary

MOST_LINES = 5
_CHARACTERS = 200


def talk_line(event: TalkEvent, run: str) -> str:
    """One event in one line, without whose it is."""
    match event:
        case AgentSaid(what="message"):
            return f"tells the others: {event.text}"
        case AgentSaid():
            return f"says: {word(event.what)}: {event.text}"
        case ScopeRequested():
            said = f"asks to change {event.path}: {event.why}"
            answer = f"; orchestrate channel answer {run} {event.agent} yes"
            return said + answer if event.of_person else said
        case ScopeAnswered():
            because = f": {event.reason}" if event.reason else ""
            return f"{'may' if event.granted else 'may not'} change {event.path}, says {event.by}{because}"
        case ChannelFlooded():
            return f"says more than is kept: {event.left_out:,} left out"


def talk_lines(summary: Summary) -> Iterator[str]:
    """What a person should hear of while a run goes on: requests that wait for an answer, and what
    agents said last of how their work stands.
    """
    for batch in summary.batches:
        if batch.outcome is not None:
            continue
        for asked in [it for it in batch.talk.asked if it.granted is None][:MOST_LINES]:
            yield one_line(f"{asked.agent} asks to change {asked.path}: {asked.why}", _CHARACTERS)
            yield f"  orchestrate channel answer {summary.run} {asked.agent} yes"
        last = {it.agent: it for it in batch.talk.said if it.what != "message"}
        for said in list(last.values())[-MOST_LINES:]:
            yield one_line(f"{said.agent} says: {word(said.what)}: {said.text}", _CHARACTERS)
        if batch.talk.left_out:
            yield f"agents of {batch.id} say more than is kept: {batch.talk.left_out:,} left out"
