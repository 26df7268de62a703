"""`report.html`: the summary and what lies beside it as one page, for whoever opens it from a disk.

Owns what is shown of each thing and how much room it has; the order of things is the template's,
`templates/report.html.j2`. Jinja2 escapes every value. The page's own policy lets nothing run and
nothing be fetched but the two texts of `templates/`, by their hashes; without its script all of it
can be read as well.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from markupsafe import Markup

from orchestrator.journal.facts import TestRecord
from orchestrator.reports import telling
from orchestrator.reports.escape import address
from orchestrator.reports.html import svg
from orchestrator.reports.html.diffs import file_diffs
from orchestrator.reports.material import Material
from orchestrator.reports.model import BatchSummary, GateSummary, Summary
from orchestrator.reports.tests_changed import side_groups
from orchestrator.reports.text import clean, count, duration, one_line, short

if TYPE_CHECKING:
    from jinja2 import Environment

NOTHING = Material()
DIFF_ROOM, BRIEF_ROOM, LOG_ROOM = 2_200_000, 700_000, 500_000
"""Characters that all changes, briefs and ends of logs of a page may take together."""
NAMES = 200
"""Tests of one kind that are named; the others are counted, and are in the evidence."""
UNFOLDED = 12
"""Tests that are red, of one check, whose texts are shown at once."""


def render_html(summary: Summary, material: Material = NOTHING) -> str:
    """The page. Links are relative to the run's report folder."""
    environment = _environment()
    agents = summary.agents
    attempts = sum(len(agent.attempts) for agent in agents)
    checks = sum(len(gate.checks) for batch in summary.batches for gate in batch.told)
    style, script = (
        environment.get_template(name).render() for name in ("report.css.j2", "report.js.j2")
    )
    return environment.get_template("report.html.j2").render(
        s=summary,
        m=material,
        items=telling.grouped(summary.recommendation.items),
        next=telling.next_steps(summary),
        red=red_checks(summary.batches),
        statuses=_statuses(summary),
        anchors=_anchors(summary),
        diff_room=_share(DIFF_ROOM, len(agents), 60_000),
        brief_room=_share(BRIEF_ROOM, attempts, 8_000),
        log_room=_share(LOG_ROOM, attempts + checks, 3_000),
        graph=svg.graph(summary),
        timeline=svg.timeline(summary),
        # The two texts are ours, and as they are: escaped they would be other texts.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'",
    )


def report_style() -> str:
    """The style sheet of the page, for others of ours."""
    return _environment().get_template("report.css.j2").render()


def red_checks(batches: Iterable[BatchSummary]) -> list[tuple[BatchSummary, GateSummary]]:
    """The newest judgement of each batch that keeps something of it from landing."""
    return [
        (batch, gate)
        for batch in batches
        if not batch.is_whole
        for gate in batch.told[-1:]
        if gate.decision.value not in ("passed", "not_checked")
    ]


def _share(room: int, parts: int, most: int) -> int:
    return min(most, room // max(1, parts))


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _statuses(summary: Summary) -> dict[str, int]:
    """How many agents stand where, what asks for a person first."""
    found = [agent.status for agent in summary.agents]
    order = ("bad", "held", "active", "dim", "good")
    return {
        status: found.count(status)
        for status in sorted(set(found), key=lambda it: (order.index(svg.tone(it)), it))
    }


def _anchors(summary: Summary) -> dict[str, str]:
    """Where on the page a batch or an agent is, by its id."""
    return {batch.id: f"batch-{batch.id}" for batch in summary.batches} | {
        agent.id: f"agent-{agent.id}" for agent in summary.agents
    }


def tests_of_note(records: Iterable[TestRecord]) -> list[TestRecord]:
    """Tests that are red or went both ways, those that were green on the base first."""
    red = [it for it in records if it.is_flaky or it.candidate.value in ("failed", "error")]
    return sorted(red, key=lambda it: (it.base is None or it.base.value != "passed", it.id))


def _end(text: str, limit: int) -> str:
    """The last whole lines of a text that there is room for."""
    body = clean(text[-limit * 2 :]).strip("\n")
    return body if len(body) <= limit else "…\n" + body[-limit:].partition("\n")[2]


def _begin(text: str, limit: int) -> str:
    body = clean(text[: limit * 2]).strip("\n")
    return body if len(body) <= limit else body[:limit].rpartition("\n")[0] + "\n…"


def html_environment(package: str) -> Environment:
    """What renders the templates of a package: every value is escaped, and none may be missing."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _environment() -> Environment:
    environment = html_environment("orchestrator.reports")
    environment.filters |= {
        "address": address,
        "begin": _begin,
        "count": count,
        "duration": duration,
        "end": _end,
        "line": one_line,
        "moment": lambda at: at.strftime("%Y-%m-%d %H:%M:%S UTC"),
        "of_note": tests_of_note,
        "short": lambda commit: short(commit) if commit else "–",
        "tone": svg.tone,
        "used": telling.used,
        "words": lambda status: status.replace("_", " "),
    }
    environment.globals |= {
        "NAMES": NAMES,
        "UNFOLDED": UNFOLDED,
        "against_base": telling.against_base,
        "changes": file_diffs,
        "found": telling.found,
        "side_groups": side_groups,
        "told_by": telling.told_by,
        "turn": telling.turn,
    }
    return environment
