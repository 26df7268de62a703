"""`junit.xml`: the checks and tests of a run, for what reads such files: CI systems, editors.

A suite for each check of the judgement that counts of each batch. Where the evidence has the tests
by name they are its cases; a check of another kind is a case of its own. Deliverables and criteria
are a suite as well: proven ones pass, those without a proof are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from orchestrator.journal.facts import CheckResult, ClaimResult, Decision, TestRecord
from orchestrator.reports.material import Material
from orchestrator.reports.model import BatchSummary, Summary
from orchestrator.reports.text import clean, one_line

TEXT = 4_000
"""Characters of what a test that is red says."""
_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_junit(summary: Summary, material: Material) -> str:
    """The file. Names are the tests' own; a class name is the batch's and the check's."""
    root = ET.Element("testsuites", name=_text(summary.mission))
    for batch in summary.batches:
        for gate in batch.told[-1:]:
            for check in gate.checks:
                name = f"{batch.id}.{check.name}"
                _suite(root, name, check.seconds, _check_cases(name, check, material))
        claims = [*batch.criteria, *(it for agent in batch.agents for it in agent.deliverables)]
        _suite(root, f"{batch.id}.claims", 0.0, [_claim(batch, claim) for claim in claims])
        if not batch.gates and batch.outcome is not None and not batch.is_whole:
            case = ET.Element("testcase", classname=batch.id, name="lands", time="0")
            _red(case, "failure", batch.status, batch.reason)
            _suite(root, f"{batch.id}.batch", 0.0, [case])
    for kind in ("tests", "failures", "errors", "skipped"):
        root.set(kind, str(sum(int(suite.get(kind, "0")) for suite in root)))
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _suite(root: ET.Element, name: str, seconds: float, cases: Iterable[ET.Element]) -> None:
    cases = list(cases)
    if not cases:
        return
    suite = ET.SubElement(root, "testsuite", name=_text(name), time=f"{seconds:.3f}")
    suite.set("tests", str(len(cases)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    suite.extend(cases)


def _check_cases(name: str, check: CheckResult, material: Material) -> list[ET.Element]:
    cases = [_test(name, test) for test in material.tests.get(check.evidence, ())]
    is_told = any(case.find("failure") is not None for case in cases)
    if not cases or (check.decision is not Decision.PASSED and not is_told):
        case = ET.Element("testcase", classname=_text(name), name=_text(check.name))
        case.set("time", f"{check.seconds:.3f}")
        if check.decision is Decision.FAILED:
            _red(case, "failure", check.text, check.tail)
        elif check.decision is Decision.ERRORED:
            _red(case, "error", check.text, check.tail)
        elif check.decision is not Decision.PASSED:
            ET.SubElement(case, "skipped", message=_line(check.text or str(check.decision)))
        cases.append(case)
    return cases


def _test(name: str, test: TestRecord) -> ET.Element:
    case = ET.Element("testcase", classname=_text(name), name=_text(test.id))
    case.set("time", f"{test.seconds:.3f}")
    match test.candidate.value:
        case "failed":
            told = f"failed; on the base: {test.base or 'not known'}"
            _red(case, "failure", told, test.message)
        case "error":
            _red(case, "error", "error", test.message)
        case "skipped" | "absent" | "xfailed":
            ET.SubElement(case, "skipped", message=_line(str(test.candidate)))
        case _:
            pass
    return case


def _claim(batch: BatchSummary, claim: ClaimResult) -> ET.Element:
    case = ET.Element("testcase", classname=_text(f"{batch.id}.claims"), name=_line(claim.text))
    case.set("time", "0")
    if claim.status.value == "failed":
        _red(case, "failure", "failed", claim.detail)
    elif claim.status.value == "unvalidated":
        ET.SubElement(case, "skipped", message=_line(f"unvalidated: {claim.detail}"))
    return case


def _red(case: ET.Element, tag: str, message: str, text: str) -> None:
    ET.SubElement(case, tag, message=_line(message)).text = _text(clean(text[-TEXT:]))


def _line(text: str) -> str:
    return _text(one_line(text, 500))


def _text(text: str) -> str:
    """Without what no XML file may hold."""
    return _NO_XML.sub("�", text)
