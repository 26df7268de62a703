"""A program whose exit code counts, or whose JUnit XML report does.

Owns that the report was written by this very run. A report is held against the exit code by
`decide`; what is said of tests where there is no report is found in `telling`.
"""

from __future__ import annotations

from pathlib import Path

from orchestrator.gates.observing.observation import Observation, RecordState, TestSeen
from orchestrator.gates.observing.runners.junit import UnreadableError, read_report
from orchestrator.gates.observing.runners.output import told_facts
from orchestrator.gates.observing.runners.place import Place, exit_facts
from orchestrator.mission.model import CommandCheck


async def run_command(check: CommandCheck, place: Place) -> Observation:
    """Run it; read its report when it is to write one."""
    if check.report is None:
        ended = await place.run(check.command.argv)
        facts = exit_facts("command", str(check.command), ended)
        return Observation(**facts, **(await told_facts(place)))
    report = place.inside(check.report)
    problem = (
        f"{check.report} would lie outside of the tree" if report is None else _make_room(report)
    )
    if report is None or problem:
        command = str(check.command)
        return Observation(
            kind="command", command=command, record=RecordState.UNREADABLE, problem=problem
        )
    ended = await place.run(check.command.argv)
    state, problem, tests = _read(check.report, report, place)
    facts = exit_facts("command", str(check.command), ended)
    return Observation(**facts, record=state, problem=problem, tests=tests)


def _make_room(report: Path) -> str:
    """A report of an earlier run, or one that was committed, must not speak for this run; why it
    cannot be removed.
    """
    try:
        report.unlink(missing_ok=True)
    except OSError as error:
        return f"what was at its place cannot be removed: {error.strerror}"
    return ""


def _read(name: str, report: Path, place: Place) -> tuple[RecordState, str, dict[str, TestSeen]]:
    # The program may have put a link in its place, or in the place of a folder above.
    if place.inside(name) != report:
        return RecordState.UNREADABLE, f"{name} leads somewhere else now", {}
    try:
        return RecordState.COMPLETE, "", read_report(report)
    except FileNotFoundError:
        return RecordState.MISSING, f"{name} was not written", {}
    except UnreadableError as error:
        return RecordState.UNREADABLE, str(error), {}
