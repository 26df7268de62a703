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

JOURNAL = "journal.jsonl"
HEAD = "journal.head"


@dataclass(frozen=True, slots=True)
class Contents:
    """What a journal holds: its records, and where a torn last line begins (bytes), if there is
    one.
    """

    records: tuple[Record, ...]
    size: int
    checksum: int
    torn: int


def read(folder: Path) -> Contents:
    """All records, checked. A torn last line is left out and counted; other damage raises
    JournalDamaged.
    """
    path = folder / JOURNAL
    acknowledged = _head(folder)  # before the records: another process may be writing both
    data = path.read_bytes()
    records: list[Record] = []
    offset, checksum = 0, 0
    while offset < len(data):
        end = data.find(b"\n", offset)
        parsed = _parse(data[offset:end], checksum, len(records) + 1) if end >= 0 else None
        if parsed is None:
            if end >= 0 and end + 1 < len(data):
                raise JournalDamaged(
                    f"record {len(records) + 1} of the journal is not what was written",
                    where=f"{path}:byte {offset}",
                    mend="restore the file from a copy; what landed is safe in the run's store",
                )
            break
        record, checksum = parsed
        records.append(record)
        offset = end + 1
    if acknowledged > len(records):
        raise JournalDamaged(
            f"the journal ends after record {len(records)}, but record {acknowledged} had been written",
            where=f"{path}:byte {offset}",
            mend="restore the file from a copy; what landed is safe in the run's store",
        )
    return Contents(tuple(records), offset, checksum, len(data) - offset)


class Journal:
    """A journal open for appending."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        """Open or make it, mending a torn tail; `mended` is how many bytes of an unfinished record
        were cut off.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._clock = clock
        path = folder / JOURNAL
        contents = read(folder) if path.exists() else Contents((), 0, 0, 0)
        self.records = contents.records
        self.mended = contents.torn
        self._seq, self._size, self._checksum = (
            len(contents.records),
            contents.size,
            contents.checksum,
        )
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            self._head = os.open(folder / HEAD, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            if contents.torn:
                os.ftruncate(self._file, contents.size)
                os.fdatasync(self._file)
            _sync_folder(folder)
        except OSError as error:
            raise _refused(error, folder) from error
        self._folder = folder

    def append(self, event: Event) -> Record:
        """Make `event` durable and return its record. Raises EnvironmentRefused when the disk does
        not take it.
        """
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
            os.pwrite(self._head, b"%020d\n" % record.seq, 0)
        return record

    def close(self) -> None:
        """Let go of the files."""
        os.close(self._file)
        os.close(self._head)


def _parse(line: bytes, checksum: int, seq: int) -> tuple[Record, int] | None:
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


def _head(folder: Path) -> int:
    try:
        return int((folder / HEAD).read_bytes() or b"0")
    except (FileNotFoundError, ValueError):
        return 0


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
