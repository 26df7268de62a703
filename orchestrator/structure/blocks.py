"""One version of a file cut into blocks that, put together again, are that file byte for byte.

A block is a run of whole lines: a header comment, an import, a module statement, or a symbol with
its decorators and the comments above it. Classes and the like hold their members as blocks in their
turn. Blank lines stand before the block that they precede, apart from its text. Owns spans and
keys; what a node is called is decided in `naming`.
"""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

from tree_sitter import Node

from orchestrator.structure.languages import Language, parse
from orchestrator.structure.naming import Named, named, text_of

SYMBOLS = frozenset(
    {
        "class",
        "function",
        "interface",
        "type",
        "enum",
        "field",
        "namespace",
        "variable",
        "test",
        "impl",
        "trait",
    }
)
"""The kinds of blocks that have a name which others can use."""


@dataclass(slots=True)
class Block:
    """`key` is unique among its siblings; `start` is where `text` begins in the file; `lead` is the
    space before it.

    `opening` makes the members, once they are asked for: most classes of a file are never looked
    into. `family` is what the key was before keys of one name were told apart.
    """

    kind: str
    name: str
    key: str
    lead: bytes
    text: bytes
    start: int
    node: Node | None = None
    definition: Node | None = None
    opening: Callable[[], list[Block]] | None = field(default=None, repr=False, compare=False)
    repeats: bool = False
    family: str = ""
    opened: list[Block] | None = field(default=None, repr=False, compare=False)

    @property
    def members(self) -> list[Block]:
        """Header, members and end of a container, in the file's order; of what holds nothing,
        nothing.
        """
        if self.opened is None:
            self.opened = self.opening() if self.opening else []
        return self.opened

    @property
    def end(self) -> int:
        """Where `text` ends in the file."""
        return self.start + len(self.text)

    @property
    def qualifier(self) -> str:
        """The name with what tells it from others of the same name."""
        return self.key.partition(":")[2] if self.kind in SYMBOLS else self.name

    def walk(self, above: str = "") -> Iterator[tuple[str, Block]]:
        """Every block below, with its qualified name, in the order of the file."""
        for member in self.members:
            name = f"{above}.{member.qualifier}" if above else member.qualifier
            yield name, member
            if member.members:
                yield from member.walk(above if member.kind == "guard" else name)


@dataclass(slots=True)
class _Piece:
    """A block in the making: bytes `start` to `end` of the file are its lines."""

    start: int
    end: int
    what: Named | None
    node: Node
    column: int


@functools.lru_cache(maxsize=8)  # a merge and its checks look at the same few texts again and again
def cut(language: Language, source: bytes) -> tuple[Block, int]:
    """The file as a block of kind ``module``, and how many of its nodes are errors or missing.

    Not to be modified: it is shared.
    """
    tree = parse(language, source)
    root = Block("module", "", "module:", b"", source, 0, tree.root_node, tree.root_node)
    root.opened = _region(
        language, source, tree.root_node.named_children, 0, len(source), module=True
    )
    return root, errors_in(tree.root_node)


def errors_in(root: Node) -> int:
    """How many nodes below are errors or missing."""
    count = 0
    waiting = [root]  # a tree may be deeper than Python calls itself
    while waiting:
        node = waiting.pop()
        if node.has_error:
            count += node.is_error or node.is_missing
            waiting += node.children
    return count


def _region(
    language: Language, source: bytes, nodes: Iterable[Node], start: int, end: int, *, module: bool
) -> list[Block]:
    pieces = _pieces(language, source, nodes, end)
    pieces = _with_comments(pieces, source, start, module=module)
    blocks: list[Block] = []
    at = start
    for piece in pieces:
        gap = source[at : piece.start]
        first = len(gap) - len(gap.lstrip(b" \t\f\n\r")) if gap.strip() else len(gap)
        begin = at + (gap.rfind(b"\n", 0, first) + 1)
        blocks.append(_block(language, source, piece, source[at:begin], begin))
        at = piece.end
    rest = source[at:end]
    blocks.append(Block("close", "close", "close:", rest, b"", end))
    _tell_apart(blocks, pieces)
    return blocks


