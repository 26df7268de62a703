"""A program whose exit code counts, or whose JUnit XML reports do.

Owns the order: room for the reports, the run, the reading. That a report is of this very run is
`report_files`', and it is held against the exit code by `decide`; what is said of tests where there
is no report is found in `telling`.
"""

from __future__ import annotations

from typing import Any

import anyio

from orchestrator.gates.observing.observation import Observation, RecordState
from orchestrator.gates.observing.runners.junit import UnreadableError, merged
from orchestrator.gates.observing.runners.output import told_facts
from orchestrator.gates.observing.runners.place import Place, exit_facts
from orchestrator.gates.observing.runners.report_files import (
    Expected,
    make_room,
    oddities,
    read_reports,
)
from orchestrator.mission.model import CommandCheck


async def run_command(check: CommandCheck, place: Place) -> Observation:
    """Run it; read its reports when it is to write some."""
    command = str(check.command)
    if not check.report:
        ended = await place.run(check.command.argv)
        facts = exit_facts("command", command, ended)
        return Observation(**facts, **(await told_facts(place.log)))
    expected = await anyio.to_thread.run_sync(make_room, place.root, check.report)
    if expected.problem:
        return Observation(
            kind="command",
            command=command,
            record=RecordState.UNREADABLE,
            problem=expected.problem,
        )
    ended = await place.run(check.command.argv)
    facts = exit_facts("command", command, ended)
    return Observation(**facts, **(await anyio.to_thread.run_sync(_read, expected)))


def _read(expected: Expected) -> dict[str, Any]:
    try:
        whole = merged(read_reports(expected))
    except FileNotFoundError as error:
        return {"record": RecordState.MISSING, "problem": str(error)}
    except UnreadableError as error:
        return {"record": RecordState.UNREADABLE, "problem": str(error)}
    odd = oddities(expected, whole)
    facts: dict[str, Any] = {"record": RecordState.COMPLETE, "tests": whole.tests}
    return facts | ({"oddities": {"foreign": odd}} if odd else {})
