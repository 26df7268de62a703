"""Folders nested deeper than any path can say, and whatever else makes a walk stumble: a matter of
the one who made them.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.git.captured import ProblemKind
from orchestrator.git.folder import remove_tree, walk

LONG = "n" * 255


@pytest.fixture(autouse=True)
def nothing_deep_is_left(tmp_path: Path) -> Iterator[None]:
    """Pytest cannot remove such folders by itself: it would end sessions that come later."""
    yield
    subprocess.run(["rm", "-rf", "--", *tmp_path.iterdir()], check=True)


def nest(root: Path, depth: int, name: str = "d", mode: int = 0o755) -> None:
    """Folders inside one another, with a file in the last one; made without a long path."""
    here = os.open(root, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=here)
        inside = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inside
    os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=here))
    os.fchmod(here, mode)
    os.close(here)


@pytest.mark.parametrize(
    ("depth", "name"), [(59, "d"), (60, "d"), (61, "d"), (1200, "d"), (300, LONG)]
)
def test_whatever_is_nested_is_removed(tmp_path: Path, depth: int, name: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    nest(folder, depth, name, mode=0o000)
    nest(folder, 1, "beside")
    (folder / "link").symlink_to(tmp_path)
    os.mkfifo(folder / "fifo")
    (folder / LONG).write_text("a name as long as can be\n") if name != LONG else None
    remove_tree(folder)
    assert list(tmp_path.iterdir()) == []
    remove_tree(folder)  # what is gone already is no matter


def test_a_walk_ends(tmp_path: Path) -> None:
    nest(tmp_path, 1200)
    (tmp_path / "shallow").write_text("")
    found = [item.path for item in walk(tmp_path)]
    assert b"shallow" in found
    assert 100 < len(found) < 400


@pytest.mark.parametrize(("depth", "name"), [(1200, "d"), (300, LONG)])
def test_an_attempt_that_nests_too_deep_is_told_so(run: Any, depth: int, name: str) -> None:
    workspace = run.workspaces.provision("a-1", run.base)
    nest(workspace.path, depth, name)
    (workspace.path / "a.txt").write_text("changed\n")
    taken = run.workspaces.capture(workspace, message="a")
    problem = next(problem for problem in taken.problems if problem.kind is ProblemKind.TOO_DEEP)
    assert taken.blocked
    assert problem.path == "/".join([name] * 4), "no more of the path than tells which it is"
    assert "nested" in problem.text
    assert list(taken.changes) == ["a.txt"], "all else is kept"
    run.workspaces.release(workspace)
    again = run.workspaces.provision("b-1", run.base)
    assert run.git("ls-tree", "-r", "--name-only", run.base).split() == sorted(
        str(path.relative_to(again.path))
        for path in again.path.rglob("*")
        if path.is_file() and path.name != ".git"
    )
    run.workspaces.remove_all()


def test_what_is_ignored_may_be_as_deep_as_it_likes(make_repo: Any, make_run: Any) -> None:
    run = make_run(make_repo({".gitignore": "/cache\n", "a.txt": "a\n"}))
    workspace = run.workspaces.provision("a-1", run.base)
    (workspace.path / "cache").mkdir()
    nest(workspace.path / "cache", 1200)
    (workspace.path / "a.txt").write_text("changed\n")
    taken = run.workspaces.capture(workspace, message="a")
    assert (taken.problems, list(taken.changes)) == ((), ["a.txt"])
    run.workspaces.remove(workspace)


def test_a_store_in_which_somebody_nested_opens(run: Any) -> None:
    """A linked work tree lets an agent write into the store."""
    from orchestrator.git.store import Store

    for place in ("refs/heads", "objects", "worktrees"):
        (run.store.path / place).mkdir(exist_ok=True)
        nest(run.store.path / place, 1200)
    (run.store.path / "refs/heads/orchestrate/run-1.lock").mkdir()
    run.store.close()
    again = Store.open(run.store.path, "run-1")
    again.set_ref(again.tip_name, run.base, old=run.base)
    assert again.tip() == run.base
    again.close()
