"""The marks by which what was made here is found again: comments that a reader does not see.

Owns their form, and what of a body is ours: what people wrote round it is kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from orchestrator.isolation.secrets import known

LONGEST_BODY = 65_536
"""Characters of an issue, a comment or a pull request, on GitHub."""
_BEGIN = re.compile(r"<!-- orchestrate (\{.*?\}) -->")
_END = "<!-- /orchestrate -->"
TRUSTED = ("OWNER", "MEMBER", "COLLABORATOR")
"""Who may write to the repository, as `author_association` says."""


def mark(facts: Mapping[str, Any]) -> str:
    """The first line of what is made here."""
    return f"<!-- orchestrate {json.dumps(facts, sort_keys=True)} -->"


def marked(facts: Mapping[str, Any], lines: Iterable[str], most: int = LONGEST_BODY) -> str:
    """A text of ours between its marks, cut to what fits, and without what is known as a secret."""
    head = mark(facts)
    text = known().text("\n".join(lines).strip("\n"))
    room = most - len(head) - len(_END) - 2
    if len(text) > room:
        note = "\n\n… (cut: the rest does not fit here)"
        text = text[: room - len(note)].rsplit("\n", 1)[0] + note
    return f"{head}\n{text}\n{_END}"


def facts_of(body: str | None) -> dict[str, Any] | None:
    """What a text's mark says; None for a text that has none."""
    found = _BEGIN.search(body or "")
    if found is None:
        return None
    try:
        facts = json.loads(found[1])
    except ValueError:
        return None
    return facts if isinstance(facts, dict) else None


def renewed(body: str | None, ours: str) -> str:
    """A body with our part replaced by `ours`; what stands before and behind is kept."""
    whole = (body or "").replace("\r\n", "\n")
    begin = _BEGIN.search(whole)
    if begin is None:
        return ours
    end = whole.find(_END, begin.end())
    behind = whole[end + len(_END) :] if end >= 0 else ""
    return whole[: begin.start()] + ours + behind


def is_trusted(made: Mapping[str, Any]) -> bool:
    """Whether somebody made it whom the repository trusts: a mark in a stranger's text is none."""
    user = made.get("user") or {}
    return made.get("author_association") in TRUSTED or user.get("type") == "Bot"
