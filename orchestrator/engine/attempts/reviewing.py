"""A reviewer's attempt: what it is given to read, the findings in what it said, and that nothing else
of it counts.

A finding is a claim: it makes nothing red, and none makes nothing green. The form of one is closed,
so that what a program prints beside is not taken for one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from orchestrator.agents.backend import Ended
from orchestrator.agents.bounded import cut
from orchestrator.agents.brief import ToReview
from orchestrator.engine.attempts.retelling import keep_whole, last_words
from orchestrator.engine.tools import Tools
from orchestrator.executors.spec import AttemptResult, AttemptSpec
from orchestrator.isolation.secrets import known
from orchestrator.journal.events import AttemptEnded, AttemptStarted
from orchestrator.journal.facts import Finding, Outcome

MOST_FINDINGS = 100
FINDING_CHARACTERS = 1_000
DIFF_CHARACTERS = 60_000
"""Of what is under review, in the brief; all of it is in the workspace."""
MOST_FILES = 200
MOST_NAMED = 5
READ_BYTES = 1024 * 1024
"""Of the end of a log, where an agent's own words are not known apart from it."""

_FINDING = re.compile(
    r"^[\s>*#-]*FINDING\s*[\[(:]?\s*(?P<severity>high|medium|low)\b[\])*]*[:\s]\s*(?P<rest>\S.*)$",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r":\s+|\s+[-–—]+\s+")
_NONE = re.compile(r"^[\s>*#-]*NO FINDINGS\b", re.IGNORECASE)
_PLACE = re.compile(r"(?P<path>.*?\S)(?P<line>:\d{1,7})?(?:[-:]\d+)?$")


def findings_in(lines: Iterable[str]) -> tuple[tuple[Finding, ...], bool]:
    """The findings in what a reviewer said, each once, in their order; and whether it said that it
    has come to an end of them: with one, or with none.
    """
    found = dict.fromkeys(_findings(lines := list(lines)))
    return tuple(found), bool(found) or any(_NONE.match(line) for line in lines)


def _findings(lines: Iterable[str]) -> Iterator[Finding]:
    for line in lines:
        told = _FINDING.match(line)
        if told is None:
            continue
        where, text = _parted(told["rest"].strip())
        place = _PLACE.match(where)
        path = place["path"].removeprefix("./") if place else ""
        yield Finding.model_validate(
            {
                "severity": told["severity"].lower(),
                "path": "" if path == "-" else path,
                "line": int(place["line"][1:]) if place and place["line"] else 0,
                "text": cut(text, FINDING_CHARACTERS),
            }
        )


def _parted(rest: str) -> tuple[str, str]:
    """The place and the text; a line that names no place is text."""
    where, text = [*_BETWEEN.split(rest, maxsplit=1), ""][:2]
    where = where.strip("`* ")
    is_place = bool(text) and (not re.search(r"\s", where) or re.search(r":\d+$", where))
    return (where, text) if is_place else ("", rest)


def to_review(tools: Tools, started: AttemptStarted) -> ToReview:
    """What the attempt is to read: what its batch's others made, else all that the run has landed.
    Blocking.
    """
    state, store = tools.recorder.state, tools.store
    base = state.batches[started.batch].base
    base = state.started.base if base in (None, started.base) else base
    files = store.numstat(base, started.base) if base != started.base else []
    text = store.diff(base, started.base).decode("utf-8", "replace") if files else ""
    whole = ""
    if len(text) > DIFF_CHARACTERS:
        name = f"diffs/{started.agent}-{started.attempt}-read.diff"
        whole = keep_whole(tools.folders.report, name, text)
    return ToReview(
        files=tuple(path for path, _, _ in files[:MOST_FILES]),
        files_left_out=len(files[MOST_FILES:]),
        diff=cut(text, DIFF_CHARACTERS, whole),
    )


def reviewed(tools: Tools, spec: AttemptSpec, result: AttemptResult) -> AttemptEnded:
    """What came of a reviewer's attempt. Whatever it changed is discarded, and said. Blocking."""
    ended, report = result.ended, tools.folders.report
    found, has_ended = findings_in(known().text(_said(tools, spec, result)).splitlines())
    outcome, reason, evidence = (
        Outcome.NO_CHANGE_NEEDED,
        f"read {spec.base[:12]}: {told(found)}",
        "",
    )
    if ended.failure:
        outcome = Outcome.TIMED_OUT if ended.timed_out else Outcome.FAILED
        reason = f"{ended.failure}; {ended.mend}" if ended.mend else ended.failure
    elif not has_ended:
        outcome = Outcome.FAILED
        reason = "it ended without a finding, and without saying `NO FINDINGS`"
    if not outcome.is_good:
        evidence = last_words(ended)
    return AttemptEnded(
        batch=spec.batch,
        agent=spec.agent,
        attempt=spec.attempt,
        outcome=outcome,
        reason=reason,
        evidence=evidence,
        notes=_discarded(tools, spec, result),
        exit_code=ended.exit.code if ended.exit else None,
        seconds=ended.exit.seconds if ended.exit else 0.0,
        log=str(result.log.relative_to(report)),
        brief=str(result.brief.relative_to(report)),
        usage=ended.usage,
        findings=found[:MOST_FINDINGS],
    )


def told(findings: Iterable[Finding]) -> str:
    """How many there are, by how bad they are said to be."""
    severities = [finding.severity for finding in findings]
    if not severities:
        return "no findings"
    parts = [f"{severities.count(it)} {it}" for it in ("high", "medium", "low") if it in severities]
    noun = "finding" if len(severities) == 1 else "findings"
    return f"{len(severities)} {noun} ({', '.join(parts)})"


def _said(tools: Tools, spec: AttemptSpec, result: AttemptResult) -> str:
    """All that it said of its own: last, and through the channel."""
    talk = tools.recorder.state.batches[spec.batch].talk
    own = [it.text for it in talk.said if (it.agent, it.attempt) == (spec.agent, spec.attempt)]
    return "\n".join([*own, _last_said(result.ended, result)])


def _last_said(ended: Ended, result: AttemptResult) -> str:
    if ended.said is not None:
        return ended.said
    if not result.log.is_file():
        return ""
    with result.log.open("rb") as log:
        log.seek(max(0, result.log.stat().st_size - READ_BYTES))
        return log.read().decode("utf-8", "replace")


def _discarded(tools: Tools, spec: AttemptSpec, result: AttemptResult) -> tuple[str, ...]:
    if result.capture.commit == spec.base:
        return ()
    paths = [path for path, _, _ in tools.store.numstat(spec.base, result.capture.commit)]
    more = f" and {len(paths) - MOST_NAMED} more" if len(paths) > MOST_NAMED else ""
    return (f"it changed {', '.join(paths[:MOST_NAMED])}{more}, which was discarded: it reviews",)
