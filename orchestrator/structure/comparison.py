"""Two versions of a file held against each other, block by block, but for what an agent may change.

Owns the comparison and the words for what it finds. Every block that the rule does not allow must
stand in the new version as it stood in the old one: with the same text, in the same order, in the
same container. What is set aside is decided in `container`, and what may be added in `additions`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from orchestrator.mission.scope import SymbolRule
from orchestrator.mission.symbols import SymbolPath
from orchestrator.structure.additions import Additions, is_export
from orchestrator.structure.blocks import Block
from orchestrator.structure.container import Comment, Container, Unit, contents
from orchestrator.structure.languages import Language
from orchestrator.structure.symbols import IMPORTS, label_of_body

CHANGED = "changed outside of the scope"
LINE_ENDS = "the ends of its lines were changed"


@dataclass(frozen=True, slots=True)
class Outside:
    """A change beyond the rule. `line` counts from 1 in the new version, in the old one for what
    was removed; 0 stands for the file. `symbol` is qualified, a name in angle brackets for what is
    none, empty for the file.
    """

    symbol: str
    line: int
    text: str


@dataclass(slots=True)
class Comparison:
    """Holds the bytes `new` against `old`; `found` is what it found, in no order."""

    language: Language
    rule: SymbolRule
    old: bytes
    new: bytes
    found: list[Outside] = field(default_factory=list)

    def compare(
        self, old: Block | None, new: Block, path: SymbolPath, around: Container | None = None
    ) -> None:
        """Hold a container, at the symbol path `path`, against what it was; None: it was not there.

        `around` is what was round a guard, which has no names of its own.
        """
        was, now = (contents(self.language, self.rule, block, path) for block in (old, new))
        if around is not None:
            was.names |= around.names
            was.packages |= around.packages
        additions = Additions(
            self.language, self.rule, path, was.names, was.packages, is_new=old is None
        )
        common = [key for key in was.units if key in now.units]
        for key in common:
            self._compare_units(was.units[key], now.units[key], additions, was)
        self._moved(common, was, now)
        gone = {key: unit for key, unit in was.units.items() if key not in now.units}
        come = {key: unit for key, unit in now.units.items() if key not in was.units}
        fresh = {*come, *(now.statements - was.statements)}
        self._imports(was, now, additions)
        if old is not None:
            self._comments(was, now, {*gone, *fresh}, path)
        for old_key, new_key in list(_edited(was, now, gone, come)):
            del gone[old_key]
            unit = come.pop(new_key)
            self._say(unit.label, unit.start, CHANGED)
        self._removed(gone, come)
        for unit in come.values():
            self._added(unit, additions, was)

    def _compare_units(self, was: Unit, now: Unit, additions: Additions, around: Container) -> None:
        if was.body == now.body or (
            is_export(now.block) and not additions.refusal_of_export(now.block, was.block)
        ):
            return
        if was.block.members and now.block.members:
            self._go_in(was.block, now, additions.path, around)
            return
        same = _plain_ends(was.body) == _plain_ends(now.body)
        self._say(
            now.label,
            now.start + _first_difference(was.body, now.body),
            LINE_ENDS if same else CHANGED,
        )

    def _go_in(self, was: Block | None, now: Unit, path: SymbolPath, around: Container) -> None:
        inside = now.names[0] if now.names else path
        self.compare(was, now.block, inside, around if now.block.kind == "guard" else None)

    def _moved(self, common: Sequence[str], was: Container, now: Container) -> None:
        """Units that do not follow one another as they did: the fewest that explain it."""
        order = {key: index for index, key in enumerate(was.units)}
        standing = sorted(common, key=lambda key: now.units[key].start)
        stayed = _longest_rise([order[key] for key in standing])
        for key in standing:
            if order[key] not in stayed:
                self._say(now.units[key].label, now.units[key].start, "moved outside of the scope")

    def _removed(self, gone: dict[str, Unit], come: dict[str, Unit]) -> None:
        """What went; what came with the same text but another name is taken out of `come`: it was
        renamed.
        """
        renamed = {_blanked(unit): key for key, unit in come.items() if unit.names} if gone else {}
        for unit in gone.values():
            text = "removed outside of the scope"
            new = renamed.pop(_blanked(unit), None) if unit.names else None
            if new is not None:
                text = f"renamed to `{come.pop(new).label}` outside of the scope"
            self._say(unit.label, unit.start, text, self.old)

    def _added(self, unit: Unit, additions: Additions, around: Container) -> None:
        """A block that was not there."""
        if additions.opens(unit.block, unit.names):
            self._go_in(None, unit, additions.path, around)
        elif refusal := additions.refusal(unit.block, unit.names):
            self._say(unit.label, unit.start, refusal)

    def _imports(self, was: Container, now: Container, additions: Additions) -> None:
        if self.rule.imports == "any":
            return
        left = Counter(binding.meaning for binding in now.imports)
        for binding in was.imports:
            left[binding.meaning] -= 1
            if left[binding.meaning] < 0:
                text = f"`{binding.shown}` was taken from the imports, which may only be added to"
                self._say(IMPORTS, binding.start, text, self.old)
        left = Counter(binding.meaning for binding in was.imports)
        for binding in now.imports:
            left[binding.meaning] -= 1
            if left[binding.meaning] < 0 and (refusal := additions.refusal_of_import(binding)):
                self._say(IMPORTS, binding.start, refusal)

    def _comments(
        self, was: Container, now: Container, without: set[str], path: SymbolPath
    ) -> None:
        """Comments by themselves, but for those above what may be changed, or above the blocks
        `without`.
        """
        here = label_of_body(".".join(path))
        old, new = (
            [
                comment
                for comment in side.comments
                if not comment.is_mine and comment.above not in without
            ]
            for side in (was, now)
        )
        gone: defaultdict[str, list[Comment]] = defaultdict(list)
        for comment in _not_in(old, now.comments):
            gone[comment.above].append(comment)
        for comment in _not_in(new, was.comments):
            verb = "changed" if gone[comment.above] else "added"
            del gone[comment.above][:1]
            self._say(
                now.label_above(comment, here),
                comment.start,
                f"a comment was {verb} outside of the scope",
            )
        for comment in (comment for comments in gone.values() for comment in comments):
            text = "a comment was removed outside of the scope"
            self._say(was.label_above(comment, here), comment.start, text, self.old)
        pairs = list(zip(old, new, strict=False))
        at = next(
            (index for index, (one, other) in enumerate(pairs) if one.text != other.text), None
        )
        if at is not None and Counter(c.text for c in old) == Counter(c.text for c in new):
            self._say(
                now.label_above(new[at], here),
                new[at].start,
                "a comment was moved outside of the scope",
            )

    def _say(self, symbol: str, start: int, text: str, source: bytes | None = None) -> None:
        """Note a change at a byte of `source`, by default the new version."""
        line = (self.new if source is None else source).count(b"\n", 0, start) + 1
        self.found.append(Outside(symbol, line, text))


def _not_in(some: Iterable[Comment], others: Iterable[Comment]) -> list[Comment]:
    """Those of `some` that `others` have no more of."""
    spare = Counter(comment.text for comment in others)
    found: list[Comment] = []
    for comment in some:
        spare[comment.text] -= 1
        if spare[comment.text] < 0:
            found.append(comment)
    return found


def _edited(
    was: Container, now: Container, gone: Iterable[str], come: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Statements, which have no name to be known by, that stand where others of their kind stood
    before.
    """
    places: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for key, place in _places(was, set(gone)):
        places[place].append(key)
    for key, place in _places(now, set(come)):
        if places[place]:
            yield places[place].pop(0), key


