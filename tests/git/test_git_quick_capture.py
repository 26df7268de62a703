"""Capturing without git is capturing: the same commit, the same findings, whatever plain edits an
agent made.
"""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from orchestrator.git import capture as full
from orchestrator.git.workspace import Workspaces

WHEN = 1_750_000_000
BASE = {
    "a.txt": "one\ntwo\n",
    "src/b.py": "x = 1\n",
    "src/deep/c.py": "y = 2\n",
    "src/deep/d.py": "z = 3\n",
    "run.sh": "#!/bin/sh\n",
    ".gitignore": "*.log\nbuild/\n",
}


def modify(root: Path, dice: random.Random) -> None:
    path = dice.choice(files(root))
    path.write_bytes(path.read_bytes() + dice.randbytes(5))


def same_size(root: Path, dice: random.Random) -> None:
    path = dice.choice(files(root))
    path.write_bytes(dice.randbytes(len(path.read_bytes())))


def touch(root: Path, dice: random.Random) -> None:
    os.utime(dice.choice(files(root)))


def add(root: Path, dice: random.Random) -> None:
    path = root / dice.choice(
        ["new.py", "src/new.py", "src/x/y/z.py", "t.log", "build/out.o", "näme.txt", "-odd name"]
    )
    if not any(above.is_file() for above in path.parents):
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_dir():
            path.write_text("new\n")


def remove(root: Path, dice: random.Random) -> None:
    dice.choice(files(root)).unlink()


def rename(root: Path, dice: random.Random) -> None:
    path = dice.choice(files(root))
    path.rename(path.with_name("moved-" + path.name.removeprefix("moved-")))


def flip_mode(root: Path, dice: random.Random) -> None:
    path = dice.choice(files(root))
    path.chmod(path.stat().st_mode ^ 0o111)


def become_link(root: Path, dice: random.Random) -> None:
    path = dice.choice(files(root))
    path.unlink()
    path.symlink_to("a.txt" if path.parent == root else "../../../outside")


def become_folder(root: Path, dice: random.Random) -> None:
    path = dice.choice(files(root))
    path.unlink()
    path.mkdir()
    (path / "inner").write_text("inside\n")


def folder_becomes_file(root: Path, dice: random.Random) -> None:
    if (root / "src/deep").is_dir():
        shutil.rmtree(root / "src/deep")
        (root / "src/deep").write_text("flat\n")


EDITS = (
    modify,
    same_size,
    touch,
    add,
    remove,
    rename,
    flip_mode,
    become_link,
    become_folder,
    folder_becomes_file,
)


def files(root: Path) -> list[Path]:
    """Plain files that git reads nothing out of; there is always one."""
    found = sorted(
        path
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink() and ".git" not in str(path)
    )
    if not found:
        (root / "left").write_text("left\n")
        found = [root / "left"]
    return found


@pytest.mark.parametrize("seed", range(40))
def test_both_ways_give_the_same(
    seed: int, make_repo: Any, make_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(make_repo(BASE))
    workspace = run.workspaces.provision("agent", run.base)
    dice = random.Random(seed)
    for _ in range(dice.randint(1, 4)):
        dice.choice(EDITS)(workspace.path, dice)
    ways: list[bool] = []
    plain = full.plain_edits
    monkeypatch.setattr(
        full,
        "plain_edits",
        lambda *a, **k: [edits := plain(*a, **k), ways.append(edits is not None)][0],
    )
    quick = run.workspaces.capture(workspace, message="m\n", when=WHEN)
    another = Workspaces(run.store, run.workspaces._root)
    slow = another.capture(another.find("agent"), message="m\n", when=WHEN)
    assert ways in (
        [True],
        [False],
    )  # the second process knows nothing of the files, so it does not ask
    assert quick == slow
    assert run.store.fsck() == []


@pytest.mark.parametrize("name", [".gitignore", ".gitattributes", "src/.gitignore", ".gitmodules"])
def test_what_git_reads_is_left_to_git(
    name: str, make_repo: Any, make_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(make_repo(BASE))
    workspace = run.workspaces.provision("agent", run.base)
    (workspace.path / name).write_text("*.py\n")
    answers: list[object] = []
    plain = full.plain_edits
    monkeypatch.setattr(full, "plain_edits", lambda *a, **k: answers.append(plain(*a, **k)))
    run.workspaces.capture(workspace, message="m\n", when=WHEN)
    assert answers == [None]
