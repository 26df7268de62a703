"""Which backends there are, and which one a name in a mission means here.

`auto` is not a backend but a choice: the mission's preference list, first that is usable; with
none, the mission's recording; with neither, a clear error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from orchestrator.agents.backend import Backend
from orchestrator.agents.command import CommandBackend
from orchestrator.agents.recording import RecordingBackend
from orchestrator.errors import EnvironmentRefused
from orchestrator.mission.model import Backend as BackendConfig
from orchestrator.mission.model import Mission, OnConflict

AUTO = "auto"
KINDS: dict[str, Callable[[str, BackendConfig, Path], Backend]] = {
    "command": CommandBackend,
    "recording": RecordingBackend,
}


def kind_of(config: BackendConfig) -> str:
    """The registry's key for an entry of a mission's `backends`."""
    return "recording" if config.dir is not None else "command"


def backends_of(mission: Mission) -> set[str]:
    """The names of the backends that a run of the mission may ask for work."""
    defaults = mission.defaults
    names = {
        agent.backend or defaults.backend for batch in mission.batches for agent in batch.agents
    }
    policies = {batch.on_conflict or defaults.on_conflict for batch in mission.batches}
    return names | (
        {mission.resolver} if mission.resolver and OnConflict.RESOLVE in policies else set()
    )


def make_backend(name: str, mission: Mission, mission_dir: Path) -> Backend:
    """The backend that `name` means in this mission on this machine. Raises EnvironmentRefused when
    it cannot work.
    """
    if name == AUTO:
        return _chosen(mission, mission_dir)
    config = mission.backends[name]
    backend = KINDS[kind_of(config)](name, config, mission_dir)
    if why := backend.unusable():
        raise EnvironmentRefused(
            f"backend `{name}` cannot work here: {why}", mend="install it or choose another backend"
        )
    return backend


def _chosen(mission: Mission, mission_dir: Path) -> Backend:
    tried: list[str] = []
    for name in _candidates(mission):
        backend = KINDS[kind_of(mission.backends[name])](name, mission.backends[name], mission_dir)
        why = backend.unusable()
        if why is None:
            return backend
        tried.append(f"{name} ({why})")
    raise EnvironmentRefused(
        "backend `auto` found nothing that works here"
        + (f": {', '.join(tried)}" if tried else ": the mission names no backend and no recording"),
        mend="add a command or a recording under `backends:`, or install one of those that are preferred",
    )


def _candidates(mission: Mission) -> Iterator[str]:
    preferred = mission.backends[AUTO].prefer if AUTO in mission.backends else ()
    yield from preferred
    yield from (
        name
        for name, config in mission.backends.items()
        if config.dir is not None and name not in preferred
    )
