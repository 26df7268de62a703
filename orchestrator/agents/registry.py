"""Which backends there are, and which one a name in a mission means here.

`auto` is not a backend but a choice: the mission's preference list, first that is usable; with
none, the mission's recording; with neither, a clear error.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from orchestrator.agents.acp import AcpBackend
from orchestrator.agents.backend import Backend
from orchestrator.agents.command import CommandBackend
from orchestrator.agents.found import Found, find
from orchestrator.agents.profiled import ProfiledBackend, is_logged_in
from orchestrator.agents.profiles import PROFILES
from orchestrator.agents.recording import RecordingBackend
from orchestrator.errors import EnvironmentRefused
from orchestrator.mission.model import Backend as BackendConfig
from orchestrator.mission.model import Mission, OnConflict
from orchestrator.plan import racers_of

AUTO = "auto"
KINDS: dict[str, Callable[[str, BackendConfig, Path], Backend]] = {
    "acp": AcpBackend,
    "command": CommandBackend,
    "recording": RecordingBackend,
    **{name: partial(ProfiledBackend, profile=profile) for name, profile in PROFILES.items()},
}


def available() -> tuple[Found, ...]:
    """The agents that are known, as this machine has them. Spends no tokens. Blocking: up to some
    seconds, for each is asked for its version.
    """
    return find(PROFILES.values())


def kind_of(name: str, config: BackendConfig) -> str:
    """The registry's key for an entry of a mission's `backends`, and what it is called there."""
    if config.dir is not None:
        return "recording"
    if config.acp is not None:
        return "acp"
    return "command" if config.command is not None else config.profile or name


def backends_of(mission: Mission) -> set[str]:
    """The names of the backends that a run of the mission may ask for work."""
    defaults = mission.defaults
    agents = [agent for batch in mission.batches for agent in batch.agents]
    names = {
        name
        for agent in agents
        for name in (racers_of(agent, mission) or (agent.backend or defaults.backend,))
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
    backend = _made(name, mission, mission_dir)
    if why := backend.unusable():
        raise EnvironmentRefused(
            f"backend `{name}` cannot work here: {why}", mend="install it or choose another backend"
        )
    return backend


def _made(name: str, mission: Mission, mission_dir: Path) -> Backend:
    """What is known by name needs no entry."""
    config = mission.backends.get(name, BackendConfig())
    return KINDS[kind_of(name, config)](name, config, mission_dir)


def _chosen(mission: Mission, mission_dir: Path) -> Backend:
    tried: list[str] = []
    for name in _candidates(mission):
        backend = _made(name, mission, mission_dir)
        why = backend.unusable() or _logged_out(backend)
        if why is None:
            return backend
        tried.append(f"{name} ({why})")
    raise EnvironmentRefused(
        "backend `auto` found nothing that works here"
        + (f": {', '.join(tried)}" if tried else ": the mission names no backend and no recording"),
        mend="add a command or a recording under `backends:`, or install one of those that are preferred",
    )


def _logged_out(backend: Backend) -> str | None:
    """Whoever has a choice does not choose an agent that nobody has logged in."""
    if not isinstance(backend, ProfiledBackend) or backend.is_given_more:
        return None
    if is_logged_in(backend.profile, os.environ, Path.home()):
        return None
    return f"not logged in: {backend.profile.login}"


def _candidates(mission: Mission) -> Iterator[str]:
    preferred = mission.backends[AUTO].prefer if AUTO in mission.backends else ()
    yield from preferred
    yield from (
        name
        for name, config in mission.backends.items()
        if config.dir is not None and name not in preferred
    )
