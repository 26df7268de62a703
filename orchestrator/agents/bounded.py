"""Text of agents and tests, short enough to be told: the beginning, the size, and where all is. Pure."""

from __future__ import annotations

from collections.abc import Sequence

MOST_LINES = 40
LINE_CHARACTERS = 300


def cut(text: str, limit: int, whole: str = "") -> str:
    """At most about `limit` characters, with how many are left out and where they are."""
    if len(text) <= limit:
        return text
    where = f", all in {whole}" if whole else ""
    return f"{text[:limit].rstrip()}\n… and {len(text) - limit:,} characters more{where}"


def listed(lines: Sequence[str], whole: str = "") -> str:
    """Lines as a list, of which a flood is told by its beginning, its size and its place."""
    shown = [f"- {cut(line, LINE_CHARACTERS)}" for line in lines[:MOST_LINES]]
    if len(lines) > MOST_LINES:
        where = f", all in {whole}" if whole else ""
        shown.append(f"- and {len(lines) - MOST_LINES:,} more{where}")
    return "\n".join(shown)
