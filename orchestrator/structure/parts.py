"""A symbol that both sides changed, merged by lines part by part: comments above, decorators,
header, body.

Owns the places where a symbol is cut. Git calls changes to lines that touch a conflict; where one
line ends the header and the next begins the body that says nothing. Inside a part it is git's line
merge that decides, nothing else.
"""

from __future__ import annotations

from itertools import pairwise

from orchestrator.structure.blocks import Block
from orchestrator.structure.lines import merge_inside


def merge_parts(base: Block, left: Block, right: Block) -> bytes | None:
    """The merged text, or None if a part is a conflict, all changes are in one, or there are no
    such parts.
    """
    sides = [cuts for block in (base, left, right) if (cuts := _parts(block)) is not None]
    if len(sides) < 3:
        return None
    parts = list(zip(*sides, strict=True))
    if sum(len({*part}) > 1 for part in parts) < 2:
        return None
    merged: list[bytes] = []
    for part in reversed(parts):  # the body first: most conflicts are there
        text = merge_inside(*part)
        if text is None:
            return None
        merged.insert(0, text)
    return b"".join(merged)


def _parts(block: Block) -> tuple[bytes, bytes, bytes, bytes] | None:
    """Four runs of whole lines that make up the text; None for what has no body of its own
    lines.
    """
    node, definition = block.node, block.definition
    body = definition.child_by_field_name("body") if definition is not None else None
    if node is None or definition is None or body is None:
        return None
    text = block.text
    if body.children and body.children[0].type == "{":
        opened = text.find(b"\n", body.start_byte - block.start) + 1
    else:
        opened = _line(text, body.start_byte - block.start)
    cuts = [
        _line(text, node.start_byte - block.start),
        _line(text, definition.start_byte - block.start),
        opened,
    ]
    if cuts != sorted(cuts) or opened <= definition.start_byte - block.start:
        return None
    first, second, third, fourth = (
        text[start:end] for start, end in pairwise([0, *cuts, len(text)])
    )
    return first, second, third, fourth


def _line(text: bytes, at: int) -> int:
    """Where the line that holds the byte `at` begins."""
    return text.rfind(b"\n", 0, at) + 1
