"""`command`: any program is an agent. The mission writes its arguments; the brief is an argument,
stdin or a file.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from string import Formatter

from orchestrator.agents import channel_program, channel_spool
from orchestrator.agents.backend import Ended, Work
from orchestrator.isolation.environment import clean_environment, path_of_agents
from orchestrator.isolation.processes import Exit, NotStarted, ProcessSpec, run_process
from orchestrator.isolation.sandbox import LACKING, lacks_something
from orchestrator.mission.model import Backend as BackendConfig
from orchestrator.mission.model import BriefMode, Command

# Linux refuses a single argument of 128 KiB or more with a bare "Argument list too long".
ARGUMENT_LIMIT_BYTES = 128 * 1024 - 1


class CommandBackend:
    """Runs the mission's command in the workspace."""

    is_replay = False

    def __init__(self, name: str, config: BackendConfig, mission_dir: Path) -> None:  # noqa: ARG002 - every backend is made alike
        if config.command is None:
            raise ValueError(f"backend {name} has no command")
        self.name = name
        self._command: Command = config.command
        self._brief = config.brief or _brief_mode(config.command)
        self._variables = config.env

    def unusable(self) -> str | None:
        program = self._command.argv[0]
        if "{" in program or "/" in program or shutil.which(program, path=path_of_agents()):
            return None
        return f"{program} is not on PATH"

    async def work(self, work: Work, on_line: Callable[[str], None]) -> Ended:
        values = {
            "brief": work.brief,
            "brief_file": str(work.brief_file),
            "workspace": str(work.workspace),
            "agent": work.agent,
            "batch": work.batch,
            "run": work.run,
            "mission_dir": str(work.mission_dir),
        }
        argv = tuple(part.format_map(values) for part in self._command.argv)
        if any(len(os.fsencode(argument)) > ARGUMENT_LIMIT_BYTES for argument in argv):
            return Ended(
                None, "the brief is too long for an argument: use `brief: stdin` or {brief_file}"
            )
        declared = {**self._variables.of(os.environ), **work.variables}
        spec = ProcessSpec(
            argv=argv,
            cwd=work.workspace,
            env=with_channel(
                work,
                clean_environment(work.home, {**declared, **described(work)}, python=work.python),
            ),
            timeout=work.timeout,
            log=work.log,
            tag=work.tag,
            box=work.box,
            stdin=work.brief.encode() if self._brief is BriefMode.STDIN else None,
        )
        return await run_to_end(spec, on_line)


async def run_to_end(spec: ProcessSpec, on_line: Callable[[str], None]) -> Ended:
    """Run a backend's program; a program that exits non-zero has failed, whatever it changed."""
    try:
        end = await run_process(spec, on_line)
    except NotStarted as error:
        return Ended(None, f"could not be started: {error}")
    return Ended(end, failure_of(spec, end))


def failure_of(spec: ProcessSpec, end: Exit) -> str | None:
    """Why the end of a program is no success, as far as its exit tells."""
    if end.timed_out:
        return f"still running after {spec.timeout:g} s"
    if end.stopped:
        return f"was ended: {end.stopped}"
    if end.code:
        how = f"was ended by signal {-end.code}" if end.code < 0 else f"exited with {end.code}"
        lacks = spec.box is not None and lacks_something(end.tail)
        return f"{Path(spec.argv[0]).name} {how}{LACKING if lacks else ''}"
    return None


def _brief_mode(command: Command) -> BriefMode:
    named = {name for part in command.argv for _, name, _, _ in Formatter().parse(part)}
    if "brief" in named:
        return BriefMode.ARGUMENT
    return BriefMode.FILE if "brief_file" in named else BriefMode.STDIN


def with_channel(work: Work, env: dict[str, str]) -> dict[str, str]:
    """With the program of its channel on PATH, after everything else."""
    if work.channel is None:
        return env
    program = work.channel / channel_spool.PROGRAM
    return {**env, "PATH": os.pathsep.join([env["PATH"], str(program.parent)])}


def described(work: Work) -> Mapping[str, str]:
    """So that a script need not be given placeholders to know what it works on."""
    channel = {channel_program.VARIABLE: str(work.channel)} if work.channel else {}
    return {
        **channel,
        "ORCHESTRATE_RUN": work.run,
        "ORCHESTRATE_BATCH": work.batch,
        "ORCHESTRATE_AGENT": work.agent,
        "ORCHESTRATE_BRIEF": str(work.brief_file),
        "ORCHESTRATE_WORKSPACE": str(work.workspace),
    }
