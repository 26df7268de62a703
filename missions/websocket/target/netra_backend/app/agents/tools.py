"""The tools of the sample agents: plain functions, so that a run has the same events every time."""

from collections.abc import Callable, Mapping
from typing import Any

Tool = Callable[..., Any]


def count_words(text: str) -> int:
    """How many words `text` has."""
    return len(text.split())


def summarize(text: str, words: int = 5) -> str:
    """The first `words` words of `text`."""
    parts = text.split()
    return " ".join(parts[:words]) + ("…" if len(parts) > words else "")


def classify(text: str) -> str:
    """Whether `text` is a question or a statement."""
    return "question" if text.rstrip().endswith("?") else "statement"


SUPERVISOR_TOOLS: Mapping[str, Tool] = {"count_words": count_words, "summarize": summarize}
TRIAGE_TOOLS: Mapping[str, Tool] = {"classify": classify}
