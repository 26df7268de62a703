"""What stands in the user's checkout and is not committed: counted, or made into a commit of a
store.

Owns the reading of the checkout as the user's own git reads it (what they ignore, how they filter)
without writing anything there: the index is a copy, and objects go into the store.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from orchestrator.errors import UsageError
from orchestrator.git.client import Git
from orchestrator.git.repository import Repository
from orchestrator.git.store import Store

_MESSAGE = b"What stands in the work tree\n"


def count_uncommitted(repository: Repository) -> int:
    """How many paths of the checkout differ from its commit, untracked ones included; 0 for a bare
    repository.
    """
    if repository.work_tree is None:
        return 0
    options = (
        "--porcelain",
        "-z",
        "--no-renames",
        "--untracked-files=all",
        "--ignore-submodules=all",
    )
    return len(_users_git(repository, repository.git_dir / "index").run("status", *options).fields)


def commit_uncommitted(repository: Repository, store: Store) -> str:
    """All that stands in the checkout, but what is ignored there, as a commit of `store` on the one
    checked out.

    Where nothing differs it is that commit itself. Raises UsageError for a bare repository.
    """
    if repository.work_tree is None:
        raise UsageError(
            "a bare repository has no work tree",
            where=str(repository.common_dir),
            mend="name a commit with --candidate",
        )
    head = repository.resolve("HEAD")
    index = store.private / "uncommitted.index"
    try:
        tree = _write_tree(repository, store, index, head)
    finally:
        index.unlink(missing_ok=True)
    if tree == store.tree_of(head):
        return head
    return store.git.run("commit-tree", "-p", head, "-F", "-", tree, input=_MESSAGE).text


def _write_tree(repository: Repository, store: Store, index: Path, head: str) -> str:
    """The tree of the checkout. A copy of its index spares reading what has not changed, and knows
    what is left out.
    """
    index.parent.mkdir(parents=True, exist_ok=True)
    git = _users_git(repository, index)
    objects = {"GIT_OBJECT_DIRECTORY": str(store.path / "objects")}
    if (repository.git_dir / "index").is_file():
        shutil.copy2(
            repository.git_dir / "index", index
        )  # with its time: git tells by it what to read again
    else:
        git.run("read-tree", head, env=objects)
    git.run("add", "--all", env=objects)
    return git.run("write-tree", env=objects).text


def _users_git(repository: Repository, index: Path) -> Git:
    return Git(
        repository.git_dir,
        repository.work_tree,
        index,
        cwd=repository.work_tree,
        users_configuration=True,
    )
