"""`report.md`: the summary for people, as GitHub renders it.

Owns which words and marks stand for what; the order of things is the template's,
`templates/report.md.j2`. Every value that the template prints is escaped here unless it is marked
as Markdown already, so that forgetting to is harmless.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from markupsafe import Markup

from orchestrator.journal.facts import CheckResult, ClaimResult, CulpritSet
from orchestrator.reports import escape, mermaid
from orchestrator.reports.escape import raw
from orchestrator.reports.model import AgentSummary, AttemptSummary, BatchSummary, Summary
from orchestrator.reports.tests_changed import side_groups
from orchestrator.reports.text import count, duration, one_line, short

if TYPE_CHECKING:
    from jinja2 import Environment

_MARKS = {
    "✅": ("landed", "no_change_needed", "passed", "validated", "complete"),
    "⏳": ("pending", "running", "delivered", "integrating", "judging", "searching", "waiting"),
    "⏸️": ("interrupted", "stopped"),
    "⚪": ("unvalidated", "not_checked", "blocked", "cancelled"),
}
_MARK_OF = {status: mark for mark, statuses in _MARKS.items() for status in statuses}


def render_markdown(summary: Summary) -> str:
    """The report. Links are relative to the run's report folder."""
    return (
        _environment()
        .get_template("report.md.j2")
        .render(
            s=summary,
            side_groups=side_groups,
            flowchart=raw(mermaid.flowchart(summary)),
            gantt=raw(mermaid.gantt(summary)),
        )
    )


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
    }
    environment.globals |= {
        "attempts_left": attempts_of_note,
        "changes": changes,
        "claim_links": claim_links,
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
    return raw(f"{_MARK_OF.get(status, '❌')} {status.replace('_', ' ')}")


def claim(result: ClaimResult) -> Markup:
    """What is known of a claim, in capitals as it is quoted, and why."""
    detail = raw(": ") + escape.markdown(result.detail, 300) if result.detail else ""
    return raw(f"{_MARK_OF.get(result.status, '❌')} {result.status.upper()}") + detail


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


def found(check: CheckResult) -> Markup:
    """What a check counted or measured on the candidate."""
    if check.counts is not None:
        counts = check.counts
        red = counts.failed + counts.error
        parts = [
            f"{counts.executed:,} of {counts.collected:,} executed",
            f"{counts.passed:,} passed",
            f"{red:,} red",
        ]
        others = ("skipped", "xfailed", "xpassed", "deselected", "flaky")
        parts += [f"{number:,} {name}" for name in others if (number := getattr(counts, name))]
        parts += [count(check.reruns, "rerun")] if check.reruns else []
        return raw(", ".join(parts))
    if check.kind == "metric":
        return escape.markdown(f"{_number(check.value)} (required {check.require})")
    if check.kind == "approval" and check.approved_by:
        return escape.markdown(f"by {check.approved_by} at {check.approved_at}")
    if check.exit_code is not None:
        return raw(f"exit code only: {check.exit_code}")
    return Markup("–")


def against_base(check: CheckResult) -> Markup:
    """The same on the base, and what changed since."""
    parts: list[str] = []
    if check.base_counts is not None:
        parts.append(
            f"{check.base_counts.passed:,} passed, {check.base_counts.failed + check.base_counts.error:,} red"
        )
    if check.kind == "metric" and check.base_value is not None:
        parts.append(_number(check.base_value))
    changed = {
        "turned green": check.turned_green,
        "broken": check.broken,
        "still red": check.pre_existing,
    }
    parts += [f"{len(names):,} {word}" for word, names in changed.items() if names]
    return escape.markdown("; ".join(parts) or "–")


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


def _number(value: float | None) -> str:
    return "no number" if value is None else one_line(f"{value:g}")
