"""`orchestrate gate` on a terminal: how far it is, and what it found.

Owns the table of checks and the sentences below it. Progress goes to standard error, so that the
findings, or the document for machines, can be piped away.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Protocol, Self, TextIO, cast

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from orchestrator.engine.beside.judgement import Case, Judgement, Side, Watcher
from orchestrator.gates.subject import Progress
from orchestrator.journal.facts import CheckResult, ClaimResult, ClaimStatus, Decision, Verdict
from orchestrator.reports.exercise import exercise_note, suspicious_note
from orchestrator.reports.tests_changed import side_groups
from orchestrator.ui.lines import LastingStream, LineWriter
from orchestrator.ui.text import count, duration, glyph, one_line, short, style, word

MOST_TESTS = 20
MOST_CLAIMS = 30


class GateDisplay(Watcher, Protocol):
    """A watcher that is entered before anything is judged and left afterwards."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...


def make_gate_display(out: TextIO, *, is_live: bool) -> GateDisplay:
    """The display of what goes on, on `out`."""
    return (
        LiveGate(Console(file=cast("TextIO", LastingStream(out)), highlight=False))
        if is_live
        else PlainGate(out)
    )


class PlainGate:
    """A line when it begins, when a check has run all of its tests on a commit, and when a gate
    decides.
    """

    def __init__(self, out: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._out = LineWriter(out)
        self._clock = clock
        self._began = clock()
        self._told: set[tuple[str, str, bool]] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        """Nothing is left open."""

    def on_case(self, case: Case) -> None:
        for line in _about(case):
            self._line(line)

    def on_progress(self, gate: str, progress: Progress) -> None:
        key = (gate, progress.check, progress.on_base)
        if progress.done == progress.total and key not in self._told:
            self._told.add(key)
            self._line(f"{gate} {progress.check}: {_progress(progress)}")

    def on_verdict(self, gate: str, verdict: Verdict) -> None:
        self._line(f"{gate} {_decided(verdict)}")

    def _line(self, text: str) -> None:
        self._out.line(f"{self._clock() - self._began:.1f}s {one_line(text)}")


class LiveGate:
    """The gates of a case, each with the check that it is at."""

    def __init__(self, console: Console) -> None:
        self._case: Case | None = None
        self._progress: dict[str, Progress] = {}
        self._verdicts: dict[str, Verdict] = {}
        self._console = console
        self._live = Live(self, console=console, refresh_per_second=5, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self._live.stop()

    def on_case(self, case: Case) -> None:
        self._case = case
        for line in _about(case):
            self._console.print(Text(line))

    def on_progress(self, gate: str, progress: Progress) -> None:
        self._progress[gate] = progress

    def on_verdict(self, gate: str, verdict: Verdict) -> None:
        self._verdicts[gate] = verdict

    def __rich__(self) -> RenderableType:
        """One line for each gate; asked for by a timer, never by events."""
        if self._case is None:
            return Text("looking at the commits …", "dim")
        return Group(*(self._gate(gate) for gate in self._case.gates))

    def _gate(self, gate: str) -> Text:
        if verdict := self._verdicts.get(gate):
            return Text.assemble(_mark(verdict.decision), f" {gate} {_decided(verdict)}")
        progress = self._progress.get(gate)
        if progress is None:
            is_next = (
                next((name for name in self._case.gates if name not in self._verdicts), "")
                if self._case
                else ""
            )
            status = "running" if gate == is_next else "pending"
            return Text(f"{glyph(status)} {gate}", style(status))
        return Text(
            f"{glyph('running')} {gate} {progress.check}: {_progress(progress)}", style("running")
        )


def render_judgement(judgement: Judgement, console: Console) -> None:
    """What every gate found, the open claims, and where to read on."""
    case = judgement.case
    for gate, verdict in judgement.verdicts.items():
        head = Text.assemble(
            (one_line(gate), "bold"), "  ", _mark(verdict.decision), f"  {_sides(case)}"
        )
        console.print(head, soft_wrap=True)
        if verdict.checks:
            console.print(_checks(verdict))
        for line in (
            *_findings(verdict),
            *_tests_changed(verdict),
            *_exercise(verdict),
            *_claims(verdict),
        ):
            console.print(line, soft_wrap=True)
        console.print()
    if judgement.stopped_by:
        left = [gate for gate in case.gates if gate not in judgement.verdicts]
        console.print(
            Text(f"stopped by {judgement.stopped_by}; not judged: {', '.join(left)}"),
            soft_wrap=True,
        )
    console.print(Text(f"evidence: {one_line(str(case.folder))}"), soft_wrap=True)


def _about(case: Case) -> Iterator[str]:
    yield f"{one_line(case.mission)}: {_sides(case)}; gates {', '.join(case.gates)}"
    if case.isolation:
        yield f"isolation {one_line(case.isolation)}"
    if case.unjudged:
        yield (
            f"only commits are judged: {count(case.unjudged, 'uncommitted path')} of {case.repository} "
            "left out (--uncommitted judges them)"
        )


def _sides(case: Case) -> str:
    return f"{_side(case.candidate)} against {_side(case.base)}"


def _side(side: Side) -> str:
    is_told = side.commit.startswith(side.name.partition(",")[0])
    return one_line(side.name if is_told else f"{short(side.commit)} ({side.name})")


def _progress(progress: Progress) -> str:
    where = "on the base" if progress.on_base else "on the candidate"
    total = f" of {count(progress.total, 'test')}" if progress.total is not None else ""
    return f"{progress.done}{total} {where}, {progress.red} red"


def _decided(verdict: Verdict) -> str:
    known = " (known from before)" if verdict.cached else ""
    return f"{word(verdict.decision)} in {duration(verdict.seconds)}{known}"


def _checks(verdict: Verdict) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("check", "result", "found", "on the base", "since"):
        table.add_column(name, overflow="fold")
    for check in verdict.checks:
        table.add_row(
            Text(one_line(check.name)),
            _mark(check.decision),
            Text(_found(check)),
            Text(_before(check)),
            _since(check),
        )
    return table


def _found(check: CheckResult) -> str:
    if check.counts is not None:
        counts = check.counts
        parts = [f"{counts.executed:,} executed", f"{counts.passed:,} passed"]
        others = {
            "red": counts.failed + counts.error,
            "skipped": counts.skipped,
            "xfailed": counts.xfailed,
        }
        return ", ".join(
            parts + [f"{number:,} {name}" for name, number in others.items() if number]
        )
    if check.value is not None:
        return f"{check.value:g}, required {check.require}"
    return f"exit code only: {check.exit_code}" if check.exit_code is not None else "–"


def _before(check: CheckResult) -> str:
    if check.base_counts is not None:
        red = check.base_counts.failed + check.base_counts.error
        return f"{check.base_counts.passed:,} passed, {red:,} red"
    return f"{check.base_value:g}" if check.base_value is not None else "–"


def _since(check: CheckResult) -> Text:
    changed: Mapping[str, tuple[str, ...]] = {
        "turned green": check.turned_green,
        "broken": check.broken,
        "red as before": check.pre_existing,
    }
    return Text(
        ", ".join(f"{len(tests):,} {said}" for said, tests in changed.items() if tests) or "–"
    )


def _findings(verdict: Verdict) -> Iterator[Text]:
    for check in verdict.checks:
        if check.decision is Decision.PASSED:
            continue
        reason = f" ({word(check.reason)})" if check.reason else ""
        first, *others = one_line(check.text).split("; ")
        yield Text.assemble(_mark(check.decision, check.name), f"{reason}: {first}")
        for text in others:
            yield Text(f"  {text}")
        tests = check.broken or check.failing
        for test in tests[:MOST_TESTS]:
            yield Text(f"    {one_line(test)}")
        if len(tests) > MOST_TESTS:
            yield Text(f"    and {len(tests) - MOST_TESTS:,} more, all in the evidence", "dim")
        for line in check.tail.splitlines():
            yield Text(f"    | {one_line(line)}", "dim")
        if check.log:
            yield Text(f"    log: {check.log}", "dim")


def _tests_changed(verdict: Verdict) -> Iterator[Text]:
    """What was done to the tests that judged it."""
    for word_, names in side_groups(verdict.test_side):
        yield Text(f"tests {word_}: {len(names):,}")
        for name in names[:MOST_TESTS]:
            yield Text(f"    {one_line(name)}")
        if len(names) > MOST_TESTS:
            yield Text(f"    and {len(names) - MOST_TESTS:,} more, all in the evidence", "dim")


def _exercise(verdict: Verdict) -> Iterator[Text]:
    """What is to know of a passed one; of a red one the findings tell."""
    found = next((check for check in verdict.checks if check.kind == "exercise"), None)
    if found is not None and found.decision is Decision.PASSED:
        yield Text(f"exercise: {found.text.partition('; ')[0]}")
    if note := exercise_note(verdict.exercise):
        yield Text(f"exercise: {note}")
    if note := suspicious_note(verdict.suspicious):
        yield Text(f"suspicious: {note}")


def _claims(verdict: Verdict) -> Iterator[Text]:
    claims = [("criterion", claim) for claim in verdict.criteria]
    claims += [(agent, claim) for agent, found in verdict.deliverables.items() for claim in found]
    if not claims:
        return
    numbers = [f"{sum(c.status is status for _, c in claims)} {status}" for status in ClaimStatus]
    yield Text(f"criteria and deliverables: {', '.join(numbers)}")
    unsettled = [
        (whose, claim) for whose, claim in claims if claim.status is not ClaimStatus.VALIDATED
    ]
    for whose, claim in unsettled[:MOST_CLAIMS]:
        yield _claim(whose, claim)
    if len(unsettled) > MOST_CLAIMS:
        yield Text(f"  and {len(unsettled) - MOST_CLAIMS:,} more", "dim")


def _claim(whose: str, claim: ClaimResult) -> Text:
    said = f" {one_line(whose)}: {one_line(claim.text, 200)}: {one_line(claim.detail, 300)}"
    return Text.assemble("  ", _mark(claim.status), said)


def _mark(status: str, said: str = "") -> Text:
    return Text(f"{glyph(status)} {said or word(status)}", style(status))
