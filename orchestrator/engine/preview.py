"""What a plan is held against before anything starts: the paths of the base."""

from __future__ import annotations

import os
from pathlib import Path

from orchestrator.engine.workshop import open_repository
from orchestrator.errors import UsageError
from orchestrator.git.repository import Repository
from orchestrator.mission.loading import LoadedMission
from orchestrator.mission.model import Overlap
from orchestrator.plan import inspect, make_plan


def refuse_overlaps(loaded: LoadedMission) -> None:
    """Raise UsageError where the mission refuses overlaps and has some; otherwise nothing is read."""
    mission = loaded.mission
    if Overlap.REFUSE in (mission.defaults.overlap, *(batch.overlap for batch in mission.batches)):
        inspect(make_plan(mission), base_paths(loaded)).raise_if_refused()


def refuse_without_branch(loaded: LoadedMission, root: Path) -> None:
    """Raise UsageError where the run's base will be no branch that could be landed on."""
    if open_repository(loaded.mission, loaded.path.resolve().parent, root).branch is None:
        raise UsageError("the base is not a branch, so nothing can be landed on it", mend="leave --land out")


def base_paths(loaded: LoadedMission) -> tuple[str, ...]:
    """All paths of the commit, or of the plain files, that the mission would start from."""
    request, folder = loaded.mission.repository, loaded.path.resolve().parent
    if request.snapshot is not None:
        return tuple(_files(folder / request.snapshot))
    repository = Repository.discover(folder / (request.path or "."))
    return repository.paths(repository.resolve(request.base or "HEAD"))


def _files(root: Path) -> list[str]:
    return sorted(
        str((Path(folder) / name).relative_to(root))
        for folder, _, names in os.walk(root)
        for name in names
        if ".git" not in Path(folder).parts and "__pycache__" not in Path(folder).parts
    )
