"""Landing on a disk that gets full in the middle of it: the checkout is put back, and a second
landing with room works.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import EnvironmentRefused
from orchestrator.git.land import land
from orchestrator.git.values import LandingRefused
from tests.repositories import RealGit, write

BIG = "all the same\n" * 60_000
BEFORE = {"a.txt": "a\n", "gone/x.txt": "x\n", "m.txt": "m\n", "z.txt": "z\n"}
AFTER = {
    "a.txt": "landed\n",
    "gone/x.txt": None,
    "fresh/f.txt": "f\n",
    "m.txt": BIG,
    "z.txt": "2\n",
}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def repository(path: Path) -> RealGit:
    path.mkdir(parents=True, exist_ok=True)
    user = RealGit(path)
    user("init", "-q", "-b", "main", "--template=")
    write(path, BEFORE)
    user("add", "-A")
    user("commit", "-q", "-m", "Begin")
    return user


def go(run: Any) -> Any:
    return land(run.repository, run.store, commit=run.result, branch="main", expected=run.base)


def as_it_was(run: Any) -> None:
    user = run.user
    assert user("rev-parse", "main") == run.base
    assert user("status", "--porcelain") == ""
    assert {name: (user.path / name).read_text() for name in BEFORE} == BEFORE
    assert not (user.path / "fresh").exists()


def test_a_full_disk_leaves_the_checkout_as_it_was(small_disk: Path, make_run: Any) -> None:
    user = repository(small_disk / "user")
    run = make_run(user)
    run.result = run.work(AFTER)
    room = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
    (small_disk / "ballast").write_bytes(b"x" * (room - 300_000))
    for _ in range(2):
        with pytest.raises(EnvironmentRefused, match="brought forward") as caught:
            go(run)
        assert "Make room" in str(caught.value.mend)
        assert "as it was" in str(caught.value)
        as_it_was(run)
        assert not list((user.path / ".git/objects/pack").glob("tmp_*"))
    (small_disk / "ballast").unlink()
    go(run)
    assert user("rev-parse", "main") == run.result
    assert user("status", "--porcelain") == ""
    assert (user.path / "m.txt").read_text() == BIG


def test_the_other_checkouts_are_put_back_too(small_disk: Path, make_run: Any) -> None:
    """One checkout with room, which is brought forward, and then one on the full disk."""
    user = repository(small_disk.parent / "roomy")
    other = RealGit(small_disk / "second")
    user("worktree", "add", "-q", "-f", str(other.path), "main")
    run = make_run(user)
    run.result = run.work(AFTER)
    room = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
    (small_disk / "ballast").write_bytes(b"x" * (room - 100_000))
    with pytest.raises(EnvironmentRefused):
        go(run)
    as_it_was(run)
    assert other("status", "--porcelain") == ""
    (small_disk / "ballast").unlink()
    go(run)
    assert [git("status", "--porcelain") for git in (user, other)] == ["", ""]


@pytest.fixture
def half(tmp_path: Path, make_run: Any) -> Any:
    """A checkout that a kill left in the middle: the note, and files of every kind."""
    run = make_run(repository(tmp_path / "user"))
    run.result = run.work(AFTER)
    path = run.user.path
    (path / ".git/orchestrate-landing").write_text(f"{run.base} {run.result}\n")
    write(path, {"a.txt": "landed\n", "gone/x.txt": None, "fresh/f.txt": "", "m.txt": BIG[:999]})
    (path / "z.txt").unlink()
    return run


def test_what_a_kill_left_half_written_is_put_right(half: Any) -> None:
    go(half)
    assert half.user("status", "--porcelain") == ""
    assert (half.user.path / "m.txt").read_text() == BIG
    assert not (half.user.path / ".git/orchestrate-landing").exists()


def test_what_somebody_wrote_since_is_theirs(half: Any) -> None:
    (half.user.path / "z.txt").write_text("mine\n")
    with pytest.raises(LandingRefused, match=r"z\.txt"):
        go(half)
    assert (half.user.path / "z.txt").read_text() == "mine\n"
    assert half.user("status", "--porcelain") == " M z.txt", "all else is as it was"
