"""Loading a mission file: from bytes to a `Mission` that is safe to plan, or everything that is
wrong with it at once.

Owns the order of the three stages and nothing of their insides: the text (`source`), the shape
(`shape`), what names what (`references`). A mission that this module returns never fails for a
misspelt name later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import MissionErrors, OrchestrateError, UsageError
from orchestrator.mission.model import Mission
from orchestrator.mission.references import reference_problems
from orchestrator.mission.shape import read_shape
from orchestrator.mission.source import LARGEST, Place, Positions, Problem, read_source


@dataclass(frozen=True, slots=True)
class LoadedMission:
    """A mission with the bytes that it came from and the place of every key, for messages of later
    stages.
    """

    mission: Mission
    path: Path
    """As the user typed it."""
    text: str
    sha256: str
    """Of the file's bytes."""
    positions: Positions

    @property
    def folder(self) -> Path:
        """What the mission's relative paths are relative to."""
        return self.path.parent


def load_mission(path: Path) -> LoadedMission:
    """Read, check and cross-check one mission file.

    Raises MissionErrors with all problems in the order of their lines, UsageError where there is no
    such file.
    """
    data = _read(path)
    source = read_source(data)
    problems = list(source.problems)
    mission: Mission | None = None
    if source.is_complete:
        mission, found = read_shape(source)
        problems += found
    if mission is not None:
        problems += reference_problems(mission, source.positions, path.parent)
    if problems or mission is None:
        raise MissionErrors(_errors(problems, path))
    return LoadedMission(
        mission, path, source.text, hashlib.sha256(data).hexdigest(), source.positions
    )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise UsageError(
            "there is no such mission file", where=str(path), mend="check the path"
        ) from None
    except IsADirectoryError:
        raise UsageError(
            "this is a folder", where=str(path), mend="name the mission file in it"
        ) from None
    except OSError as error:
        raise UsageError(f"the mission cannot be read: {error.strerror}", where=str(path)) from None
    if len(data) > LARGEST:
        large = OrchestrateError(
            "a mission file is at most 8 MiB", where=str(path), mend="split the mission"
        )
        raise MissionErrors([large])
    return data


def _errors(problems: Sequence[Problem], path: Path) -> list[OrchestrateError]:
    ordered = sorted(dict.fromkeys(problems), key=lambda problem: problem.place)
    return [
        OrchestrateError(problem.what, where=_where(path, problem.place), mend=problem.mend)
        for problem in ordered
    ]


def _where(path: Path, place: Place) -> str:
    return f"{path}:{place.line}:{place.column}"
