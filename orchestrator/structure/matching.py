"""Which block of a side is which block of the base, when its key alone does not say.

Owns the two guesses that the merge makes, both by bags of words: a symbol that was renamed, and a
statement that was edited between neighbours that stayed. Candidates are few and the bar is high; a
rename is reported as a note.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from orchestrator.structure.blocks import SYMBOLS, Block
from orchestrator.structure.imported import imported
from orchestrator.structure.repeats import match_repeats
from orchestrator.structure.targets import targets_of

RENAME = 0.8
"""Likeness, from 0 to 1, from which a symbol that went and one that came are taken for one that was
renamed.
"""

EDIT = 0.5
"""Likeness from which a statement or comment in the place of another is taken for its new form."""

_RENAMED = frozenset({"function", "class", "interface", "type", "test"})
_CANDIDATES = 40
_LEAST_WORDS = 12


def match(
    base: Sequence[Block], side: Sequence[Block]
) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """The base's key for every key of `side` (its own where nothing matches), and renames as pairs
    of names.
    """
    known = {block.key for block in base}
    here = {block.key for block in side}
    keys = {block.key: block.key for block in side}
    repeated = match_repeats(base, side)
    keys |= repeated.keys
    gone = [b for b in base if b.key not in here and b.family not in repeated.families]
    come = [b for b in side if b.key not in known and b.family not in repeated.families]
    if not gone or not come:
        return keys, []
    _match_edits(base, side, keys, known & here, repeated.families)
    _match_imports(gone, come, keys)
    _match_targets(gone, come, keys)
    taken = set(keys.values())
    renames: list[tuple[str, str]] = []
    old = [block for block in gone if block.kind in _RENAMED and block.key not in taken][
        :_CANDIDATES
    ]
    new = [block for block in come if block.kind in _RENAMED and keys[block.key] == block.key][
        :_CANDIDATES
    ]
    for block in old:
        found = [
            (likeness(block, other), index)
            for index, other in enumerate(new)
            if other.kind == block.kind
        ]
        best = max(found, default=(0.0, 0))
        if best[0] >= RENAME and sum(score >= RENAME for score, _ in found) == 1:
            other = new.pop(best[1])
            keys[other.key] = block.key
            renames.append((block.name, other.name))
    return keys, renames


def _match_imports(gone: Sequence[Block], come: Sequence[Block], keys: dict[str, str]) -> None:
    """Pair imports of the same names from another module: the module moved."""
    free = _by_names((block, _imported(block)) for block in come if block.kind == "import")
    for old in gone:
        names = _imported(old) if old.kind == "import" else set()
        found = {new.key: new for name in names for new in free.get(name, ())}
        if len(found) == 1:
            (new,) = found.values()
            keys[new.key] = old.key
            for name in _imported(new):
                free[name].remove(new)


def _imported(block: Block) -> set[str]:
    return {name for name, _ in imported(block.node)} - {""} if block.node is not None else set()


def _by_names(blocks: Iterable[tuple[Block, AbstractSet[str]]]) -> dict[str, list[Block]]:
    found: dict[str, list[Block]] = {}
    for block, names in blocks:
        for name in names:
            found.setdefault(name, []).append(block)
    return found


def _match_targets(gone: Sequence[Block], come: Sequence[Block], keys: dict[str, str]) -> None:
    """Pair assignments and declarations of several names of which they share some: one of them was
    taken apart further.
    """
    free = _by_names((block, targets_of(block)) for block in come if block.kind == "variable")
    owners = _by_names((block, targets_of(block)) for block in gone)
    for old in gone:
        if old.kind != "variable":
            continue
        found = {new.key: new for name in targets_of(old) for new in free.get(name, ())}
        if len(found) != 1:
            continue
        (new,) = found.values()
        rivals = {other.key for name in targets_of(new) for other in owners.get(name, ())}
        if len(rivals) == 1:
            keys[new.key] = old.key
            for name in targets_of(new):
                free[name].remove(new)


def likeness(one: Block, other: Block) -> float:
    """Shared words over all words, names of their own apart; 0 for blocks too short to tell."""
    bags = [_bag(block) for block in (one, other)]
    if min(bag.total() for bag in bags) < _LEAST_WORDS and one.kind in SYMBOLS:
        return 0.0
    return (bags[0] & bags[1]).total() / max((bags[0] | bags[1]).total(), 1)


def _bag(block: Block) -> Counter[bytes]:
    words = Counter(re.findall(rb"\w+|[^\w\s]", block.text))
    own = block.name.encode("utf-8", "surrogateescape")
    words[b"\0"] += words.pop(own, 0)
    return words


def _match_edits(
    base: Sequence[Block],
    side: Sequence[Block],
    keys: dict[str, str],
    fixed: set[str],
    settled: AbstractSet[str],
) -> None:
    """Pair statements and comments, in order, between the same neighbours; families that are
    `settled` apart.
    """
    gaps = _gaps([block for block in base if block.family not in settled], fixed)
    here = [block for block in side if block.family not in settled]
    for place, come in _gaps(here, fixed).items():
        gone = gaps.get(place, [])
        at = 0
        for block in come:
            near = range(at, min(at + _CANDIDATES, len(gone)))
            pair = next((index for index in near if _edited(gone[index], block)), None)
            if pair is not None:
                keys[block.key] = gone[pair].key
                at = pair + 1


def _edited(old: Block, new: Block) -> bool:
    if old.kind != new.kind or old.kind not in {"statement", "comment", "guard"}:
        return False
    if (
        old.definition is not None
        and new.definition is not None
        and old.definition.type != new.definition.type
    ):
        return False
    return old.name == new.name or likeness(old, new) >= EDIT


def _gaps(blocks: Sequence[Block], fixed: set[str]) -> dict[str, list[Block]]:
    """The blocks that are not `fixed`, by the fixed one that they follow."""
    gaps: dict[str, list[Block]] = {}
    last = ""
    for block in blocks:
        if block.key in fixed:
            last = block.key
        else:
            gaps.setdefault(last, []).append(block)
    return gaps
