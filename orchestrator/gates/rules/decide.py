"""What an observation is worth: pure functions from a check and what was seen to a result.

Owns rules 1 and 2: positive evidence, against a baseline. It runs nothing, reads no file and knows
no judge. Every finding that speaks against a pass is collected; the first one, in the order of this
file, is the result's reason.
"""

from __future__ import annotations

import operator
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from orchestrator.gates.observing.alignment import told
from orchestrator.gates.observing.observation import RED, Observation
from orchestrator.gates.observing.reruns import reruns_of
from orchestrator.gates.rules.changed_tests import ChangedTests
from orchestrator.gates.rules.compare import Comparison, compare, not_turned_green, unproven
from orchestrator.gates.rules.finding import Finding
from orchestrator.gates.rules.findings import (
    asserts_nothing,
    base_is_unknown,
    cannot_collect,
    empty_places,
    exit_disagrees,
    last_lines,
    last_words,
    not_borne_out,
    not_carried_out,
    not_to_be_believed,
    not_watched,
    nothing_passed,
    put_back,
    record_is_not_whole,
    rewritten,
    side_changed,
    tests_changed,
    too_few,
    worse_than_base,
)
from orchestrator.gates.rules.nothing_ran import nothing_ran
from orchestrator.gates.rules.origin import brought_along, not_the_candidate
from orchestrator.gates.rules.tampering import bytecode, forged, tampered
from orchestrator.gates.rules.words import count, named
from orchestrator.journal.facts import CheckResult, Decision, Reason
from orchestrator.mission.model import (
    AnyCheck,
    CommandCheck,
    FileProof,
    MetricCheck,
    PytestCheck,
    SymbolProof,
)

FAILING_LIMIT = 100
UNCHANGED = ChangedTests()
EXIT_CODE_ONLY = "exit code only: 0"
COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}


def decide(
    name: str,
    check: AnyCheck,
    candidate: Observation,
    base: Observation | None = None,
    proofs: Sequence[str] = (),
    *,
    changed: ChangedTests = UNCHANGED,
) -> CheckResult:
    """Decide one check. `proofs` are the node ids and paths among its tests that claims rest on:
    what is red there is held against the candidate even when it was red on the base. `changed` is
    what the candidate does to the tests.
    """
    match check:
        case PytestCheck():
            return _decide_tests(name, check, candidate, base, proofs=proofs, changed=changed)
        case CommandCheck() if check.report:
            return _decide_tests(name, check, candidate, base, proofs=proofs, changed=changed)
        case CommandCheck():
            findings, passed = (
                [
                    *not_carried_out(candidate),
                    *_exit_code(check, candidate, base),
                    *put_back(candidate),
                    *brought_along(candidate),
                    *side_changed(candidate),
                ],
                EXIT_CODE_ONLY,
            )
        case MetricCheck():
            findings, passed = (
                [
                    *not_carried_out(candidate),
                    *_metric(check, candidate),
                    *nothing_ran(candidate, base),
                    *put_back(candidate),
                    *brought_along(candidate),
                    *side_changed(candidate),
                ],
                _holding(check, candidate),
            )
        case _:
            raise TypeError(f"{type(check).__name__} is not decided by an observation")
    if findings and not candidate.is_whole():
        findings = findings[:1]  # what did not run says nothing
    result = _result(name, candidate, findings, passed)
    if isinstance(check, MetricCheck):
        base_value = base.value if base else None
        update = {
            "value": candidate.value,
            "base_value": base_value,
            "require": check.require.strip(),
        }
        return result.model_copy(update=update)
    return result


def _decide_tests(
    name: str,
    check: PytestCheck | CommandCheck,
    candidate: Observation,
    base: Observation | None,
    *,
    proofs: Sequence[str],
    changed: ChangedTests,
) -> CheckResult:
    found = compare(candidate, base, check.may_remove)
    shortfalls = not_turned_green(check.must_turn_green, candidate, base)
    findings = [
        *not_carried_out(candidate),
        *base_is_unknown(base),
        *forged(candidate, base),
        *record_is_not_whole(candidate),
        *tampered(candidate, base),
        *not_to_be_believed(candidate, base),
        *not_the_candidate(candidate, base),
        *cannot_collect(found, candidate),
        *nothing_passed(candidate, found),
        *exit_disagrees(candidate, is_pytest=isinstance(check, PytestCheck)),
        *side_changed(candidate),
        *worse_than_base(found, shortfalls),
        *not_watched(candidate),
        *tests_changed(changed, check.may_remove),
        *rewritten(changed, check.may_remove),
        *asserts_nothing(candidate, base, check.may_remove),
        *not_borne_out(
            shortfalls,
            unproven(proofs, candidate),
            {**candidate.tests, **(base.tests if base else {})},
        ),
        *empty_places(check, candidate),
        *too_few(check, candidate),
        *put_back(candidate),
        *brought_along(candidate),
        *bytecode(candidate, base),
    ]
    if findings and not candidate.is_whole():
        findings = findings[:1]  # what did not run did not break
    result = _result(name, candidate, findings, _passed_text(candidate, base, found))
    turned = dict.fromkeys(found.turned_green)
    if base is not None:
        here = candidate.families
        bad = {shortfall.entry for shortfall in shortfalls}
        for entry in check.must_turn_green:
            if entry not in bad:
                turned.update(
                    (test_id, None) for test_id in here[entry] if test_id not in base.tests
                )
    return result.model_copy(
        update={
            "counts": candidate.counts.model_copy(update={"flaky": len(found.flaky)}),
            "base_counts": base.counts if base else None,
            "flaky": found.flaky,
            "reruns": reruns_of(candidate, base),
            "turned_green": tuple(turned),
            "broken": found.broken
            if candidate.is_whole()
            else tuple(i for i in found.broken if i in found.failing),
            "pre_existing": found.pre_existing,
            "failing": (*candidate.collection_errors, *found.failing)[:FAILING_LIMIT],
        }
    )


