"""Symbols in scopes: the patterns that name them, and the outline that says which ones a file has.

Owns what `Class`, `Class.method` and `on_*` cover and what two patterns have in common. A symbol's
path is its plain names from the outside in, `("Class", "method")`: the setter of a property and the
overloads of a function go by the name that they share. It parses no source: outlines are made by
`structure.symbols`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from orchestrator.mission import globs
from orchestrator.mission.globs import BadGlob

SymbolPath = tuple[str, ...]

_CLASS = re.compile(r"\[[^]]*\]")  # of letters, in a pattern
_NAME = re.compile(r"#?[\w$]*")  # `$` and `#` for JavaScript


@dataclass(frozen=True, slots=True)
class SymbolPattern:
    """Names symbols by their path, with `*`, `?` and `[ab]` inside a name; it covers all that is in
    them too.
    """

    text: str
    parts: tuple[globs.Segment, ...]

    @property
    def outer_name(self) -> str | None:
        """The name of the outermost symbol, where it is one name; None where it has wildcards."""
        letters = [sign for sign in self.parts[0] if isinstance(sign, frozenset)]
        is_plain = len(letters) == len(self.parts[0]) and all(len(sign) == 1 for sign in letters)
        return "".join(letter for sign in letters for letter in sign) if is_plain else None

    def covers(self, path: SymbolPath) -> bool:
        """Whether the symbol is one that it names, or lies in one."""
        return len(path) >= len(self.parts) and self._agrees(path)

    def is_inside(self, path: SymbolPath) -> bool:
        """Whether it names something inside of the symbol at `path`; of the file itself, for an
        empty path.
        """
        return len(path) < len(self.parts) and self._agrees(path)

    def _agrees(self, path: SymbolPath) -> bool:
        return all(
            _expression(part).fullmatch(name) for part, name in zip(self.parts, path, strict=False)
        )

    def meets(self, other: SymbolPattern) -> bool:
        """Whether there is any symbol, existing or not, that both cover."""
        pairs = zip(self.parts, other.parts, strict=False)
        return all(globs.common_path((one,), (two,)) is not None for one, two in pairs)


def parse_symbol(text: str) -> SymbolPattern:
    """A pattern as a scope writes it after `::`. Raises BadGlob."""
    if "::" in text:
        raise BadGlob("symbols are joined by dots", f"write `{text.replace('::', '.')}`")
    if text.endswith("()"):
        raise BadGlob("a symbol is a name, not a call", f"write `{text[:-2]}`")
    if re.search(r":\d+$", text):
        raise BadGlob("expected a symbol or a line, not both", "take one of the two out")
    names = text.split(".")
    if "" in names:
        raise BadGlob("a symbol's name is missing", "write `path::Class` or `path::Class.method`")
    if any("**" in name for name in names):
        raise BadGlob(
            "`**` stands for folders; a symbol covers all that is in it", "write its name alone"
        )
    for name in names:
        if not _NAME.fullmatch(re.sub(r"[*?]", "", _CLASS.sub("x", name))) or name[0].isdigit():
            raise BadGlob(
                f"`{name}` is no name of a symbol",
                "write letters, digits and `_`, or `*` and `?` for any",
            )
    try:
        return SymbolPattern(text, tuple(globs.parse_segment(name) for name in names))
    except ValueError as error:
        raise BadGlob(str(error)) from None


def exactly(path: SymbolPath) -> SymbolPattern:
    """The pattern of one symbol, whatever signs its names have."""
    return SymbolPattern(".".join(path), tuple(tuple(map(frozenset, name)) for name in path))


@lru_cache(maxsize=4096)
def _expression(part: globs.Segment) -> re.Pattern[str]:
    signs = {globs.ANY: ".", globs.STAR: ".*"}
    texts = (
        f"[{''.join(map(re.escape, sorted(s)))}]" if isinstance(s, frozenset) else signs[s]
        for s in part
    )
    return re.compile("".join(texts), re.DOTALL)


@dataclass(frozen=True, slots=True)
class OutlineSymbol:
    """One definition; lines count from 1, `last_line` included, with its decorators and the
    comments above it.
    """

    path: SymbolPath
    first_line: int
    last_line: int


@dataclass(frozen=True)  # without slots: what is derived is kept
class Outline:
    """Which symbols one version of a file has, in its order; `errors` counts the places that do not
    parse.
    """

    symbols: tuple[OutlineSymbol, ...]
    lines: int
    errors: int = 0

    def at(self, line: int) -> SymbolPath | None:
        """The innermost symbol that holds the line; None for imports, module statements and what is
        between symbols.
        """
        holding = [
            symbol for symbol in self.symbols if symbol.first_line <= line <= symbol.last_line
        ]
        return max(holding, key=lambda symbol: len(symbol.path)).path if holding else None

    def covered(self, *patterns: SymbolPattern) -> tuple[str, ...]:
        """The names of the symbols that all of the patterns cover; of those in one another the
        outermost.
        """
        return tuple(dict.fromkeys(".".join(path) for path in self._outermost(patterns)))

    def _outermost(self, patterns: tuple[SymbolPattern, ...]) -> Iterator[SymbolPath]:
        found: set[SymbolPath] = set()
        plain = next((name for pattern in patterns if (name := pattern.outer_name)), None)
        for symbol in self.symbols if plain is None else self._by_outer.get(plain, ()):
            if any(symbol.path[:size] in found for size in range(1, len(symbol.path))):
                continue
            if all(pattern.covers(symbol.path) for pattern in patterns):
                found.add(symbol.path)
                yield symbol.path

    @cached_property
    def _by_outer(self) -> Mapping[str, list[OutlineSymbol]]:
        found: dict[str, list[OutlineSymbol]] = {}
        for symbol in self.symbols:
            found.setdefault(symbol.path[0], []).append(symbol)
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """All names, dotted, each once."""
        return tuple(dict.fromkeys(".".join(symbol.path) for symbol in self.symbols))
