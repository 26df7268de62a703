"""What a next attempt is told of the ones before it, and what it can begin with.

Owns how much of it: a brief goes to a provider and is paid for, so a flood is told by its beginning,
its size and the file in which all of it is.
"""

from __future__ import annotations

from pathlib import Path

from orchestrator.agents.backend import Conversation, Ended
from orchestrator.agents.bounded import cut
from orchestrator.agents.brief import EarlierAttempt
from orchestrator.engine.tools import Tools
from orchestrator.git.store import Store
from orchestrator.git.values import Entry
from orchestrator.isolation.secrets import known
from orchestrator.journal.facts import Outcome
from orchestrator.journal.state import AgentState, Attempt

EVIDENCE_CHARACTERS = 16_000
LAST_CHARACTERS = 4_000
"""Of the end of what an attempt said."""
REASON_CHARACTERS = 1_000
DIFF_CHARACTERS = 12_000
_DIFF = "`````diff"
_UNFINISHED = (
    Outcome.TIMED_OUT,
    Outcome.FAILED,
    Outcome.OUT_OF_SCOPE,
    Outcome.OVER_BUDGET,
)


def keep_whole(report: Path, name: str, text: str) -> str:
    """Put all of something into the report's folder; the file, relative to it. Blocking."""
    path = report / "evidence" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(known().text(text), encoding="utf-8", errors="backslashreplace")
    path.chmod(0o600)
    return str(path.relative_to(report))


def last_words(ended: Ended) -> str:
    """What an attempt that failed said last: of an agent that is known its words, not its events."""
    if ended.said is not None:
        said = cut(ended.said.strip(), LAST_CHARACTERS)
        return f"What it said last:\n\n{said}" if said else ""
    if ended.exit is None or not ended.exit.tail:
        return ""
    return f"The end of its output:\n\n```\n{ended.exit.tail[-LAST_CHARACTERS:]}\n```"


def earlier_attempts(
    tools: Tools, agent: AgentState, begun_with: Attempt | None
) -> list[EarlierAttempt]:
    """The attempts before the newest, each with what it had changed; `begun_with` is the one that
    is gone on from. Blocking.
    """
    told = []
    for item in agent.attempts[:-1]:
        outcome = item.outcome.value if item.outcome else "interrupted"
        if item.outcome is None and not _work_of(item):
            continue
        reason = item.reason or (item.interrupted.reason if item.interrupted else "")
        log = item.ended.log if item.ended else ""
        told.append(
            EarlierAttempt(
                item.started.attempt,
                outcome,
                cut(reason, REASON_CHARACTERS, log),
                cut(item.evidence, 2 * EVIDENCE_CHARACTERS, log)
                if _DIFF in item.evidence  # of a search; what is in it is bounded part by part
                else cut(item.evidence, EVIDENCE_CHARACTERS, log),
                "" if _DIFF in item.evidence else _diff(tools, agent.id, item),
                is_begun_with=item is begun_with,
            )
        )
    return told


def to_go_on_from(agent: AgentState, *, is_wanted: bool) -> Attempt | None:
    """The attempt whose work the newest one begins with: the last of the same racer that has ended,
    if it was not finished and began where the newest one does; None for a clean start.
    """
    racer = agent.attempts[-1].started.racer
    earlier = [item for item in agent.attempts[:-1] if item.started.racer == racer]
    last = next((item for item in reversed(earlier) if item.ended), None)
    if not is_wanted or last is None or last.outcome not in _UNFINISHED or not _work_of(last):
        return None
    return last if last.started.base == agent.attempts[-1].started.base else None


def conversation_of(agent: AgentState, begun: Attempt) -> Conversation | None:
    """The conversation of the attempt that the newest one goes on from; None where its backend has
    none, or it is another one now.
    """
    ended, backend = begun.ended, agent.attempts[-1].started.backend
    if ended is None or not (ended.session and ended.home) or begun.started.backend != backend:
        return None
    costs = [
        item.ended.usage.cost_usd or 0.0
        for item in agent.attempts
        if item.ended and item.ended.usage and item.ended.session == ended.session
    ]
    return Conversation(ended.session, ended.home, sum(costs))


def work_to_lay_out(store: Store, attempt: Attempt) -> dict[str, tuple[str, bytes] | None]:
    """The files of an attempt's work, by path with mode and bytes, or None for what it removed;
    without what was refused. Blocking.
    """
    commit = _work_of(attempt)
    if commit is None or attempt.ended is None or attempt.ended.breaches_left_out:
        return {}
    if not store.has(commit):
        return {}  # it was lost with a store
    refused = {breach.path for breach in attempt.ended.breaches}
    changes = store.changes(store.tree_of(attempt.started.base), store.tree_of(commit))
    return {
        path: _put(store, change.new) for path, change in changes.items() if path not in refused
    }


def _put(store: Store, entry: Entry | None) -> tuple[str, bytes] | None:
    return (entry.mode, store.blob(entry.oid)) if entry else None


def _work_of(item: Attempt) -> str | None:
    if item.ended:
        return item.ended.commit
    return item.interrupted.salvaged if item.interrupted else None


def _diff(tools: Tools, agent: str, item: Attempt) -> str:
    commit = _work_of(item)
    store = tools.store
    if commit is None or not (store.has(commit) and store.has(item.started.base)):
        return ""  # it was lost with a store
    text = store.diff(item.started.base, commit).decode("utf-8", "replace")
    whole = ""
    if len(text) > DIFF_CHARACTERS:
        whole = keep_whole(tools.folders.report, f"diffs/{agent}-{item.started.attempt}.diff", text)
    return cut(text, DIFF_CHARACTERS, whole)
