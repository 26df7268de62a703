"""`orchestrate doctor`: what was found on this machine, for people and for machines.

Owns the lines and the document. What they say is `engine.beside.doctor`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.text import Text

from orchestrator.engine.beside.finding import Examined, Finding
from orchestrator.ui.text import count, one_line


def render_examined(found: Examined, console: Console) -> None:
    """Show all of it."""
    area = None
    for finding in found.findings:
        if finding.area is not area:
            area = finding.area
            console.print(Text(area.value, "bold"))
        for line, style in lines_of(finding):
            console.print(Text(line, style), soft_wrap=True)
    line, style = _end(found)
    console.print(Text(line, style), soft_wrap=True)


def lines_of(finding: Finding) -> Iterator[tuple[str, str]]:
    """A finding's lines, each with its style: how it is, what that means, the mend."""
    sign, style = ("✓", "") if finding.ok else ("✗", "red") if finding.is_needed else ("·", "dim")
    yield f"  {sign} {finding.name}: {one_line(finding.detail, 600)}", style
    if not finding.ok:
        if finding.means:
            yield f"      {one_line(finding.means, 400)}", style
        if finding.mend:
            yield f"      to mend it: {one_line(finding.mend, 600)}", ""


def _end(found: Examined) -> tuple[str, str]:
    whose = f"{found.mission} needs" if found.mission else "is needed"
    if found.lacks:
        many = count(len(found.lacks), "thing")
        verb = "are" if len(found.lacks) > 1 else "is"
        return f"✗ {many} that {whose} {verb} missing", "bold red"
    return f"✓ all that {whose} is here", "bold green"


def examined_document(found: Examined) -> dict[str, Any]:
    """The same for machines."""
    return {
        "mission": str(found.mission) if found.mission else None,
        "ok": not found.lacks,
        "exit_code": int(found.exit_code),
        "findings": [finding_document(finding) for finding in found.findings],
    }


def finding_document(finding: Finding) -> dict[str, Any]:
    """One of them."""
    return {
        "area": finding.area.value,
        "name": finding.name,
        "ok": finding.ok,
        "needed": finding.is_needed,
        "detail": finding.detail,
        "means": finding.means,
        "mend": finding.mend,
    }
