"""The structural merger in the shape that git asks of a merge driver: three files in, one of them
rewritten.

Owns files and conflict markers. How versions are merged is `structure.merge`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from orchestrator.git.client import Git
from orchestrator.structure.merge import merge_file


@dataclass(frozen=True, slots=True)
class Driven:
    """Whether the result is clean, and what to tell: conflicts with symbol and reason, or what was
    decided.
    """

    is_clean: bool
    told: tuple[str, ...]


def drive(base: Path, ours: Path, theirs: Path, path: str) -> Driven:
    """Merge into `ours`; `path` is the file's name in the repository. On a conflict `ours` gets
    git's markers.
    """
    merged = merge_file(path, base.read_bytes(), ours.read_bytes(), theirs.read_bytes())
    if merged.content is not None:
        ours.write_bytes(merged.content)
        return Driven(is_clean=True, told=tuple(f"{path}: {note}" for note in merged.notes))
    marked = Git(cwd=ours.resolve().parent).run(
        "merge-file",
        "-L",
        "ours",
        "-L",
        "base",
        "-L",
        "theirs",
        *(str(f.resolve()) for f in (ours, base, theirs)),
        check=False,
    )
    conflicts = tuple(f"{path}: {c.symbol or 'file'}: {c.reason}" for c in merged.conflicts)
    if marked.status == 0:
        # Git sees no conflict where the checks do: its result stands in the file, and the exit code
        # says no.
        conflicts = (
            *conflicts,
            f"{path}: git merges this without a conflict; look at it before you keep it",
        )
    return Driven(is_clean=False, told=conflicts)
