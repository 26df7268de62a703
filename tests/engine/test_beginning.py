"""How runs are named, and what is left of one that did not begin."""

from __future__ import annotations

import errno
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.engine.beginning import beginning
from orchestrator.errors import EnvironmentRefused, UsageError
from orchestrator.git.repository import Repository
from tests.cli.helpers import git, make_user

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.discover(make_user(tmp_path / "user"))


def begin(root: Path, repository: Repository) -> str:
    root.mkdir(exist_ok=True)
    base = repository.resolve("HEAD")
    with beginning(root, "fix", repository, base, NOW) as (folders, begun):
        begun()
    return folders.run


def test_runs_of_one_second_are_named_apart_in_all_roots(
    tmp_path: Path, repository: Repository
) -> None:
    names = [begin(tmp_path / root, repository) for root in ("one", "one", "other")]
    assert names == [f"20260102-030405-fix{end}" for end in ("", "-2", "-3")]
    refs = git(tmp_path / "user", "for-each-ref", "--format=%(refname)", "refs/orchestrate")
    assert sorted(refs.split()) == sorted(f"refs/orchestrate/{name}/base" for name in names)


def test_at_once_too(tmp_path: Path, repository: Repository) -> None:
    names: list[str] = []

    def one(number: int) -> None:
        names.append(begin(tmp_path / f"root{number}", repository))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(names)) == 6


def fail(root: Path, repository: Repository, error: BaseException, *, late: bool = False) -> None:
    """A run that is ended by an error before its first record, or after it."""
    with beginning(root, "fix", repository, repository.resolve("HEAD"), NOW) as (folders, begun):
        (folders.report / "journal.jsonl").touch()
        if late:
            begun()
        raise error


def left(root: Path) -> list[Path]:
    return [*(root / "reports").glob("2*")]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        EnvironmentRefused("the disk is full", mend="Make room, then resume the run."),
        EnvironmentRefused(
            "the journal cannot be written",
            mend="make room or make the folder writable, then `orchestrate resume`; nothing is lost",
        ),
    ],
)
def test_what_fails_before_the_first_record_is_told_as_it_is(
    tmp_path: Path, repository: Repository, error: Exception
) -> None:
    with pytest.raises(EnvironmentRefused) as refused:
        fail(tmp_path, repository, error)
    said = str(refused.value)
    assert "resume" not in said
    assert "run the mission again" in said
    assert "Nothing had begun" in said
    assert left(tmp_path) == []
    assert repository.pins() == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), UsageError("no")])
def test_whatever_else_ends_it_leaves_nothing(
    tmp_path: Path, repository: Repository, error: BaseException
) -> None:
    with (
        pytest.raises(type(error)),
        beginning(tmp_path, "fix", repository, repository.resolve("HEAD"), NOW) as (
            folders,
            _,
        ),
    ):
        raise error
    assert not folders.report.exists()


def test_once_it_has_begun_everything_stays(tmp_path: Path, repository: Repository) -> None:
    error = EnvironmentRefused("the disk is full", mend="Make room, then resume the run.")
    with pytest.raises(EnvironmentRefused, match="resume the run"):
        fail(tmp_path, repository, error, late=True)
    assert len(left(tmp_path)) == 1
