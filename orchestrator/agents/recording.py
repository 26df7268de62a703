"""`recording`: replays what an earlier run's agents made, one patch an agent, applied through git.

No model and no network, and the same result every time. `orchestrate record RUN DIR` writes such a
folder.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from orchestrator.agents.backend import Ended, Work
from orchestrator.agents.command import run_to_end
from orchestrator.isolation.environment import clean_environment
from orchestrator.isolation.processes import ProcessSpec
from orchestrator.mission.model import Backend as BackendConfig


def patch_path(folder: Path, agent: str, conflicted: int | None = None) -> Path:
    """Where the work of `agent` stands in a recording; with a number, that of its attempt that
    conflicted as such.
    """
    return folder / (f"{agent}.patch" if conflicted is None else f"{agent}@{conflicted}.patch")


class RecordingBackend:
    """Applies the patch that is named after the agent."""

    is_replay = True

    def __init__(self, name: str, config: BackendConfig, mission_dir: Path) -> None:
        if config.dir is None:
            raise ValueError(f"backend {name} has no dir")
        self.name = name
        self._folder = (mission_dir / config.dir).resolve()

    def unusable(self) -> str | None:
        return None if self._folder.is_dir() else f"there is no folder {self._folder}"

    async def work(self, work: Work, on_line: Callable[[str], None]) -> Ended:
        patch = patch_path(self._folder, work.agent, work.attempt)
        patch = patch if patch.is_file() else patch_path(self._folder, work.agent)
        if not patch.is_file():
            return Ended(None, f"the recording has no work of {work.agent}: {patch} does not exist")
        spec = ProcessSpec(
            argv=("git", "apply", "--allow-empty", "--whitespace=nowarn", str(patch)),
            cwd=work.workspace,
            env=clean_environment(work.home),
            timeout=work.timeout,
            log=work.log,
            tag=work.tag,
            box=work.box,
        )
        return await run_to_end(spec, on_line)
