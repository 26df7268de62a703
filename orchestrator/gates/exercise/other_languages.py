"""Functions of other languages than Python that fail, and values that are others.

Done to the text by the syntax trees of `structure`: one statement at the beginning of each function
body, behind a condition that compilers do not look through, so that the rest still compiles. What
stands at the top of a module of JavaScript, TypeScript or Go as a literal is another one. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import tree_sitter

from orchestrator.structure.languages import Language, language_of, parse


@dataclass(frozen=True, slots=True)
class _Way:
    """How a language's functions fail: the types of their nodes, and the statement; `values` are
    the nodes below which literals are others.
    """

    functions: frozenset[str]
    fails: str
    values: frozenset[str] = frozenset()


_SCRIPT = _Way(
    frozenset(
        {
            "arrow_function",
            "function_declaration",
            "function_expression",
            "generator_function",
            "generator_function_declaration",
            "method_definition",
        }
    ),
    "if (IS) throw new Error(WHAT); ",
    frozenset({"variable_declarator", "enum_assignment", "public_field_definition"})
    | {"field_definition"},
)
WAYS = {
    "javascript": _SCRIPT,
    "typescript": _SCRIPT,
    "tsx": _SCRIPT,
    "go": _Way(
        frozenset({"function_declaration", "method_declaration", "func_literal"}),
        "if IS { panic(WHAT) }; ",
        frozenset({"const_spec", "var_spec"}),
    ),
    "java": _Way(frozenset({"method_declaration"}), "if (IS) throw new RuntimeException(WHAT); "),
    "rust": _Way(frozenset({"function_item"}), "if IS { panic!(WHAT) } "),
}
NUMBERS = frozenset({"number", "int_literal", "float_literal"})
TEXTS = frozenset({"string", "interpreted_string_literal"})
TRUTHS = frozenset({"true", "false"})
NO_VALUES = frozenset(
    {"call_expression", "new_expression", "type_annotation", "literal_type", "type_identifier"}
)

Edit = tuple[int, int, bytes]
"""Where a text is put in, in which order among those at the same place, and the text."""


def is_known(path: str) -> bool:
    """Whether functions of a file can be made to fail."""
    language = language_of(path)
    return language is not None and language.name in WAYS


def broken(path: str, source: bytes, *, is_armed: bool) -> bytes | None:
    """A file in which every function fails and every value at the top is another one; not
    `is_armed`: the functions are written like that, and do what they did. None where nothing can be
    done to it.
    """
    language = language_of(path)
    if language is None or language.name not in WAYS:
        return None
    tree = parse(language, source)
    if tree.root_node.has_error:
        return None
    way = WAYS[language.name]
    what = json.dumps(f"{path} is broken on purpose")
    fails = way.fails.replace("IS", str(is_armed).lower()).replace("WHAT", what).encode()
    edits = list(_functions(language, tree.root_node, way, fails))
    if is_armed:
        edits += _values(tree.root_node, way, is_inside=False)
    made = source
    for at, _, text in sorted(edits, reverse=True):
        made = made[:at] + text + made[at:]
    return made if edits else None


def _functions(
    language: Language, node: tree_sitter.Node, way: _Way, fails: bytes
) -> Iterator[Edit]:
    if _is_of_tests(node):
        return
    body = node.child_by_field_name("body")
    if node.type in way.functions and body is not None and not _is_left_out(language, node):
        if body.text is not None and body.text.startswith(b"{") and body.type != "object":
            yield body.start_byte + 1, 0, b" " + fails
        else:  # the value of an arrow function
            yield body.start_byte, 0, b"{ " + fails + b"return ("
            yield body.end_byte, -body.start_byte, b"); }"
    for child in node.children:
        yield from _functions(language, child, way, fails)


def _is_of_tests(node: tree_sitter.Node) -> bool:
    """Whether it is a module of tests inside of a Rust file."""
    name = node.child_by_field_name("name")
    return node.type == "mod_item" and name is not None and b"test" in (name.text or b"")


def _is_left_out(language: Language, node: tree_sitter.Node) -> bool:
    """Whether a function has to run, or cannot be written otherwise: Go's `init`, a constant
    function of Rust.
    """
    name = node.child_by_field_name("name")
    if language.name == "go":
        return name is not None and name.text == b"init"
    head = (node.text or b"").partition(b"fn ")[0]
    return language.name == "rust" and b"const" in head


def _values(node: tree_sitter.Node, way: _Way, *, is_inside: bool) -> Iterator[Edit]:
    """The literals at the top of a module, and in its classes and tables."""
    if node.type in way.functions or node.type in NO_VALUES or _is_of_tests(node):
        return
    if is_inside and node.type in NUMBERS:
        yield node.start_byte, 0, b"("
        yield node.end_byte, -node.start_byte, b" + 1)"
    elif is_inside and node.type in TEXTS:
        yield node.end_byte - 1, 0, b" (broken on purpose)"
    elif is_inside and node.type in TRUTHS:
        yield node.start_byte, 0, b"!"
    else:
        keys = {node.child_by_field_name(name) for name in ("key", "name", "property", "type")}
        for child in node.children:
            if child not in keys:
                is_value = is_inside or node.type in way.values
                yield from _values(child, way, is_inside=is_value)
