"""What the guilty are told: which tests, what these say, with whose work together, and what they
had changed.

Owns the words of a return after a search for culprits. Their next attempt starts on top of the work
of the others, where their own is not; so what they had changed is told as a diff.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from orchestrator.engine.landings.candidate import end_of
from orchestrator.engine.landings.conflicts import suspected
from orchestrator.engine.subjects import gate_name
from orchestrator.engine.tools import Tools
from orchestrator.journal.events import Return
from orchestrator.journal.facts import CulpritSet, MergeWarning, Outcome, Symptom, SymptomKind
from orchestrator.journal.state import AgentState
from orchestrator.plan import PlannedBatch

SHOWN = 3
TOLD = 20
MESSAGE_CHARACTERS = 2_000
DIFF_CHARACTERS = 12_000
_FAULTS = {
    SymptomKind.BROKEN: "passes without this work, and does not with it",
    SymptomKind.NEW_FAILURE: "is new and red",
    SymptomKind.UNCOLLECTED: "cannot be collected any more",
    SymptomKind.NOT_GREEN: "was to turn green, and has not",
    SymptomKind.UNPROVEN: "was to prove this work, and fails",
    SymptomKind.ABSENT: "was to prove this work, and is not there",
    SymptomKind.CHECK: "passes without this work, and does not with it",
}


def returns_of(  # noqa: PLR0917  (who goes back, and all that is told)
    tools: Tools,
    planned: PlannedBatch,
    gone: Sequence[AgentState],
    culprits: Sequence[CulpritSet],
    said: Mapping[Symptom, str],
    base: str | None,
    warnings: Sequence[MergeWarning] = (),
) -> tuple[Return, ...]:
    """How the agents that are `gone` from a candidate are sent back: the guilty with the evidence,
    to start from `base`, and those whose work stands on theirs. Blocking.
    """
    returns = []
    for agent in gone:
        own = [culprit for culprit in culprits if agent.id in culprit.guilty]
        if own:
            returns.append(
                Return(
                    agent=agent.id,
                    outcome=Outcome.REJECTED,
                    reason=f"gate {gate_name(planned)} is red {'; '.join(_reason(agent.id, it) for it in own)}",
                    evidence=suspected(agent.id, warnings) + _evidence(tools, agent.id, own, said),
                    base=base,
                )
            )
        else:
            reason = "what it needs was sent back"
            returns.append(Return(agent=agent.id, outcome=Outcome.REJECTED, reason=reason))
    return tuple(returns)


def _reason(agent: str, culprit: CulpritSet) -> str:
    names = list(dict.fromkeys(map(str, culprit.symptoms)))
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    others = [other for other in culprit.agents if other != agent]
    together = f", together with {', '.join(others)}" if others else ""
    return f"with its work{together}: {', '.join(names[:SHOWN])}{more}"


def _evidence(
    tools: Tools, agent: str, culprits: Sequence[CulpritSet], said: Mapping[Symptom, str]
) -> str:
    parts = []
    for culprit in culprits:
        others = [other for other in culprit.agents if other != agent]
        with_ = (
            f"together with that of {', '.join(others)}, and not without either"
            if others
            else "alone"
        )
        lines = [f"The gate is red with this work {with_}:"]
        lines += [
            f"- `{symptom}` (check `{symptom.check}`) {_FAULTS[symptom.kind]}"
            for symptom in culprit.symptoms[:TOLD]
        ]
        if len(culprit.symptoms) > TOLD:
            lines.append(f"- and {len(culprit.symptoms) - TOLD} more")
        for symptom in culprit.symptoms[:SHOWN]:
            if message := said.get(symptom, "")[-MESSAGE_CHARACTERS:]:
                lines.append(f"\n`{symptom}`:\n```\n{message}\n```")
        if tail := end_of(tools, culprit.log):
            lines.append(f"\nThe output of that run ends:\n```\n{tail}\n```")
        parts.append("\n".join(lines))
    mentioned = dict.fromkeys([agent, *(other for culprit in culprits for other in culprit.agents)])
    return "\n\n".join(
        [
            *parts,
            *(part for other in mentioned if (part := _diff(tools, other, is_own=other == agent))),
        ]
    )


def keep_diffs(tools: Tools, agents: Iterable[str]) -> dict[str, str]:
    """Put what each agent has changed into the report's folder; the files by agent, relative to it.
    Blocking.
    """
    kept: dict[str, str] = {}
    for agent in agents:
        last = tools.recorder.state.agents[agent].last
        path = (
            tools.folders.evidence / "diffs" / f"{agent}-{last.started.attempt if last else 0}.diff"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_changes(tools, agent))
        kept[agent] = str(path.relative_to(tools.folders.report))
    return kept


def _changes(tools: Tools, agent: str) -> bytes:
    known = tools.recorder.state.agents[agent]
    if not known.last or not known.work or not known.work.commit:
        return b""
    return tools.store.diff(known.last.started.base, known.work.commit)


def _diff(tools: Tools, agent: str, *, is_own: bool) -> str:
    """What an agent changed; of one's own work, that it is not in the folder any more."""
    text = _changes(tools, agent).decode("utf-8", "replace")
    if not text:
        return ""
    cut = (
        f"\n… and {len(text) - DIFF_CHARACTERS:,} characters more"
        if len(text) > DIFF_CHARACTERS
        else ""
    )
    whose = (
        "What this attempt had changed, which is not in the folder now"
        if is_own
        else f"What {agent} changed"
    )
    return f"{whose}:\n`````diff\n{text[:DIFF_CHARACTERS]}{cut}\n`````"
