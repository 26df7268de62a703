"""What one mission needs of this machine: its repository, interpreter, backends, programs and
variables.

Owns which of a mission's words ask for something of the machine. Each is asked of the very part of
the program that a run asks, so that a lack is told in the same words here, by `plan --check` and by
`run`. What only a run of the gates can tell is `checking`'s.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from orchestrator.agents.profiled import ProfiledBackend
from orchestrator.agents.registry import AUTO, backends_of, make_backend
from orchestrator.engine.beside.finding import Area, Finding, refused, tried
from orchestrator.engine.beside.preview import refuse_unfilled
from orchestrator.engine.delivering import lacking, name_of
from orchestrator.errors import EnvironmentRefused
from orchestrator.executors.boxes import readable
from orchestrator.executors.interpreters import Interpreters
from orchestrator.executors.setup import cannot_start
from orchestrator.git.client import require_git
from orchestrator.git.repository import Repository
from orchestrator.isolation.environment import is_there
from orchestrator.isolation.levels import choose
from orchestrator.mission.loading import LoadedMission
from orchestrator.mission.model import Command, CommandCheck, MetricCheck, Mission, Variables
from orchestrator.plan import make_plan
from orchestrator.services.services import require_programs
from orchestrator.structure.languages import BY_SUFFIX

SERVICES = "services"
"""What the finding on them is called."""
MISSING = "install it, or have `workspace.setup` make it"


def of_mission(loaded: LoadedMission) -> Iterator[Finding]:
    """All that the mission asks for, lacking or not. Blocking; raises nothing."""
    yield from _repository(loaded)
    yield from of_start(loaded)
    yield from _of_setup(loaded.mission)
    yield from _of_gates(loaded.mission)
    yield from _variables(loaded.mission)


def of_start(loaded: LoadedMission) -> Iterator[Finding]:
    """Of these, what a run refuses to start without."""
    mission, folder = loaded.mission, loaded.path.resolve().parent
    yield tried(
        Area.SANDBOX,
        "isolation",
        lambda: f"{mission.defaults.isolation.value}: {choose(mission.defaults.isolation).told}",
        "no attempt can be kept as the mission wants it",
    ).needed()
    if mission.defaults.readable:
        yield tried(
            Area.SANDBOX,
            "readable",
            lambda: ", ".join(map(str, readable(mission.defaults, folder))),
            "agents cannot read what the mission shows them",
        ).needed()
    if mission.workspace.python:
        yield tried(
            Area.PYTHON,
            "workspace.python",
            lambda: _interpreter(mission),
            "neither tests nor agents have the interpreter that the mission names",
        ).needed()
    for name in sorted(backends_of(mission)):
        means = f"no attempt of {_agents_of(mission, name)} can begin"
        yield tried(
            Area.MISSION,
            f"backend {name}",
            lambda name=name: _backend(name, mission, folder),  # type: ignore[misc]
            means,
        ).needed()
    if mission.services:
        yield tried(
            Area.MISSION,
            SERVICES,
            lambda: ", ".join(require_programs(mission)),
            "who has them beside it cannot begin",
        ).needed()
    for way in mission.notify:
        told = name_of(way)
        if error := lacking(way):
            yield refused(Area.MISSION, told, error, "nobody is told that way").needed()
        else:
            yield Finding(Area.MISSION, told, ok=True, detail=f"tells {', '.join(way.on)}")


def refuse_to_start(loaded: LoadedMission) -> None:
    """Raise EnvironmentRefused now for what a run would be refused for when it starts."""
    require_git()
    for finding in of_start(loaded):
        if finding.is_lack:
            raise EnvironmentRefused(finding.detail, mend=finding.mend)


def has_own_interpreter(mission: Mission) -> bool:
    """Whether no gate can need the clean one."""
    return bool(mission.workspace.python)


def makes_environments(mission: Mission) -> bool:
    """Whether its set-up asks a Python for a virtual environment."""
    return any("-m venv" in str(command) for command in mission.workspace.setup)


def agents_of(loaded: LoadedMission) -> set[str]:
    """The known agents whose login, as it is here, the mission counts on: not those that it gives a
    key or files of its own.
    """
    mission, folder = loaded.mission, loaded.path.resolve().parent
    found: set[str] = set()
    for name in backends_of(mission):
        with contextlib.suppress(EnvironmentRefused):  # told of the backend, then
            made = make_backend(name, mission, folder)
            if isinstance(made, ProfiledBackend) and not made.is_given_more:
                found.add(made.profile.name)
    return found


def symbol_languages(mission: Mission) -> set[str]:
    """The languages in whose files scopes of the mission name symbols."""
    entries = (entry for agent in make_plan(mission).agents for entry in agent.scope.entries)
    globs = [entry.glob for entry in entries if not entry.is_whole]
    return {
        language.name
        for end, language in BY_SUFFIX.items()
        if any(glob.endswith(end) for glob in globs)
    }


def _repository(loaded: LoadedMission) -> Iterator[Finding]:
    request, folder = loaded.mission.repository, loaded.path.resolve().parent

    def look() -> str:
        if request.snapshot is not None:
            return f"plain files: {folder / request.snapshot}"
        found = Repository.discover(folder / (request.path or "."))
        commit = found.resolve(request.base or "HEAD")
        refuse_unfilled(loaded)
        return f"{found.work_tree or found.git_dir}, base {commit[:10]}"

    yield tried(Area.MISSION, "repository", look, "there is nothing to work on").needed()


def _interpreter(mission: Mission) -> str:
    found = Interpreters(mission.workspace.python)
    found.require()
    return (
        f"{mission.workspace.python}, which workspace.setup makes"
        if found.is_in_tree
        else (found.identity().split("\0")[1])
    )


def _backend(name: str, mission: Mission, folder: Path) -> str:
    made = make_backend(name, mission, folder)
    chosen = f"{made.name}: " if name == AUTO else ""
    config = mission.backends.get(made.name)
    command = config and (config.command or config.acp)
    return chosen + (str(command) if command else "can work here")


def _agents_of(mission: Mission, backend: str) -> str:
    ids = [agent.id for agent in make_plan(mission).agents if backend in agent.backends]
    more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
    return ", ".join(ids[:3]) + more if ids else "a resolver"


def _of_setup(mission: Mission) -> Iterator[Finding]:
    for command in mission.workspace.setup:
        name = f"set-up `{_program(command) or command.argv[0]}`"
        means = "work trees cannot be prepared, neither for agents nor for gates"
        if error := cannot_start(command):
            yield refused(Area.MISSION, name, error, means).needed()
        elif program := _program(command):
            yield Finding(Area.MISSION, name, ok=True, detail=f"{program} is on PATH")


def _of_gates(mission: Mission) -> Iterator[Finding]:
    used = dict.fromkeys(batch.gate for batch in mission.batches if batch.gate)
    may_be_made = bool(mission.workspace.setup)
    for gate in used:
        checks = mission.gates[gate]
        for name, check in zip(checks.names, checks.checks, strict=True):
            match check:
                case CommandCheck(command=command) | MetricCheck(metric=command):
                    program = _program(command)
                case _:
                    continue
            env = checks.env.with_(check.env).of(os.environ)
            if not program or is_there(program, env.get("PATH")):
                continue
            yield Finding(
                Area.MISSION,
                f"gate {gate}, {name}",
                ok=False,
                detail=f"{program} is not on PATH"
                + (", unless `workspace.setup` makes it" if may_be_made else ""),
                means="the gate cannot run, which stops a run and blames nobody",
                mend=MISSING,
                is_needed=not may_be_made,
            )


def _variables(mission: Mission) -> Iterator[Finding]:
    """Names that are handed on and hold nothing here: whether that is a lack, nobody can tell."""
    checks = (check for gate in mission.gates.values() for check in gate.checks)
    places = (*mission.backends.values(), *mission.gates.values(), *checks, *mission.notify)
    given = (getattr(place, "env", None) for place in places)
    names = [name for env in given if isinstance(env, Variables) for name in env.names]
    for name in dict.fromkeys(names):
        if name not in os.environ:
            yield Finding(
                Area.MISSION,
                f"variable {name}",
                ok=False,
                detail="`env:` hands it on, and it is not set here",
                means="those who are given it go without",
                mend=f"export {name} if they need it",
            )


def _program(command: Command) -> str:
    """The program that is looked up by its name; empty for paths, shell scripts and the like."""
    program = command.argv[0]
    return "" if command.is_shell or "/" in program or "{" in program else program
