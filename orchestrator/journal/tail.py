"""A journal that another process writes, read as it grows: each record once."""

from __future__ import annotations

import contextlib
from pathlib import Path

from orchestrator.errors import JournalDamaged
from orchestrator.journal.events import Record
from orchestrator.journal.log import JOURNAL, parse_line


class Tail:
    """The reader of one run's journal. A line that is being written is read when it is whole."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / JOURNAL
        self._offset = self._checksum = self._seq = 0

    def more(self) -> list[Record]:
        """The records since the last time. Raises JournalDamaged where they do not follow, which
        the next call finds again.
        """
        found: list[Record] = []
        with contextlib.suppress(FileNotFoundError), self._path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                parsed = parse_line(line[:-1], self._checksum, self._seq + 1)
                if parsed is None:
                    raise JournalDamaged(
                        f"record {self._seq + 1} of the journal is not what was written",
                        where=f"{self._path}:byte {self._offset}",
                    )
                record, self._checksum = parsed
                self._seq, self._offset = record.seq, self._offset + len(line)
                found.append(record)
        return found
