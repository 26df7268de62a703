"""Blocks of one name that stand several times in one container: two `impl` of a type, two `init` of
Go, one function for each platform, a variable that is bound again.

Owns which of a side's is which of the base's: by what they say, never by counting, which would
bring back what was removed. What is there several times word for word is told by nothing once
their number has changed. Pure.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from orchestrator.structure.blocks import SYMBOLS, Block

_LIKE = 0.5
"""Shared words over all words, from which one of several of one name is taken for the new form of
another.
"""


@dataclass(slots=True)
class Repeated:
    """To the key of a side's block the base's, or one of its own; and the families that were
    told so.
    """

    keys: dict[str, str] = field(default_factory=dict)
    families: set[str] = field(default_factory=set)


def match_repeats(base: Sequence[Block], side: Sequence[Block]) -> Repeated:
    """Match the blocks of every name that is there more than once in either version."""
    was, now = _families(base), _families(side)
    found = Repeated()
    for family in was.keys() | now.keys():
        if max(len(was[family]), len(now[family])) > 1:
            found.families.add(family)
            found.keys |= _match(was[family], now[family])
    return found


def unsure(base: Sequence[Block], side: Sequence[Block]) -> list[Block]:
    """One block of each kind that is there several times word for word, of which a side has
    removed or added some, not all.
    """
    found = []
    was, now = _families(base), _families(side)
    for family in was:
        old, new = (Counter(_text(block) for block in each) for each in (was[family], now[family]))
        for block in {_text(block): block for block in was[family]}.values():
            counts = old[_text(block)], new[_text(block)]
            if counts[0] > 1 and counts[1] and counts[0] != counts[1]:
                found.append(block)
    return found


def _families(blocks: Sequence[Block]) -> defaultdict[str, list[Block]]:
    found: defaultdict[str, list[Block]] = defaultdict(list)
    for block in blocks:
        if block.kind in SYMBOLS or block.kind == "statement":
            found[block.family].append(block)
    return found


def _match(was: Sequence[Block], now: Sequence[Block]) -> dict[str, str]:
    keys: dict[str, str] = {}
    old, new = list(was), list(now)

    def pair(before: Block, after: Block) -> None:
        keys[after.key] = before.key
        old.remove(before)
        new.remove(after)

    for after in now:  # as it was, word for word
        same = next((before for before in old if _text(before) == _text(after)), None)
        if same is not None:
            pair(same, after)
    for after in list(new):  # told apart by its parameters or decorators
        same = next((before for before in old if before.key == after.key != before.family), None)
        if same is not None and "#" not in after.key.removeprefix(after.family):
            pair(same, after)
    if len(old) == len(new):
        for before, after in zip(list(old), list(new), strict=True):
            pair(before, after)
    while old and new:
        best = max(
            (
                (_likeness(before, after), -i, -j)
                for i, before in enumerate(old)
                for j, after in enumerate(new)
            ),
        )
        if best[0] < _LIKE:
            break
        pair(old[-best[1]], new[-best[2]])
    seen: Counter[str] = Counter()
    for after in new:  # both sides may have added the same
        text = _text(after).decode("utf-8", "surrogateescape")
        seen[text] += 1
        keys[after.key] = f"{after.family}={text}{seen[text]}"
    return keys


def _text(block: Block) -> bytes:
    return b" ".join(block.text.split())


def _likeness(one: Block, other: Block) -> float:
    bags = [Counter(re.findall(rb"\w+|[^\w\s]", block.text)) for block in (one, other)]
    return (bags[0] & bags[1]).total() / max((bags[0] | bags[1]).total(), 1)
