"""`report.md`: the summary for people, as GitHub renders it.

Owns which words and marks stand for what; the order of things is the template's,
`templates/report.md.j2`. Every value that the template prints is escaped here unless it is marked
as Markdown already, so that forgetting to is harmless.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from markupsafe import Markup

from orchestrator.journal.facts import (
    ClaimResult,
    ClaimStatus,
    CulpritSet,
    Finding,
    RacerResult,
)
from orchestrator.reports import escape, mermaid
from orchestrator.reports.escape import raw
from orchestrator.reports.model import (
    AgentSummary,
    AttemptSummary,
    BatchSummary,
    RaceSummary,
    Summary,
)
from orchestrator.reports.telling import (
    MARK_OF,
    RED,
    against_base,
    found,
    grouped,
    next_steps,
    told_by,
    turn,
    used,
)
from orchestrator.reports.tests_changed import side_groups
from orchestrator.reports.text import count, duration, short

if TYPE_CHECKING:
    from jinja2 import Environment

SEVERITIES = ("high", "medium", "low")
LIMIT = 60_000
"""Characters; a comment or the body of a pull request on GitHub may have 65,536."""


@dataclass(frozen=True, slots=True)
class Detail:
    """How much is told: names in a list, rows of a table, characters of a text, files of an agent;
    whether what is proven is listed, and whether batches that are whole have a section.
    """

    ids: int
    rows: int
    text: int
    files: int
    extras: bool = True
    whole_batches: bool = True
    is_shortened: bool = True


DETAILS = (
    Detail(5, 50, 300, 50, is_shortened=False),
    Detail(3, 30, 200, 10),
    Detail(2, 20, 120, 0, extras=False),
    Detail(1, 10, 80, 0, extras=False, whole_batches=False),
)
"""From all that there is to the least; the first that fits is taken."""


def render_markdown(summary: Summary) -> str:
    """The report, in at most `LIMIT` characters. Links are relative to the run's report folder."""
    template = _environment().get_template("report.md.j2")
    known = {
        "s": summary,
        "items": grouped(summary.recommendation.items),
        "next": next_steps(summary),
        "side_groups": side_groups,
        "flowchart": raw(mermaid.flowchart(summary)),
        "gantt": raw(mermaid.gantt(summary)),
    }
    text = ""
    for detail in DETAILS:
        text = template.render(d=detail, **known)
        if len(text) <= LIMIT:
            return text
        known["gantt"] = raw("")
    return _cut(text)


def _cut(text: str) -> str:
    """The beginning, as far as there is room, and a word that there is more."""
    told = (
        "\n\n**Cut here**: there is no room for the rest, which is in [report.json](report.json).\n"
    )
    return text[: LIMIT - len(told)].rpartition("\n")[0] + told


def reason(batch: BatchSummary, agent: AgentSummary, limit: int) -> Markup:
    """Why an agent came out as it did, told once for all of a batch of which the same is true."""
    first = told_by(batch, agent)
    if first is None:
        return escape.markdown(agent.reason or "", limit)
    return raw("as ") + escape.code(first.id)


def deliverables(batch: BatchSummary, detail: Detail) -> list[tuple[AgentSummary, ClaimResult]]:
    """The claims of a batch's agents: all, or those that are not proven."""
    return [
        (agent, claim)
        for agent in batch.agents
        for claim in agent.deliverables
        if detail.extras or claim.status is not ClaimStatus.VALIDATED
    ]


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("orchestrator.reports"),
        autoescape=True,
        finalize=_finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "claim": claim,
        "code": escape.code,
        "commit": lambda commit: escape.code(short(commit)) if commit else Markup("–"),
        "count": count,
        "duration": duration,
        "fence": escape.fence,
        "ids": ids,
        "mark": mark,
        "moment": lambda at: at.strftime("%Y-%m-%d %H:%M:%S UTC"),
        "percent": lambda part: "–" if part is None else f"{part:.0%}",
        "symptoms": lambda symptoms: ids(tuple(dict.fromkeys(map(str, symptoms))), 5),
        "text": escape.markdown,
        "used": used,
    }
    environment.globals |= {
        "attempts_left": attempts_of_note,
        "attempts_that_used": attempts_that_used,
        "findings_of": findings_of,
        "racers_of": racers_of,
        "changes": changes,
        "claim_links": claim_links,
        "deliverables": deliverables,
        "reason": reason,
        "turn": turn,
        "culprit_links": culprit_links,
        "found": found,
        "links": links,
        "against_base": against_base,
    }
    return environment


