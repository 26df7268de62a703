"""Values of data files merged three ways: maps by key, lists of strings by entry.

Pure. Owns the rules; how a value is read and written down again is `data`'s.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
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
    return _Merging().values(was, one, other, place)


class _Merging:
    """One merge: each map and list is looked at once, however deep it lies."""

    def __init__(self) -> None:
        self._known: dict[int, int] = {}  # by identity: all values live as long as the merge
        self._numbers: dict[Hashable, int] = {}

    def values(self, was: Value, one: Value, other: Value, place: str) -> Value:
        """See `merge_values`."""
        same = self._number(was), self._number(one), self._number(other)
        if same[1] in (same[0], same[2]):
            return other
        if same[2] == same[0]:
            return one
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            old = was if isinstance(was, Mapping) else {}
            merged = {}
            for key in dict.fromkeys([*old, *one, *other]):
                inner = f"{place}.{key}" if place else str(key)
                merged[key] = self.values(
                    old.get(key, GONE), one.get(key, GONE), other.get(key, GONE), inner
                )
            keep = {key for key, value in merged.items() if value is not GONE}
            order = merge_order(list(old), list(one), list(other), keep)
            return {key: merged[key] for key in order}
        if isinstance(was, list) and isinstance(one, list) and isinstance(other, list):
            return self._lists(was, one, other, place)
        if one is GONE or other is GONE:
            raise Clash(place, "removed by one, changed by the other")
        raise Clash(place, "added by both, differently" if was is GONE else "changed by both")

    def _number(self, value: Value) -> int:
        """One number for all values that are written alike, by types and by the order of keys."""
        waiting = [value]
        while waiting:
            at = waiting[-1]
            inner = at.values() if isinstance(at, Mapping) else at if isinstance(at, list) else ()
            unknown = [
                each
                for each in inner
                if isinstance(each, Mapping | list) and id(each) not in self._known
            ]
            if unknown:
                waiting += unknown
                continue
            waiting.pop()
            if isinstance(at, Mapping | list):
                self._known[id(at)] = self._number_of(at)
        return self._known[id(value)] if id(value) in self._known else self._number_of(value)

    def _number_of(self, value: Value) -> int:
        told: Hashable
        if isinstance(value, Mapping):
            keys = tuple((type(key), key, self._told(each)) for key, each in value.items())
            told = (type(value), keys)
        elif isinstance(value, list):
            told = (type(value), tuple(map(self._told, value)))
        else:
            told = (type(value), repr(value))
        return self._numbers.setdefault(told, len(self._numbers))

    def _told(self, value: Value) -> Hashable:
        known = self._known.get(id(value)) if isinstance(value, Mapping | list) else None
        return known if known is not None else (type(value), repr(value))

    def _lists(
        self, was: list[Value], one: list[Value], other: list[Value], place: str
    ) -> list[Value]:
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
        values = [
            dict(zip(names, side, strict=True)) for names, side in zip(keys, sides, strict=True)
        ]
        gone = values[0].keys() - values[1].keys() - values[2].keys()
        new = [values[side].keys() - values[0].keys() - values[3 - side].keys() for side in (1, 2)]
        if gone and all(new):
            raise Clash(place)
        was_by, one_by, other_by = values
        merged = {
            key: self.values(
                was_by.get(key, GONE),
                one_by.get(key, GONE),
                other_by.get(key, GONE),
                f"{place}.{key}",
            )
            for key in dict.fromkeys([*keys[0], *keys[1], *keys[2]])
        }
        keep = {key for key, value in merged.items() if value is not GONE}
        return [merged[key] for key in merge_order(keys[0], keys[1], keys[2], keep)]


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
