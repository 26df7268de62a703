"""Report folders that are gone, made again of what was kept beside the work.

Owns no more than that, as whoever lists runs needs it at once and without git; what is kept, and
when, is in `kept`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from orchestrator.engine.folders import Folders, durable
from orchestrator.engine.places import hidden_place
from orchestrator.errors import EnvironmentRefused
from orchestrator.git.whole_files import read_or_none, replace_file
from orchestrator.journal.lock import is_owned
from orchestrator.journal.log import HEAD, JOURNAL


def bring_back_reports(root: Path) -> list[str]:
    """Make report folders again, of the copies, that are gone with their journals and heads; the
    runs' ids. A journal alone that is missing is another matter: somebody had it in hand.
    """
    found: list[str] = []
    try:
        kept_folders = sorted(hidden_place(root, "kept").glob("*"))
    except EnvironmentRefused:  # there is no place for work here, and so none of an earlier run
        return found
    for kept in kept_folders:
        folders = Folders(root, kept.name)
        if any(os.path.lexists(folders.report / name) for name in (JOURNAL, HEAD)):
            continue
        if is_owned(kept):
            continue
        lines = (read_or_none(kept / JOURNAL) or b"").splitlines(keepends=True)
        if whole := [line for line in lines if line.endswith(b"\n")]:
            _bring_back(folders, kept, whole)
            found.append(folders.run)
    return found


def _bring_back(folders: Folders, kept: Path, lines: Sequence[bytes]) -> None:
    """The journal comes last: it says that all the rest is there."""
    durable(folders.root)
    folders.report.mkdir(mode=0o700, exist_ok=True)
    for bundle in kept.glob("*.bundle"):
        shutil.copyfile(bundle, folders.report / bundle.name)
    replace_file(folders.report / HEAD, b"%020d\n" % len(lines))
    replace_file(folders.report / JOURNAL, b"".join(lines))
