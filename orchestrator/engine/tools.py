"""What the engine works with, made once for a run and handed to every step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.agents.backend import Backend
from orchestrator.agents.brief import Briefs
from orchestrator.engine.folders import Folders
from orchestrator.engine.recorder import Recorder
from orchestrator.executors.spec import Executor
from orchestrator.gates.judge import Judge
from orchestrator.git.store import Store


@dataclass(frozen=True, slots=True)
class Tools:
    """The run's hands."""

    recorder: Recorder
    folders: Folders
    store: Store
    executor: Executor
    judge: Judge
    briefs: Briefs
    backends: Mapping[str, Backend]
    """By the name that the plan uses; `auto` is resolved."""
    mission_dir: Path
