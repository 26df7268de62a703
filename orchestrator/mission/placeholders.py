"""What stands in braces in a mission's commands; which names there are is for who fills them in."""

from __future__ import annotations

import re

TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|\{|\}")
"""Doubled braces, a placeholder, or a brace that stands alone."""


def placeholders(text: str) -> tuple[str, ...]:
    """The names in braces in a command's argument, in their order. Raises ValueError for a brace
    that stands alone.
    """
    names: list[str] = []
    for match in TOKEN.finditer(text):
        if match[0] in ("{", "}"):
            raise ValueError(f"a `{match[0]}` stands alone; a literal brace is doubled")
        if match[1] is not None:
            names.append(match[1])
    return tuple(names)
