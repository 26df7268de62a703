"""Text on a terminal: what is shown is clean, cropped and the same with and without colour.

Owns the glyphs, words and styles of outcomes, so that a state looks the same in every display; a
glyph and a word always say it, a colour only adds to that. Cleaning itself is `reports.text`'s,
named here for those who only display.
"""

from __future__ import annotations

from orchestrator.reports.text import clean, count, crop, duration, last_line, one_line, short

__all__ = [
    "GLYPHS",
    "STYLES",
    "clean",
    "count",
    "crop",
    "duration",
    "glyph",
    "last_line",
    "one_line",
    "short",
    "style",
    "word",
]

GLYPHS = {
    "pending": "·",
    "running": "▶",
    "delivered": "◆",
    "integrating": "◆",
    "judging": "◆",
    "searching": "◆",
    "waiting": "?",
    "interrupted": "■",
    "stopped": "■",
    "complete": "✔",
    "landed": "✔",
    "no_change_needed": "✔",
    "passed": "✔",
    "validated": "✔",
    "blocked": "–",
    "cancelled": "–",
    "unvalidated": "–",
    "not_checked": "–",
}
"""Everything else is a failure: ✘."""
STYLES = {
    "▶": "cyan",
    "◆": "blue",
    "?": "yellow",
    "■": "yellow",
    "✔": "green",
    "·": "dim",
    "–": "dim",
    "✘": "red",
}


def glyph(status: str) -> str:
    """One narrow character for a state."""
    return GLYPHS.get(status, "✘")


def style(status: str) -> str:
    """Its colour, which never says more than the glyph."""
    return STYLES[glyph(status)]


def word(status: str) -> str:
    """A state as people say it."""
    return status.replace("_", " ")
