"""The structural merge itself: three versions of a file, cut into blocks, become one or a list of
conflicts.

Owns what happens to each block: taken from the side that changed it, merged by git's line merge if
both did, kept with the other's where both added at one point. It checks nothing; `merge` does, and
emits only what passed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import takewhile

from orchestrator.structure.bindings import bound_names
from orchestrator.structure.blocks import SYMBOLS, Block, cut
from orchestrator.structure.commuting import clashes, main_last
from orchestrator.structure.folded import Conflict, Folded
from orchestrator.structure.imports import dropped_and_moved, merge_imports
from orchestrator.structure.languages import Language
from orchestrator.structure.layout import same_but_for_layout, strip_line_ends
from orchestrator.structure.lines import merge_contained, merge_inside, pick
from orchestrator.structure.literals import merge_literals
from orchestrator.structure.matching import match
from orchestrator.structure.order import kept, merge_order
from orchestrator.structure.parts import merge_parts
from orchestrator.structure.repeats import unsure


def fold(  # noqa: PLR0917  (three sides and what is known of them)
    language: Language,
    base: bytes,
    left: bytes,
    right: bytes,
    needed: AbstractSet[str] = frozenset(),
    unused: AbstractSet[str] = frozenset(),
) -> Folded:
    """Merge three texts with plain line ends, all ending in a newline or empty, none with a byte
    order mark.

    What is imported under a name of `needed` stays imported although one side removed it; what is
    imported under one of `unused` goes.
    """
    roots = []
    for name, text in (("base", base), ("left", left), ("right", right)):
        root, errors = cut(language, text)
        if errors:
            return Folded(
                conflicts=[Conflict("", f"the {name} version does not parse as {language.name}")]
            )
        roots.append(root)
    unused = (unused | dropped_and_moved(roots[0], roots[1], roots[2])) - needed
    folding = _Folding(language, needed, unused)
    text = folding.members(roots[0].members, roots[1].members, roots[2].members, "")
    folding.result.text = text.lstrip(b"\n") if not left.startswith(b"\n") else text
    return folding.result


class _Folding:
    def __init__(
        self, language: Language, needed: AbstractSet[str], unused: AbstractSet[str]
    ) -> None:
        self.language = language
        self.needed = needed
        self.unused = unused
        self.result = Folded()

    def members(
        self, base: Sequence[Block], left: Sequence[Block], right: Sequence[Block], above: str
    ) -> bytes:
        """Merge the blocks of one module or container, called `above`."""
        for block in (*unsure(base, left), *unsure(base, right)):
            self._conflict(
                above,
                block,
                "there several times alike, and which of them went or came cannot be said",
            )
        was = {block.key: block for block in base}
        ours, theirs = self._keyed(base, left, "left"), self._keyed(base, right, "right")
        keys = list(was), list(ours), list(theirs)
        keep = kept(*keys)
        merged: dict[str, tuple[bytes, bytes]] = {}
        for key in dict.fromkeys([*keys[0], *keys[1], *keys[2]]):
            old, one, other = was.get(key), ours.get(key), theirs.get(key)
            text = self._block(old, one, other, above)
            if text is None:
                keep.discard(key)
            else:
                keep.add(key)
                merged[key] = (self._lead(old, one, other), text)
        order = merge_order(*keys, keep)
        order = _with_revived(order, keep, keys[0])
        order = _imports_first(order, was, ours, theirs)
        order = _future_first(order, {**was, **ours, **theirs})
        order = main_last(order, (was, ours, theirs))
        for block, reason in clashes(order, (was, ours, theirs)):
            self._conflict(above, block, reason)
        return _joined(order, merged, {**theirs, **ours})

    def _keyed(self, base: Sequence[Block], side: Sequence[Block], name: str) -> dict[str, Block]:
        keys, renames = match(base, side)
        self.result.notes += [f"{name} renamed {old} to {new}" for old, new in renames]
        return {keys[block.key]: block for block in side}

    def _lead(self, old: Block | None, one: Block | None, other: Block | None) -> bytes:
        if one is None or other is None:
            found = one or other or old
            return found.lead if found else b""
        return pick(old.lead if old else b"", one.lead, other.lead)

    def _block(  # noqa: PLR0911  (a table of cases)
        self, old: Block | None, one: Block | None, other: Block | None, above: str
    ) -> bytes | None:
        """The merged text of one block; None if it is not to be there."""
        if self._decided(old, one, other):
            present = one or other
            second = present if old is None and not (one and other) else other if one else None
            text = present and merge_imports(old, present, second, self.needed, self.unused)
            if text is not None:
                return text or None
        if one is None or other is None:
            return self._missing(old, one or other, "left" if one is None else "right", above)
        was = old.text if old else None
        look_inside = one.kind == "guard" and bool(self.needed or self.unused)
        if one.text in (was, other.text) and not look_inside:
            return other.text
        if other.text == was and not look_inside:
            return one.text
        if one.kind == other.kind == "import":
            text = merge_imports(old, one, other, self.needed, self.unused)
            if text is not None:
                return text or None
        guards = one.kind == "guard" and old is None
        if (guards or (old is not None and old.members)) and one.members and other.members:
            return self.members(
                old.members if old else (), one.members, other.members, _name(above, old or one)
            )
        return self._both(old, one, other, above)

    def _decided(self, *blocks: Block | None) -> bool:
        """Whether these are an import of a name of which it is known whether it has to stay."""
        known = self.needed | self.unused
        nodes = (
            block.node for block in blocks if known and block is not None and block.kind == "import"
        )
        return any(
            name in known for node in nodes if node is not None for name, _ in bound_names(node)
        )

    def _missing(
        self, old: Block | None, left_over: Block | None, who: str, above: str
    ) -> bytes | None:
        """A block that a side does not have: added by the other, or removed."""
        if left_over is None:
            return None
        if old is None:
            return left_over.text
        if old.text == left_over.text:
            return None
        if old.kind == "import":  # removed as a whole here, extended there: what was added stays
            text = merge_imports(old, left_over, None, self.needed, self.unused)
            if text is not None:
                return text or None
        other = "right" if who == "left" else "left"
        if same_but_for_layout(self.language, old, left_over):
            return None
        self._conflict(above, old, f"removed by {who}, changed by {other}")
        return b""

    def _both(self, old: Block | None, one: Block, other: Block, above: str) -> bytes:
        name = _name(above, old or one)  # a side may have renamed it
        text = self._by_lines(old, one, other, name) if old else None
        if text is None:
            text = self._without_layout(old, one, other, name)
        if text is None and old is not None and old.node and one.node and other.node:
            text = self._literal(old, one, other, above)
        if text is None and old is not None:
            text = merge_parts(old, one, other)
            if text is not None:
                self.result.notes.append(
                    f"{name}: both changed it, in parts that touch: comments, decorators, header, body"
                )
        if text is None:
            self._conflict(
                above,
                old or one,
                "added by both, differently" if old is None else "changed by both",
            )
            return b""
        return text

    def _by_lines(self, old: Block, one: Block, other: Block, name: str) -> bytes | None:
        merged = merge_contained(old.text, one.text, other.text)
        if merged is None:
            return None
        if merged[1]:
            self.result.notes.append(f"{name}: one side did there what the other did, and more")
        return merged[0]

    def _without_layout(
        self, old: Block | None, one: Block, other: Block, name: str
    ) -> bytes | None:
        """The text if white space is all that stands in the way: what a side says goes before how
        it is laid out.
        """
        if same_but_for_layout(self.language, one, other):
            return min(one.text, other.text, key=lambda text: (len(text), text))
        if old is None:
            return None
        for side, same, changed in (("left", one, other), ("right", other, one)):
            if same_but_for_layout(self.language, old, same):
                self.result.notes.append(
                    f"{name}: {side} changed nothing but its layout, which was left out"
                )
                return changed.text
        sides = [strip_line_ends(side) for side in (old, one, other)]
        text = merge_inside(*sides) if sides != [old.text, one.text, other.text] else None
        if text is not None:
            self.result.notes.append(f"{name}: white space at the ends of lines was left out")
        return text

    def _literal(self, old: Block, one: Block, other: Block, above: str) -> bytes | None:
        assert old.node
        assert one.node
        assert other.node
        around = [
            (block.text[: node.start_byte - block.start], block.text[node.end_byte - block.start :])
            for block, node in ((old, old.node), (one, one.node), (other, other.node))
        ]
        if around[1] != around[2] and around[0] not in (around[1], around[2]):
            return None
        text = merge_literals(self.language, old.node, one.node, other.node)
        if text is None:
            return None
        before, after = pick(*around)
        self.result.notes.append(
            f"{_name(above, old)}: both changed entries of one literal; both are in"
        )
        return before + text + after

    def _conflict(self, above: str, block: Block, reason: str) -> None:
        self.result.conflicts.append(Conflict(_name(above, block), reason))


def _name(above: str, block: Block) -> str:
    own = (
        block.qualifier
        if block.kind in SYMBOLS
        else f"<{block.kind} {block.name[:60]}>".replace(" close>", ">")
    )
    if block.kind in {"open", "doc"}:
        own = "<header>" if block.kind == "open" else "<docstring>"
    return f"{above}.{own}" if above else own


def _with_revived(order: list[str], keep: set[str], base: Sequence[str]) -> list[str]:
    """Put in, after their neighbours in the base, keys that neither order had a place for."""
    there = set(order)
    if all(key in there for key in base if key in keep):
        return order
    behind: dict[str, list[str]] = {"": []}
    last = ""
    for key in base:
        if key in keep and key not in there:
            behind[last].append(key)
        elif key in there:
            last = key
            behind[last] = []
    return [
        each
        for key in ("", *order)
        for each in ((key,) if key else ()) + tuple(behind.get(key, ()))
    ]


_HEAD = frozenset({"comment", "doc", "open", "import"})


def _imports_first(order: list[str], *versions: Mapping[str, Block]) -> list[str]:
    """An import that stands before all else wherever it is does so still, whatever another side put
    there.
    """
    heads = [
        {key for key, _ in takewhile(lambda item: item[1].kind in _HEAD, side.items())}
        for side in versions
    ]
    in_head = {
        key
        for key in order
        if all(key in head or key not in side for head, side in zip(heads, versions, strict=True))
    }
    at = next((i for i, key in enumerate(order) if key not in in_head), len(order))
    late = {
        key: None
        for key in order[at:]
        if key in in_head and any(key in v and v[key].kind == "import" for v in versions)
    }
    return [*order[:at], *late, *(key for key in order[at:] if key not in late)] if late else order


def _future_first(order: list[str], blocks: dict[str, Block]) -> list[str]:
    """``from __future__`` before every other import and definition."""
    future = {
        key: None
        for key in order
        if blocks[key].name == "from __future__" and blocks[key].kind == "import"
    }
    if not future:
        return order
    rest = [key for key in order if key not in future]
    at = next(
        (i for i, key in enumerate(rest) if blocks[key].kind not in {"comment", "doc", "open"}),
        len(rest),
    )
    return [*rest[:at], *future, *rest[at:]]


def _joined(
    order: Sequence[str], merged: dict[str, tuple[bytes, bytes]], blocks: dict[str, Block]
) -> bytes:
    parts: list[bytes] = []
    spaces = Counter(
        merged[key][0] for key in order if key in blocks and blocks[key].kind in SYMBOLS
    )
    usual = (
        max(spaces, key=lambda space: (bool(space), spaces[space], space), default=b"") or b"\n\n"
    )
    for key in order:
        lead, text = merged[key]
        block = blocks.get(key)
        if (
            parts
            and not lead
            and text
            and block is not None
            and block.kind in {"class", "function"}
        ):
            if block.start == 0 and any(part.strip() for part in parts):
                lead = usual  # it was the first of its file, and is not any more
            else:
                lead = b"" if parts[-1].endswith(b"\n") else b"\n"
        parts += [lead, text]
    return b"".join(parts)
