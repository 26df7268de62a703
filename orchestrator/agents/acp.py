"""`acp`: any agent that speaks the Agent Client Protocol, over its standard input and output.

Owns how such a program is started and what its end means. What is said between the two is
`acp_talk`'s, what the agent may do `acp_leave`'s. What it is refused is advice, and never
containment: it has a shell, and does in it what its level of isolation lets it do.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from anyio import to_thread

from orchestrator.agents.backend import Answer, Conversation, Ended, Work
from orchestrator.agents.command import described, failure_of, with_channel
from orchestrator.agents.logins import place
from orchestrator.isolation.environment import clean_environment, path_of_agents
from orchestrator.isolation.own_paths import own_folder
from orchestrator.isolation.processes import Exit, NotStarted, ProcessSpec, run_process
from orchestrator.mission.model import Backend as BackendConfig
from orchestrator.mission.model import Command

if TYPE_CHECKING:
    from orchestrator.agents.acp_talk import Talk

LIBRARY = "acp"
LOGIN = "log it in by its own means, and give it its key by `env:` or its login file by `files:`"


class AcpBackend:
    """Starts the mission's agent, and gives it the brief as a prompt."""

    is_replay = False

    def __init__(self, name: str, config: BackendConfig, mission_dir: Path) -> None:
        if config.acp is None:
            raise ValueError(f"backend {name} has no agent")
        self.name = name
        self._command: Command = config.acp
        self._config = config
        self._mission_dir = mission_dir

    def unusable(self) -> str | None:
        if find_spec(LIBRARY) is None:
            return (
                "the protocol's library is not installed: pip install 'orchestrate-missions[acp]'"
            )
        program = self._command.argv[0]
        if "/" in program or shutil.which(program, path=path_of_agents()):
            return None
        return f"{program} is not on PATH"

    async def work(self, work: Work, on_line: Callable[[str], None]) -> Ended:
        from orchestrator.agents.acp_talk import Talk  # an extra

        talk = Talk(work, conversation_in(work))
        await to_thread.run_sync(self._furnish, work.home)
        own = {**self._config.env.of(os.environ), **work.variables}
        spec = ProcessSpec(
            argv=self._command.argv,
            cwd=work.workspace,
            env=with_channel(
                work, clean_environment(work.home, {**own, **described(work)}, python=work.python)
            ),
            timeout=work.timeout,
            log=work.log,
            tag=work.tag,
            box=work.box,
            dialogue=talk,
        )
        try:
            end = await run_process(spec, on_line)
        except NotStarted as error:
            return Ended(None, f"could not be started: {error}")
        return _ended(spec, end, talk)

    def _furnish(self, home: Path) -> None:
        own_folder(home)
        files = {
            where: self._mission_dir / Path(source).expanduser()
            for where, source in self._config.files.items()
        }
        place(home, files, {})


def conversation_in(work: Work) -> Conversation | None:
    """What may be gone on with: its home is there."""
    return work.conversation if work.home.is_dir() and any(work.home.iterdir()) else None


def _ended(spec: ProcessSpec, end: Exit, talk: Talk) -> Ended:
    """Its answer to the prompt is its last word: how it went when nobody talked with it any more
    means nothing. Without an answer its exit explains more than that it hung up.
    """
    heard = talk.heard()
    told = Ended(end, said=heard.said, usage=heard.usage, session=heard.session)
    if heard.answer is Answer.DELIVERED:
        failure = failure_of(spec, end) if end.stopped else None
        return replace(told, exit=replace(end, timed_out=False), failure=failure)
    failure = failure_of(spec, end)
    if heard.has_answered or not failure:
        reason = f"{Path(spec.argv[0]).name}: {heard.reason}"
        failure = f"{failure}; {reason}" if end.timed_out else reason
    mend = LOGIN if heard.answer is Answer.NOT_LOGGED_IN else ""
    return replace(
        told, failure=failure, kind=heard.answer, mend=mend, retry_after=heard.retry_after
    )