def decide_proofs(
    name: str,
    seen: Observation | None,
    proofs: Sequence[str],
    things: Mapping[FileProof | SymbolProof, str | None],
) -> CheckResult:
    """Decide what no check of a gate looks at, and claims rest on: tests that were run for that,
    files, symbols.

    `things` are what is wrong with each of the last two (None: nothing). There is no baseline: a
    proof holds or not.
    """
    findings: list[Finding] = []
    if seen is not None:
        shortfalls = unproven(proofs, seen)
        disagrees = exit_disagrees(seen, is_pytest=True)
        odd = [*tampered(seen, None), *not_to_be_believed(seen, None)]
        findings = [*not_carried_out(seen), *forged(seen, None), *record_is_not_whole(seen), *odd]
        findings += [
            *not_borne_out((), shortfalls, seen.tests),
            *disagrees,
            *not_watched(seen),
            *put_back(seen),
            *side_changed(seen),
        ]
        if not seen.is_whole():
            findings = findings[:1]
    findings += [
        Finding(Reason.PROOF_MISSING, f"the {_noun(thing)} {thing.what} {wrong}")
        for thing, wrong in things.items()
        if wrong
    ]
    passed = [f"{count(seen.counts.passed + seen.counts.xpassed, 'test')} passed"] if seen else []
    passed += [
        f"{count(number, noun)} there" for noun, number in Counter(map(_noun, things)).items()
    ]
    result = _result(name, seen or Observation(kind="proofs"), findings, ", ".join(passed))
    failing = (
        tuple(test_id for test_id, test in seen.tests.items() if test.outcome in RED)
        if seen
        else ()
    )
    flaky = tuple(test_id for test_id in seen.tests if seen.is_flaky(test_id)) if seen else ()
    update = {
        "kind": "proofs",
        "counts": seen.counts.model_copy(update={"flaky": len(flaky)}) if seen else None,
        "failing": failing[:FAILING_LIMIT],
        "flaky": flaky,
        "reruns": reruns_of(seen, None) if seen else 0,
    }
    return result.model_copy(update=update)


def _noun(thing: FileProof | SymbolProof) -> str:
    return "file" if isinstance(thing, FileProof) else "symbol"


def _result(name: str, seen: Observation, findings: Sequence[Finding], passed: str) -> CheckResult:
    first = findings[0] if findings else None
    texts = dict.fromkeys(finding.text for finding in findings)
    return CheckResult(
        name=name,
        kind=seen.kind,
        decision=first.decision if first else Decision.PASSED,
        reason=first.reason if first else None,
        text="; ".join(texts) if first else passed,
        command=seen.command,
        exit_code=seen.exit_code,
        seconds=seen.seconds,
        tail="" if first is None or _tells_tests(seen) else last_lines(seen),
        log=seen.log,
    )


def _tells_tests(seen: Observation) -> bool:
    """Whether tests that are red say what is wrong, each with a message of its own."""
    return bool(seen.collection_errors) or any(t.outcome in RED for t in seen.tests.values())


def _passed_text(seen: Observation, base: Observation | None, found: Comparison) -> str:
    parts = [count(seen.counts.passed + seen.counts.xpassed, "test") + " passed"]
    if found.turned_green:
        parts.append(f"{len(found.turned_green)} turned green")
    if found.pre_existing:
        parts.append(f"{len(found.pre_existing)} failing as on the base")
    if found.flaky:
        parts.append(f"{len(found.flaky)} flaky")
    if seen.disturbed:
        parts.append(
            f"{len(seen.disturbed)} red beside another test run and green apart: "
            f"{named(seen.disturbed)}"
        )
    parts += told(seen.unstable)
    if seen.counts.skipped:
        parts.append(f"{seen.counts.skipped} skipped")
    if base is not None and not base.is_whole():
        parts.append(
            "on the base the tests did not come to their end, so that some may have been green there"
        )
    return ", ".join(parts)


def _exit_code(
    check: CommandCheck, seen: Observation, base: Observation | None
) -> Iterator[Finding]:
    if seen.exit_code != 0:
        before = f" (on the base {base.exit_code})" if base and base.exit_code is not None else ""
        text = f"exit code only: {seen.exit_code}{before}{last_words(seen)}"
        yield Finding(Reason.EXIT_CODE, text)
    yield from nothing_ran(seen, base)
    for entry in check.must_turn_green:
        text = (
            f"{entry} did not turn green: there is only an exit code, and no `report` to see it in"
        )
        yield Finding(Reason.DID_NOT_TURN_GREEN, text)


def _metric(check: MetricCheck, seen: Observation) -> Iterator[Finding]:
    if seen.exit_code != 0:
        printed = f" after it printed {seen.value:g}" if seen.value is not None else ""
        yield Finding(
            Reason.EXIT_CODE, f"it ended with exit {seen.exit_code}{printed}{last_words(seen)}"
        )
    elif seen.value is None:
        yield Finding(Reason.VALUE_MISSING, f"{seen.problem}{last_words(seen)}")
    elif not _holds(check.require, seen.value):
        yield Finding(Reason.BELOW_THRESHOLD, f"{seen.value:g} is not {check.require.strip()}")


def _holding(check: MetricCheck, seen: Observation) -> str:
    return f"{seen.value:g} is {check.require.strip()}" if seen.value is not None else ""


def _holds(require: str, value: float) -> bool:
    match = re.fullmatch(r"\s*(>=|<=|==|>|<)\s*(\S+)\s*", require)
    return match is not None and COMPARE[match[1]](value, float(match[2]))
