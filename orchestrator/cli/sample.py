"""The sample mission, as it is installed: a broken target, twenty agents and a recording of their
work.

Owns where it is found, and copying it to where a person can run and change it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import orchestrator
from orchestrator import DISTRIBUTION
from orchestrator.errors import EnvironmentRefused, UsageError

MISSION = "websocket.yaml"
PARTS = (MISSION, "mission.schema.json", "websocket")


def copy_sample(folder: Path) -> str:
    """Put the sample into `folder`, made if absent; what to do next, as a text.

    Raises UsageError where one of its files is there already.
    """
    source = _source()
    for name in PARTS:
        if (folder / name).exists() or (folder / name).is_symlink():
            raise UsageError(
                "there is something of that name already",
                where=str(folder / name),
                mend="name another folder",
            )
    folder.mkdir(parents=True, exist_ok=True)
    for name in reversed(PARTS):  # the mission last: it is there only with all that it names
        if (source / name).is_dir():
            unwanted = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source / name, folder / name, symlinks=True, ignore=unwanted)
        else:
            shutil.copyfile(source / name, folder / name)
    return f"wrote {folder / MISSION}; carry it out: orchestrate run {folder / MISSION}"


def _source() -> Path:
    package = Path(orchestrator.__file__).resolve().parent
    for folder in (package / "sample", package.parent / "missions"):
        if (folder / MISSION).is_file():
            return folder
    raise EnvironmentRefused(
        "the sample is not part of this installation",
        where=str(package / "sample"),
        mend=f"install it again: pip install --force-reinstall --no-deps {DISTRIBUTION}",
    )
