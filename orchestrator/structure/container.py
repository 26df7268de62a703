"""One version of a file, or of a class in it, with what an agent may change set aside.

Owns what is left then: the other blocks without the comments above them, those comments, and what
is imported. Comments are apart because a line that is added may change which block they stand
above. Two versions are held against each other in `comparison`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.mission.scope import SymbolRule
from orchestrator.mission.symbols import SymbolPath
from orchestrator.structure.additions import Binding, bindings, is_export
from orchestrator.structure.blocks import Block
from orchestrator.structure.languages import Language
from orchestrator.structure.symbols import label, names_of

_COMMENTS = (b"#", b"//", b"/*")


@dataclass(frozen=True, slots=True)
class Unit:
    """A block that the rule does not allow. `body`, which begins at the byte `start`, is it without
    the comments above.

    `label` is what people call it; `names` are the symbols that it defines, if it defines any.
    """

    block: Block
    label: str
    names: tuple[SymbolPath, ...]
    body: bytes
    start: int


@dataclass(slots=True)
class Comment:
    """One line of a comment, which begins at the byte `start`; `above` is the key of the block
    below it.
    """

    text: bytes
    start: int
    above: str = ""
    is_mine: bool = False
    """It belongs to what the rule allows."""


@dataclass(slots=True)
class Container:
    """What a file, a class or a guard (`if …:`) holds beside what the rule allows."""

    units: dict[str, Unit] = field(default_factory=dict)
    """By the key of the block, in the file's order."""
    imports: list[Binding] = field(default_factory=list)
    statements: set[str] = field(default_factory=set)
    """The keys of the blocks that make up `imports`."""
    comments: list[Comment] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    """All that have a meaning in it, allowed or not."""
    packages: set[str] = field(default_factory=set)
    """Those of whole packages, of which further modules can be imported."""

    def label_above(self, comment: Comment, otherwise: str) -> str:
        """What a comment stands above."""
        below = self.units.get(comment.above)
        return below.label if below else otherwise


def contents(
    language: Language, rule: SymbolRule, block: Block | None, path: SymbolPath
) -> Container:
    """What a block at the symbol path `path` holds beside what the rule allows; None holds
    nothing.
    """
    found = Container()
    waiting: list[Comment] = []
    for member in block.members if block else ():
        if not member.text:
            continue
        names = tuple((*path, *name) for name in names_of(language, member))
        comments, body, start = _without_comments(member, block)
        waiting += comments
        if not body:
            continue
        is_mine = bool(names) and all(
            any(symbol.covers(name) for symbol in rule.symbols) for name in names
        )
        for comment in waiting:
            comment.above = "" if is_mine else member.key
        for comment in comments:
            comment.is_mine = is_mine
        found.comments += waiting
        waiting = []
        found.names.update(name[len(path)] for name in names)
        if not is_mine and not _is_import(language, rule, member, found):
            called = ", ".join(map(".".join, names)) or label(member, ".".join(path))
            found.units[member.key] = Unit(member, called, names, body, start)
    found.comments += waiting
    return found


def _is_import(language: Language, rule: SymbolRule, block: Block, found: Container) -> bool:
    """Whether a block is to be compared by what it imports and not by its text; notes what it
    imports.
    """
    if block.kind == "guard":
        inside = contents(language, rule, block, ())
        found.names |= inside.names
        found.packages |= inside.packages
    if block.kind != "import" or is_export(block):
        return False
    bound = bindings(language, block)
    found.names.update(binding.name for binding in bound if binding.name)
    found.packages.update(binding.name for binding in bound if binding.name and binding.is_package)
    if rule.imports == "deny":
        return False
    found.imports += bound
    found.statements.add(block.key)
    return True


def _without_comments(block: Block, container: Block | None) -> tuple[list[Comment], bytes, int]:
    """The comment lines above a block, the rest of it, and where that begins."""
    size = 0
    if block.kind == "comment" and block.text.lstrip().startswith(_COMMENTS):
        size = len(block.text)
    else:
        node = container.node if block.kind == "open" and container else block.node
        if node is not None and node.start_byte > block.start:
            size = block.text.rfind(b"\n", 0, node.start_byte - block.start) + 1
    comments: list[Comment] = []
    at = block.start
    for line in block.text[:size].splitlines(keepends=True):
        if (
            line.strip() and block.kind != "open"
        ):  # what is above a class is above its first line as well
            comments.append(Comment(line.strip(), at))
        at += len(line)
    return comments, block.text[size:], block.start + size
