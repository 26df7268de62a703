"""The text of a mission file: from bytes to plain data in which every key and value has its place.

Owns the subset of YAML 1.2 that a mission may use (its core schema; no anchors, tags, merge keys,
second documents or repeated keys) and the position of everything. It knows no key of the format:
`shape` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import yaml

from orchestrator.mission.syntax import explain

LARGEST = 8 * 1024 * 1024  # bytes of a mission file: thousands of agents with all their words
DEEPEST = 32  # levels of lists and mappings in one another

Loc = tuple[str | int, ...]
Data: TypeAlias = Any  # plain data: texts, numbers, truths, lists and mappings with texts as keys
Event: TypeAlias = Any  # PyYAML's; which attributes there are depends on its kind

# The core schema of YAML 1.2: `no`, `on`, `1:30`, dates, 0x and 0o numbers are texts.
NULL = re.compile(r"null|Null|NULL|~|")
BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
INT = re.compile(r"[-+]?[0-9]{1,300}")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Place(NamedTuple):
    """A place in the file; both count from one, columns in characters."""

    line: int
    column: int


class Problem(NamedTuple):
    """Something wrong at a place of the file; the loader adds the file's name."""

    place: Place
    what: str
    mend: str | None = None


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a value begins, where its key does (for an item of a list: the value), and a scalar's
    text as written.
    """

    key: Place
    value: Place
    raw: str | None = None


class Positions:
    """The place of every key and value by its path of keys and indexes; the nearest that encloses
    it for all others.
    """

    def __init__(self, spots: dict[Loc, Spot]) -> None:
        self._spots = spots

    def spot(self, loc: Loc) -> Spot:
        """The spot of `loc`, or of the nearest mapping or list round it."""
        while loc and loc not in self._spots:
            loc = loc[:-1]
        return self._spots.get(loc, Spot(Place(1, 1), Place(1, 1)))

    def key(self, loc: Loc) -> Place:
        """Where the key stands."""
        return self.spot(loc).key

    def value(self, loc: Loc) -> Place:
        """Where the value begins."""
        return self.spot(loc).value

    def raw(self, loc: Loc) -> str | None:
        """A scalar's text as it was written, without quotes; None for lists, mappings and what is
        not in the file.
        """
        spot = self._spots.get(loc)
        return spot.raw if spot else None

    def alias(self, loc: Loc, original: Loc) -> None:
        """Let `loc` and all below it stand where `original` does: a misspelt key that is read as
        the right one.
        """
        size = len(original)
        moved = {
            (*loc, *spot[size:]): value
            for spot, value in self._spots.items()
            if spot[:size] == original
        }
        self._spots |= moved

    def __contains__(self, loc: object) -> bool:
        return loc in self._spots


@dataclass(frozen=True, slots=True)
class Source:
    """What the text says, as plain data, and what is wrong with it as a text."""

    text: str
    data: Data
    positions: Positions
    problems: tuple[Problem, ...]
    spoiled: frozenset[Loc] = frozenset()
    """Values that a problem was found with: whatever follows from them is not worth a second
    message.
    """
    is_complete: bool = True
    """Whether the text was read to its end, so that it makes sense to look at what it says."""


class _StopError(Exception):
    """What comes after this problem cannot be read."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem


