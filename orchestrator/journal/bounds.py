"""How large an event may get that speaks of what agents and tests did. Pure.

Owns the last word only: whoever makes an event tells a flood by its beginning and the file in which
all of it is. What is cut here was a single text or a list of ids beyond any use to people; the
evidence that the event names has it whole.
"""

from __future__ import annotations

import json
from typing import TypeVar, cast

from orchestrator.journal.facts import Fact

E = TypeVar("E", bound=Fact)
Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]

EVENT_CHARACTERS = 100_000
TEXT_CHARACTERS = 40_000
MOST_IDS = 1_000
_IDS = frozenset(
    {
        "turned_green",
        "broken",
        "pre_existing",
        "flaky",
        "failing",
        "not_called",
        "careless",
        "suspicious",
    }
)


def bounded(event: E) -> E:
    """The same, and shorter where it is a flood."""
    text = event.model_dump_json(by_alias=True)
    if len(text) <= EVENT_CHARACTERS:
        return event
    return type(event).model_validate_json(json.dumps(_cut(cast("Json", json.loads(text)))))


def _cut(value: Json, key: str = "") -> Json:
    match value:
        case str() if len(value) > TEXT_CHARACTERS:
            more = len(value) - TEXT_CHARACTERS
            return f"{value[:TEXT_CHARACTERS]}\n… and {more:,} characters more"
        case list():
            return [_cut(item) for item in (value[:MOST_IDS] if key in _IDS else value)]
        case dict():
            return {name: _cut(item, name) for name, item in value.items()}
        case _:
            return value
