"""Pytest, counted by our own plugin.

Owns the command line and the environment of a test run, and which of the asked-for paths exist.
Files are given to pytest and ids to the plugin: an id that is not there (usual on a base) would
make pytest refuse the whole run.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable

import anyio

from orchestrator.gates.observing.observation import Observation, RecordState
from orchestrator.gates.observing.record import Receiver, Record
from orchestrator.gates.observing.runners.place import Place, exit_facts
from orchestrator.gates.observing.runners.waiting import ENVIRONMENT, PLUGIN, start_waiting
from orchestrator.gates.observing.selection import ancestors, normal, path_of
from orchestrator.isolation.processes import NotStarted
from orchestrator.mission.model import PytestCheck

OPTIONS = (
    *("-p", PLUGIN.stem),
    *("-p", "no:cacheprovider"),
    "--rootdir=.",  # ids are relative to the tree, wherever the configuration lies
    "--maxfail=0",
    "--continue-on-collection-errors",  # on a base, tests of code that is not there yet must not hide the others
    *("-o", "console_output_style=classic"),
    *("--color=no", "--tb=short", "-ra"),
)


async def run_tests(check: PytestCheck, place: Place) -> Observation:
    """Run what exists of `pytest` and `must_turn_green`."""
    selectors = tuple(
        dict.fromkeys(normal(entry) for entry in (*check.pytest, *check.must_turn_green))
    )
    present = tuple(selector for selector in selectors if _exists(place, selector))
    absent = tuple(selector for selector in selectors if selector not in present)
    command = shlex.join(["python", "-m", "pytest", *selectors])
    if not present:
        return Observation(kind="pytest", command=command, absent=absent)
    try:
        waiting = place.take_waiting() or await start_waiting(
            place.scratch, place.env, place.tag, place.python, place.box
        )
    except NotStarted as error:
        return Observation(**exit_facts("pytest", command, str(error)), absent=absent)
    record = Record(waiting.token)
    receiver = Receiver(waiting.reading, record)
    request = {
        "fd": waiting.writing,
        "token": waiting.token,
        "again": receiver.name,
        # Programs that tests start run pytest as they are used to.
        "hidden": [name for name in ENVIRONMENT if name not in place.env],
        "select": present,
        # Not single tests, of which nothing that is asked of a whole suite can be asked.
        "is_suite": not any("::" in entry for entry in check.pytest),
        "folder": str(place.root),
        "plugins": check.plugins or (),
        "env": {**place.env, **ENVIRONMENT},
        "paths": _arguments(_of_settings(place) or present),
        "arguments": [*OPTIONS, *_arguments(present)],
    }
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(receiver.receive, lambda record: _count(record, place))
            ended = await place.run(
                (str(PLUGIN),), stdin=f"{json.dumps(request)}\n".encode(), waiting=waiting
            )
            tasks.cancel_scope.cancel()
        receiver.drain()
    finally:
        receiver.close()
        waiting.close()
    return Observation(
        **exit_facts("pytest", command, ended),
        record=RecordState.NONE if isinstance(ended, str) else record.state,
        reported_exit=record.finish,
        problem=record.problem,
        absent=absent,
        tests=record.tests,
        not_run=record.not_run,
        deselected=tuple(record.deselected),
        collection_errors=record.collection_errors,
        used=tuple(record.used),
        oddities={kind: tuple(found) for kind, found in _oddities(record).items() if found},
    )


def _exists(place: Place, selector: str) -> bool:
    found = place.inside(path_of(selector))
    return found is not None and found.exists()


def _of_settings(place: Place) -> tuple[str, ...]:
    return tuple(entry for entry in map(normal, place.settings_of) if _exists(place, entry))


def _arguments(selectors: Iterable[str]) -> list[str]:
    """The files and folders to collect: each once, none that is in another, none that reads like an
    option.
    """
    paths = dict.fromkeys(path_of(selector) for selector in selectors)
    outermost = [
        path
        for path in paths
        if not any(above in paths for above in ancestors(path) if above != path)
    ]
    return [f"./{path}" if path.startswith(("-", "@")) else path for path in outermost]


def _oddities(record: Record) -> dict[str, list[str]]:
    found = {kind: list(texts) for kind, texts in record.oddities.items()}
    if (
        record.tests
        and record.controls == 0
        and any(test.outcome.is_executed for test in record.tests.values())
    ):
        found["unwatched"] = ["no test that must fail was run beside them"]
    return found


def _count(record: Record, place: Place) -> None:
    place.on_count(len(record.tests), len(record.collected) or None, record.red)
