"""The index of one version of a file: its symbols by qualified name, where they are, and what it imports.

Owns nothing but the view; how a file is cut is in `blocks`. Two symbols never have the same qualified name: a
property's setter is ``Class.size@setter``, a second definition ``name#2``.
"""

from __future__ import annotations

import fnmatch
import re
from bisect import bisect_right
from dataclasses import dataclass, field

from orchestrator.git.structure.blocks import SYMBOLS, cut
from orchestrator.git.structure.imports import bound_names
from orchestrator.git.structure.languages import language_of

MODULE = "<module>"
IMPORTS = "<imports>"
HEADER = "<header>"


@dataclass(frozen=True, slots=True)
class Symbol:
    """`name` is qualified; bytes and lines (from 1, `last_line` included) hold decorators and the comments above.

    What is not a symbol has a name in angle brackets: ``<module>`` and ``<imports>``, and ``Class.<header>``.
    """

    name: str
    kind: str
    start: int
    end: int
    first_line: int
    last_line: int


@dataclass(frozen=True, slots=True)
class Index:
    """`imports` maps the names that the file binds by importing to what they stand for, as ``module.name``."""

    language: str
    symbols: tuple[Symbol, ...]
    imports: dict[str, str]
    errors: int
    by_name: dict[str, Symbol] = field(default_factory=dict)

    def symbol_at(self, line: int) -> Symbol | None:
        """The innermost symbol that holds `line`, counted from 1; None for blank lines between them."""
        holding = [symbol for symbol in self.symbols if symbol.first_line <= line <= symbol.last_line]
        return max(holding, key=lambda symbol: (symbol.start, -symbol.end), default=None)

    def matching(self, pattern: str) -> tuple[Symbol, ...]:
        """The symbols that ``Class``, ``Class.method`` or ``on_*`` names; overloads and setters go with their name."""
        found = (s for s in self.symbols if not s.name.endswith(">"))
        return tuple(s for s in found if fnmatch.fnmatchcase(s.name.partition("@")[0].partition("#")[0], pattern))


def index(path: str, source: bytes) -> Index | None:
    """The index of a file, or None if its language is not known."""
    language = language_of(path)
    if language is None:
        return None
    root, errors = cut(language, source)
    breaks = [match.start() for match in re.finditer(rb"\n", source)]
    symbols: list[Symbol] = []
    imports: dict[str, str] = {}
    for name, block in root.walk():
        if not block.text:
            continue
        if block.kind == "import" and block.node is not None:
            imports |= dict(bound_names(block.node))
        lines = bisect_right(breaks, block.start - 1) + 1, bisect_right(breaks, block.end - 2) + 1
        symbols.append(Symbol(_called(name, block.kind), block.kind, block.start, block.end, *lines))
    return Index(language.name, tuple(symbols), imports, errors, {symbol.name: symbol for symbol in symbols})


def _called(name: str, kind: str) -> str:
    if kind in SYMBOLS:
        return name
    for part in ("header", "close"):
        if name.endswith(f".{part}"):
            return f"{name.removesuffix(part)}{HEADER}"
    return IMPORTS if kind == "import" else MODULE
