"""Merging by lines, as git does it, and what has to be set aside first: byte order marks and line ends.

Owns the call of ``git merge-file``. It is given files in a folder of its own, so that no attribute and no
configuration of any repository decides what comes out.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from orchestrator.git.client import Git

_T = TypeVar("_T")

BOM = b"\xef\xbb\xbf"


def merge_lines(base: bytes, left: bytes, right: bytes) -> bytes | None:
    """Git's line merge, or None where it conflicts or where a side is binary."""
    if left in (base, right):
        return right
    if right == base:
        return left
    if all(side.count(b"\n") <= 1 for side in (base, left, right)):
        return None  # three texts of one line: git would call it a conflict as well, only more slowly
    with tempfile.TemporaryDirectory(prefix="orchestrate-merge-") as folder:
        for name, content in (("left", left), ("base", base), ("right", right)):
            Path(folder, name).write_bytes(content)
        answer = Git(cwd=Path(folder)).run("merge-file", "-p", "-q", "left", "base", "right", check=False)
    return answer.stdout if answer.status == 0 else None


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
    def of(cls, source: bytes) -> Form:
        """What holds of `source`; lines that end in different ways count as plain, their returns as content."""
        ends = source.count(b"\n")
        return cls(source.startswith(BOM), ends > 0 and source.count(b"\r\n") == ends, source.endswith(b"\n"))

    def take_off(self, source: bytes) -> bytes:
        """`source` with plain line ends, a last newline and no mark."""
        plain = source.removeprefix(BOM)
        if self.crlf:
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
