"""The files that a check is to write its JUnit reports to, and whether they are of this very run.

Owns finding them by path or glob, taking away what stands there before the run, and telling what
was written in it from what was there: a file that is older than the run, or has the content of a
report that the tree had, is nobody's evidence. What stands in a report is `junit`'s.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

from orchestrator.gates.observing.runners.junit import Report, UnreadableError, read_report
from orchestrator.mission.scope import Scope

SKIPPED = frozenset({".git", "node_modules", ".venv", "__pycache__"})
"""Folders in which nobody's reports and tests are; a path that names one is looked for in it."""
SNIFFED_BYTES = 4096
MOST_FILES = 200_000
MOST_KEPT = 200
TIMES = 3
"""Different times that two reports must have in common to be one and the same."""
OLD = timedelta(days=2)
"""What no zone of time makes of now."""
_SIGNS = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Kept:
    """A JUnit report that the tree had before the run: its place, its bytes' digest, and its tests
    with their times; None where those are too few to tell it by.
    """

    path: str
    digest: bytes
    times: frozenset[tuple[str, str, float]] | None


@dataclass(slots=True)
class Expected:
    """The reports that a check is to write into a tree; `problem` says why it cannot."""

    root: Path
    patterns: tuple[str, ...]
    places: dict[str, Path] = field(default_factory=dict)
    """Where the paths that are named lie, whatever links lead there."""
    kept: list[Kept] = field(default_factory=list)
    began: int = 0
    """By the clock of the tree's file system, in nanoseconds."""
    problem: str = ""


def make_room(root: Path, patterns: Sequence[str]) -> Expected:
    """Note what reports the tree has, and take away what stands where the check is to write its
    own: a report of an earlier run, or one that was committed, must not speak for this run.
    """
    expected = Expected(root, tuple(patterns))
    for pattern in patterns:
        place = root / PurePosixPath(pattern)
        if not place.resolve().is_relative_to(root.resolve()):
            expected.problem = f"{pattern} would lie outside of the tree"
            return expected
        expected.places[os.path.normpath(pattern)] = place.parent.resolve() / place.name
    expected.kept = list(_kept(root))
    for pattern in patterns:
        for path in _found(root, pattern):
            try:
                (root / path).unlink(missing_ok=True)
            except OSError as error:
                expected.problem = (
                    f"what was at its place ({path}) cannot be removed: {error.strerror}"
                )
                return expected
    expected.began = _now(root)
    return expected


def read_reports(expected: Expected) -> list[Report]:
    """The reports that were written. Raises FileNotFoundError with what is missing, and
    UnreadableError.
    """
    paths: dict[str, None] = {}
    for pattern in expected.patterns:
        found = _found(expected.root, pattern)
        if not found and _SIGNS.search(pattern):
            raise FileNotFoundError(f"no file matches {pattern}")
        paths |= dict.fromkeys(found or (os.path.normpath(pattern),))
    return [_read(expected, path, is_only=len(paths) == 1) for path in paths]


def oddities(expected: Expected, whole: Report) -> tuple[str, ...]:
    """What a report says that does not go with the tree and the time: files that are not there, an
    old date.
    """
    missing = _not_there(expected.root, whole.files)
    found = [f"{path} is not in the tree" for path in sorted(missing)[:10]]
    if (written := _moment(whole.timestamp)) and abs(datetime.now(UTC) - written) > OLD:
        found.append(f"it was written at {whole.timestamp}")
    return tuple(found)


def _read(expected: Expected, path: str, *, is_only: bool) -> Report:
    place = expected.root / path
    name = "" if is_only else f"{path}: "
    # The program may have put a link in its place, or in the place of a folder above.
    if place.resolve() != expected.places.get(path, expected.root.resolve() / path):
        raise UnreadableError(f"{path} leads somewhere else now")
    try:
        report = read_report(place)
        status, digest = place.stat(), _digest(place)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} was not written") from None
    except UnreadableError as error:
        raise UnreadableError(f"{name}{error}") from error
    if status.st_mtime_ns < expected.began:
        raise UnreadableError(f"{path} is older than this run of the check, which did not write it")
    times = _times(report)
    for kept in sorted(expected.kept, key=lambda kept: kept.path == path):
        is_same = kept.path != path and kept.digest == digest and report.tests
        if is_same or (times is not None and times == kept.times):
            where = "itself as it was" if kept.path == path else kept.path
            raise UnreadableError(f"{path} is a copy of {where}, which the tree had before the run")
    return report


def _found(root: Path, pattern: str) -> list[str]:
    """The paths of files that a path or glob names, sorted; links are not followed."""
    if not _SIGNS.search(pattern):
        path = os.path.normpath(pattern)
        return [path] if os.path.lexists(root / path) else []
    scope = Scope((f"/{pattern.removeprefix('./').removeprefix('/')}",))
    into = SKIPPED - set(PurePosixPath(pattern).parts)
    return sorted(path for path in _files(root, into) if scope.allows(path))


def _files(root: Path, skipped: frozenset[str] = SKIPPED) -> Iterator[str]:
    number = 0
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in skipped]
        for name in names:
            yield os.path.relpath(Path(folder, name), root)
            number += 1
            if number >= MOST_FILES:
                return


def _kept(root: Path) -> Iterator[Kept]:
    number = 0
    for path in _files(root):
        place = root / path
        try:
            if place.is_symlink() or not place.is_file():
                continue
            with place.open("rb") as file:
                if b"<testsuite" not in file.read(SNIFFED_BYTES):
                    continue
            digest = _digest(place)
        except OSError:
            continue
        try:
            times = _times(read_report(place))
        except (UnreadableError, FileNotFoundError):
            times = None
        yield Kept(path, digest, times)
        number += 1
        if number >= MOST_KEPT:
            return


def _times(report: Report) -> frozenset[tuple[str, str, float]] | None:
    """What two runs of the same tests never have in common."""
    found = frozenset(
        (name, test.outcome.value, test.seconds) for name, test in report.tests.items()
    )
    return found if len({seconds for *_, seconds in found if seconds}) >= TIMES else None


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _now(root: Path) -> int:
    """The time as files of the tree get it, whatever the clock and the grain of its file system."""
    mark = root / f".{secrets.token_hex(8)}"
    mark.touch()
    try:
        return mark.stat().st_mtime_ns
    finally:
        mark.unlink()


def _not_there(root: Path, files: set[str]) -> set[str]:
    """Those of which the tree has no file of that name; a report may name them from a folder of its
    own, or from where the tree stood in a container.
    """
    named = {path: PurePosixPath(path.replace("\\", "/")).name for path in files}
    doubted = {path for path in files if not (root / path).exists()}
    doubted = {path for path in doubted if "node_modules" not in path}
    if not doubted:
        return set()
    there = {PurePosixPath(path).name for path in _files(root, frozenset({".git"}))}
    return {path for path in doubted if named[path] not in there}


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
