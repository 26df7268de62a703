"""A patch as HTML: by file, coloured as its language is, and no more of it than there is room for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from orchestrator.reports.text import clean, crop, one_line

if TYPE_CHECKING:
    from pygments.formatter import Formatter
    from pygments.lexer import Lexer

LINE_LIMIT = 400
"""Characters of a line that are shown."""
_KINDS = {"+": "add", "-": "del", "@": "at", "\\": "at"}
_HEAD = re.compile(r"^(?:index |new file|deleted file|old mode|new mode|similarity )")

_PLAIN = re.compile(
    r"[^.]+\.(c|cc|cjs|cpp|cs|css|go|h|hpp|html|java|js|json|jsx|kt|md|mjs|php|py|pyi|rb|rs|scss|sh"
    r"|sql|swift|toml|ts|tsx|ya?ml)"
)
"""Endings that say all of a file's language, whatever stands before them."""


@dataclass(frozen=True, slots=True)
class FileDiff:
    """What was changed in one file."""

    path: str
    added: int
    removed: int
    html: Markup
    left_out: int
    """Lines that there was no room for."""


def file_diffs(patch: str, room: int) -> list[FileDiff]:
    """The files of a git patch; `room`: characters of HTML that all of them may take."""
    found = []
    for part in re.split(r"^(?=diff --git )", patch, flags=re.MULTILINE):
        if part.startswith("diff --git "):
            shown = _file(part, room)
            room = max(0, room - len(shown.html))
            found.append(shown)
    return found


def _file(part: str, room: int) -> FileDiff:
    # Only a line feed ends a line of a patch; others may stand in what was changed.
    head, *rest = part.rstrip("\n").split("\n")
    begin = next((n for n, line in enumerate(rest) if line.startswith("@@ ")), len(rest))
    path = _path(head, rest[:begin])
    body = rest[begin:]
    if not body:
        what = [line for line in rest[:begin] if _HEAD.match(line) or "Binary" in line]
        return FileDiff(path, 0, 0, escape("; ".join(map(one_line, what))[:room]), 0)
    lines: list[Markup] = []
    for line in _coloured(path, body[: room // 40 + 1]):
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
    return FileDiff(
        path,
        sum(line.startswith("+") for line in body),
        sum(line.startswith("-") for line in body),
        Markup("\n").join(lines),
        len(body) - len(lines),
    )


def _path(head: str, rest: list[str]) -> str:
    for start in ("+++ b/", "--- a/"):
        for line in rest:
            if line.startswith(start):
                return one_line(line[len(start) :].rstrip("\t"), 300)
    return one_line(head.rpartition(" b/")[2], 300)


def _coloured(path: str, body: list[str]) -> Iterator[Markup]:
    """Each line, marked for what it is and coloured as a line of its language."""
    from pygments import highlight

    texts = [crop(clean(line[1:]).replace("\n", " "), LINE_LIMIT) for line in body]
    lexer = _lexer_of(path.rpartition("/")[2])
    coloured: list[str] = []
    if lexer is not None:
        made = highlight("\n".join(texts), lexer, _formatter())
        coloured = made.removesuffix("\n").split("\n")
    is_fit = len(coloured) == len(texts)
    for number, (line, text) in enumerate(zip(body, texts, strict=True)):
        kind = _KINDS.get(line[:1], "")
        sign = escape(line[:1] or " ")
        # Pygments escapes what it colours; hostile changes are among our tests.
        is_ready = is_fit and kind != "at"
        whole = sign + (Markup(coloured[number]) if is_ready else escape(text))  # noqa: S704
        yield Markup('<i class="{}">{}</i>').format(kind, whole) if kind else whole


@cache
def _formatter() -> Formatter[str]:
    from pygments.formatters import HtmlFormatter

    return HtmlFormatter(nowrap=True)


def _lexer_of(name: str) -> Lexer | None:
    """By the ending alone where that is a plain one: looking a name up means trying hundreds of
    patterns.
    """
    plain = _PLAIN.fullmatch(name)
    return _lexer(f"x.{plain[1]}" if plain else name)


@cache
def _lexer(name: str) -> Lexer | None:
    """The language of a file by its name; None for what has none."""
    from pygments.lexers import get_lexer_for_filename
    from pygments.util import ClassNotFound

    try:
        return get_lexer_for_filename(name, stripnl=False, ensurenl=True)
    except ClassNotFound:
        return None
