"""Values of data files merged three ways: maps by key, lists of strings by entry.

Pure. Owns the rules; how a value is read and written down again is `data`'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from orchestrator.structure.order import merge_order

Value: TypeAlias = Any
"""What a data file holds: maps, lists and scalars, as its reader gives them."""

GONE = object()
"""Stands for no value."""

_MOST_VALUES = 200_000
"""Values from which a file is not compared: aliases make few lines of YAML into billions of them.
"""


class Clash(Exception):
    """Both sides say something else about `place`."""

    def __init__(self, place: str, reason: str = "changed by both") -> None:
        super().__init__(place)
        self.place = place
        self.reason = reason


def merge_values(was: Value, one: Value, other: Value, place: str) -> Value:
    """The merged value; maps by key, lists of strings by entry. Raises Clash."""
    if _same(one, was) or _same(one, other):
        return other
    if _same(other, was):
        return one
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        old = was if isinstance(was, Mapping) else {}
        merged = {}
        for key in dict.fromkeys([*old, *one, *other]):
            inner = f"{place}.{key}" if place else str(key)
            merged[key] = merge_values(
                old.get(key, GONE), one.get(key, GONE), other.get(key, GONE), inner
            )
        keep = {key for key, value in merged.items() if value is not GONE}
        return {key: merged[key] for key in merge_order(list(old), list(one), list(other), keep)}
    if isinstance(was, list) and isinstance(one, list) and isinstance(other, list):
        return _merge_lists(was, one, other, place)
    if one is GONE or other is GONE:
        raise Clash(place, "removed by one, changed by the other")
    raise Clash(place, "added by both, differently" if was is GONE else "changed by both")


def _merge_lists(was: list[Value], one: list[Value], other: list[Value], place: str) -> list[Value]:
    sides = was, one, other
    if any(
        len(set(map(repr, side))) < len(side) or not all(type(x) is str for x in side)
        for side in sides
    ):
        raise Clash(place)
    keys = [
        [re.split(r"[\s<>=!~;\[]", entry, maxsplit=1)[0].lower() for entry in side]
        for side in sides
    ]
    if any(len(set(side)) < len(side) for side in keys):
        keys = [list(side) for side in sides]
    values = [dict(zip(names, side, strict=True)) for names, side in zip(keys, sides, strict=True)]
    gone = values[0].keys() - values[1].keys() - values[2].keys()
    new = [values[side].keys() - values[0].keys() - values[3 - side].keys() for side in (1, 2)]
    if gone and all(new):
        raise Clash(place)
    was_by, one_by, other_by = values
    merged = {
        key: merge_values(
            was_by.get(key, GONE), one_by.get(key, GONE), other_by.get(key, GONE), f"{place}.{key}"
        )
        for key in dict.fromkeys([*keys[0], *keys[1], *keys[2]])
    }
    keep = {key for key, value in merged.items() if value is not GONE}
    return [merged[key] for key in merge_order(keys[0], keys[1], keys[2], keep)]


def _same(one: Value, other: Value) -> bool:
    return one is other or (
        type(one) is type(other) and bool(one == other) and repr(one) == repr(other)
    )


def bounded(value: Value) -> Value:
    """The value as it is, if what it holds can be gone through in a moment."""
    count, waiting = 0, [value]
    while waiting:
        each = waiting.pop()
        count += 1
        if count > _MOST_VALUES:
            raise Clash(
                "", "both changed the same lines, and its aliases stand for too much to compare"
            )
        waiting += (
            each.values() if isinstance(each, Mapping) else each if isinstance(each, list) else ()
        )
    return value
