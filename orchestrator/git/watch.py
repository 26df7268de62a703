"""The user's checkout, looked at before and after: whether anybody wrote there meanwhile.

A work tree keeps nobody from writing to an absolute path. Owns what is compared: when and how large
each file was last written that git tracks or does not ignore. Nothing is read of them, so that no
filter of the user's is run for it.
"""

from __future__ import annotations

import os

from orchestrator.errors import OrchestrateError
from orchestrator.git.client import Git
from orchestrator.git.repository import Repository

_LIST = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")

Standing = dict[str, tuple[int, int, int]]


def standing(repository: Repository) -> Standing | None:
    """The files of the checkout, by path: mode, size and time of each, zeros for one that is gone.

    None where there is none, or where git cannot say.
    """
    if repository.work_tree is None:
        return None
    git = Git(
        repository.git_dir, repository.work_tree, cwd=repository.work_tree, users_configuration=True
    )
    try:
        paths = git.run(*_LIST).fields
    except OrchestrateError:
        return None
    found: Standing = {}
    for path in paths:
        try:
            status = os.lstat(repository.work_tree / path)
            found[path] = (status.st_mode, status.st_size, status.st_mtime_ns)
        except OSError:
            found[path] = (0, 0, 0)
    return found


def written(before: Standing | None, after: Standing | None) -> tuple[str, ...]:
    """The paths that were written between two looks, sorted."""
    if before is None or after is None:
        return ()
    return tuple(sorted(path for path in {*before, *after} if before.get(path) != after.get(path)))
