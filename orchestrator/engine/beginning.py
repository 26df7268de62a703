"""The first moments of a run: its name, its folder, and the truth about what went wrong in them.

Until its first record is written a run has not begun: there is nothing to resume, and nothing is
left behind. Its name is its own in every root that shares the repository, since what is kept for it
there goes by that name; so runs of one repository are named one after the other.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.engine.folders import Folders, durable, remove_workspaces
from orchestrator.engine.kept import forget_kept
from orchestrator.errors import EnvironmentRefused
from orchestrator.git.folder import remove_tree
from orchestrator.git.repository import Repository
from orchestrator.isolation.caches import cache

TURN_SECONDS = 30.0
"""How long one waits for another run to be named; a lock that nobody can have must not stop us."""

Begun = Callable[[], None]


@contextlib.contextmanager
def beginning(
    root: Path, mission: str, repository: Repository, base: str, now: datetime | None = None
) -> Iterator[tuple[Folders, Begun]]:
    """A new run's folders, and what is to be called once its first record is written.

    What fails before that takes the folders away again, and is told as it is.
    """
    with contextlib.ExitStack() as turn:
        turn.enter_context(_turn(repository.common_dir / "refs"))
        folders = _new_folders(root, mission, repository, now or datetime.now(UTC))
        has_begun = False

        def begun() -> None:
            nonlocal has_begun
            has_begun = True
            repository.pin(folders.run, base)  # from now on the name is taken
            turn.close()

        try:
            yield folders, begun
        except BaseException as error:
            if not has_begun:
                _forget(folders)
                if isinstance(error, OSError | EnvironmentRefused):
                    raise _told(error) from error
            raise


def _new_folders(root: Path, mission: str, repository: Repository, now: datetime) -> Folders:
    """A run id that sorts by time and says what it is, with its report folder made."""
    cache()  # where there is none to be had, nothing is begun
    stamp = now.strftime("%Y%m%d-%H%M%S")
    number = 0
    while True:
        number += 1
        run = f"{stamp}-{mission}" + (f"-{number}" if number > 1 else "")
        folders = Folders(root, run)
        if repository.pinned(run) is not None:
            continue
        try:
            durable(root)
            folders.report.mkdir(mode=0o700)
        except FileExistsError:
            continue
        except OSError as error:
            raise EnvironmentRefused(
                f"reports cannot be written: {error.strerror}",
                where=str(folders.report),
                mend="make room, or choose another --root, then run the mission again",
            ) from error
        return folders


@contextlib.contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Alone in `folder`, by a lock that ends with this process."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        limit = time.monotonic() + TURN_SECONDS
        while time.monotonic() < limit:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.01)
            except OSError:
                break  # this file system has no locks
            else:
                break
        yield
    finally:
        os.close(descriptor)


def _forget(folders: Folders) -> None:
    with contextlib.suppress(OSError, EnvironmentRefused):
        remove_workspaces(folders)
        forget_kept(folders)
    with contextlib.suppress(OSError):
        remove_tree(folders.report)


def _told(error: OSError | EnvironmentRefused) -> EnvironmentRefused:
    """The error of a run that has not begun: there is nothing to resume."""
    if isinstance(error, OSError):
        where = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else None
        return EnvironmentRefused(
            f"the disk does not take it: {error.strerror or error}",
            where=where,
            mend=_AGAIN + _NOTHING,
        )
    mend = _RESUME.sub("run the mission again", error.mend or "").removesuffix("; nothing is lost")
    return EnvironmentRefused(error.what, where=error.where, mend=f"{mend or _AGAIN}{_NOTHING}")


_RESUME = re.compile(r"`orchestrate resume`|resume the run|resume")
_NOTHING = "\n  Nothing had begun, and nothing is left of it."
_AGAIN = "make room or rights, then run the mission again"
