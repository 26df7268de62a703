"""What an agent may add to a file beside the symbols that it was given: imports, and new symbols.

Owns the meaning of a scope's `imports` and `new_symbols`: what binds a name that is taken is no
addition, and what is private depends on the language. That nothing else changed is seen to in
`scoping`.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from orchestrator.mission.scope import SymbolRule
from orchestrator.mission.symbols import SymbolPath
from orchestrator.structure.bindings import bound_names
from orchestrator.structure.blocks import Block
from orchestrator.structure.languages import Language
from orchestrator.structure.naming import text_of

_FUTURE = "future_import_statement"
_FOR_TYPES = re.compile(r"(\w+\.)?TYPE_CHECKING")
_MODIFIERS = frozenset({"accessibility_modifier", "modifiers", "visibility_modifier"})
_SCRIPTS = frozenset({"typescript", "tsx", "javascript"})


@dataclass(frozen=True, slots=True)
class Binding:
    """One thing that an import does. `name` is bound by it, None for what binds none that could be
    told.
    """

    name: str | None
    meaning: str
    """What makes it the same as one in another version, however that is laid out."""
    shown: str
    start: int
    is_wide: bool = False
    """It reaches beyond the names that it shows: `*`, or a `__future__` import."""
    is_package: bool = False
    """It binds a package by its own name, of which it may import a module: ``import a.b`` binds
    ``a``.
    """


def bindings(language: Language, block: Block) -> list[Binding]:
    """What an import statement does, piece by piece; comments in it are a piece too."""
    node = block.node
    if node is None:
        return []
    kind = "type " if block.name.rstrip(" *").endswith(" type") else ""
    is_module = language.name == "python" and node.type == "import_statement"
    found: list[Binding] = []
    for name, meaning in bound_names(node):
        is_package = is_module and f"{meaning}.".startswith(f"{name}.")
        key = f"{kind}{name}={'module ' if is_module else ''}{meaning}"
        found.append(Binding(name, key, name, node.start_byte, node.type == _FUTURE, is_package))
    if not found:  # no names to be told: by lines
        lines = (line.strip(" \t\r,;") for line in text_of(node).splitlines())
        for line in lines:
            is_wide = "*" in line or line.startswith('. "')
            found += (
                [Binding(None, line, line, node.start_byte, is_wide)] if line.strip("()") else []
            )
    notes = [child for child in node.named_children if child.type in language.comments]
    after = (
        block.text[node.end_byte - block.start :]
        .decode("utf-8", "surrogateescape")
        .strip(" \t\r\n;")
    )
    said = [text_of(note).strip() for note in notes] + [after]
    return found + [Binding(None, note, note, node.start_byte) for note in said if note]


def is_export(block: Block) -> bool:
    """Whether a block, though it reads like an import, hands names on to others."""
    return block.kind == "import" and block.name.startswith("export ")


@dataclass(frozen=True, slots=True)
class Additions:
    """What may be added to the container at `path`, in which the names `taken`, some of `packages`,
    had a meaning.
    """

    language: Language
    rule: SymbolRule
    path: SymbolPath
    taken: AbstractSet[str]
    packages: AbstractSet[str]
    is_new: bool
    """Whether the container itself is: then it may have a beginning and an end."""

    def opens(self, block: Block, names: tuple[SymbolPath, ...]) -> bool:
        """Whether a new container is to be judged by its members: it only holds what the rule
        speaks of.
        """
        if block.kind == "guard":
            return _FOR_TYPES.fullmatch(block.name) is not None
        return (
            len(names) == 1
            and bool(block.members)
            and self._holds(names[0])
            and not self._is_taken(names[0])
        )

    def refusal(self, block: Block, names: tuple[SymbolPath, ...]) -> str:
        """Why a new block that the rule does not name may not be there; empty if it may."""
        if self.is_new and block.kind in {"open", "close", "doc"}:
            return ""
        if block.kind == "import":
            return self.refusal_of_export(block) if is_export(block) else "imports are denied"
        return self._refusal_of_symbol(block, names) if names else "added outside of the scope"

    def _refusal_of_symbol(self, block: Block, names: tuple[SymbolPath, ...]) -> str:
        if any(self._is_taken(name) for name in names):
            return "defines again what is there"
        if self.path and not self._holds(self.path):
            return f"a new symbol, in `{'.'.join(self.path)}`, of which the scope names nothing"
        mode = self.rule.new_symbols
        if mode == "deny":
            return "a new symbol that the scope does not name"
        is_allowed = mode == "allow" or all(self._is_private(block, name) for name in names)
        return "" if is_allowed else "a new symbol that is not private, and not named by the scope"

    def refusal_of_import(self, binding: Binding) -> str:
        """Why an import may not be added; empty if it may."""
        if binding.is_wide:
            return (
                f"`{binding.shown}` reaches beyond the scope: such an import needs `imports: any`"
            )
        name = binding.name
        if name not in self.taken or (binding.is_package and name in self.packages):
            return ""
        return f"binds `{name}`, which has a meaning in this file already"

    def _holds(self, path: SymbolPath) -> bool:
        return any(symbol.is_inside(path) for symbol in self.rule.symbols)

    def _is_taken(self, name: SymbolPath) -> bool:
        return name[len(self.path)] in self.taken

    def refusal_of_export(self, block: Block, before: Block | None = None) -> str:
        """Why a list of exports may not be added, or become this from what it was; empty if
        it may.
        """
        new, old = (
            set(bound_names(each.node)) if each and each.node else set() for each in (block, before)
        )
        if not new or not old <= new:
            return "changed outside of the scope"
        added = [name for name, _ in new - old]
        is_allowed = self.rule.new_symbols == "allow" or all(
            any(symbol.covers((name,)) for symbol in self.rule.symbols) for name in added
        )
        return "" if is_allowed else "exports what the scope does not name"

    def _is_private(self, block: Block, path: SymbolPath) -> bool:
        """Whether nobody outside of the file, or of the class, is meant to use it."""
        name, language, modifiers = path[-1], self.language.name, _modifiers(block)
        if name.startswith("#") or (
            name.startswith("_") and not (name.startswith("__") and name.endswith("__"))
        ):
            return True
        if language in _SCRIPTS and not self.path:
            return block.node is not None and block.node.type != "export_statement"
        if language == "go":
            return name[:1].islower()
        return "private" in modifiers or (
            language == "rust" and not any(word.startswith("pub") for word in modifiers)
        )


def _modifiers(block: Block) -> set[str]:
    children = block.definition.children if block.definition else ()
    return {
        word for child in children if child.type in _MODIFIERS for word in text_of(child).split()
    }
