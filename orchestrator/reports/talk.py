"""What agents said and asked, as a report tells it. Pure."""

from __future__ import annotations

from orchestrator.journal.events import ScopeRequested
from orchestrator.journal.talk import Talk
from orchestrator.reports.model import Asked, Said, TalkSummary


def talk_of(talk: Talk) -> TalkSummary:
    """The talk of one batch; a request that an attempt asked again stands there once."""
    asked = {(it.agent, it.path): it for it in reversed(talk.asked)}
    return TalkSummary(
        said=tuple(
            Said(agent=it.agent, attempt=it.attempt, what=it.what, text=it.text) for it in talk.said
        ),
        asked=tuple(_asked(talk, it) for it in reversed(asked.values())),
        left_out=sum(it.left_out for it in talk.floods),
    )


def _asked(talk: Talk, request: ScopeRequested) -> Asked:
    answer = talk.answer(request.agent, request.path)
    return Asked(
        agent=request.agent,
        attempt=request.attempt,
        path=request.path,
        why=request.why,
        granted=answer.granted if answer else None,
        by=answer.by if answer else "",
        reason=answer.reason if answer else "",
    )
