"""Import blocks of Go and trees of `use` of Rust as lists, and their three-way union.

Owns taking such a list apart into entries with the space before each, and writing it down again:
groups stay groups, and a group that was sorted wherever it is stays sorted. A list with comments
inside is not taken apart. Whether a name is then there once is seen to in `conservation`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tree_sitter import Node

from orchestrator.structure.blocks import Block
from orchestrator.structure.naming import text_of
from orchestrator.structure.order import kept, merge_order

LISTED = frozenset({"import_declaration", "use_declaration"})
"""The statements of which `merge_lists` knows how they are taken apart."""


@dataclass(frozen=True, slots=True)
class _List:
    """Entries between `head` and `tail`, each with the space before it; `end` stands before
    `tail`.
    """

    head: str
    entries: dict[str, str]
    end: str
    tail: str
    separator: str
    is_open: bool = True  # written with brackets


def merge_lists(
    base: Block | None, left: Block, right: Block | None, unused: frozenset[str] = frozenset()
) -> bytes | None:
    """One statement that imports what both want, empty if nothing is left; None if it cannot be
    taken apart, or is something else on one side.

    `right` is None where that side removed the statement. Names in `unused` go.
    """
    ours = _taken_apart(left)
    if ours is None:
        return None
    nothing = replace(ours, entries={})
    theirs = _taken_apart(right) if right else nothing
    was = _taken_apart(base) if base else nothing
    if theirs is None or was is None or len({side.separator for side in (ours, theirs, was)}) > 1:
        return None
    if len({_words(side.head) for side in (ours, theirs, was)}) > 1:
        return None
    keys = list(was.entries), list(ours.entries), list(theirs.entries)
    keep = {key for key in kept(*keys) if _name(key) not in unused}
    order = merge_order(*keys, keep)
    if not order:
        return b""
    frame = ours if ours.is_open or not theirs.is_open else theirs
    text = _written(frame, order, (ours, theirs))
    edges = [_edges(block) for block in (base or left, left, right or left)]
    if edges[1] not in (edges[0], edges[2]) and edges[2] != edges[0]:
        return None
    above, after = edges[2] if edges[1] == edges[0] else edges[1]
    return above + text.encode("utf-8", "surrogateescape") + after


def _edges(block: Block) -> tuple[bytes, bytes]:
    """What stands above the statement, and after it on its line."""
    if block.node is None:
        return b"", b"\n"
    start, end = block.node.start_byte - block.start, block.node.end_byte - block.start
    return block.text[:start], block.text[end:]


def _taken_apart(block: Block) -> _List | None:
    node = block.node
    if node is None or any("comment" in each.type for each in _below(node)):
        return None
    if node.type == "import_declaration":
        return _go(node)
    return _rust(node) if node.type == "use_declaration" else None


def _go(node: Node) -> _List | None:
    specs = next((child for child in node.named_children if child.type == "import_spec_list"), None)
    if specs is not None:
        return _listed(node, specs, "")
    only = [child for child in node.named_children if child.type == "import_spec"]
    if len(only) != 1:
        return None
    entries = {_flat(only[0]): "\n\t"}
    return _List("import (", entries, "\n", ")", "", is_open=False)


def _rust(node: Node) -> _List | None:
    tree = node.child_by_field_name("argument")
    inner = tree.child_by_field_name("list") if tree is not None else None
    if tree is None or inner is None or tree.type != "scoped_use_list":
        return None
    return _listed(node, inner, ",")


def _listed(node: Node, inner: Node, separator: str) -> _List | None:
    """The list `inner` of the statement; None if something is in it twice."""
    source, offset = node.text or b"", node.start_byte
    first, last = inner.children[0], inner.children[-1]
    entries: dict[str, str] = {}
    at = first.end_byte
    for child in inner.named_children:
        lead = source[at - offset : child.start_byte - offset].decode("utf-8", "surrogateescape")
        key = _flat(child)
        if key in entries:
            return None
        entries[key] = lead.replace(separator, "").replace(";", "") if separator else lead
        at = child.end_byte
    end = source[at - offset : last.start_byte - offset].decode("utf-8", "surrogateescape")
    head = source[: first.end_byte - offset].decode("utf-8", "surrogateescape")
    tail = source[last.start_byte - offset :].decode("utf-8", "surrogateescape")
    return (
        None
        if ";" in end + "".join(entries.values())
        else _List(head, entries, end, tail, separator)
    )


def _written(frame: _List, order: Sequence[str], sides: Sequence[_List]) -> str:
    groups: list[list[str]] = [[]]
    for key in order:
        lead = next(side.entries[key] for side in sides if key in side.entries)
        if groups[-1] and lead.count("\n") > 1:
            groups.append([])
        groups[-1].append(key)
    lines = any("\n" in lead for side in sides for lead in side.entries.values())
    leads = [lead for side in (frame, *sides) for lead in side.entries.values()]
    usual = next(
        (lead for lead in leads if ("\n" in lead) == lines and lead.count("\n") < 2), "\n\t"
    )
    parts: list[str] = []
    is_sorted = all(_in_order(group) for side in sides for group in _groups(side))
    for group in groups:
        for index, key in enumerate(sorted(group, key=_sort_key) if is_sorted else group):
            lead = usual
            if not lines:
                lead = " " if parts else next(iter(frame.entries.values()), "")
            elif parts and not index:
                lead = "\n" + usual
            parts.append(lead + key)
    end = frame.end
    if lines and "\n" not in end:
        end = next((side.end for side in sides if "\n" in side.end), f"{frame.separator}\n")
    return f"{frame.head}{frame.separator.join(parts)}{end}{frame.tail}"


def _groups(side: _List) -> list[list[str]]:
    groups: list[list[str]] = [[]]
    for key, lead in side.entries.items():
        if lead.count("\n") > 1:
            groups.append([])
        groups[-1].append(key)
    return groups


def _in_order(keys: Sequence[str]) -> bool:
    return list(keys) == sorted(keys, key=_sort_key)


def _sort_key(key: str) -> tuple[str, str]:
    """As gofmt and rustfmt sort: by the path, an alias apart; `self` first."""
    path = key.rpartition(" ")[2] if key.endswith('"') else key
    return "" if path == "self" else path, key


def _name(key: str) -> str:
    alias, _, path = key.rpartition(" ")
    return alias.rpartition(" ")[2] or path.strip('"`').rpartition("/")[2]


def _words(head: str) -> str:
    return "".join(head.split())


def _flat(node: Node) -> str:
    return " ".join(text_of(node).split())


def _below(node: Node) -> list[Node]:
    return [inner for child in node.named_children for inner in (child, *_below(child))]
