"""A folder of plain files as a git repository, the same everywhere: for samples and targets without
history.

Owns copying and the one commit. The same files give the same commit id on any machine: identity,
date, modes and configuration are fixed.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from orchestrator.errors import EnvironmentRefused, UsageError
from orchestrator.git.client import Git, require_git
from orchestrator.git.folder import DEEPEST, remove_tree
from orchestrator.git.repository import Repository

_WHEN = "1700000000 +0000"
_LEFT_OUT = {b".git", b"__pycache__"}
_MESSAGE = "Snapshot"
_MOST_SHOWN = 200


class PlaceTaken(UsageError):
    """The destination holds something else."""


def snapshot(source: Path, destination: Path) -> Repository:
    """A repository at `destination` with the files of `source` as the first commit of its branch
    main, checked out.

    An existing one with the same first commit is used as it is, with whatever was committed since.
    It appears under its name only when complete.
    """
    require_git()
    if not source.is_dir():
        raise UsageError(
            "there is no such folder",
            where=str(source),
            mend="Name the folder to make a repository of.",
        )
    destination.parent.mkdir(parents=True, exist_ok=True)
    partial = destination.with_name(f".{destination.name}.partial-{os.getpid()}")
    remove_tree(partial)
    try:
        partial.mkdir()
        commit = _commit(source.resolve(), partial)
        if not _is_free(destination):
            return _existing(destination, commit)
        partial.rename(destination)
        return Repository.discover(destination)
    finally:
        remove_tree(partial)
        _sweep(destination)


def snapshot_among(source: Path, folder: Path, name: str) -> Repository:
    """`snapshot` in `folder`, called `name`; where that was made of other files, called `name-2`,
    and so on.
    """
    number = 1
    while True:
        destination = folder / (name if number == 1 else f"{name}-{number}")
        try:
            return snapshot(source, destination)
        except PlaceTaken:
            number += 1


def _commit(source: Path, path: Path) -> str:
    _copy(os.fsencode(source), os.fsencode(path))
    here = Git(cwd=path)
    here.run("init", "--quiet", "--template=", "--object-format=sha1", "--initial-branch=main")
    git = Git(
        path / ".git", path, configuration=(("core.fileMode", "true"), ("core.symlinks", "true"))
    )
    git.run("add", "--all", "--force")
    dates = {"GIT_AUTHOR_DATE": _WHEN, "GIT_COMMITTER_DATE": _WHEN}
    git.run("commit", "--quiet", "--allow-empty", "--no-verify", "-m", _MESSAGE, env=dates)
    return git.run("rev-parse", "HEAD").text


def _copy(source: bytes, target: bytes, depth: int = 0) -> None:
    if depth > DEEPEST:
        raise UsageError(
            f"folders are nested more than {DEEPEST} deep",
            where=os.fsdecode(source)[:_MOST_SHOWN],
            mend="Remove them, or name the folder that is meant.",
        )
    with os.scandir(source) as entries:
        for entry in entries:
            if entry.name in _LEFT_OUT:
                continue
            place = os.path.join(target, entry.name)  # noqa: PTH118  (bytes)
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                os.mkdir(place)  # noqa: PTH102  (bytes)
                _copy(entry.path, place, depth + 1)
            elif stat.S_ISLNK(mode):
                os.symlink(os.readlink(entry.path), place)  # noqa: PTH115, PTH211  (bytes)
            elif stat.S_ISREG(mode):
                try:
                    shutil.copyfile(entry.path, place)
                except PermissionError as error:
                    raise EnvironmentRefused(
                        "cannot read a file", where=os.fsdecode(entry.path)
                    ) from error
                os.chmod(place, 0o755 if mode & stat.S_IXUSR else 0o644)  # noqa: PTH101  (bytes)
            else:
                raise UsageError(
                    "git cannot keep a FIFO, socket or device",
                    where=os.fsdecode(entry.path),
                    mend="Remove it.",
                )


def _is_free(destination: Path) -> bool:
    return not destination.exists() or (destination.is_dir() and not any(destination.iterdir()))


def _existing(destination: Path, commit: str) -> Repository:
    if (destination / ".git").is_dir():
        git = Git(destination / ".git", destination)
        if (
            git.run("merge-base", "--is-ancestor", commit, "refs/heads/main", check=False).status
            == 0
        ):
            return Repository.discover(destination)
    raise PlaceTaken(
        "something else is there already",
        where=str(destination),
        mend="Move it away, or choose another folder.",
    )


def _sweep(destination: Path) -> None:
    """Remove what killed processes left beside `destination`."""
    for path in destination.parent.glob(f".{destination.name}.partial-*"):
        number = path.name.rpartition("-")[2]
        if not number.isdigit():
            continue
        try:
            os.kill(int(number), 0)
        except ProcessLookupError:
            remove_tree(path)
        except PermissionError:
            continue
