"""The index of one version of a file: its symbols by qualified name, where they are, and what it
imports.

Owns nothing but the view; how a file is cut is in `blocks`. Two symbols never have the same
qualified name: a property's setter is ``Class.size@setter``, a second definition ``name#2``. Scopes
speak of symbols by their plain path, which such symbols share.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from orchestrator.mission.symbols import Outline, OutlineSymbol, SymbolPath
from orchestrator.structure.bindings import bound_names
from orchestrator.structure.blocks import SYMBOLS, Block, cut
from orchestrator.structure.languages import Language, language_of
from orchestrator.structure.naming import text_of

MODULE = "<module>"
IMPORTS = "<imports>"
HEADER = "<header>"
BODY = "<body>"

_IDENTIFIERS = re.compile(r"#?[\w$]+(, *#?[\w$]+)*")


@dataclass(frozen=True, slots=True)
class Symbol:
    """`name` is qualified; bytes and lines (from 1, `last_line` included) hold decorators and the
    comments above.

    What is not a symbol has a name in angle brackets and no `path`: ``<module>`` and ``<imports>``,
    and in a class ``Class.<header>`` and ``Class.<body>``.
    """

    name: str
    kind: str
    start: int
    end: int
    first_line: int
    last_line: int
    path: SymbolPath = ()


@dataclass(frozen=True, slots=True)
class Index:
    """`imports` maps the names that the file binds by importing to what they stand for, as
    ``module.name``.
    """

    language: str
    symbols: tuple[Symbol, ...]
    imports: dict[str, str]
    errors: int
    by_name: dict[str, Symbol] = field(default_factory=dict)


def index(path: str, source: bytes) -> Index | None:
    """The index of a file, or None if its language is not known."""
    language = language_of(path)
    if language is None:
        return None
    root, errors = cut(language, source)
    breaks = [match.start() for match in re.finditer(rb"\n", source)]
    symbols: list[Symbol] = []
    imports: dict[str, str] = {}
    for name, plain, block in _walk(language, root, "", ()):
        if not block.text:
            continue
        if block.kind == "import" and block.node is not None:
            imports |= dict(bound_names(block.node))
        lines = bisect_right(breaks, block.start - 1) + 1, bisect_right(breaks, block.end - 2) + 1
        symbols.append(Symbol(name, block.kind, block.start, block.end, *lines, plain))
    return Index(
        language.name, tuple(symbols), imports, errors, {symbol.name: symbol for symbol in symbols}
    )


def outline(path: str, source: bytes) -> Outline | None:
    """The symbols of a file as scopes speak of them, or None if its language is not known."""
    found = index(path, source)
    if found is None:
        return None
    symbols = (OutlineSymbol(s.path, s.first_line, s.last_line) for s in found.symbols if s.path)
    return Outline(tuple(symbols), len(source.splitlines()), found.errors)


def names_of(language: Language, block: Block) -> tuple[SymbolPath, ...]:
    """The plain paths, below its container, of the symbols that a block defines; nothing for what
    defines none.

    ``a, b = …`` defines two; ``a.b = …`` and ``a[0] = …`` change what is there, and define none.
    """
    name = block.name
    if block.kind not in SYMBOLS or not name:
        return ()
    if block.kind == "variable":
        targets = ", ".join(_targets(block) or [name])
        return (
            tuple((part.strip(),) for part in targets.split(","))
            if _IDENTIFIERS.fullmatch(targets)
            else ()
        )
    if language.name == "rust":  # `Trait for Type<T>` is a part of the type
        return ((name.rpartition(" for ")[2].partition("<")[0],),)
    return (tuple(name.split(".")),) if language.name == "go" else ((name,),)


def _targets(block: Block) -> list[str]:
    """All that ``a = b = …`` assigns to."""
    targets: list[str] = []
    node = (
        block.definition.named_children[0]
        if block.definition and block.definition.named_children
        else None
    )
    while node is not None and node.type in {"assignment", "assignment_expression"}:
        targets.append(" ".join(text_of(node.child_by_field_name("left")).split()))
        node = node.child_by_field_name("right")
    return targets


def label(block: Block, above: str) -> str:
    """What to call a block in the container `above` (empty: in the file) that is no symbol."""
    if not above and block.kind == "import" and not block.name.startswith("export "):
        return IMPORTS
    return (
        f"{above}.{HEADER}" if above and block.kind in {"open", "close"} else label_of_body(above)
    )


def label_of_body(above: str) -> str:
    """What to call that which stands in a container (empty: in the file) beside its symbols."""
    return f"{above}.{BODY}" if above else MODULE


def _walk(
    language: Language, container: Block, above: str, path: SymbolPath
) -> Iterator[tuple[str, SymbolPath, Block]]:
    """Every block below, with its qualified name and its plain path (empty for what is no
    symbol).
    """
    for block in container.members:
        names = names_of(language, block)
        name = (
            (f"{above}.{block.qualifier}" if above else block.qualifier)
            if names
            else label(block, above)
        )
        for plain in names or ((),):
            yield name, (*path, *plain) if names else (), block
        inside = block.kind != "guard" and bool(names)
        yield from _walk(
            language, block, name if inside else above, (*path, *names[0]) if inside else path
        )
