"""The languages whose structure is understood: which file names, which grammar, and what its node
types mean.

Owns the literal registry. Grammars come from their own wheels and nothing is downloaded; the extras
are there if their wheel is installed. How a file is cut by these node types is decided in `blocks`.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import tree_sitter


@dataclass(frozen=True, slots=True, eq=False)  # there is one of each, told apart by identity
class Language:
    """One language: its grammar's module and factory, and which of its node types play which part.

    `containers` are symbols whose members are symbols in their turn, mapped to their kind; `leaves`
    are symbols that are merged as one; `wrappers` stand around a symbol without being one;
    `collections` are the literals whose entries commute, `pairs` their named entries.
    """

    name: str
    module: str
    factory: str
    containers: dict[str, str]
    leaves: dict[str, str]
    wrappers: frozenset[str]
    imports: frozenset[str]
    collections: frozenset[str] = frozenset()
    pairs: frozenset[str] = frozenset()
    comments: frozenset[str] = frozenset({"comment"})
    blocks: frozenset[str] = field(default_factory=frozenset)

    @property
    def installed(self) -> bool:
        """Whether the grammar can be imported here."""
        return importlib.util.find_spec(self.module) is not None


PYTHON = Language(
    name="python",
    module="tree_sitter_python",
    factory="language",
    containers={"class_definition": "class"},
    leaves={"function_definition": "function", "type_alias_statement": "type"},
    wrappers=frozenset({"decorated_definition"}),
    imports=frozenset({"import_statement", "import_from_statement", "future_import_statement"}),
    collections=frozenset({"dictionary", "list", "set", "argument_list"}),
    pairs=frozenset({"pair", "keyword_argument"}),
    blocks=frozenset({"block"}),
)

_SCRIPT_CONTAINERS = {
    "class_declaration": "class",
    "abstract_class_declaration": "class",
    "interface_declaration": "interface",
    "internal_module": "namespace",
    "module": "namespace",
    "type_alias_declaration": "type",
}
_SCRIPT_LEAVES = {
    "function_declaration": "function",
    "generator_function_declaration": "function",
    "function_signature": "function",
    "method_definition": "function",
    "method_signature": "function",
    "abstract_method_signature": "function",
    "enum_declaration": "enum",
    "property_signature": "field",
    "public_field_definition": "field",
    "field_definition": "field",
}
_SCRIPT_COLLECTIONS = frozenset({"object", "array", "enum_body", "object_pattern"})
TYPESCRIPT = Language(
    name="typescript",
    module="tree_sitter_typescript",
    factory="language_typescript",
    containers=_SCRIPT_CONTAINERS,
    leaves=_SCRIPT_LEAVES,
    wrappers=frozenset({"export_statement", "ambient_declaration"}),
    imports=frozenset({"import_statement"}),
    collections=_SCRIPT_COLLECTIONS,
    pairs=frozenset({"pair", "enum_assignment", "method_definition"}),
    blocks=frozenset({"class_body", "interface_body", "object_type", "statement_block"}),
)
TSX = Language(
    name="tsx",
    module="tree_sitter_typescript",
    factory="language_tsx",
    containers=_SCRIPT_CONTAINERS,
    leaves=_SCRIPT_LEAVES,
    wrappers=TYPESCRIPT.wrappers,
    imports=TYPESCRIPT.imports,
    collections=_SCRIPT_COLLECTIONS,
    pairs=TYPESCRIPT.pairs,
    blocks=TYPESCRIPT.blocks,
)
JAVASCRIPT = Language(
    name="javascript",
    module="tree_sitter_javascript",
    factory="language",
    containers=_SCRIPT_CONTAINERS,
    leaves=_SCRIPT_LEAVES,
    wrappers=TYPESCRIPT.wrappers,
    imports=TYPESCRIPT.imports,
    collections=_SCRIPT_COLLECTIONS,
    pairs=TYPESCRIPT.pairs,
    blocks=TYPESCRIPT.blocks,
)
GO = Language(
    name="go",
    module="tree_sitter_go",
    factory="language",
    containers={},
    leaves={
        "function_declaration": "function",
        "method_declaration": "function",
        "type_declaration": "type",
    },
    wrappers=frozenset(),
    imports=frozenset({"import_declaration"}),
)
JAVA = Language(
    name="java",
    module="tree_sitter_java",
    factory="language",
    containers={"class_declaration": "class", "interface_declaration": "interface"},
    leaves={
        "method_declaration": "function",
        "constructor_declaration": "function",
        "field_declaration": "field",
        "enum_declaration": "enum",
        "record_declaration": "class",
    },
    wrappers=frozenset(),
    imports=frozenset({"import_declaration"}),
    comments=frozenset({"line_comment", "block_comment"}),
    blocks=frozenset({"class_body", "interface_body"}),
)
RUST = Language(
    name="rust",
    module="tree_sitter_rust",
    factory="language",
    containers={"impl_item": "impl", "trait_item": "trait", "mod_item": "namespace"},
    leaves={
        "function_item": "function",
        "function_signature_item": "function",
        "struct_item": "class",
        "enum_item": "enum",
        "const_item": "variable",
        "static_item": "variable",
        "type_item": "type",
        "macro_definition": "function",
    },
    wrappers=frozenset(),
    imports=frozenset({"use_declaration"}),
    comments=frozenset({"line_comment", "block_comment", "attribute_item"}),
    blocks=frozenset({"declaration_list"}),
)

BY_SUFFIX: dict[str, Language] = {
    ".py": PYTHON,
    ".pyi": PYTHON,
    ".ts": TYPESCRIPT,
    ".mts": TYPESCRIPT,
    ".cts": TYPESCRIPT,
    ".tsx": TSX,
    ".js": JAVASCRIPT,
    ".mjs": JAVASCRIPT,
    ".cjs": JAVASCRIPT,
    ".jsx": JAVASCRIPT,
    ".go": GO,
    ".java": JAVA,
    ".rs": RUST,
}


def language_of(path: str) -> Language | None:
    """The language of a file by its name, or None if it is not known or its grammar is not
    installed.
    """
    name = path.rpartition("/")[2].lower()
    found = BY_SUFFIX.get(f".{name.rpartition('.')[2]}") if "." in name else None
    return found if found and found.installed else None


def parse(language: Language, source: bytes) -> tree_sitter.Tree:
    """The syntax tree of `source`; it always exists, with error nodes where the grammar does not
    fit.
    """
    parser: tree_sitter.Parser | None = getattr(_PARSERS, language.name, None)
    if parser is None:
        parser = tree_sitter.Parser(grammar(language))
        setattr(_PARSERS, language.name, parser)
    return parser.parse(source)


_PARSERS = threading.local()  # a parser is not to be shared between threads; a grammar is


def grammar(language: Language) -> tree_sitter.Language:
    """The loaded grammar."""
    return _grammar(language.module, language.factory)


@functools.cache
def _grammar(module: str, factory: str) -> tree_sitter.Language:
    return tree_sitter.Language(getattr(importlib.import_module(module), factory)())


def walk(root: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    """A node and all that is in it, in the order of the source."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.children))