def _finalize(value: object) -> object:
    """What a template's expression becomes: Markdown stays, any other text is escaped."""
    if value is None:
        return ""
    return (
        escape.markdown(value)
        if isinstance(value, str) and not isinstance(value, Markup)
        else value
    )


def mark(status: str) -> Markup:
    """A state as a mark and a word."""
    return raw(f"{MARK_OF.get(status, RED)} {status.replace('_', ' ')}")


def claim(result: ClaimResult) -> Markup:
    """What is known of a claim, in capitals as it is quoted, and why."""
    detail = raw(": ") + escape.markdown(result.detail, 300) if result.detail else ""
    return raw(f"{MARK_OF.get(result.status, RED)} {result.status.upper()}") + detail


def ids(names: tuple[str, ...], most: int = 10) -> Markup:
    """Test ids or agents as code, bounded; a dash for none."""
    shown = Markup(", ").join(escape.code(name) for name in names[:most])
    more = raw(f" and {len(names) - most:,} more") if len(names) > most else Markup("")
    return shown + more if names else Markup("–")


def changes(agent: AgentSummary) -> Markup:
    """``3 (+20 −4)``"""
    return (
        raw(f"{len(agent.files) + agent.files_left_out} (+{agent.added} −{agent.removed})")
        if agent.files
        else Markup("–")
    )


def findings_of(batch: BatchSummary) -> list[tuple[AgentSummary, Finding]]:
    """What a batch's reviewers found, the worst first."""
    found = [(agent, it) for agent in batch.agents for it in agent.findings]
    return sorted(found, key=lambda item: SEVERITIES.index(item[1].severity))


def racers_of(batch: BatchSummary) -> list[tuple[AgentSummary, int, RaceSummary, RacerResult]]:
    """What was found of each racer of a batch; races of one agent are numbered from 1."""
    return [
        (agent, number, race, result)
        for agent in batch.agents
        for number, race in enumerate(agent.races, 1)
        for result in race.results
    ]


def attempts_that_used(batch: BatchSummary) -> list[tuple[AgentSummary, AttemptSummary]]:
    """Those whose agent said what it used."""
    return [(agent, it) for agent in batch.agents for it in agent.attempts if it.usage]


def attempts_of_note(batch: BatchSummary) -> list[tuple[AgentSummary, AttemptSummary]]:
    """Those that a reader asks about: all attempts of an agent that needed more than one, or that
    is not good.
    """
    told = [
        agent
        for agent in batch.agents
        if agent.attempts and (len(agent.attempts) > 1 or not agent.is_good)
    ]
    return [(agent, attempt) for agent in told for attempt in agent.attempts]


def links(**paths: str) -> Markup:
    """Labelled links to files of the report's folder, those that there are."""
    return Markup(" · ").join(
        escape.link(label, path) for label, path in paths.items() if path
    ) or Markup("–")


def claim_links(claim: ClaimResult) -> Markup:
    """Where a claim's evidence lies."""
    return links(
        **{
            f"evidence {n}" if n > 1 else "evidence": path
            for n, path in enumerate(claim.evidence[:5], 1)
        }
    )


def culprit_links(culprit: CulpritSet) -> Markup:
    """The output of what they did together, and what each had changed."""
    diffs = {f"diff of {agent}": path for agent, path in list(culprit.diffs.items())[:5]}
    return links(log=culprit.log, **diffs)
