"""The plain values of the git layer: what stands at a path, what changed there, and how git's raw
diff says so.

Owns no process and no file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.errors import OrchestrateError, UsageError
from orchestrator.git.text import decode

FILE = "100644"
EXECUTABLE = "100755"
SYMLINK = "120000"
GITLINK = "160000"
FOLDER = "040000"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a tree holds at a path: git's mode, six octal digits, and the object's id."""

    mode: str
    oid: str

    @property
    def is_file(self) -> bool:
        """Whether this is a regular file, executable or not."""
        return self.mode.startswith("100")


@dataclass(frozen=True, slots=True)
class Change:
    """One path before and after; None where there was or is nothing. Renames are a removal and an
    addition.
    """

    old: Entry | None
    new: Entry | None


Changes = dict[str, Change]
"""Path to change, in git's order."""


class RefMoved(OrchestrateError):
    """A compare-and-swap lost: the ref held `found` instead of `expected`; None stands for no such
    ref.
    """

    def __init__(self, name: str, expected: str | None, found: str | None) -> None:
        super().__init__(
            f"{name} was expected at {expected or 'nothing'} but is at {found or 'nothing'}",
            mend="Something else moved it; look at it before going on.",
        )
        self.name = name
        self.expected = expected
        self.found = found


class LandingRefused(UsageError):
    """The user's branch or checkout is not in a state in which a run can land; nothing was
    moved.
    """

    def __init__(self, what: str, *, where: str | None = None, mend: str | None = None) -> None:
        super().__init__(what, where=where, mend=mend)


def parse_raw_diff(raw: bytes) -> Changes:
    """The output of ``diff-tree -r -z --raw --no-renames --no-abbrev`` for one pair of trees."""
    return dict(_records(raw.split(b"\0"), 0))


def _records(fields: list[bytes], start: int) -> Iterator[tuple[str, Change]]:
    for at in range(start, len(fields) - 1, 2):
        if not fields[at].startswith(b":"):
            return
        yield decode(fields[at + 1]), _change(fields[at])


class CommitMissing(OrchestrateError):
    """Work that the journal speaks of is not in the store any more; git itself passes over that in
    silence.
    """

    def __init__(self, commit: str) -> None:
        super().__init__(
            f"the commit {commit[:12]} is gone from the run's store",
            mend="resume: what is gone is redone",
        )


def parse_raw_diffs(raw: bytes, commits: Sequence[str]) -> list[Changes]:
    """The output of ``diff-tree --stdin --always`` for `commits`, in the order in which they were
    asked for.

    Raises CommitMissing for one that git said nothing of: it skips what it does not have, and exits
    with 0.
    """
    fields = raw.split(b"\0")
    answers: list[Changes] = []
    at = 0
    for commit in commits:
        if at >= len(fields) or fields[at] != commit.encode():
            raise CommitMissing(commit)
        at += 1
        changes = dict(_records(fields, at))
        at += 2 * len(changes)
        answers.append(changes)
    return answers


def _change(record: bytes) -> Change:
    old_mode, new_mode, old_oid, new_oid, _ = record[1:].decode("ascii").split(" ")
    return Change(_entry(old_mode, old_oid), _entry(new_mode, new_oid))


def _entry(mode: str, oid: str) -> Entry | None:
    return None if mode == "000000" else Entry(mode, oid)
