"""What a pull request is told once a finding was answered by a next attempt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from orchestrator.journal.events import RedoRequested
from orchestrator.reports import escape
from orchestrator.reports.model import Summary
from orchestrator.tracker.gh import Gh, GhError
from orchestrator.tracker.marks import facts_of, is_trusted, marked


def answered(gh: Gh, number: int) -> set[str]:
    """The findings that were answered on a pull request already, by the marks of the answers."""
    found: set[str] = set()
    for comment in gh.pages(f"issues/{number}/comments"):
        facts = facts_of(comment["body"]) if is_trusted(comment) else None
        if facts and facts.get("key") == "answer":
            found.update(map(str, facts.get("answers", ())))
    return found


def answer(gh: Gh, number: int, summary: Summary, redo: RedoRequested, head: str) -> None:
    """Say what became of the findings that a redo was made for: to the pull request, to each remark
    on a line, and to the reviewers, who are asked again.
    """
    told = [f"Answered in `{head[:12]}`, on which the gates of run `{summary.run}` passed:", ""]
    for each in redo.returns:
        agent = next(agent for agent in summary.agents if agent.id == each.agent)
        told.append(
            f"- {escape.markdown(each.reason)}: attempt {len(agent.attempts)} of "
            f"{escape.markdown(agent.name)} ({agent.status})"
        )
    _to_reviews(gh, number, redo.answers, head)
    # Last, for by this it is known that all of it was said.
    facts = {"mission": summary.mission, "key": "answer", "answers": list(redo.answers)}
    gh.api("POST", f"issues/{number}/comments", {"body": marked(facts, told)})


def _to_reviews(gh: Gh, number: int, answers: Iterable[str], head: str) -> None:
    ids = {id.removeprefix("review:") for id in answers if id.startswith("review:")}
    if not ids:
        return
    remarks = list(gh.pages(f"pulls/{number}/comments"))
    replied = {each.get("in_reply_to_id") for each in remarks}
    for remark in remarks:
        if str(remark.get("pull_request_review_id")) not in ids or remark.get("in_reply_to_id"):
            continue
        if remark["id"] not in replied:
            _try(gh, f"pulls/{number}/comments/{remark['id']}/replies", {"body": f"See {head}."})
    for review in gh.pages(f"pulls/{number}/reviews"):
        if str(review["id"]) in ids:
            who = {"reviewers": [review["user"]["login"]]}
            _try(gh, f"pulls/{number}/requested_reviewers", who)


def _try(gh: Gh, path: str, body: dict[str, Any]) -> None:
    """What may have become impossible meanwhile: the remark is gone, the reviewer may not be asked."""
    try:
        gh.api("POST", path, body)
    except GhError as error:
        if error.status not in (403, 404, 422):
            raise
