"""Names made of a plan's words: ids, titles, the name of the mission."""

from __future__ import annotations

import re

_SAYS_LITTLE = frozenset(["a", "an", "and", "for", "in", "of", "on", "the", "to", "with"])


def slug(text: str) -> str:
    """Letters, digits and dashes; empty where a text has none of them."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower()


def unique_id(title: str, otherwise: str, taken: set[str]) -> str:
    """The first word of a title that says something, or as many as make it unlike all that is
    `taken`; it is taken then.
    """
    words = [word for word in slug(title).split("-") if word and word not in _SAYS_LITTLE]
    tries = ["-".join(words[:count]) for count in range(1, len(words) + 1)]
    long_enough = [name for name in tries if len(name) > 1 and not name.isdigit()]
    found = next((name for name in [*long_enough, slug(otherwise)] if name not in taken), "")
    number = 2
    while not found or found in taken:
        found, number = f"{slug(otherwise)}-{number}", number + 1
    taken.add(found)
    return found


def sentence(title: str) -> str:
    """A title as a person would write it in a list: not all in capitals, no signs before it."""
    text = re.sub(r"^[^\w`\"'(]+", "", title).strip()
    letters = [letter for letter in text if letter.isalpha()]
    if len(letters) > 3 and all(not letter.islower() for letter in letters):
        return text[:1] + text[1:].lower()
    return text
