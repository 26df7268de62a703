"""Import statements as sets of bound names, and their three-way union.

Owns taking an import apart and writing it down again as it was laid out. A statement with comments
inside is not taken apart. That one name is not bound twice in a file is seen to in `checks`.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from tree_sitter import Node

from orchestrator.structure.bindings import bound_names
from orchestrator.structure.blocks import Block
from orchestrator.structure.import_lists import LISTED, merge_lists
from orchestrator.structure.naming import text_of
from orchestrator.structure.order import kept, merge_order

WIDTH = 79


@dataclass(frozen=True, slots=True)
class Import:
    """`names` between `head` and `tail`, as written: ``b as c``; `alone` are those before braces,
    as in JavaScript.
    """

    head: str
    names: tuple[str, ...]
    tail: str
    alone: tuple[str, ...] = ()
    braces: bool = False
    layout: str = "line"
    width: int = WIDTH


def dropped_and_moved(base: Block, left: Block, right: Block) -> frozenset[str]:
    """Names that one side no longer imports from anywhere while the other moved them to another
    statement.

    Statement by statement such a name looks like a removal beside an addition; of the file as a set
    of names it is a removal. All three are whole files.
    """
    was, ours, theirs = (_places(side) for side in (base, left, right))
    names = {name for name, _ in was}
    left_out = [names - {name for name, _ in side} for side in (ours, theirs)]
    return frozenset(
        name
        for gone, other in zip(left_out, (theirs, ours), strict=True)
        for (name, meaning), keys in other.items()
        if name in gone and not keys & was.get((name, meaning), keys)
    )


def _places(root: Block) -> dict[tuple[str, str], set[str]]:
    """The statements, by their keys, that bind each name to what it stands for."""
    found: dict[tuple[str, str], set[str]] = {}
    for _, block in root.walk():
        if block.kind == "import" and block.node is not None:
            for bound in bound_names(block.node):
                found.setdefault(bound, set()).add(block.key)
    return found


def merge_imports(  # noqa: PLR0911  (a table of cases)
    base: Block | None,
    left: Block,
    right: Block | None,
    needed: AbstractSet[str] = frozenset(),
    unused: AbstractSet[str] = frozenset(),
) -> bytes | None:
    """One statement that imports what both want, empty if nothing is left; None if it cannot be
    taken apart.

    `right` is None where that side removed the statement. Names in `needed` stay although one side
    removed them, those in `unused` go. Left's layout is kept, or right's if left did not change the
    names.
    """
    if left.node is not None and left.node.type in LISTED:
        return merge_lists(base, left, right, frozenset(unused))
    ours = _taken_apart(left)
    theirs = _taken_apart(right) if right else ours and replace(ours, names=(), alone=())
    was = _taken_apart(base) if base else ours and replace(ours, names=(), alone=())
    if ours is None or theirs is None or was is None:
        return None
    parts: dict[str, str] = {}
    for part in ("head", "tail"):
        old, one, other = (_bare(getattr(side, part)) for side in (was, ours, theirs))
        if one not in (old, other) and other != old:
            return None
        parts[part] = getattr(theirs if one == old else ours, part)
    merged = {}
    for part in ("names", "alone"):
        old, one, other = was_ours_theirs = tuple(
            getattr(side, part) for side in (was, ours, theirs)
        )
        if any(len(set(names)) < len(names) for names in was_ours_theirs):
            return None
        keep = kept(old, one, other) | {
            name for name in (*one, *other) if name.split()[-1] in needed
        }
        keep = {name for name in keep if name.split()[-1] not in unused}
        merged[part] = merge_order(old, one, other, keep)
        merged[part] += [name for name in old if name in keep and name not in merged[part]]
    names, alone = merged["names"], merged["alone"]
    if len(alone) > 1:
        return None
    if not names and not alone:
        return b""
    frame = theirs if right and ours.names == was.names else ours
    if all(_sorted(side.names) for side in (ours, theirs)):
        names.sort(key=_sort_key)
    if ours.layout != theirs.layout and "lines" in {ours.layout, theirs.layout}:
        frame = replace(frame, layout="lines")
    written = _written(
        replace(
            frame, names=tuple(names), alone=tuple(alone), head=parts["head"], tail=parts["tail"]
        )
    )
    above = _above(base, left, right)
    return None if above is None else above + written.encode("utf-8", "surrogateescape") + b"\n"


def _above(base: Block | None, left: Block, right: Block | None) -> bytes | None:
    """The comments above the statement, and its indentation; None if both sides changed them,
    differently.
    """
    was, ours, theirs = (
        block.text[: block.node.start_byte - block.start] if block and block.node else b""
        for block in (base, left, right)
    )
    if base is None:
        was = ours[ours.rfind(b"\n") + 1 :]
    if right is None or theirs in (was, ours):
        return ours
    return theirs if ours == was else None


def _bare(part: str) -> str:
    return part.strip("; \n").replace('"', "'")


def _sort_key(name: str) -> tuple[str, str]:
    return name.removeprefix("type ").lower(), name


def _sorted(names: tuple[str, ...]) -> bool:
    return len(names) > 2 and list(names) == sorted(names, key=_sort_key)


def _taken_apart(block: Block) -> Import | None:
    node = block.node
    if node is None:
        return None
    text = text_of(node)
    after = block.text[node.end_byte - block.start :].decode("utf-8", "surrogateescape").strip()
    if any(child.type == "comment" for child in _all(node)) or after.strip("; "):
        return None
    width = max([WIDTH, *(len(line) for line in text.splitlines())])
    if (
        node.type in {"import_from_statement", "future_import_statement", "import_statement"}
        and "{" not in text
    ):
        fields = node.children_by_field_name("name")
        names = [" ".join(text_of(child).split()) for child in fields]
        if not names and node.type == "import_from_statement":
            names = [
                text_of(child) for child in node.named_children if child.type == "wildcard_import"
            ]
        if names:
            first = fields[0] if fields else node.named_children[-1]
            head = " ".join(re.sub(r"[\\(]", " ", text[: _chars(node, first)]).split())
            return Import(head, tuple(names), "", layout=_layout(text), width=width)
    clause = next(
        (child for child in _all(node) if child.type in {"named_imports", "export_clause"}), None
    )
    source = node.child_by_field_name("source")
    if source is None:
        return None
    outer = next((child for child in node.named_children if child.type == "import_clause"), None)
    single = outer.named_children if outer else []
    alone = tuple(
        text_of(child) for child in single if child.type in {"identifier", "namespace_import"}
    )
    parts = clause.named_children if clause else []
    names = [" ".join(text_of(child).split()) for child in parts]
    head = " ".join(
        child.type for child in node.children[:2] if child.type in {"import", "export", "type"}
    )
    tail = f" from {text_of(source)}{';' if text.endswith(';') or after.startswith(';') else ''}"
    layout = "lines" if clause and "\n" in text_of(clause) else "line"
    return Import(head, tuple(names), tail, alone, braces=True, layout=layout, width=width)


def _chars(node: Node, child: Node) -> int:
    return len(
        (node.text or b"")[: child.start_byte - node.start_byte].decode("utf-8", "surrogateescape")
    )


def _all(node: Node) -> list[Node]:
    return [inner for child in node.children for inner in [child, *_all(child)]]


def _layout(text: str) -> str:
    if "\n" not in text:
        return "line"
    if "\\" in text:
        return "backslash"
    inside = text.partition("(")[2]
    return "lines" if inside.lstrip(" ").startswith("\n") else "filled"


def _written(what: Import) -> str:
    if what.braces:
        return _written_braces(what)
    line = f"{what.head} {', '.join(what.names)}"
    if what.layout == "lines":
        return "\n".join([f"{what.head} (", *(f"    {name}," for name in what.names), ")"])
    if len(line) <= what.width or len(what.names) == 1:
        return line
    if what.layout == "backslash":
        return _filled(f"{what.head} ", what, " \\\n" + " " * 4, "")
    return _filled(f"{what.head} (", what, "\n" + " " * (len(what.head) + 2), ")")


def _filled(start: str, what: Import, turn: str, end: str) -> str:
    text, room = start, len(start)
    for index, name in enumerate(what.names):
        piece = name + ("," if index < len(what.names) - 1 else end)
        space = "" if index == 0 else " "
        if index and room + len(space + piece) > what.width - 2:
            text, room, space = text + turn, len(turn.rpartition("\n")[2]), ""
        text += space + piece
        room += len(space + piece)
    return text


def _written_braces(what: Import) -> str:
    one = f"{{ {', '.join(what.names)} }}"
    if what.layout == "lines":
        one = "\n".join(["{", *(f"  {name}," for name in what.names), "}"])
    parts = [*what.alone, *([one] if what.names else [])]
    return f"{what.head} {', '.join(parts)}{what.tail}"
