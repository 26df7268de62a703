"""The words of a text that say something, near enough alike that `emitters` and `emitter` meet."""

from __future__ import annotations

import re

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SAYS_LITTLE = frozenset(
    [
        "a",
        "all",
        "an",
        "and",
        "are",
        "be",
        "been",
        "by",
        "for",
        "from",
        "has",
        "have",
        "in",
        "into",
        "is",
        "it",
        "its",
        "no",
        "not",
        "of",
        "on",
        "only",
        "or",
        "test",
        "tests",
        "that",
        "the",
        "their",
        "to",
        "via",
        "was",
        "were",
        "when",
        "with",
    ]
)


def words_of(text: str) -> frozenset[str]:
    """The words of a sentence or of a name in code, each by its stem."""
    words = (word.lower() for word in _WORD.findall(text))
    return frozenset(_stem(word) for word in words if word not in _SAYS_LITTLE and len(word) > 1)


def _stem(word: str) -> str:
    """Near enough that `emitters` and `emitter`, `configured` and `configure` meet."""
    for ending in ("ations", "ation", "ings", "ing", "ers", "ed", "es", "er", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word.removesuffix(ending)
    return word
