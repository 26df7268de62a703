"""The user's checkout, looked at before and after: whether anybody wrote there meanwhile.

A work tree keeps nobody from writing to an absolute path. Owns what is compared: what git says
differs from the commit, and when and how large each of these files was last written.
"""

from __future__ import annotations

import os

from orchestrator.errors import OrchestrateError
from orchestrator.git.client import Git
from orchestrator.git.repository import Repository

_STATUS = (
    *("status", "--porcelain", "-z", "--no-renames"),
    *("--ignore-submodules=all", "--untracked-files=normal"),
)

Standing = dict[str, tuple[str, int, int]]


def standing(repository: Repository) -> Standing | None:
    """What differs in the checkout, by path: git's two letters, and the file's size and time.

    None where there is none, or where git cannot say.
    """
    if repository.work_tree is None:
        return None
    git = Git(
        repository.git_dir, repository.work_tree, cwd=repository.work_tree, users_configuration=True
    )
    try:
        rows = git.run(*_STATUS).fields
    except OrchestrateError:
        return None
    found: Standing = {}
    for row in rows:
        letters, path = row[:2], row[3:]
        try:
            status = os.lstat(repository.work_tree / path)
            found[path] = (letters, status.st_size, status.st_mtime_ns)
        except OSError:
            found[path] = (letters, 0, 0)
    return found


def written(before: Standing | None, after: Standing | None) -> tuple[str, ...]:
    """The paths that were written between two looks, sorted."""
    if before is None or after is None:
        return ()
    return tuple(sorted(path for path in {*before, *after} if before.get(path) != after.get(path)))
