"""Where a check is carried out, what every runner is given, and the one way in which runners start
a program.

Owns the conversion of "could not be started" into an observation's fact. The tree, the environment
and the time limit are the judge's to choose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from orchestrator.gates.observing.observation import Observation
from orchestrator.gates.observing.runners.waiting import Waiting
from orchestrator.isolation.boxed import BoxFailed
from orchestrator.isolation.processes import Exit, NotStarted, ProcessSpec, run_process
from orchestrator.isolation.sandbox import Box
from orchestrator.mission.model import Check

C_contra = TypeVar("C_contra", bound=Check, contravariant=True)

TAIL_CHARACTERS = 4000

OnCount = Callable[[int, int | None, int], None]
"""Told how many tests are done, of how many (None: not known yet), and how many are red."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A clean tree (`root`), a private `scratch` folder outside of it, and the limits. `timeout` is
    in seconds.
    """

    root: Path
    scratch: Path
    env: Mapping[str, str]
    timeout: float
    log: Path
    tag: str
    python: Path
    """The interpreter that runs tests."""
    take_waiting: Callable[[], Waiting | None] = lambda: None
    """A test process that was started in advance; whoever takes it ends it."""
    box: Box | None = None
    """Where programs run, if not just in the tree."""
    settings_of: tuple[str, ...] = ()
    """The paths and ids of whose run pytest's settings are taken; by default, of what is run."""
    on_count: OnCount = lambda done, total, red: None  # noqa: ARG005

    async def run(
        self, argv: tuple[str, ...], *, stdin: bytes | None = None, waiting: Waiting | None = None
    ) -> Exit | str:
        """Run a program in the tree; a text instead of an exit says why it could not be started.

        With `waiting` it has been started already, and is told on its standard input what to do.
        """
        spec = ProcessSpec(
            argv=argv,
            cwd=self.root,
            env=self.env,
            timeout=self.timeout,
            log=self.log,
            tag=waiting.tag if waiting else self.tag,
            stdin=stdin,
            box=self.box,
        )
        try:
            return await run_process(spec, process=waiting.process if waiting else None)
        except NotStarted as error:
            return str(error)
        except BoxFailed as error:
            return error.what

    def inside(self, path: str) -> Path | None:
        """A path of the mission in this tree; None when it would lead out of it."""
        found = (self.root / path).resolve()
        return found if found.is_relative_to(self.root.resolve()) else None


class Runner(Protocol[C_contra]):
    """Carries out one kind of check."""

    async def __call__(self, check: C_contra, place: Place, /) -> Observation:
        """Run it once, to its end or its time limit; raises nothing for what the program does."""
        ...


def exit_facts(kind: str, command: str, ended: Exit | str) -> dict[str, Any]:
    """What every observation says of the program that was run."""
    if isinstance(ended, str):
        return {"kind": kind, "command": command, "not_started": ended}
    return {
        "kind": kind,
        "command": command,
        "timed_out": ended.timed_out,
        "exit_code": ended.code,
        "seconds": round(ended.seconds, 3),
        "tail": ended.tail[-TAIL_CHARACTERS:],
    }
