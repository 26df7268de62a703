"""`orchestrate plan --check`: what a mission's gates say of its base, for people and for machines.

Owns the lines and the document. What they say is `engine.beside.checking`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.text import Text

from orchestrator.engine.beside.checked import Checked, CheckOnBase, GateOnBase
from orchestrator.gates.rules.promises import Kind
from orchestrator.ui.doctor_view import finding_document
from orchestrator.ui.doctor_view import lines_of as lines_of_finding
from orchestrator.ui.text import count, duration, one_line, short

MOST = 8
SAYS = {Kind.RUNS: "runs", Kind.TURNS_GREEN: "turns green", Kind.PROVES: "proof"}


def render_checked(found: Checked, console: Console) -> None:
    """Show all of it."""
    console.print(Text.assemble(("\nOn the base  ", "bold"), _base(found)))
    for gate in found.gates:
        for line, style in lines_of(gate):
            console.print(Text(line, style), soft_wrap=True)
    for line, style in _ends(found):
        console.print(Text(line, style), soft_wrap=True)


def _base(found: Checked) -> str:
    return f"{found.base.name}, {short(found.base.commit)}; logs in {found.folder}"


def lines_of(gate: GateOnBase) -> Iterator[tuple[str, str]]:
    """A gate's lines, each with its style."""
    of = f"of {', '.join(gate.batches)}"
    yield f"gate {gate.gate}  {of}, in {duration(gate.seconds)}", "bold"
    for interpreter in dict.fromkeys(it.interpreter for it in gate.checks if it.interpreter):
        yield f"      python: {one_line(interpreter, 400)}", "dim"
    for check in gate.checks:
        yield _said(check)
        if check.fault:
            yield f"      {check.fault.mend}", ""
            continue
        for path, why in list(check.uncollected.items())[:MOST]:
            yield (
                f"      cannot be collected: {path}{f' ({one_line(why, 300)})' if why else ''}",
                "",
            )
        for test in check.red[:MOST]:
            yield f"      red: {one_line(test, 300)}", ""
        if (more := len(check.red) - MOST) > 0:
            yield f"      and {more} more, in {check.log}", ""
    fine: dict[tuple[Kind, str], list[str]] = {}
    for promise in gate.promises:
        if promise.is_wrong:
            entry = one_line(promise.entry, 300)
            yield f"  ✗ {SAYS[promise.kind]} {entry}: {promise.text}", "red"
        else:
            fine.setdefault((promise.kind, promise.text), []).append(promise.entry)
    for (kind, text), entries in fine.items():
        rest = f" and {len(entries) - 2} more" if len(entries) > 2 else ""
        names = ", ".join(one_line(entry, 200) for entry in entries[:2])
        yield f"  · {SAYS[kind]} {names}{rest}: {text}", "dim"


def _said(check: CheckOnBase) -> tuple[str, str]:
    if check.fault:
        return f"  ✗ {check.name}: cannot run here: {one_line(check.fault.line, 600)}", "red"
    said = [f"exit {check.exit_code}"] if check.exit_code is not None else []
    if check.counts.collected:
        counts = check.counts
        said = [f"{counts.passed + counts.xpassed} of {count(counts.collected, 'test')} passed"]
    if check.red:
        said.append(f"{len(check.red)} red")
    if check.uncollected:
        said.append(f"{count(len(check.uncollected), 'file')} not collected")
    if check.value is not None:
        said.append(f"{check.value:g}")
    sign = "·" if check.red or check.uncollected or check.exit_code else "✓"
    told = ", ".join(said) or "nothing to run yet"
    return f"  {sign} {check.name}: {told}, in {duration(check.seconds)}", ""


def _ends(found: Checked) -> Iterator[tuple[str, str]]:
    if found.stopped_by:
        yield f"stopped by {found.stopped_by}", "bold red"
    for names, why in found.services.items():
        yield f"✗ agents cannot have their services here ({names}): {one_line(why, 900)}", "red"
    if found.faults:
        gates = dict.fromkeys(fault.gate for fault in found.faults)
        yield (
            f"✗ {count(len(gates), 'gate')} cannot run here: to be mended before a run",
            "bold red",
        )
    for finding in found.lacks:
        yield from lines_of_finding(finding)
    if found.lacks:
        what = count(len(found.lacks), "thing")
        yield f"✗ {what} that a run needs: to be mended before it", "bold red"
    if found.wrong:
        many = len(found.wrong) > 1
        yield (
            f"✗ {count(len(found.wrong), 'name')} of the mission cannot come true: mend {'them' if many else 'it'}",
            "bold red",
        )
    if not (found.stopped_by or found.faults or found.services or found.wrong or found.lacks):
        yield "✓ all gates can run", "bold green"


def checked_document(found: Checked) -> dict[str, Any]:
    """The same for machines, below `check` of the plan's document."""
    return {
        "base": found.base.commit,
        "folder": str(found.folder),
        "can_run": not (found.faults or found.services),
        "services": dict(found.services),
        "exit_code": int(found.exit_code),
        "lacks": [finding_document(finding) for finding in found.lacks],
        "gates": [
            {
                "gate": gate.gate,
                "batches": list(gate.batches),
                "seconds": gate.seconds,
                "checks": [
                    {
                        "name": check.name,
                        "kind": check.kind,
                        "can_run": check.fault is None,
                        "reason": "cannot_run" if check.fault else None,
                        "line": check.fault.line if check.fault else "",
                        "mend": check.fault.mend if check.fault else "",
                        "counts": check.counts.model_dump(mode="json"),
                        "exit_code": check.exit_code,
                        "value": check.value,
                        "red": list(check.red),
                        "uncollected": dict(check.uncollected),
                        "seconds": check.seconds,
                        "interpreter": check.interpreter,
                        "log": check.log,
                    }
                    for check in gate.checks
                ],
                "promises": [
                    {
                        "kind": str(promise.kind),
                        "entry": promise.entry,
                        "text": promise.text,
                        "is_wrong": promise.is_wrong,
                    }
                    for promise in gate.promises
                ],
            }
            for gate in found.gates
        ],
    }
