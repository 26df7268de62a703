"""What works on this machine, for any mission or for one: `orchestrate doctor`.

Owns what of it is needed. Without a mission that is git, an interpreter and a disk; with one, what
that mission asks for, and nothing else stands in its way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from orchestrator.engine.beside import machine, needs
from orchestrator.engine.beside.finding import Area, Examined, Finding, refused
from orchestrator.engine.beside.machine import Agent, Probe
from orchestrator.errors import EnvironmentRefused
from orchestrator.mission.loading import LoadedMission


def examine(
    root: Path,
    loaded: LoadedMission | None = None,
    *,
    probes: Callable[[], Sequence[Probe]],
    agents: Callable[[], Sequence[Agent]],
) -> Examined:
    """Look at all of it. Blocking, up to some seconds: interpreters, agents and a sandbox are
    started. `probes` tries the sandbox, `agents` finds what is installed.
    """
    found = [*machine.of_git(), *machine.of_python(), *machine.of_disk(root)]
    found += [*_sandbox(probes), *machine.of_agents(agents()), *machine.of_languages()]
    if loaded is not None:
        found = [*_for(loaded, found)]
        if not any(it.is_lack for it in found if it.area is Area.GIT):
            found += needs.of_mission(loaded)
    order = list(Area)
    found.sort(key=lambda it: order.index(it.area))
    return Examined(tuple(found), loaded.path if loaded else None)


def _sandbox(probes: Callable[[], Sequence[Probe]]) -> Iterator[Finding]:
    try:
        yield from machine.of_sandbox(probes())
    except EnvironmentRefused as error:  # it is tried where work would stand
        yield refused(Area.SANDBOX, "strict", error)


def _for(loaded: LoadedMission, found: Sequence[Finding]) -> Iterator[Finding]:
    """What of the machine this mission needs."""
    mission, agents = loaded.mission, needs.agents_of(loaded)
    languages = needs.symbol_languages(mission)
    for finding in found:
        match finding.area:
            case Area.LANGUAGES:
                yield finding.needed(when=finding.name in languages)
            case Area.AGENTS:
                yield finding.needed(when=finding.name in agents)
            case Area.PYTHON if finding.name == machine.VENV:
                yield finding.needed(when=needs.makes_environments(mission))
            case Area.PYTHON if needs.has_own_interpreter(mission):
                yield finding.needed(when=False)
            case _:
                yield finding
