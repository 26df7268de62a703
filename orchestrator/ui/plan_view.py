"""The plan as people read it before they spend anything, and as a document for machines.

Owns the words and the layout of `orchestrate plan`; what is said is decided in `plan`. Nothing is
told by colour alone: severities have a sign and a word. Lines are cut to the console's width by
rich, never the numbers in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from orchestrator.inspection import Finding, FindingKind, Findings, Severity
from orchestrator.mission.model import (
    AnyCheck,
    ApprovalCheck,
    Ceiling,
    Claim,
    CommandCheck,
    Gate,
    MetricCheck,
    PytestCheck,
)
from orchestrator.mission.paths import Paths
from orchestrator.mission.scope import Entry, Scope
from orchestrator.mission.symbols import Outline
from orchestrator.plan import Plan, PlannedAgent, PlannedBatch
from orchestrator.services.wanted import users_of

FORMAT = "orchestrate/plan"
VERSION = 1
MOST = 4  # files, or items of a finding, that are named before "and n more"
WIDE = 64  # letters of an entry of a scope that stands on one line
SIGNS = {
    Severity.NOTE: ("·", "dim"),
    Severity.WARNING: ("!", "yellow"),
    Severity.REFUSED: ("✗", "bold red"),
}


def render_plan(plan: Plan, findings: Findings, console: Console) -> None:
    """Print the plan: head, waves, gates, findings, and the totals last, where the eye ends."""
    parts: list[RenderableType] = [_head(plan), "", _tree(plan, _misses(findings))]
    if any(batch.gate for batch in plan.batches):
        parts += ["", _gates(plan)]
    if plan.mission.services:
        parts += ["", _services(plan)]
    heaviest = sorted(
        findings.all, key=lambda finding: list(Severity).index(finding.severity), reverse=True
    )
    overlaps = [finding for finding in heaviest if finding.kind is FindingKind.OVERLAP]
    others = [finding for finding in heaviest if finding.kind is not FindingKind.OVERLAP]
    parts += ["", _overlaps(overlaps)] if overlaps else []
    parts += ["", _others(others)] if others else []
    parts += ["", _totals(plan, findings)]
    for part in parts:
        console.print(part, highlight=False)


def _head(plan: Plan) -> Text:

    mission = plan.mission
    source = mission.repository.path or f"{mission.repository.snapshot} (snapshot)"
    base = f" at {mission.repository.base}" if mission.repository.base else ""
    text = Text()
    text.append(mission.name, "bold").append(f"  {source}{base}\n", "dim")
    return text.append(" ".join(mission.objective.split()))


def _tree(plan: Plan, misses: frozenset[str]) -> Tree:

    tree = Tree(Text("Waves", "bold"), guide_style="dim")
    for number, wave in enumerate(plan.waves, start=1):
        side = ", side by side" if len(wave) > 1 else ""
        branch = tree.add(
            Text.assemble(
                (f"Wave {number}", "bold cyan"), (f"  {count(len(wave), 'batch')}{side}", "dim")
            )
        )
        for name in wave:
            batch = plan.batch(name)
            node = branch.add(_batch(batch, misses))
            for agent in batch.agents:
                node.add(_agent(agent, misses))
    return tree


def _batch(batch: PlannedBatch, misses: frozenset[str]) -> Text:

    text = Text.assemble((batch.id, "bold"))
    if batch.title != batch.id:
        text.append(f"  {batch.title}")
    facts = [count(len(batch.agents), "agent")]
    if len(batch.agents) > batch.parallel:
        facts.append(f"{batch.parallel} at once")
    facts.append(f"gate {batch.gate_name}" if batch.gate_name else "no gate")
    if batch.needs:
        facts.append(f"needs {', '.join(batch.needs)}")
    if batch.batch.criteria:
        facts.append(f"criteria {_proven(batch.batch.criteria, misses)}")
    if batch.land == "whole":
        facts.append("lands whole or not at all")
    return text.append(f"\n{' · '.join(facts)}", "dim")


def _agent(agent: PlannedAgent, misses: frozenset[str]) -> Text:

    text = Text.assemble((agent.id, "cyan"), "  ", agent.agent.name)
    backends = f"race of {', '.join(agent.racers)}" if agent.racers else agent.backend
    facts = [backends, duration(agent.timeout)]
    if agent.is_reviewer:
        facts.insert(0, "reviewer")
    if agent.ceiling:
        facts.append(f"{_told_ceiling(agent.ceiling)} an attempt")
    if agent.attempts != 1:
        facts.append(f"{agent.attempts} attempts")
    if agent.agent.deliverables:
        facts.append(f"deliverables {_proven(agent.agent.deliverables, misses)}")
    if agent.needs:
        facts.append(f"needs {', '.join(agent.needs)}")
    if agent.agent.optional:
        facts.append("optional")
    text.append(f"\n{' · '.join(facts)}", "dim")
    for index, entry in enumerate(agent.scope.entries[:MOST]):
        text.append("\n       " if index else "\nfiles  ", "dim").append(entry.glob)
        if not entry.is_whole:
            # A long path and a long name do not fit on one line.
            text.append("\n         " if len(entry.text) > WIDE else "").append(
                entry.text.removeprefix(entry.glob)
            )
        if entry.line and entry.symbol:
            text.append(f" → {entry.symbol.text}", "dim")
    if len(agent.scope.patterns) > MOST:
        text.append(f"\n       and {len(agent.scope.patterns) - MOST} more", "dim")
    if not agent.scope:
        text.append("\nfiles  none: read-only, its findings are claims", "dim")
    if agent.scope.has_symbols:
        text.append(f"\nbeside its symbols  {_beside(agent.scope)}", "dim")
    return text


def _told_ceiling(ceiling: Ceiling) -> str:
    """`2,000,000 tokens or 1.50 US dollars`, and whether that only warns."""
    told = [f"{ceiling.tokens:,} tokens"] if ceiling.tokens is not None else []
    told += [f"{ceiling.cost_usd:,.2f} US dollars"] if ceiling.cost_usd is not None else []
    return " or ".join(told) + (" (warns)" if ceiling.on_exceed == "warn" else "")


def _beside(scope: Scope) -> str:
    """What may be done in a file of which an agent has symbols."""
    imports = {"add": "imports added", "any": "imports changed", "deny": "no imports"}
    symbols = {"private": "private helpers", "allow": "new symbols", "deny": "no new symbols"}
    return f"{imports[scope.imports]}, {symbols[scope.new_symbols]}"


def _proven(claims: Iterable[Claim], misses: frozenset[str]) -> str:
    """How many of the claims name what would prove them: ``2/3 provable``."""
    claims = tuple(claims)
    return f"{sum(_is_provable(claim, misses) for claim in claims)}/{len(claims)} provable"


def _is_provable(claim: Claim, misses: frozenset[str]) -> bool:
    return bool(claim.proof) and misses.isdisjoint(map(str, claim.proof))


def _misses(findings: Findings) -> frozenset[str]:
    """Proofs that nothing can bear out."""
    return frozenset(
        item for finding in findings.of(FindingKind.UNPROVABLE) for item in finding.items
    )


def _gates(plan: Plan) -> Table:

    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title="Gates",
        title_justify="left",
        title_style="bold",
        caption=f"python: {plan.mission.workspace.tells_python}",
        caption_justify="left",
    )
    table.add_column("gate", no_wrap=True)
    table.add_column("check", no_wrap=True)
    table.add_column("asks", ratio=1, overflow="fold")
    table.add_column("decides on")
    for name, gate in _used_gates(plan).items():
        users = ", ".join(batch.id for batch in plan.batches if batch.gate_name == name)
        for index, (called, check) in enumerate(zip(gate.names, gate.checks, strict=True)):
            last = index == len(gate.checks) - 1
            table.add_row(
                "" if index else name,
                called,
                _asks(check),
                "" if index else users,
                end_section=last,
            )
    return table


def _services(plan: Plan) -> Table:

    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title="Services",
        title_justify="left",
        title_style="bold",
        caption="each attempt and each check has its own",
        caption_justify="left",
    )
    table.add_column("service", no_wrap=True)
    table.add_column("runs", ratio=1, overflow="fold")
    table.add_column("beside", overflow="fold")
    for name, service in plan.mission.services.items():
        words = str(service.command) if service.command else "nothing: a port and a name"
        if service.needs:
            words += f" · needs {', '.join(service.needs)}"
        users = list(users_of(plan.mission, name))
        table.add_row(name, Text(words), _some(tuple(users)) if users else "nobody")
    return table


def _asks(check: AnyCheck) -> Text:

    match check:
        case PytestCheck():
            words = (
                f"{' '.join(check.pytest)}: at least {count(check.at_least, 'test')} run, none red"
            )
            if check.must_turn_green:
                words += f"; turns green: {_some(check.must_turn_green)}"
        case CommandCheck():
            what = f"its tests in {_some(check.report)}" if check.report else "exit code only"
            words = f"{check.command}: {what}"
        case MetricCheck():
            words = f"{check.metric}: {check.value} {check.require}"
        case ApprovalCheck():
            words = f"a person says: {check.approval}"
    return Text(words)


def _overlaps(findings: Sequence[Finding]) -> Table:

    table = _section("Overlaps")
    for finding in findings:
        text = Text(finding.where)
        for item in finding.items[:MOST]:
            text.append(f"\n  {item}")
        if finding.items[MOST:]:
            text.append(f"\n  and {len(finding.items) - MOST} more", "dim")
        table.add_row(_severity(finding), Text(finding.batch, "dim"), text)
    table.add_row("", "", Text(findings[0].mend, "dim"))
    return table


def _others(findings: Sequence[Finding]) -> Table:

    table = _section("Findings")
    mended: set[str] = set()
    for finding in findings:
        text = Text(f"{finding.where}: {finding.text}" if finding.agents else finding.text)
        # One piece of advice is enough for ten findings of a kind.
        if finding.mend not in mended and finding.severity is not Severity.NOTE:
            text.append(f"\n{finding.mend}", "dim")
            mended.add(finding.mend)
        table.add_row(_severity(finding), Text(finding.batch, "dim"), text)
    return table


def _section(title: str) -> Table:

    table = Table(
        box=None,
        pad_edge=False,
        show_header=False,
        title=title,
        title_justify="left",
        title_style="bold",
    )
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    return table


def _severity(finding: Finding) -> Text:

    sign, style = SIGNS[finding.severity]
    return Text(f"{sign} {finding.severity}", style, no_wrap=True)


def _totals(plan: Plan, findings: Findings) -> Text:

    claims, misses = _claims(plan), _misses(findings)
    proven = sum(_is_provable(claim, misses) for claim in claims)
    attempts = sum(agent.attempts * len(agent.backends) for agent in plan.agents)
    text = Text.assemble(("Critical path  ", "bold"), " → ".join(plan.critical_path))
    text.append(f"  at most {duration(plan.ceiling)} in first attempts, gates not counted\n", "dim")
    text.append("Total  ", "bold")
    text.append(f"{count(len(plan.batches), 'batch')} in {count(len(plan.waves), 'wave')}, ")
    text.append(f"{count(len(plan.agents), 'agent')}, {count(attempts, 'attempt')} at most, ")
    text.append(
        f"{proven} of {count(len(claims), 'claim')} provable" if claims else "nothing claimed"
    )
    if findings.refused:
        text.append(
            f"\n✗ refused: {count(len(findings.refused), 'finding')} must be mended first",
            "bold red",
        )
    return text


def plan_document(
    plan: Plan, findings: Findings, outlines: Mapping[str, Outline | None] | None = None
) -> dict[str, Any]:
    """The plan for machines (`orchestrate plan --json`); `version` grows when a key changes its
    meaning.
    """
    paths = Paths(outlines or {})
    return {
        "format": FORMAT,
        "version": VERSION,
        "mission": plan.mission.name,
        "objective": plan.mission.objective,
        "waves": [list(wave) for wave in plan.waves],
        "critical_path": list(plan.critical_path),
        "ceiling_seconds": plan.ceiling,
        "batches": [_batch_document(plan, batch, outlines or {}, paths) for batch in plan.batches],
        "python": plan.mission.workspace.tells_python,
        "services": {
            name: {
                **service.model_dump(mode="json", exclude={"env"}),
                "variables": [*service.env.names, *service.env.constants],
                "beside": list(users_of(plan.mission, name)),
            }
            for name, service in plan.mission.services.items()
        },
        "gates": {
            name: [
                {
                    "name": called,
                    **check.model_dump(mode="json", exclude={"name"}),
                    "kind": check.kind,
                }
                for called, check in zip(gate.names, gate.checks, strict=True)
            ]
            for name, gate in _used_gates(plan).items()
        },
        "findings": [
            {
                "kind": str(finding.kind),
                "severity": str(finding.severity),
                "batch": finding.batch,
                "agents": list(finding.agents),
                "text": finding.text,
                "mend": finding.mend,
                "items": list(finding.items),
            }
            for finding in findings.all
        ],
        "is_refused": bool(findings.refused),
    }


def _batch_document(
    plan: Plan, batch: PlannedBatch, outlines: Mapping[str, Outline | None], paths: Paths
) -> dict[str, Any]:
    return {
        "id": batch.id,
        "title": batch.title,
        "wave": plan.wave(batch.id),
        "needs": list(batch.needs),
        "dependents": [other.id for other in plan.batches if other.id in plan.dependents(batch.id)],
        "gate": batch.gate_name,
        "parallel": batch.parallel,
        "land": str(batch.land),
        "on_conflict": str(batch.on_conflict),
        "overlap": str(batch.overlap),
        "criteria": [_claim_document(claim) for claim in batch.batch.criteria],
        "agents": [
            {
                "id": agent.id,
                "name": agent.agent.name,
                "mission": agent.agent.mission,
                "backend": agent.backend,
                "race": list(agent.racers),
                "reviewer": agent.is_reviewer,
                "timeout_seconds": agent.timeout,
                "attempts": agent.attempts,
                "needs": list(agent.needs),
                "files": list(agent.scope.patterns),
                "symbols": [
                    _entry_document(entry, outlines, paths)
                    for entry in agent.scope.entries
                    if not entry.is_whole
                ],
                "imports": agent.scope.imports,
                "new_symbols": agent.scope.new_symbols,
                "services": list(agent.services),
                "optional": agent.agent.optional,
                "deliverables": [_claim_document(claim) for claim in agent.agent.deliverables],
            }
            for agent in batch.agents
        ],
    }


def _entry_document(
    entry: Entry, outlines: Mapping[str, Outline | None], paths: Paths
) -> dict[str, Any]:
    """An entry that means symbols, with those that the base has, by file; null for what a line is
    not known to hold.
    """
    known = {path: outlines[path] for path in entry.matches(paths)}
    return {
        "entry": entry.text,
        "symbol": entry.symbol.text if entry.symbol else None,
        "found": {
            path: list(outline.covered(entry.symbol))
            for path, outline in known.items()
            if outline and entry.symbol
        },
    }


def _claim_document(claim: Claim) -> dict[str, Any]:
    return {"text": claim.text, "proof": [str(proof) for proof in claim.proof]}


def _claims(plan: Plan) -> list[Claim]:
    claims = [claim for batch in plan.batches for claim in batch.batch.criteria]
    return claims + [claim for agent in plan.agents for claim in agent.agent.deliverables]


def _used_gates(plan: Plan) -> dict[str, Gate]:
    return {batch.gate_name: batch.gate for batch in plan.batches if batch.gate_name and batch.gate}


def _some(items: tuple[str, ...]) -> str:
    return ", ".join(items[:MOST]) + (f" and {len(items) - MOST} more" if len(items) > MOST else "")


def count(number: int, noun: str) -> str:
    """``1 batch``, ``3 batches``."""
    plural = f"{noun}es" if noun.endswith(("ch", "s", "x")) else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def duration(seconds: float) -> str:
    """Seconds as a mission writes them: ``1h30m``, ``90s`` as ``1m30s``."""
    whole = round(seconds)
    if not whole:
        return f"{seconds:g}s"
    parts = ((whole // 3600, "h"), (whole // 60 % 60, "m"), (whole % 60, "s"))
    return "".join(f"{value}{unit}" for value, unit in parts if value)