def _pieces(language: Language, source: bytes, nodes: Iterable[Node], end: int) -> list[_Piece]:
    """The nodes as runs of whole lines; those that share a line become one."""
    pieces: list[_Piece] = []
    seen = False
    for node in nodes:
        begin, stop = node.start_byte, node.end_byte
        start = source.rfind(b"\n", 0, begin) + 1
        if source[stop - 1 : stop] != b"\n":
            newline = source.find(b"\n", stop)
            stop = len(source) if newline == -1 else newline + 1
        stop = min(stop, end) if stop > end >= node.end_byte else stop
        comment = node.type in language.comments
        last = pieces[-1] if pieces else None
        if last is not None and start < last.end:
            if not comment:
                last.end = max(last.end, stop)
                last.what = None if last.what else named(language, node, first=False)
                last.node = node if last.what else last.node
            continue
        what = None if comment else named(language, node, first=not seen)
        seen = seen or not comment
        column = begin - start
        pieces.append(_Piece(start, stop, what or Named("comment", "", node), node, column))
    for piece in pieces:
        if piece.what is None:
            text = " ".join(
                source[piece.start : piece.end].decode("utf-8", "surrogateescape").split()
            )
            piece.what = Named(
                "comment", text, piece.node
            )  # several statements on one line: matched by their text
    return pieces


def _with_comments(
    pieces: list[_Piece], source: bytes, start: int, *, module: bool
) -> list[_Piece]:
    """Comments go with the block that they stand on; a licence, and what stands alone, are blocks
    of their own.
    """
    result: list[_Piece] = []
    pending: _Piece | None = None
    for piece in pieces:
        assert piece.what is not None
        if piece.what.kind == "comment" and not piece.what.name:
            if (
                pending is not None
                and not source[pending.end : piece.start].strip(b" \t")
                and piece.start == pending.end
            ):
                pending.end = piece.end
                continue
            if pending is not None:
                result.append(pending)
            previous = result[-1] if result else None
            if module and piece.column and previous is not None and previous.end <= piece.start:
                previous.end = piece.end  # indented: it belongs to the body that ends here
                continue
            pending = piece
            continue
        if pending is not None:
            licence = (
                module
                and not source[start : pending.start].strip()
                and piece.what.kind in {"import", "doc"}
            )
            if pending.end == piece.start and not licence:
                piece.start = pending.start
            else:
                result.append(pending)
            pending = None
        result.append(piece)
    return [*result, pending] if pending is not None else result


def _block(language: Language, source: bytes, piece: _Piece, lead: bytes, start: int) -> Block:
    what = piece.what
    assert what is not None
    text = source[start : piece.end]
    name, kind = what.name, what.kind
    if kind == "comment":
        name = name or " ".join(text.decode("utf-8", "surrogateescape").split())
        return Block("comment", name, f"comment:{name}", lead, text, start)
    block = Block(kind, name, what.key, lead, text, start, piece.node, what.definition)
    if what.body is not None:
        block.opening = partial(_members, language, source, block, what)
    return block


def _members(language: Language, source: bytes, block: Block, what: Named) -> list[Block]:
    """Header, members and end of a container; nothing if they are not on lines of their own."""
    body = what.body
    assert body is not None
    braced = body.child_count > 0 and body.children[0].type == "{"
    if braced:
        begin, close = body.children[0].end_byte, body.children[-1].start_byte
        nodes = body.named_children
    else:
        colon = next(
            (child for child in reversed(what.definition.children) if child.type == ":"), None
        )
        begin, close = (colon.end_byte if colon else body.start_byte), block.end
        inside = [child for child in what.definition.children if child.type in language.comments]
        nodes = [*(child for child in inside if child.start_byte > begin), *body.named_children]
    opened = source.find(b"\n", begin) + 1
    nodes = [
        node for node in nodes if node.start_byte >= opened or node.type not in language.comments
    ]
    closed = source.rfind(b"\n", 0, close) + 1 if braced else block.end
    if (
        not opened
        or opened > closed
        or any(n.start_byte < opened or n.end_byte > closed for n in nodes)
    ):
        return []
    head = Block("open", "header", "open:", b"", source[block.start : opened], block.start)
    members = _region(language, source, nodes, opened, closed, module=False)
    members[-1].text = source[closed : block.end]
    members[-1].start = closed
    return [head, *members]


def _tell_apart(blocks: list[Block], pieces: list[_Piece]) -> None:
    """Make the keys unique: by decorators or parameters where these differ, then by counting."""
    counts = Counter(block.key for block in blocks)
    spares: dict[str, set[str]] = defaultdict(set)
    for block in blocks:
        block.family = block.key
    for block, piece in zip(blocks, pieces, strict=False):
        if counts[block.key] > 1 and piece.what is not None:
            block.repeats = block.kind in SYMBOLS
            if piece.what.spare:
                spares[block.key].add(piece.what.spare)
                block.key = f"{block.key}{piece.what.spare}"
    seen: Counter[str] = Counter()
    for block in blocks:
        seen[block.key] += 1
        if seen[block.key] > 1:
            block.key = f"{block.key}#{seen[block.key]}"


__all__ = ["SYMBOLS", "Block", "cut", "errors_in", "text_of"]
