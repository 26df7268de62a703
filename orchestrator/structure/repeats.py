"""Blocks of one name that stand several times in one container: two `impl` of a type, two `init` of
Go, one function for each platform, a variable that is bound again.

Owns which of a side's is which of the base's: by what they say, never by counting, which would
bring back what was removed. What is there several times word for word is told by nothing once
their number has changed. Pure.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from orchestrator.structure.blocks import SYMBOLS, Block

_LIKE = 0.5
"""Shared words over all words, from which one of several of one name is taken for the new form of
another.
"""

_MOST_PAIRS = 2_500
"""From here on they are too many to be held against one another: none is another's new form."""
Pair = tuple[int, int]


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
    old, new = dict(enumerate(was)), dict(enumerate(now))  # those that nothing is paired with yet

    def pair(before: int, after: int) -> None:
        keys[now[after].key] = was[before].key
        del old[before], new[after]

    told = defaultdict[bytes, deque[int]](deque)
    for before, block in old.items():
        told[_text(block)].append(before)
    for after in list(new):  # as it was, word for word
        if same := told[_text(now[after])]:
            pair(same.popleft(), after)
    named = {block.key: at for at, block in old.items() if block.key != block.family}
    for after in list(new):  # told apart by its parameters or decorators
        block = now[after]
        if block.key in named and "#" not in block.key.removeprefix(block.family):
            pair(named.pop(block.key), after)
    if len(old) == len(new):
        for before, after in zip(list(old), list(new), strict=True):
            pair(before, after)
    for before, after in _likely([*old], [*new], was, now):
        pair(before, after)
    seen: Counter[str] = Counter()
    for block in (now[after] for after in new):  # both sides may have added the same
        text = _text(block).decode("utf-8", "surrogateescape")
        seen[text] += 1
        keys[block.key] = f"{block.family}={text}{seen[text]}"
    return keys


def _likely(
    old: Sequence[int], new: Sequence[int], was: Sequence[Block], now: Sequence[Block]
) -> Iterator[Pair]:
    """Pairs of those that are left, the likest first, each in one at most."""
    if len(old) * len(new) > _MOST_PAIRS:
        return
    bags = [{at: _bag(blocks[at]) for at in left} for blocks, left in ((was, old), (now, new))]
    scored = sorted(
        (-_likeness(bags[0][before], bags[1][after]), i, j)
        for i, before in enumerate(old)
        for j, after in enumerate(new)
    )
    taken: tuple[set[int], set[int]] = (set(), set())
    for score, i, j in scored:
        if -score >= _LIKE and i not in taken[0] and j not in taken[1]:
            taken[0].add(i)
            taken[1].add(j)
            yield old[i], new[j]


def _text(block: Block) -> bytes:
    return b" ".join(block.text.split())


def _bag(block: Block) -> Counter[bytes]:
    return Counter(re.findall(rb"\w+|[^\w\s]", block.text))


def _likeness(one: Counter[bytes], other: Counter[bytes]) -> float:
    return (one & other).total() / max((one | other).total(), 1)
