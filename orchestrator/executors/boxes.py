"""The boxes of a run's attempts: what of the mission and of the run is in each.

Owns what an attempt is shown beside its workspace: the objects that its repository borrows, the
interpreter that its gates use, what the mission links in, and what it names as `readable`.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from orchestrator.errors import EnvironmentRefused
from orchestrator.executors.linked import FOLDER
from orchestrator.isolation.environment import temporary_of
from orchestrator.isolation.programs import is_narrow, needed_by
from orchestrator.isolation.sandbox import Box, find
from orchestrator.mission.model import Defaults, Mission, Network

PLACEHOLDER = "{mission_dir}"
OF_REPOSITORIES = (".git", "objects")
"""What is in a checkout, and in a bare repository."""


class Boxes:
    """Makes boxes. `objects` are the object folders of the run's store, all that it borrows from
    among them; `beside` is what lies beside the mission and is to be readable.
    """

    def __init__(
        self,
        defaults: Defaults,
        mission_dir: Path,
        objects: Sequence[Path],
        beside: Sequence[Path] = (),
    ) -> None:
        """Raises EnvironmentRefused where what is to be readable is not there."""
        self._has_network = defaults.network is Network.OPEN
        self._hosts = tuple(defaults.hosts) if defaults.network is Network.PROVIDERS else ()
        self._memory, self._processes = defaults.memory, defaults.processes
        self._disk = defaults.disk
        self._readable = (*readable(defaults, mission_dir), *beside)
        self._objects = tuple(objects)
        self._program = find()

    def box(
        self,
        workspace: Path,
        home: Path,
        *,
        brief: Path,
        python: Path | None,
        stands_in_place: bool,
    ) -> Box:
        """The box of one attempt; with `stands_in_place` programs that are installed in the
        workspace name it by its path.
        """
        linked = workspace.parent / FOLDER / "attempts"
        return Box(
            workspace=workspace,
            home=home,
            temporary=temporary_of(home),
            readable=(
                *self._readable,
                *self._objects,
                *([linked] if linked.is_dir() else []),
                *(needed_by(python, os.defpath) if python else ()),
            ),
            brief=brief,
            has_network=self._has_network,
            hosts=self._hosts,
            stands_in_place=stands_in_place,
            memory=self._memory,
            disk=self._disk,
            processes=self._processes,
            program=self._program,
        )

    def judging(self, tree: Path, home: Path, python: Path | None, more: Sequence[Path]) -> Box:
        """The box of a check, or of a set-up, in a tree: everything stands where it does outside,
        which ids, settings and reports are told by. `more` is what it needs to be read.
        """
        linked = tree.parent / FOLDER / "gates"
        return Box(
            workspace=tree,
            home=home,
            temporary=temporary_of(home),
            readable=(
                *self._readable,
                *self._objects,
                *more,
                *([linked] if linked.is_dir() else []),
                *(needed_by(python, os.defpath) if python else ()),
            ),
            has_network=self._has_network,
            hosts=self._hosts,
            keeps_paths=True,
            program=self._program,
        )


def beside(mission: Mission, mission_dir: Path, passed_by: Collection[Path]) -> list[Path]:
    """What lies beside the mission file, where the command of a backend names that folder: scripts
    use one another. Not what is hidden, no repository, and nothing of `passed_by`; nothing at all
    where the folder is a checkout itself, or holds everything of somebody.
    """
    commands = [backend.command.argv for backend in mission.backends.values() if backend.command]
    if not any(PLACEHOLDER in part for argv in commands for part in argv):
        return []
    if not is_narrow(mission_dir) or (mission_dir / ".git").exists():
        return []
    return [
        place
        for place in sorted(mission_dir.iterdir())
        if not place.name.startswith(".")
        and place.resolve() not in passed_by
        and not any((place / name).exists() for name in OF_REPOSITORIES)
    ]


def readable(defaults: Defaults, mission_dir: Path) -> list[Path]:
    """What `defaults.readable` names. Raises EnvironmentRefused where that is not there."""
    found = []
    for name in defaults.readable:
        place = Path(os.path.normpath(mission_dir / Path(name).expanduser()))
        if not os.path.lexists(place):
            raise EnvironmentRefused(
                f"defaults.readable: {name} is not there",
                where=str(place),
                mend="make it, or take it out of the mission",
            )
        found.append(place)
    return found