def _places(side: Container, chosen: set[str]) -> Iterator[tuple[str, tuple[str, str]]]:
    """The nameless ones of `chosen`, with their kind and the unit before them that both sides
    have.
    """
    last = ""
    for key, unit in side.units.items():
        if key not in chosen:
            last = key
        elif not unit.names:
            yield key, (unit.block.kind, last)


def _blanked(unit: Unit) -> bytes:
    """A definition without its own name."""
    name = re.escape(unit.block.name.encode("utf-8", "surrogateescape"))
    return re.sub(rb"(?<!\w)" + name + rb"(?!\w)", b"\0", unit.body)


def _plain_ends(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n")


def _first_difference(old: bytes, new: bytes) -> int:
    """Where the first line of the new text begins that is not as in the old one; at most its last
    line.
    """
    lines = new.splitlines(keepends=True)
    at = 0
    for one, other in zip(old.splitlines(keepends=True), lines[:-1], strict=False):
        if one != other:
            break
        at += len(other)
    return at


def _longest_rise(numbers: Sequence[int]) -> set[int]:
    """A longest rising subsequence of different numbers (patience sorting, Fredman 1975)."""
    tops: list[int] = []
    before: dict[int, int | None] = {}
    for number in numbers:
        at = bisect_left(tops, number)
        before[number] = tops[at - 1] if at else None
        tops[at : at + 1] = [number]
    kept: set[int] = set()
    last = tops[-1] if tops else None
    while last is not None:
        kept.add(last)
        last = before[last]
    return kept
