"""White space that means nothing: telling it from what a block says, and leaving it out.

Owns both questions for one block. White space in a string always means something, and so does
indentation in a language that nests by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

from tree_sitter import Node

from orchestrator.structure.blocks import Block
from orchestrator.structure.languages import Language

_LINE_END = re.compile(rb"[ \t\f]+(?=\r?\n|\Z)")
_QUOTE = re.compile(rb"['\"`]")

_Said: TypeAlias = "tuple[_Said, ...] | bytes | str | None"


def same_but_for_layout(language: Language, one: Block, other: Block) -> bool:
    """Whether the blocks say the same, blank lines, turns of lines and spaces between words
    apart.
    """
    if b"".join(one.text.split()) != b"".join(other.text.split()):
        return False
    if one.node is None or other.node is None:
        return strip_line_ends(one) == strip_line_ends(other)
    return bool(_said(language, one.node) == _said(language, other.node))


def strip_line_ends(block: Block) -> bytes:
    """The block's text without white space at the ends of its lines, unless it is inside a
    string.
    """
    if (
        block.node is None
    ):  # no syntax to go by: leave alone what may hold a string of several lines
        return block.text if _QUOTE.search(block.text) else _LINE_END.sub(b"", block.text)
    strings = list(_strings(block.node))
    return _LINE_END.sub(
        lambda end: end[0] if any(a < block.start + end.start() < b for a, b in strings) else b"",
        block.text,
    )


def _strings(node: Node) -> Iterator[tuple[int, int]]:
    """Where the strings of several lines begin and end in the file, whatever the language calls
    them.
    """
    if node.start_point.row == node.end_point.row:
        return
    if _is_string(node):
        yield node.start_byte, node.end_byte
        return
    for child in node.children:
        yield from _strings(child)


def _said(language: Language, node: Node) -> _Said:
    """The words of the node, nested as its syntax is."""
    if node.type in language.comments:
        return tuple((node.text or b"").split())
    if not node.children or _is_string(node):
        return node.text
    return (
        node.type,
        *(_said(language, child) for child in node.children if child.type != "line_continuation"),
    )


def _is_string(node: Node) -> bool:
    return "string" in node.type and node.type != "concatenated_string"
