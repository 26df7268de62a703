"""Text that came from elsewhere, made safe and short for people; and numbers in people's words.

Owns what every view does to a text before it shows it: no escape sequence, no control or
direction-changing character, one line, bounded. What Markdown or a diagram need on top is
`escape`'s; how it looks on a terminal is `ui`'s.
"""

from __future__ import annotations

import re

from orchestrator.journal.events import CheckoutWritten

# CSI, then the string sequences (OSC, DCS, APC, PM, SOS) with or without their end, then what is
# left of ESC.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
# Control characters, direction marks and overrides, invisible joiners and tags, lone surrogates,
# non-characters.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\ufffe\uffff\ud800-\udfff\U000e0000-\U000e0fff]"
)
_BLANKS = re.compile(r"\s+")
LIMIT = 2_000
"""Characters that are looked at for one line, so that a flood costs no more than a sentence."""


def clean(text: str) -> str:
    """Without escape sequences and without characters that cannot be seen; lines stay lines."""
    return _UNSEEN.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def one_line(text: str, limit: int = LIMIT) -> str:
    """Clean, on one line, and at most `limit` characters long."""
    return crop(_BLANKS.sub(" ", clean(text[: limit * 4])).strip(), limit)


def last_line(text: str) -> str:
    """What a terminal would show of a line of output that overwrites itself with carriage
    returns.
    """
    parts = [part for part in text[-LIMIT:].split("\r") if part.strip()]
    return one_line(parts[-1]) if parts else ""


def crop(text: str, limit: int) -> str:
    """At most `limit` characters, the last of them an ellipsis when something is left out."""
    return text if len(text) <= limit else text[: max(0, limit - 1)].rstrip() + "…"


def duration(seconds: float | None) -> str:
    """In people's words: ``0.4s``, ``41s``, ``3m 12s``, ``2h 05m``, ``3d 04h``; a dash for None."""
    if seconds is None:
        return "–"
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60:02}m"
    return f"{whole // 86400}d {whole % 86400 // 3600:02}h"


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 agent``, ``2 agents``, ``3 batches``."""
    endings = "es" if noun.endswith(("ch", "s", "x")) else "s"
    return f"{number:,} {noun if number == 1 else plural or noun + endings}"


def short(commit: str) -> str:
    """A commit as people quote it."""
    return one_line(commit, 80)[:10]


def checkout_written(event: CheckoutWritten) -> str:
    """What to tell people whose checkout was written to."""
    more = event.number - len(event.paths)
    named = ", ".join(one_line(path, 100) for path in event.paths) + (
        f" and {more} more" if more else ""
    )
    return (
        f"your checkout was written to while agents were at work: {named}; "
        "if that was not you, it was one of them, by a path that leads there"
    )
