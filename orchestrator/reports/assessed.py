"""An assessment for people: as text, as Markdown, and the correction of the document as a patch."""

from __future__ import annotations

import difflib
import re

from orchestrator.importing.statuses import Claimed
from orchestrator.reports.assessment import AssessedClaim, Assessment
from orchestrator.reports.escape import markdown
from orchestrator.reports.text import clean, count, one_line, short

_FOUND = {
    "validated": "VALIDATED",
    "failed": "FAILED",
    "unvalidated": "UNVALIDATED",
    "no_evidence": "no evidence",
}
_COMES = {"agrees": "", "false": "FALSE", "unproven": "not proven", "outdated": "proven by now"}
_DONE_SIGNS = re.compile(r"✅|☑|✔|🟢|âœ…|âœ”|‚úÖ|:white_check_mark:|:heavy_check_mark:")


def verdict_line(found: Assessment) -> str:
    """In one line, what it comes to."""
    run = f"run {found.run} ({short(found.tip)})" if found.run else "no run"
    return (
        f"{count(len(found.claims), 'claim')} beside {run}: {len(found.false)} false, "
        f"{len(found.unproven)} not proven"
    )


def render_text(found: Assessment) -> str:
    """Plain lines, for a terminal and a log."""
    lines = [clean(found.subject), verdict_line(found), ""]
    for claim in found.claims:
        place = f"{claim.line:>5}  " if claim.line else ""
        comes = f"  {_COMES[claim.comes_to]}" if claim.comes_to != "agrees" else ""
        lines.append(
            f"{place}{one_line(claim.text) or 'the whole'}: said {_said(claim)}, found {_FOUND[claim.found]}{comes}"
        )
        if told := _evidence(claim):
            lines.append(f"{'':7}{told}")
    if found.suites:
        lines += ["", "Suites, before and after"]
        for suite in found.suites:
            require = f" (required {suite.requires})" if suite.requires else ""
            lines.append(
                f"  {suite.batch} · {suite.name}: {suite.before} → {suite.after}{require}, {suite.decision.value}"
            )
    if found.commits:
        lines += ["", f"Landed: {', '.join(found.commits)}"]
    lines += ["", f"Recommendation: {found.recommendation.upper()}"]
    lines += [f"  - {one_line(reason)}" for reason in found.reasons]
    return "\n".join(lines) + "\n"


def render_markdown(found: Assessment) -> str:
    """A status document that says what is known."""
    lines = [
        f"# Assessment of {markdown(found.subject)}",
        "",
        verdict_line(found),
        "",
        "| Line | Component | Claim | Said | Found | Evidence |",
        "| ---: | --- | --- | --- | --- | --- |",
    ]
    for claim in found.claims:
        comes = f" — **{_COMES[claim.comes_to]}**" if claim.comes_to != "agrees" else ""
        component = claim.evidence.component if claim.evidence else claim.section
        lines.append(
            f"| {claim.line or ''} | {markdown(component)} | {markdown(claim.text) or 'the whole'} "
            f"| {markdown(_said(claim))} | {_FOUND[claim.found]}{comes} | {markdown(_evidence(claim))} |"
        )
    if found.suites:
        lines += ["", "| Batch | Suite | Before | After | Required | Verdict |", "| --- " * 6 + "|"]
        lines += [
            f"| {markdown(suite.batch)} | {markdown(suite.name)} | {suite.before} | {suite.after} "
            f"| {markdown(suite.requires)} | {suite.decision.value} |"
            for suite in found.suites
        ]
    if found.commits:
        lines += ["", f"Landed: {markdown(', '.join(found.commits))}"]
    lines += ["", f"**Recommendation: {found.recommendation.upper()}**", ""]
    lines += [f"- {markdown(reason)}" for reason in found.reasons]
    return "\n".join(lines).rstrip() + "\n"


def correction(found: Assessment, text: str, path: str) -> str:
    """A patch of the document at `path` after which it claims no more than is known; empty where it
    already does so.
    """
    # Not `splitlines`: the document's lines end where those of its reader do.
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    lines = [line for line in lines if line]
    mended = list(lines)
    for claim in found.claims:
        if claim.comes_to in {"false", "unproven"} and 0 < claim.line <= len(mended):
            mended[claim.line - 1] = _mend(mended[claim.line - 1], claim)
    diff = difflib.unified_diff(lines, mended, f"a/{path}", f"b/{path}")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in diff
    )


def _mend(line: str, claim: AssessedClaim) -> str:
    body = line.rstrip("\r\n")
    end = line[len(body) :]
    word = "FAILED" if claim.comes_to == "false" else "UNVALIDATED"
    sign = "❌" if claim.comes_to == "false" else "⚠️"
    if claim.said == "[x]":
        return f"{re.sub(r'[[][xX][]]', '[ ]', body, count=1)} ({word}: {_why(claim)}){end}"
    if claim.said and f"| {claim.said} |" in body:
        return body.replace(f"| {claim.said} |", f"| {sign} **{word}** |", 1) + end
    if _DONE_SIGNS.search(body):
        body = _DONE_SIGNS.sub(sign, body)
    said = claim.said.strip("* ")
    if said and said in body and not _DONE_SIGNS.search(said):
        body = body.replace(said, word, 1)
        return f"{body} ({_why(claim)}){end}"
    return f"{body} — {word}: {_why(claim)}{end}"


def _why(claim: AssessedClaim) -> str:
    told = claim.evidence.detail if claim.evidence else "no gate has judged it"
    # Neither a cell's border nor words of state: the correction is read again.
    return one_line(told).replace("|", "/")[:160] or "see the report"


def _said(claim: AssessedClaim) -> str:
    return one_line(claim.said) or {Claimed.DONE: "to be true"}.get(claim.claimed, "")


def _evidence(claim: AssessedClaim) -> str:
    if claim.evidence is None:
        return ""
    item = claim.evidence
    links = f" [{', '.join(item.links)}]" if item.links else ""
    return one_line(f"{item.kind} {item.component}, {item.text}: {item.detail}{links}")
