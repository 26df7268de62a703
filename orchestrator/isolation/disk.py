"""What the disk below a folder is: its room, its file system, whether files are cloned there, whether
names fold.

Everything is tried, in the folder itself, and nothing is left behind. What it means for a run is not
known here.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

_CLONE = 0x40049409
"""FICLONE, from linux/fs.h."""
_MOUNTS = Path("/proc/self/mounts")


@dataclass(frozen=True, slots=True)
class Disk:
    """`refusal` says why nothing can be written there, in the system's words; then the last two are
    not known.
    """

    folder: Path
    free: int
    """Bytes that this user may write."""
    file_system: str
    """As the kernel calls it; empty where it does not say."""
    refusal: str = ""
    clones: bool = False
    """Whether a copy of a file shares its blocks."""
    folds: bool = False
    """Whether `A` and `a` are one name."""


def disk_of(folder: Path) -> Disk:
    """The disk of a folder, or of the nearest one above it that is there."""
    place = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    free, kind = shutil.disk_usage(place).free, _file_system(place.resolve())
    try:
        with tempfile.TemporaryDirectory(dir=place, prefix=".orchestrate-") as made:
            tried = Path(made)
            (tried / "a").write_bytes(b"a" * 4096)
            folds, clones = (tried / "A").exists(), _clones(tried)
    except OSError as error:
        return Disk(folder, free, kind, error.strerror or str(error))
    return Disk(folder, free, kind, clones=clones, folds=folds)


def _clones(folder: Path) -> bool:
    with (folder / "a").open("rb") as source, (folder / "b").open("wb") as target:
        try:
            fcntl.ioctl(target.fileno(), _CLONE, source.fileno())
        except OSError:
            return False
    return True


def _file_system(place: Path) -> str:
    """That of the longest mount point above it; the last one mounted there counts."""
    best, kind = "", ""
    with contextlib.suppress(OSError):  # there is no such list elsewhere than on Linux
        for line in _MOUNTS.read_text("utf-8", "surrogateescape").splitlines():
            _, point, found, *_ = line.split(" ")
            point = point.replace("\\040", " ")
            is_above = place == Path(point) or Path(point) in place.parents
            if is_above and len(os.fsencode(point)) >= len(os.fsencode(best)):
                best, kind = point, found
    return kind
