"""The journal's bytes: append-only JSON lines that a kill, a power cut or a full disk cannot
silently shorten.

Each line is a record with its sequence number and a checksum that covers the line and the checksum
before it, written with one `write` and `fdatasync`. A head pointer, written after that, tells an
acknowledged record that is gone from one that was never written. Owns the format and its repair;
knows nothing of what the events mean. One owner at a time: the caller holds its lock (`lock`).
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from orchestrator.errors import EnvironmentRefused, JournalDamaged
from orchestrator.journal.events import Event, Record
from orchestrator.journal.own_file import KEPT, OwnFile, way_out

JOURNAL = "journal.jsonl"
HEAD = "journal.head"
HEADLESS = f"{HEAD} is missing or unreadable, so records that are gone from the journal's end would not show"


@dataclass(frozen=True, slots=True)
class Contents:
    """What a journal holds: its records, how many bytes these are, and how many of a torn last line
    follow.

    Without a head, nobody could tell if records were gone from its end.
    """

    records: tuple[Record, ...]
    size: int
    checksum: int
    torn: int
    has_head: bool = True
    data: bytes = b""

    @property
    def doubts(self) -> str:
        """What is not as it should be, for people; empty where all is."""
        said = []
        if self.torn:
            said.append(f"{self.torn} bytes of a record that was being written were cut off")
        if not self.has_head:
            said.append(HEADLESS)
        return "; ".join(said)


def read(folder: Path) -> Contents:
    """All records, checked. A torn last line is left out and counted; other damage raises
    JournalDamaged.
    """
    path = folder / JOURNAL
    acknowledged = _head(folder)  # before the records: another process may be writing both
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise JournalDamaged("the journal is gone", where=str(path), mend=way_out(folder)) from None
    records: list[Record] = []
    offset, checksum = 0, 0
    while offset < len(data):
        end = data.find(b"\n", offset)
        parsed = parse_line(data[offset:end], checksum, len(records) + 1) if end >= 0 else None
        if parsed is None:
            if end >= 0 and end + 1 < len(data):
                raise JournalDamaged(
                    f"record {len(records) + 1} of the journal is not what was written",
                    where=f"{path}:byte {offset}",
                    mend=way_out(folder),
                )
            break
        record, checksum = parsed
        records.append(record)
        offset = end + 1
    if (acknowledged or 0) > len(records):
        raise JournalDamaged(
            f"the journal ends after record {len(records)}, but record {acknowledged} had been written",
            where=f"{path}:byte {offset}",
            mend=way_out(folder),
        )
    # The head follows the record: after the first one it may not stand there yet.
    has_head = acknowledged is not None if len(records) > 1 else True
    torn = len(data) - offset
    return Contents(tuple(records), offset, checksum, torn, has_head, data[:offset])


def readable(folder: Path) -> tuple[Record, ...]:
    """The records of a damaged journal up to the damage, of whichever copy tells most; never
    raises JournalDamaged.
    """
    best: tuple[Record, ...] = ()
    for name in (JOURNAL, KEPT):
        try:
            lines = (folder / name).read_bytes().splitlines()
        except OSError:
            continue
        records: list[Record] = []
        checksum = 0
        with contextlib.suppress(JournalDamaged):
            for line in lines:
                parsed = parse_line(line, checksum, len(records) + 1)
                if parsed is None:
                    break
                records.append(parsed[0])
                checksum = parsed[1]
        best = max(best, tuple(records), key=len)
    return best


class Journal:
    """A journal open for appending."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        """Open or make it, mending a torn tail; `mended` is how many bytes of an unfinished record
        were cut off, `doubts` what to tell people of it.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._clock = clock
        path = folder / JOURNAL
        contents = read(folder) if path.exists() else Contents((), 0, 0, 0)
        self.records = contents.records
        self.mended = contents.torn
        self.has_head = contents.has_head
        self.doubts = contents.doubts
        self._seq, self._size, self._checksum = (
            len(contents.records),
            contents.size,
            contents.checksum,
        )
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self._head = _open_head(folder)
            if contents.torn:
                os.ftruncate(self._file, contents.size)
                os.fdatasync(self._file)
            self._own = OwnFile(self._file, path, bytearray(contents.data))
            _sync_folder(folder)
        except OSError as error:
            raise _refused(error, folder) from error
        self._folder = folder

    def append(self, event: Event) -> Record:
        """Make `event` durable and return its record. Raises EnvironmentRefused when the disk does
        not take it, JournalDamaged when somebody else has had the file in hand.
        """
        self._own.require()
        record = Record(seq=self._seq + 1, at=self._clock(), event=event)
        prefix = record.model_dump_json(by_alias=True, exclude_defaults=False)[:-1].encode()
        checksum = zlib.crc32(prefix, self._checksum)
        line = b'%s,"crc":"%08x"}\n' % (prefix, checksum)
        try:
            written = os.write(self._file, line)
            if written != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301 - one way out for both
            os.fdatasync(self._file)
        except OSError as error:
            # What did not get there whole must not stand before what is written when there is room
            # again.
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise _refused(error, self._folder) from error
        self._seq, self._size, self._checksum = record.seq, self._size + len(line), checksum
        with contextlib.suppress(OSError):  # the head only ever lags; a reader allows for that
            if os.fstat(self._head).st_nlink == 0:  # removed meanwhile; what it says is known here
                fresh = _open_head(self._folder)
                os.close(self._head)
                self._head = fresh
            os.pwrite(self._head, b"%020d\n" % record.seq, 0)
        self._own.wrote(line)
        return record

    def close(self) -> None:
        """Let go of the files."""
        os.close(self._file)
        os.close(self._head)


def parse_line(line: bytes, checksum: int, seq: int) -> tuple[Record, int] | None:
    """The record of a line, and the checksum up to it; None where the line does not follow from the
    one before, of which that `checksum` is. Raises JournalDamaged for one of another version.
    """
    prefix, separator, tail = line.rpartition(b',"crc":"')
    if not separator or len(tail) != len(b'00000000"}') or not tail.endswith(b'"}'):
        return None
    found = zlib.crc32(prefix, checksum)
    if tail[:8] != b"%08x" % found:
        return None
    try:
        record = Record.model_validate_json(prefix + b"}")
    except ValidationError as error:
        raise JournalDamaged(
            f"record {seq} was written by another version of orchestrate: {error.errors()[0]['msg']}",
            mend="use the version that started the run; the report says which",
        ) from error
    return (record, found) if record.seq == seq else None


def has_head(folder: Path) -> bool:
    """Whether a journal of more than one record has a head that can be read."""
    with contextlib.suppress(FileNotFoundError):
        return _head(folder) is not None or (folder / JOURNAL).read_bytes().count(b"\n") < 2
    return True


def _head(folder: Path) -> int | None:
    """The number of the newest record that had been acknowledged; None where nothing tells it."""
    try:
        return int((folder / HEAD).read_bytes())
    except (OSError, ValueError):
        return None


def _open_head(folder: Path) -> int:
    return os.open(folder / HEAD, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _sync_folder(folder: Path) -> None:
    for path in (folder, folder.parent):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _refused(error: OSError, folder: Path) -> EnvironmentRefused:
    return EnvironmentRefused(
        f"the journal cannot be written: {error.strerror}",
        where=str(folder / JOURNAL),
        mend="make room or make the folder writable, then `orchestrate resume`; nothing is lost",
    )
