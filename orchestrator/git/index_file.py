"""Git's index, read for what it says of the files that git has just written.

Git notes of every file it writes what ``lstat`` says of it. Reading that from one file costs a
fraction of asking the system about each file again, and nobody has to be waited for. The format is
that of git's documentation (gitformat-index); whatever is out of the ordinary in it is left to a
walk over the files.
"""

from __future__ import annotations

import hashlib
import stat
import struct
from pathlib import Path

from orchestrator.git.folder import Stamp, packed

_HEADER = struct.Struct(">4sII")
_STATUS = struct.Struct(">10I")
_ID_BYTES = {"sha1": 20, "sha256": 32}
_ODD_FLAGS = 0x7000
"""Extended flags, and the stages of an unfinished merge."""
_LENGTH = 0x0FFF
_GITLINK = 0o16


def is_whole(index: Path, object_format: str) -> bool:
    """Whether an index is as git wrote it: it ends with the hash of all that is before."""
    try:
        data = index.read_bytes()
    except OSError:
        return False
    size = _ID_BYTES[object_format]
    digest = hashlib.new(object_format, data[:-size], usedforsecurity=False).digest()
    return data.startswith(b"DIRC") and digest == data[-size:]


def stamps_of(index: Path, object_format: str) -> dict[bytes, Stamp] | None:
    """The stamp of every file in an index; None where it holds something else than files and
    links.
    """
    data = index.read_bytes()
    signature, version, count = _HEADER.unpack_from(data)
    if signature != b"DIRC" or version not in (2, 3):
        return None
    found: dict[bytes, Stamp] = {}
    offset, to_flags = _HEADER.size, _STATUS.size + _ID_BYTES[object_format]
    for _ in range(count):
        changed, changed_ns, written, written_ns, device, inode, mode, owner, _group, size = (
            _STATUS.unpack_from(data, offset)
        )
        start = offset + to_flags + 2
        flags = data[start - 2] << 8 | data[start - 1]
        if flags & _ODD_FLAGS or mode >> 12 == _GITLINK:
            return None
        length = flags & _LENGTH
        end = start + length if length < _LENGTH else data.index(b"\0", start)
        found[data[start:end]] = packed(
            inode,
            device,
            size,
            written * 1_000_000_000 + written_ns,
            changed * 1_000_000_000 + changed_ns,
            stat.S_IFMT(mode),
            owner,
        )
        offset += end - offset + 8 & ~7  # padded with one to eight NULs
    return found