@dataclass
class _Reader:
    """Builds the data from the parser's events; one per file."""

    events: Iterator[Event]
    spots: dict[Loc, Spot] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    spoiled: set[Loc] = field(default_factory=set)

    def document(self) -> Data:
        """The one document of the stream. Raises _StopError."""
        next(self.events)  # the stream's start
        event = next(self.events)
        if isinstance(event, yaml.StreamEndEvent):
            raise _StopError(
                Problem(
                    Place(1, 1),
                    "the file is empty",
                    "begin with `version: 1`; `orchestrate init` makes one",
                )
            )
        if event.version == (1, 1):
            self.problems.append(
                Problem(_place(event), "missions are YAML 1.2, not 1.1", "take this line out")
            )
        first = next(self.events)
        data = self.node(first, (), 1, None)
        if not isinstance(first, yaml.MappingStartEvent):
            raise _StopError(
                Problem(
                    _place(first),
                    "expected a mapping (`key: value` lines)",
                    "begin with `version: 1`",
                )
            )
        next(self.events)  # the document's end
        event = next(self.events)
        if isinstance(event, yaml.DocumentStartEvent):
            self.problems.append(
                Problem(
                    _place(event),
                    "a second document begins here",
                    "one file holds one mission; take `---` out",
                )
            )
        return data

    def node(self, event: Event, loc: Loc, depth: int, key: Place | None) -> Data:
        """The value that begins with `event`, and all in it."""
        place = _place(event)
        raw = event.value if isinstance(event, yaml.ScalarEvent) else None
        self.spots[loc] = Spot(key or place, place, raw)
        if isinstance(event, yaml.AliasEvent):
            self.spoil(
                loc,
                place,
                f"aliases (`*{event.anchor}`) are not part of the format",
                "write the value again",
            )
            return None
        if event.anchor is not None:
            self.problems.append(
                Problem(
                    place, f"anchors (`&{event.anchor}`) are not part of the format", "take it out"
                )
            )
        if event.tag is not None:
            self.spoil(
                loc, place, f"tags (`{_tag(event.tag)}`) are not part of the format", "take it out"
            )
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, loc)
        if depth > DEEPEST:
            raise _StopError(
                Problem(
                    place,
                    f"more than {DEEPEST} lists and mappings in one another",
                    "say it flatter",
                )
            )
        return (
            self.sequence(loc, depth)
            if isinstance(event, yaml.SequenceStartEvent)
            else self.mapping(loc, depth)
        )

    def scalar(self, event: Event, loc: Loc) -> Data:
        value = resolve(event.value) if event.style in (None, "") else event.value
        if value is None:
            # No key of the format means anything by being empty: most often its lines are indented
            # wrongly.
            subject = (
                f"`{loc[-1]}` has no value"
                if loc and isinstance(loc[-1], str)
                else "there is no value here"
            )
            self.spoil(loc, self.spots[loc].key, subject, "write one, or take the line out")
        elif isinstance(value, str) and (found := UNPRINTABLE.search(value)):
            # Written as an escape; it would reach terminals and the arguments of programs.
            self.spoil(loc, self.spots[loc].value, _control(found[0]), "take it out")
        return value

    def sequence(self, loc: Loc, depth: int) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(event, (*loc, len(items)), depth + 1, None))
        return items

    def mapping(self, loc: Loc, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            name = self.key(event, loc, depth)
            place = _place(event)
            if name is None or name in result:
                if name is None:
                    # What it held is missing from the data: nothing can be said about names that
                    # refer to it.
                    self.spoiled.add((*loc, ""))
                else:
                    first = self.spots[(*loc, name)].key.line
                    self.problems.append(
                        Problem(
                            place,
                            f"`{name}` stands here twice (first on line {first})",
                            "keep one of the two",
                        )
                    )
                self.skip(next(self.events), (*loc, "", place.line, place.column), depth + 1)
                continue
            result[name] = self.node(next(self.events), (*loc, name), depth + 1, place)
        return result

    def key(self, event: Event, loc: Loc, depth: int) -> str | None:
        """A key's text, or None where it is none."""
        place = _place(event)
        if not isinstance(event, yaml.ScalarEvent):
            if not isinstance(event, yaml.AliasEvent):
                self.skip(event, (*loc, "", place.line, place.column), depth + 1)
            self.problems.append(Problem(place, "a key must be a text", "write `key: value`"))
            return None
        if event.anchor is not None or event.tag is not None:
            sign = (
                f"anchors (`&{event.anchor}`)"
                if event.anchor is not None
                else f"tags (`{_tag(event.tag)}`)"
            )
            self.problems.append(
                Problem(place, f"{sign} are not part of the format", "take it out")
            )
        is_plain = event.style in (None, "")
        if is_plain and event.value == "<<":
            self.problems.append(
                Problem(place, "merge keys (`<<`) are not part of the format", "write the keys out")
            )
            return None
        if is_plain and not isinstance(resolve(event.value), str):
            self.problems.append(
                Problem(place, "a key must be a text", f'put it in quotes ("{event.value}")')
            )
            return None
        if found := UNPRINTABLE.search(event.value):
            self.problems.append(Problem(place, _control(found[0]), "take it out"))
            return None
        return str(event.value)

    def skip(self, event: Event, loc: Loc, depth: int) -> None:
        """Read a value whose key is of no use: its own problems count, its shape does not."""
        kept, self.spots = self.spots, {}
        self.node(event, loc, depth, None)
        self.spots = kept

    def spoil(self, loc: Loc, place: Place, what: str, mend: str) -> None:
        self.problems.append(Problem(place, what, mend))
        self.spoiled.add(loc)


def read_source(data: bytes) -> Source:
    """The plain data of a mission's bytes. Raises nothing: what is wrong stands in the result."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        good = data[: error.start].decode("utf-8-sig", errors="replace")
        return _broken(
            "", Problem(_end_of(good), "this is not UTF-8 text", "save the file as UTF-8")
        )
    if found := UNPRINTABLE.search(text):
        return _broken(
            text, Problem(_end_of(text[: found.start()]), _control(found[0]), "take it out")
        )
    reader = _Reader(yaml.parse(text, Loader=_Loader))
    try:
        content = reader.document()
    except _StopError as stop:
        return _broken(text, *reader.problems, stop.problem)
    except yaml.MarkedYAMLError as error:
        line, column, what, mend = explain(error, text)
        return _broken(text, *reader.problems, Problem(Place(line, column), what, mend))
    return Source(
        text, content, Positions(reader.spots), tuple(reader.problems), frozenset(reader.spoiled)
    )


def resolve(text: str) -> str | int | float | bool | None:
    """What a plain scalar means in the core schema of YAML 1.2."""
    if NULL.fullmatch(text):
        return None
    if BOOL.fullmatch(text):
        return text.lower() == "true"
    if INT.fullmatch(text):
        return int(text)
    if FLOAT.fullmatch(text):
        return float(text)
    if SPECIAL.fullmatch(text):
        return float(text.replace(".", ""))
    return text


def _broken(text: str, *problems: Problem) -> Source:
    return Source(text, None, Positions({}), problems, is_complete=False)


def _place(event: Event) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)


def _control(letter: str) -> str:
    return f"a control character (U+{ord(letter):04X}) has no place in a mission"


def _end_of(text: str) -> Place:
    return Place(text.count("\n") + 1, len(text) - text.rfind("\n"))


def _tag(tag: str | None) -> str:
    return (tag or "").replace("tag:yaml.org,2002:", "!!")
