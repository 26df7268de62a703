"""Whether the journal's file is still the one that this process writes, as it wrote it.

Others can reach the file while a run goes on: a tool that cleans up, a copy by hard links, an agent.
Owns how that is found out before and after every record, and the copy of what was written that is
kept when it was. It knows nothing of records.
"""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.errors import JournalDamaged

KEPT = "journal.kept.jsonl"
"""What this process had written, beside a journal that others have changed."""


@dataclass(slots=True)
class OwnFile:
    """The open file `descriptor` at `path`, and all that stands in it by our knowledge."""

    descriptor: int
    path: Path
    written: bytearray = field(default_factory=bytearray)
    _time_ns: int = 0

    def __post_init__(self) -> None:
        self._time_ns = os.fstat(self.descriptor).st_mtime_ns

    def wrote(self, line: bytes) -> None:
        """Take note of what was appended just now; raises JournalDamaged where it was not all that
        happened.
        """
        self.written += line
        self._time_ns = os.fstat(self.descriptor).st_mtime_ns
        self.require()

    def require(self) -> None:
        """Raise JournalDamaged, with a copy of what was written left beside it, unless all is as it
        was.
        """
        what = self._disturbance()
        if what is not None:
            self._keep()
            raise JournalDamaged(
                f"somebody else {what} the journal while the run went on",
                where=str(self.path),
                mend=way_out(self.path.parent),
            )

    def _disturbance(self) -> str | None:  # noqa: PLR0911 - one way out for each thing that can be
        ours = os.fstat(self.descriptor)
        try:
            there = os.lstat(self.path)
        except FileNotFoundError:
            return "removed"
        except OSError as error:
            return f"made it impossible to look at ({error.strerror})"
        if not stat.S_ISREG(there.st_mode) or (there.st_dev, there.st_ino) != (
            ours.st_dev,
            ours.st_ino,
        ):
            return "replaced"
        if ours.st_nlink != 1:
            return "made another name (a hard link) for"
        if ours.st_size < len(self.written):
            return "cut short"
        if ours.st_size > len(self.written):
            return "wrote into"
        if ours.st_mtime_ns != self._time_ns:
            if os.pread(self.descriptor, ours.st_size, 0) != self.written:
                return "wrote over"
            self._time_ns = ours.st_mtime_ns  # only its time was set
        return None

    def _keep(self) -> None:
        """Leave what was written as a file of its own, if the disk takes it."""
        place = self.path.with_name(KEPT)
        with contextlib.suppress(OSError):
            place.unlink(missing_ok=True)  # never written through a link that somebody laid here
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            with os.fdopen(os.open(place, flags, 0o600), "wb") as file:
                file.write(self.written)
                file.flush()
                os.fsync(file.fileno())


def way_out(folder: Path) -> str:
    """What can be done about a journal in `folder` that is not what was written."""
    rescue = (
        f"`orchestrate land {folder.name} --from-store` brings what landed to a branch of its own"
    )
    place = folder / KEPT
    if place.is_file():
        return f"move {place} to {folder / 'journal.jsonl'} and resume; or {rescue}"
    return f"restore the file from a copy and resume; or {rescue}"
