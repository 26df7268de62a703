"""The verdicts of `orchestrate gate` as a document: what `--json` prints, and what is kept beside
the evidence.

Owns the names and meanings; the verdict itself is the journal's fact, as it stands in
`report.json`. A change that is not an addition needs a new `version`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from orchestrator.engine.beside.judgement import Judgement, Side
from orchestrator.errors import EnvironmentRefused
from orchestrator.journal.facts import CheckResult, Decision, TestRecord, Verdict
from orchestrator.mission.described import describe
from orchestrator.reports.model import Part

NAME = "verdict.json"


class SideDocument(Part):
    """One of the two commits."""

    name: str
    """What it was called."""
    commit: str


class GateDocument(Part):
    """One gate's verdict."""

    gate: str
    verdict: Verdict
    tests: dict[str, tuple[TestRecord, ...]]
    """By the name of the check: every test of either commit, with how it ended on both."""


class VerdictDocument(Part):
    """What `orchestrate gate` found."""

    schema_: Literal["verdict.schema.json"] = Field(default="verdict.schema.json", alias="$schema")
    format: Literal["orchestrate/verdict"] = "orchestrate/verdict"
    version: Literal[1] = 1
    mission: str
    mission_file: str
    repository: str
    base: SideDocument
    candidate: SideDocument
    uncommitted_not_judged: int
    """Paths of the checkout that differ from its commit, which is what was judged."""
    decision: Decision | None
    """`passed` only if every gate passed; else the first other decision. None: stopped before any
    gate decided.
    """
    exit_code: int
    stopped_by: str
    """The signal that ended it early; empty when nothing did."""
    evidence: str
    """The folder that all paths in the verdicts are relative to."""
    isolation: str
    """How tests were kept in, and why not more strongly."""
    gates: tuple[GateDocument, ...]


def document(judgement: Judgement) -> VerdictDocument:
    """All that was found, with every test that the evidence holds."""
    case = judgement.case
    decisions = [verdict.said for verdict in judgement.verdicts.values()]
    worse = (decision for decision in decisions if decision is not Decision.PASSED)
    return VerdictDocument(
        mission=case.mission,
        mission_file=str(case.mission_file),
        repository=str(case.repository),
        base=_side(case.base),
        candidate=_side(case.candidate),
        uncommitted_not_judged=case.unjudged,
        decision=next(worse, Decision.PASSED if decisions else None),
        exit_code=int(judgement.exit_code),
        stopped_by=judgement.stopped_by,
        evidence=str(case.folder),
        isolation=case.isolation,
        gates=tuple(
            GateDocument(
                gate=gate,
                verdict=verdict,
                tests={
                    check.name: tests
                    for check in verdict.checks
                    if (tests := _tests(case.folder, check))
                },
            )
            for gate, verdict in judgement.verdicts.items()
        ),
    )


def keep(found: VerdictDocument, folder: Path) -> str:
    """Write the document and its schema beside the evidence; the document as JSON."""
    text = found.model_dump_json(by_alias=True, indent=2)
    try:
        (folder / NAME).write_text(text + "\n", encoding="utf-8")
        (folder / found.schema_).write_text(
            json.dumps(verdict_schema(), indent=2) + "\n", encoding="utf-8"
        )
    except OSError as error:
        raise EnvironmentRefused(
            f"the verdict cannot be written: {error.strerror}", where=str(folder)
        ) from error
    return text


def verdict_schema() -> dict[str, object]:
    """Draft 2020-12, generated from the model."""
    schema = VerdictDocument.model_json_schema(by_alias=True, mode="serialization")
    describe(schema, VerdictDocument, Part)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "orchestrate/verdict 1",
    }


def _side(side: Side) -> SideDocument:
    return SideDocument(name=side.name, commit=side.commit)


class _Kept(BaseModel):
    """What is read of a check's evidence."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    tests: tuple[TestRecord, ...] = ()


def _tests(folder: Path, check: CheckResult) -> tuple[TestRecord, ...]:
    if not check.evidence:
        return ()
    return _Kept.model_validate_json((folder / check.evidence).read_bytes()).tests
