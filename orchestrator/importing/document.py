"""A Markdown document as sections with the lines in them, each under the label that stands over it.

Owns what a heading, a label (`**Scope:**`), a bullet, a table's row and a box to tick are, and on
which line of the file each begins. What any of it means for a mission is `outline`'s to say.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

Kind = Literal["bullet", "field", "text", "row", "code"]

_BOLD_LABEL = re.compile(r"(?:\*\*|__)(?P<label>[^*]{1,80}?)(?::(?:\*\*|__)|(?:\*\*|__)\s*:)\s*")
_PLAIN_LABEL = re.compile(r"(?P<label>[A-Za-z][\w /&'-]{1,50}):$")
_BOLD = re.compile(r"(`[^`]*`)|(?<!/)\*\*(?!/)")
"""Its marks; what stands in backticks, or is a glob, is none."""
_BOX = re.compile(r"\[(?P<tick>[ xX])\]\s+")


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that a document says: a bullet, a labelled text, a paragraph's line, a table's
    row.
    """

    text: str
    """Without its bullet, box and label; marks inside of it (backticks, bold) are kept."""
    line: int
    """Of the file, from 1."""
    kind: Kind
    label: str = ""
    """Its own (`**Focus**: …`), else the one that it stands under."""
    ticked: bool | None = None
    is_own: bool = False
    """Whether the label is its own."""
    cells: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    """Of a row: the head of its table."""


@dataclass(slots=True)
class Section:
    """A heading with all that stands below it, down to the next one of its level."""

    title: str
    level: int
    line: int
    lines: list[Line] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)

    def walk(self) -> Iterator[Section]:
        """It and all sections in it, in the document's order."""
        yield self
        for section in self.sections:
            yield from section.walk()


def read_document(text: str, is_label: Callable[[str], bool] = bool) -> Section:
    """The document as one section of level 0.

    `is_label` says which words are a label although they are not bold, or stand in a bullet: `Tasks:`
    is one, `Do the following:` is a sentence.
    """
    text = "".join(map(_legible, text))
    # What stands between rules at the beginning is no text but the settings of a page.
    found = re.match(r"---\n.*?\n---\n", text, re.DOTALL)
    if found:
        text = "\n" * found[0].count("\n") + text[found.end() :]
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    root = Section("", 0, 1)
    open_sections = [root]
    reader = _Reader(is_label)
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            level = int(token.tag[1:])
            while open_sections[-1].level >= level:
                open_sections.pop()
            section = Section(plain(tokens[place + 1].content), level, _line(token))
            open_sections[-1].sections.append(section)
            open_sections.append(section)
            reader = _Reader(is_label)
        else:
            before = tokens[place - 1].type if place else ""
            open_sections[-1].lines += reader.read(token, before)
    return root


def plain(text: str) -> str:
    """A text without the marks of bold, and in one line."""
    return " ".join(_BOLD.sub(lambda found: found[1] or "", text).split())


def label_of(text: str) -> tuple[str, str]:
    """The label that a text begins with, and the rest of it; empty where there is none."""
    if found := _BOLD_LABEL.match(text):
        return found["label"].strip(), text[found.end() :].strip()
    if found := _PLAIN_LABEL.fullmatch(plain(text)):
        return found["label"].strip(), ""
    return "", text


class _Reader:
    """Turns the tokens between two headings into lines; knows the label that holds at each depth of
    a list.
    """

    def __init__(self, is_label: Callable[[str], bool]) -> None:
        self.is_label = is_label
        self.labels = [""]
        self.head: tuple[str, ...] = ()
        self.cells: list[str] | None = None

    def read(self, token: Token, before: str) -> Sequence[Line]:
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                self.labels.append(self.labels[-1])
            case "bullet_list_close" | "ordered_list_close":
                self.labels.pop()
            case "tr_open":
                self.cells = []
            case "thead_close":
                self.head = tuple(self.cells or ())
            case "tr_close" if self.cells is not None and token.level > 1:
                cells, self.cells = tuple(self.cells), self.cells
                if self.head:
                    return [self._row(cells)]
            case "table_close":
                self.head, self.cells = (), None
            case "inline" if self.cells is not None:
                self.cells.append(token.content.strip())
                self.row_line = _line(token)
            case "inline" if before != "heading_open":
                return self._inline(token)
            case "fence" | "code_block" | "html_block":
                return [Line(token.content, _line(token), "code", self.labels[-1])]
            case _:
                pass
        return ()

    def _row(self, cells: tuple[str, ...]) -> Line:
        text = " | ".join(cells)
        return Line(text, self.row_line, "row", self.labels[-1], cells=cells, head=self.head)

    def _inline(self, token: Token) -> list[Line]:
        lines: list[Line] = []
        for number, raw in enumerate(token.content.split("\n"), _line(token)):
            is_bullet = len(self.labels) > 1
            box = _BOX.match(raw) if is_bullet else None
            ticked = box["tick"] != " " if box else None
            label, text = label_of(raw[box.end() :].strip() if box else raw.strip())
            is_bold = raw.lstrip("_* ") != raw.lstrip()
            if not text and (self.is_label(label) or (is_bold and not is_bullet)):
                self.labels[-1] = label
            elif is_bullet and lines and not label:
                # A bullet goes on in the next line of the file.
                lines[-1] = replace(lines[-1], text=f"{lines[-1].text} {text}")
            elif is_bullet:
                whole = raw[box.end() if box else 0 :].strip()
                is_own = bool(label and text and not self.labels[-2])
                self.labels[-1] = label if is_own and self.is_label(label) else self.labels[-2]
                above = label if is_own else self.labels[-2]
                shown = text if is_own else whole
                lines.append(Line(shown, number, "bullet", above, ticked, is_own))
            elif label and text:
                self.labels[-1] = ""
                lines.append(Line(text, number, "field", label, is_own=True))
            else:
                lines.append(Line(text or raw.strip(), number, "text", self.labels[-1]))
        return lines


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 1


def _legible(sign: str) -> str:
    """A sign as a mission may hold it: no control characters, and blanks of one kind."""
    if sign in "\n\t" or sign.isprintable():
        return sign
    match unicodedata.category(sign):
        case "Zs" | "Zl" | "Zp":
            return " "
        case "Cf":
            return ""
        case _:
            return "\N{REPLACEMENT CHARACTER}"
