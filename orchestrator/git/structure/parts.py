"""A symbol that both sides changed, merged by lines part by part: comments above, decorators, header, body.

Owns the places where a symbol is cut. Git calls changes to lines that touch a conflict; where one line ends the header
and the next begins the body that says nothing. Inside a part it is git's line merge that decides, nothing else.
"""

from __future__ import annotations

from itertools import pairwise

from orchestrator.git.structure.blocks import Block
from orchestrator.git.structure.lines import merge_lines


def merge_parts(base: Block, left: Block, right: Block) -> bytes | None:
    """The merged text, or None if both changed one part or if the symbol is not made of these parts."""
    sides = [_parts(block) for block in (base, left, right)]
    if any(part is None for part in sides):
        return None
    merged = [merge_lines(*part) for part in zip(*(side for side in sides if side is not None), strict=True)]
    return b"".join(part for part in merged if part is not None) if None not in merged else None


def _parts(block: Block) -> tuple[bytes, bytes, bytes, bytes] | None:
    """Four runs of whole lines that make up the text; None for what has no body of its own lines."""
    node, definition = block.node, block.definition
    body = definition.child_by_field_name("body") if definition is not None else None
    if node is None or definition is None or body is None:
        return None
    text = block.text
    if body.children and body.children[0].type == "{":
        opened = text.find(b"\n", body.start_byte - block.start) + 1
    else:
        opened = _line(text, body.start_byte - block.start)
    cuts = [_line(text, node.start_byte - block.start), _line(text, definition.start_byte - block.start), opened]
    if cuts != sorted(cuts) or opened <= definition.start_byte - block.start:
        return None
    first, second, third, fourth = (text[start:end] for start, end in pairwise([0, *cuts, len(text)]))
    return first, second, third, fourth


def _line(text: bytes, at: int) -> int:
    """Where the line that holds the byte `at` begins."""
    return text.rfind(b"\n", 0, at) + 1
