"""Merging by lines, as git does it, and what has to be set aside first: byte order marks and line
ends.

Owns the call of ``git merge-file``, once for a file; parts of a file are merged by `threeway`. It
is given files in a folder of its own, so that no attribute
and no configuration of any repository decides what comes out.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from orchestrator.git.client import Git, Result
from orchestrator.structure.contained import containing
from orchestrator.structure.threeway import merge

_T = TypeVar("_T")

BOM = b"\xef\xbb\xbf"


def merge_lines(base: bytes, left: bytes, right: bytes) -> bytes | None:
    """Git's line merge, or None where it conflicts or where a side is binary."""
    if left in (base, right):
        return right
    if right == base:
        return left
    if all(side.count(b"\n") <= 1 for side in (base, left, right)):
        return (
            None  # three texts of one line: git would call it a conflict as well, only more slowly
        )
    answer = _ask(base, left, right)
    return answer.stdout if answer.status == 0 else None


def merge_inside(base: bytes, left: bytes, right: bytes) -> bytes | None:
    """As `merge_lines`, of a part of a file: without a process, as there may be thousands."""
    if b"\0" in base + left + right:
        return None
    found = merge(_lines(base), _lines(left), _lines(right), lambda *_: None)
    return None if found is None else b"".join(found)


def merge_contained(base: bytes, left: bytes, right: bytes) -> tuple[bytes, int] | None:
    """As `merge_inside`, and a conflict in which one side did all that the other did and more is
    settled by that side.

    With the text goes the number of conflicts that were settled.
    """
    settled: list[Sequence[bytes]] = []

    def settle(
        was: Sequence[bytes], ours: Sequence[bytes], theirs: Sequence[bytes]
    ) -> Sequence[bytes] | None:
        taken = containing(was, ours, theirs)
        settled.extend([] if taken is None else [taken])
        return taken

    if b"\0" in base + left + right:
        return None
    found = merge(_lines(base), _lines(left), _lines(right), settle)
    return None if found is None else (b"".join(found), len(settled))


def _lines(text: bytes) -> list[bytes]:
    """As git tells lines: a return alone ends none."""
    *whole, rest = text.split(b"\n")
    return [line + b"\n" for line in whole] + ([rest] if rest else [])


def _ask(base: bytes, left: bytes, right: bytes) -> Result:
    with tempfile.TemporaryDirectory(prefix="orchestrate-merge-") as folder:
        for name, content in (("left", left), ("base", base), ("right", right)):
            Path(folder, name).write_bytes(content)
        return Git(cwd=Path(folder)).run(
            "merge-file", "-p", "-q", "left", "base", "right", check=False
        )


def pick(base: _T, left: _T, right: _T) -> _T:
    """The three-way choice between values of which one side at most is expected to have changed."""
    return right if left == base else left


@dataclass(frozen=True, slots=True)
class Form:
    """How a text is written down, apart from what it says."""

    bom: bool
    crlf: bool
    last_newline: bool

    @classmethod
    def of(cls, source: bytes, base: Form | None = None) -> Form:
        """What holds of `source`, which was made of a text with the form `base`.

        Lines that end in different ways count as plain, their returns as content; but what was made
        of a text with returns keeps them for as long as there are any: somebody's tool put in lines
        without.
        """
        ends, returns = source.count(b"\n"), source.count(b"\r\n")
        crlf = ends > 0 and (returns == ends or (returns > 0 and base is not None and base.crlf))
        return cls(source.startswith(BOM), crlf, source.endswith(b"\n"))

    def take_off(self, source: bytes, result: Form) -> bytes:
        """`source` with plain line ends if it or the `result` has returns, a last newline and no
        mark.
        """
        plain = source.removeprefix(BOM)
        if self.crlf or result.crlf:
            plain = plain.replace(b"\r\n", b"\n")
        return plain if self.last_newline or not plain else plain + b"\n"

    def put_on(self, plain: bytes) -> bytes:
        """The reverse of `take_off`."""
        if not self.last_newline:
            plain = plain.removesuffix(b"\n")
        if self.crlf:
            plain = plain.replace(b"\n", b"\r\n")
        return BOM + plain if self.bom else plain

    @staticmethod
    def merged(base: Form, left: Form, right: Form) -> Form:
        """The form that the sides together ask for."""
        return Form(
            pick(base.bom, left.bom, right.bom),
            pick(base.crlf, left.crlf, right.crlf),
            pick(base.last_newline, left.last_newline, right.last_newline),
        )
