"""When two versions of a file say the same: what the benchmark means by "equal to the human's
result".

Owns two yardsticks. `by_lines` forgets blank lines, white space at the ends of lines, and the order
of imports and definitions. `by_content` forgets all white space that means nothing to the language,
and besides the order of what commutes inside a literal: keys of a dictionary, keyword arguments,
entries of a set and of a list of strings. Neither forgets a word, a quote, a bracket, a comma
outside such a literal, Python's nesting, or what stands in a string.
"""

from __future__ import annotations

from typing import Any

from tree_sitter import Node

from orchestrator.structure.bindings import bound_names
from orchestrator.structure.blocks import SYMBOLS, Block, cut
from orchestrator.structure.languages import Language, language_of

_UNORDERED = frozenset({"dictionary", "set", "object", "argument_list", "list", "array"})
_NAMED = frozenset({"pair", "keyword_argument", "shorthand_property_identifier"})
_STRINGS = frozenset({"string", "template_string"})


def by_lines(path: str, source: bytes) -> Any:
    """What the file says, as a value that does not depend on blank lines, line ends, or the order
    of definitions.
    """
    return _members(_cut(path, source), lambda block: _lines(block.text))


def by_content(path: str, source: bytes) -> Any:
    """What the file says, as a value that does not depend on white space or on the order of what
    commutes.
    """
    language = language_of(path)
    assert language is not None
    root = _cut(path, source)
    assert root.node is not None
    tree = root.node
    return _members(root, lambda block: _inside(language, tree, block.start, block.end))


def equal(path: str, one: bytes, other: bytes) -> bool:
    """Whether the two are equal by either yardstick."""
    return any(
        yardstick(path, one) == yardstick(path, other) for yardstick in (by_lines, by_content)
    )


def invented(path: str, human: bytes, *versions: bytes) -> bool:
    """Whether `human` has lines, imports apart, that none of `versions` has, however they are
    spaced.
    """
    known = set().union(*(_words(path, version) for version in versions))
    return bool(_words(path, human) - known)


def _cut(path: str, source: bytes) -> Block:
    language = language_of(path)
    assert language is not None
    return cut(language, source.replace(b"\r\n", b"\n"))[0]


def _members(block: Block, said: Any) -> Any:
    imports: set[str] = set()
    symbols: list[Any] = []
    rest: list[Any] = []
    for member in block.members:
        if (
            member.kind == "import"
            and member.node is not None
            and not member.node.type.startswith("export")
        ):
            named = bound_names(member.node)
            imports |= {f"{bound}={source}" for bound, source in named} or {
                " ".join(member.text.decode().split())
            }
        elif member.members:
            symbols.append(_members(member, said))
        elif member.kind in SYMBOLS:
            symbols.append(said(member))
        else:
            rest += said(member)
    return sorted(imports), sorted(symbols, key=repr), rest


def _lines(text: bytes) -> list[bytes]:
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def _inside(language: Language, node: Node, start: int, end: int) -> list[Any]:
    """What the part of `node` from byte `start` to `end` says, nested as the syntax is."""
    said: list[Any] = []
    for child in node.children:
        if child.end_byte <= start or child.start_byte >= end:
            continue
        if start <= child.start_byte and child.end_byte <= end:
            said.append(_said(language, child))
        else:
            said += _inside(language, child, start, end)
    return said


def _said(language: Language, node: Node) -> Any:
    text = node.text or b""
    if node.type in language.comments:
        return b" ".join(text.split())
    if node.type in _STRINGS or not node.children:
        return b"\n".join(_lines(text)) if b"\n" in text else text
    children = [child for child in node.children if child.type != "line_continuation"]
    if _commutes(node):
        entries = [_said(language, child) for child in children[1:-1] if child.type != ","]
        return [node.type, *sorted(entries, key=repr)]
    return [node.type, *(_said(language, child) for child in children)]


def _commutes(node: Node) -> bool:
    """Whether the order of the entries means nothing: all are named, or all are strings of one
    list, or it is a set.
    """
    if node.type not in _UNORDERED:
        return False
    types = {child.type for child in node.named_children}
    return (
        node.type == "set"
        or types <= _NAMED
        or (types == {"string"} and node.type in {"list", "array"})
    )


def _words(path: str, source: bytes) -> set[bytes]:
    """The lines of a file without their white space, those of its imports left out."""
    root = _cut(path, source)
    imports = [block for block in root.members if block.kind == "import"]
    rest = bytearray(root.text)
    for block in reversed(imports):
        del rest[block.start : block.end]
    return {b"".join(line.split()) for line in bytes(rest).splitlines()}
