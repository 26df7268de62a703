"""Dictionaries, lists and keyword arguments that both sides changed, merged entry by entry.

Owns the search for the one literal that holds all the changes of both sides, and the writing of the
result in the layout that was there. Positional arguments, parameters and statements do not commute
and are not touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tree_sitter import Node

from orchestrator.structure.languages import Language
from orchestrator.structure.naming import text_of
from orchestrator.structure.order import kept, merge_order

_NUMBERS = frozenset(
    {"integer", "float", "number", "unary_operator", "unary_expression", "true", "false", "none"}
)
_SPREADS = frozenset({"dictionary_splat", "list_splat", "spread_element"})


@dataclass(frozen=True, slots=True)
class _Entry:
    key: str
    lead: bytes
    text: bytes
    after: bytes  # a comment on its line
    node: Node
    positional: bool = False


def merge_literals(language: Language, base: Node, left: Node, right: Node) -> bytes | None:  # noqa: PLR0911  (a table of cases)
    """The text of `left` with what `right` changed, if both changed entries of one literal only;
    None otherwise.
    """
    was, ours, theirs = base.text or b"", left.text or b"", right.text or b""
    if ours in (was, theirs):
        return theirs
    if theirs == was:
        return ours
    if not base.type == left.type == right.type:
        return None
    if base.type in language.collections:
        return _merge_entries(language, base, left, right)
    if not len(base.children) == len(left.children) == len(right.children):
        return None
    triples = list(zip(base.children, left.children, right.children, strict=True))
    changed = [triple for triple in triples if len({node.text for node in triple}) > 1]
    if len(changed) != 1:
        return None
    inner = merge_literals(language, *changed[0])
    if inner is None:
        return None
    place = changed[0][1]
    return (
        ours[: place.start_byte - left.start_byte]
        + inner
        + ours[place.end_byte - left.start_byte :]
    )


def _merge_entries(language: Language, base: Node, left: Node, right: Node) -> bytes | None:
    sides = [_entries(language, node) for node in (base, left, right)]
    was, ours, theirs = ({entry.key: entry for entry in entries} for entries, _, _ in sides)
    if any(
        len(found) < len(entries)
        for found, (entries, _, _) in zip((was, ours, theirs), sides, strict=True)
    ):
        return None  # an entry that is there twice: which is which cannot be said
    lists = [[entry.text for entry in entries if entry.positional] for entries, _, _ in sides]
    if lists[1] not in (lists[0], lists[2]) and lists[2] != lists[0]:
        return None
    if _contradict(
        was,
        ours,
        theirs,
        ordered="pair" not in {e.node.type for e in (*ours.values(), *theirs.values())},
    ):
        return None
    keep = kept(list(was), list(ours), list(theirs))
    merged: dict[str, _Entry] = {}
    for key in keep:
        entry = _merge_entry(language, was.get(key), ours.get(key), theirs.get(key))
        if entry is None:
            return None
        merged[key] = entry
    tail = _around(*(tail for _, tail, _ in sides))
    if tail is None:
        return None
    order = merge_order(list(was), list(ours), list(theirs), keep)
    if lists[1] != lists[2]:
        order.sort(key=lambda key: not merged[key].positional)
    (known, _, ours_ends), (_, _, theirs_ends) = sides[1:]
    return _written(
        left, [merged[key] for key in order], known, tail, comma=ours_ends or theirs_ends
    )


def _contradict(
    was: dict[str, _Entry], ours: dict[str, _Entry], theirs: dict[str, _Entry], *, ordered: bool
) -> bool:
    """Whether the sides replaced the same entry by different ones, removed what the other changed,
    or count numbers.
    """
    gone = was.keys() - ours.keys() - theirs.keys()
    new_left, new_right = (
        ours.keys() - was.keys() - theirs.keys(),
        theirs.keys() - was.keys() - ours.keys(),
    )
    if gone and (new_left and new_right):
        return True
    changed = [*(ours[key] for key in new_left), *(theirs[key] for key in new_right)]
    if any(entry.node.type in _SPREADS for entry in changed):
        return True
    values = [
        {
            text_of(side[key].node.child_by_field_name("value"))
            for key in new
            if side[key].node.type == "enum_assignment"
        }
        for side, new in ((ours, new_left), (theirs, new_right))
    ]
    if values[0] & values[1]:
        return True  # two members of an enumeration with one value
    if ordered and any(entry.node.type in _NUMBERS for entry in changed):
        return True
    half = (ours.keys() ^ theirs.keys()) & was.keys()
    return any((ours.get(key) or theirs[key]).text != was[key].text for key in half)


def _merge_entry(
    language: Language, was: _Entry | None, ours: _Entry | None, theirs: _Entry | None
) -> _Entry | None:
    if ours is None or theirs is None:
        return ours or theirs
    lead = _around(was.lead if was else b"", ours.lead, theirs.lead)
    after = _around(was.after if was else b"", ours.after, theirs.after)
    if lead is None or after is None:
        return None
    text: bytes | None = ours.text
    if was is None:
        text = ours.text if ours.text == theirs.text else None
    elif ours.text != theirs.text != was.text:
        text = merge_literals(language, was.node, ours.node, theirs.node)
    return None if text is None else replace(ours, lead=lead, text=text, after=after)


def _around(was: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    """Comments and the space around them, from the side that changed what they say; None if both
    did, differently.
    """
    old, one, other = was.split(), ours.split(), theirs.split()
    if other in (old, one):
        return ours
    return theirs if one == old else None


def _entries(language: Language, node: Node) -> tuple[list[_Entry], bytes, bool]:
    """The entries, what stands between the last and the closing bracket, and whether a comma ends
    the last.
    """
    source, offset = node.text or b"", node.start_byte
    entries: list[_Entry] = []
    at = node.children[0].end_byte if node.children else node.end_byte
    comma = False
    last_row = node.start_point.row
    for child in node.children[1:-1]:
        if child.type == ",":
            comma, at = True, child.end_byte
            last_row = child.end_point.row
        elif child.type in language.comments:
            if entries and child.start_point.row == last_row:
                between = source[at - offset : child.end_byte - offset]
                entries[-1] = replace(entries[-1], after=entries[-1].after + between)
                at = child.end_byte
        else:
            lead = source[at - offset : child.start_byte - offset]
            positional = node.type == "argument_list" and child.type not in language.pairs
            positional = positional and child.type not in _SPREADS
            key = f"#{len(entries)}" if positional else _key(child)
            text = source[child.start_byte - offset : child.end_byte - offset]
            entries.append(_Entry(key, lead, text, b"", child, positional))
            comma, at = False, child.end_byte
            last_row = child.end_point.row
    close = node.children[-1].start_byte if node.children else node.end_byte
    return entries, source[at - offset : close - offset], comma


def _key(node: Node) -> str:
    named = node.child_by_field_name("key") or node.child_by_field_name("name") or node
    return (named.text or b"").decode("utf-8", "surrogateescape").replace('"', "'")


def _written(
    frame: Node, entries: Sequence[_Entry], known: Sequence[_Entry], tail: bytes, *, comma: bool
) -> bytes:
    parts = [frame.children[0].text or b""]
    first_lead = known[0].lead if known else (entries[0].lead if entries else b"")
    usual = next((entry.lead for entry in known[1:] if not entry.lead.strip()), b" ")
    for index, entry in enumerate(entries):
        lead = entry.lead
        if index == 0 and not lead.strip():
            lead = first_lead
        elif index and not lead.strip():
            lead = usual if not lead or (b"\n" in usual and b"\n" not in lead) else lead
        last = index == len(entries) - 1
        parts += [lead, entry.text, b"," if not last or comma else b"", entry.after]
        if not last and entry.after.strip() and b"\n" not in entries[index + 1].lead:
            parts.append(b"\n")
    return b"".join([*parts, tail, frame.children[-1].text or b""])


__all__: Sequence[str] = ["merge_literals"]
