"""What is found of a pull request: checks that are red, reviews that want changes, conflicts; and whose
work that is. Pure but for what it asks GitHub.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from orchestrator.merging.contribution import Conflict
from orchestrator.reports.model import AgentSummary, Summary
from orchestrator.tracker.gh import Gh
from orchestrator.tracker.marks import is_trusted

RED = ("failure", "timed_out", "startup_failure", "error")
MOST_CHARACTERS = 12_000
"""Of one finding; what an attempt is told is paid for."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that somebody or something has against a pull request. `id` names it for ever."""

    id: str
    what: str
    """In a few words: ``check unit is red``."""
    text: str
    paths: tuple[str, ...] = ()
    """Files that it speaks of."""


@dataclass(frozen=True, slots=True)
class Checks:
    """How the checks of a commit stand."""

    red: tuple[Finding, ...]
    pending: tuple[str, ...]
    passed: int


def checks_of(gh: Gh, sha: str) -> Checks:
    """Check runs and statuses of a commit; of several runs of one name the newest counts."""
    runs: dict[str, Any] = {}
    for run in gh.pages(f"commits/{sha}/check-runs", filter="latest"):
        if run["name"] not in runs or run["id"] > runs[run["name"]]["id"]:
            runs[run["name"]] = run
    red: list[Finding] = []
    pending: list[str] = []
    passed = 0
    for name, run in runs.items():
        if run["status"] != "completed":
            pending.append(name)
        elif run["conclusion"] in RED:
            red.append(_check(gh, sha, run))
        else:
            passed += 1
    for status in gh.get(f"commits/{sha}/status").get("statuses", ()):
        name = status["context"]
        if status["state"] == "pending":
            pending.append(name)
        elif status["state"] in RED:
            text = f"{status.get('description') or ''}\n{status.get('target_url') or ''}".strip()
            red.append(Finding(f"check:{sha}:{name}", f"check {name} is red", text))
        else:
            passed += 1
    return Checks(tuple(red), tuple(pending), passed)


def _check(gh: Gh, sha: str, run: dict[str, Any]) -> Finding:
    output = run.get("output") or {}
    lines = [f"{run['conclusion']}: {run.get('html_url') or ''}"]
    lines += [str(output[part]) for part in ("title", "summary", "text") if output.get(part)]
    paths: list[str] = []
    if output.get("annotations_count"):
        for note in gh.pages(f"check-runs/{run['id']}/annotations"):
            lines.append(f"{note['path']}:{note.get('start_line', 1)}: {note['message']}")
            if note.get("annotation_level") == "failure":
                paths.append(note["path"])
    return Finding(
        f"check:{sha}:{run['name']}",
        f"check {run['name']} is red",
        _cut("\n".join(lines)),
        tuple(dict.fromkeys(paths)),
    )


def reviews_of(gh: Gh, number: int) -> Iterator[Finding | str]:
    """Reviews that want changes, the newest of each reviewer; in words those that are not heard,
    because a stranger wrote them.
    """
    newest: dict[str, Any] = {}
    for review in gh.pages(f"pulls/{number}/reviews"):
        if review["state"] in {"APPROVED", "CHANGES_REQUESTED", "DISMISSED"}:
            newest[review["user"]["login"]] = review
    wanted = {who: one for who, one in newest.items() if one["state"] == "CHANGES_REQUESTED"}
    if not wanted:
        return
    remarks = list(gh.pages(f"pulls/{number}/comments"))
    for who, review in wanted.items():
        if not is_trusted(review):
            yield f"{who} wants changes but may not write to the repository: no agent is told"
            continue
        own = [
            each
            for each in remarks
            if each.get("pull_request_review_id") == review["id"] and not each.get("in_reply_to_id")
        ]
        lines = [review.get("body") or ""]
        lines += [
            f"{each['path']}:{each.get('line') or each.get('original_line') or 1}: {each['body']}"
            for each in own
        ]
        yield Finding(
            f"review:{review['id']}",
            f"{who} wants changes",
            _cut("\n".join(filter(None, lines))),
            tuple(dict.fromkeys(each["path"] for each in own)),
        )


def conflicts_of(base: str, onto: str, conflicts: Sequence[Conflict], diff: str) -> Finding:
    """That the work does not merge with what came to the branch it goes to, which changed `diff`."""
    lines = [f"{base} has moved to {onto[:12]}, and this does not merge with it:"]
    lines += [f"{each.path}: {each.text}" for each in conflicts]
    lines += ["What came there:", diff]
    paths = tuple(dict.fromkeys(each.path for each in conflicts))
    return Finding(f"conflict:{onto}", f"it conflicts with {base}", _cut("\n".join(lines)), paths)


def whose(finding: Finding, summary: Summary, batches: Iterable[str]) -> AgentSummary | None:
    """Whose work it is: of those that landed, who changed the files that it speaks of; the last of
    several. None: nobody can tell.
    """
    wanted = set(batches)
    landed = [
        agent
        for batch in summary.batches
        if batch.id in wanted
        for agent in batch.agents
        if agent.is_good and agent.files
    ]
    if len(landed) == 1:
        return landed[0]
    paths = set(finding.paths)
    best, most = None, 0
    for agent in landed:
        changed = {change.path for change in agent.files}
        # What is annotated counts first, then what the text names, then what it names in part.
        score = 100 * len(changed & paths)
        if not paths:
            score += sum(10 * _names(finding.text, path) for path in changed)
            score += sum(_names(finding.text, PurePosixPath(path).name) for path in changed)
        if score and score >= most:
            best, most = agent, score
    return best


def _names(text: str, path: str) -> bool:
    return bool(re.search(rf"(?<![\w./-]){re.escape(path)}(?![\w-]|\.\w)", text))


def _line(remark: dict[str, Any]) -> int:
    return remark.get("line") or remark.get("original_line") or 1


def _cut(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[: MOST_CHARACTERS // 2]}\n… (cut)\n{text[-MOST_CHARACTERS // 2 :]}"
