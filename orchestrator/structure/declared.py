"""What a version of a Go, Rust, Java, TypeScript or JavaScript file uses that nothing in it declares.

Pure. Owns which nodes bind a name. Scopes are not told
apart: a name that is bound anywhere in the file is declared. What is declared elsewhere, in another
file of a package or above a class, is used and not declared in every version, so that only what a
merge took apart differs.
"""

from __future__ import annotations

import functools
from collections.abc import Set as AbstractSet

import tree_sitter
from tree_sitter import Node

from orchestrator.structure.languages import Language, grammar
from orchestrator.structure.naming import text_of

Named = dict[str, int]
"""A name, and the line from 1 where it stands first."""

_Fields = dict[str, tuple[str, ...]]
_GO: _Fields = {
    "function_declaration": ("name",),
    "type_spec": ("name",),
    "type_alias": ("name",),
    "const_spec": ("name",),
    "var_spec": ("name",),
    "parameter_declaration": ("name",),
    "variadic_parameter_declaration": ("name",),
    "type_parameter_declaration": ("name",),
    "short_var_declaration": ("left",),
    "range_clause": ("left",),
    "receive_statement": ("left",),
    "type_switch_statement": ("alias",),
}
_RUST: _Fields = {
    "function_item": ("name",),
    "function_signature_item": ("name",),
    "struct_item": ("name",),
    "union_item": ("name",),
    "enum_item": ("name",),
    "enum_variant": ("name",),
    "trait_item": ("name",),
    "type_item": ("name",),
    "associated_type": ("name",),
    "const_item": ("name",),
    "static_item": ("name",),
    "mod_item": ("name",),
    "macro_definition": ("name",),
    "extern_crate_declaration": ("name", "alias"),
    "type_parameter": ("name",),
    "const_parameter": ("name",),
    "let_declaration": ("pattern",),
    "let_condition": ("pattern",),
    "parameter": ("pattern",),
    "for_expression": ("pattern",),
    "match_arm": ("pattern",),
    "closure_expression": ("parameters",),
}
_JAVA: _Fields = {
    "class_declaration": ("name",),
    "interface_declaration": ("name",),
    "annotation_type_declaration": ("name",),
    "enum_declaration": ("name",),
    "record_declaration": ("name",),
    "method_declaration": ("name",),
    "annotation_type_element_declaration": ("name",),
    "constructor_declaration": ("name",),
    "compact_constructor_declaration": ("name",),
    "variable_declarator": ("name",),
    "formal_parameter": ("name",),
    "catch_formal_parameter": ("name",),
    "enhanced_for_statement": ("name",),
    "resource": ("name",),
    "instanceof_expression": ("name",),
    "enum_constant": ("name",),
    "lambda_expression": ("parameters",),
}
_SCRIPT: _Fields = {
    "variable_declarator": ("name",),
    "function_declaration": ("name",),
    "generator_function_declaration": ("name",),
    "function_signature": ("name",),
    "function_expression": ("name",),
    "generator_function": ("name",),
    "class_declaration": ("name",),
    "abstract_class_declaration": ("name",),
    "class": ("name",),
    "interface_declaration": ("name",),
    "type_alias_declaration": ("name",),
    "enum_declaration": ("name",),
    "internal_module": ("name",),
    "module": ("name",),
    "required_parameter": ("pattern", "name"),
    "optional_parameter": ("pattern", "name"),
    "catch_clause": ("parameter",),
    "arrow_function": ("parameter",),
    "for_in_statement": ("left",),
    "type_parameter": ("name",),
    "mapped_type_clause": ("name",),
    "index_signature": ("name",),
    "import_alias": ("name",),
}
_BINDING: dict[str, _Fields] = {"go": _GO, "rust": _RUST, "java": _JAVA}
_BINDING |= dict.fromkeys(("typescript", "tsx", "javascript"), _SCRIPT)
"""By language, the nodes that bind names, and in which fields."""

_BINDS_ALL = frozenset(
    {
        *("import_declaration", "use_declaration", "import_statement", "package_clause"),
        *("package_declaration", "type_parameters", "type_pattern", "record_pattern_component"),
        *("formal_parameters", "infer_type", "import_specifier", "namespace_import"),
    }
)
"""Nodes of which each name that is not bound in a field binds."""
_PATTERNS = frozenset(
    {
        *("expression_list", "tuple_pattern", "tuple_struct_pattern", "struct_pattern"),
        *("slice_pattern", "ref_pattern", "mut_pattern", "reference_pattern", "captured_pattern"),
        *("field_pattern", "match_pattern", "or_pattern", "closure_parameters"),
        *("object_pattern", "array_pattern", "pair_pattern", "rest_pattern"),
        *("assignment_pattern", "object_assignment_pattern", "inferred_parameters"),
        *("let_chain", "spread_parameter", "remaining_field_pattern"),
    }
)
_NOT_IN_PATTERN = ("type", "key", "right", "condition", "value")
"""Fields of a pattern whose names are used, or are no names."""

_WORDS: dict[str, tuple[str, ...]] = {
    "go": ("identifier", "type_identifier"),
    "rust": ("identifier", "type_identifier"),
    "java": ("identifier", "type_identifier"),
    "typescript": (
        "identifier",
        "type_identifier",
        "shorthand_property_identifier",
        "shorthand_property_identifier_pattern",
    ),
    "javascript": (
        "identifier",
        "shorthand_property_identifier",
        "shorthand_property_identifier_pattern",
    ),
}
_WORDS["tsx"] = _WORDS["typescript"]

_MEMBERS = {
    "scoped_identifier": ("name",),
    "scoped_type_identifier": ("name",),
    "field_access": ("field",),
    "export_specifier": ("alias",),
    "element_value_pair": ("key",),
}
"""Names that mean something of something else, which is not looked for."""
_ELSEWHERE = frozenset(
    {
        *("attribute_item", "inner_attribute_item", "labeled_statement", "break_statement"),
        *("continue_statement", "macro_definition", "annotation", "marker_annotation"),
        *("switch_label", "method_reference", "package_clause", "package_declaration"),
        *("visibility_modifier", "jsx_closing_element", "scoped_type_identifier"),
    }
)


_UNREAD = ("macro_definition", "attribute_item", "use_declaration", "import_declaration")


def undeclared(language: Language, root: Node, imported: AbstractSet[str]) -> Named:
    """The names that a version uses and neither declares nor imports."""
    words = _WORDS.get(language.name)
    if words is None:
        return {}
    query = _query(language, " ".join(f"({word})" for word in words))
    declared = set(imported)
    used: Named = {}
    for node in tree_sitter.QueryCursor(query).captures(root).get("word", []):
        name = text_of(node)
        if name in declared:
            continue
        if _is_binding(language.name, node):
            declared.add(name)
        elif _is_used(node):
            line = node.start_point.row + 1
            used[name] = min(line, used.get(name, line))
    return {name: line for name, line in used.items() if name not in declared}


def _is_binding(language: str, node: Node) -> bool:
    fields = _BINDING[language]
    if node.type == "shorthand_property_identifier_pattern":
        return True
    child, parent = node, node.parent
    while parent is not None:
        if parent.type in fields and _stands_in(child, parent, fields[parent.type]):
            return True
        if parent.type in _BINDS_ALL:
            return True
        if parent.type not in _PATTERNS or _stands_in(child, parent, _NOT_IN_PATTERN):
            is_value = parent.type == "pair_pattern" and _stands_in(child, parent, ("value",))
            if not is_value:
                # Of `int... r` the name is in a declarator, and of `let a = b` the value is none.
                return False
        child, parent = parent, parent.parent
    return False


def _is_used(node: Node) -> bool:
    parent = node.parent
    if parent is None or parent.type in _ELSEWHERE or _is_of_something(node, parent):
        return False
    return not _may_be_inherited(node) and not _is_in(node, *_UNREAD)


def _is_of_something(node: Node, parent: Node) -> bool:
    """Whether the name is looked for in a thing or another file, or may be anything."""
    match parent.type:
        case "method_invocation":
            is_called = _stands_in(node, parent, ("name",))
            return is_called and parent.child_by_field_name("object") is not None
        case "export_specifier":
            statement = parent.parent and parent.parent.parent
            if statement is None or statement.child_by_field_name("source") is not None:
                return True
        case "literal_element":
            keyed = parent.parent
            return keyed is not None and _stands_in(parent, keyed, ("key",))
        case "token_tree":  # in a macro only what is called is surely what its name says
            before, after = node.prev_sibling, node.next_sibling
            is_called = after is not None and text_of(after).startswith("(")
            return not is_called or (
                before is not None and before.type in (".", "::", "fn", "let", "struct", "enum")
            )
    return _stands_in(node, parent, _MEMBERS.get(parent.type, ()))


def _may_be_inherited(node: Node) -> bool:
    """Whether it stands in a class of Java that is derived from another, which may have it."""
    above = node.parent
    while above is not None:
        if above.child_by_field_name("superclass") or above.child_by_field_name("interfaces"):
            return above.type in ("class_declaration", "enum_declaration", "record_declaration")
        if above.type == "object_creation_expression":
            return True
        above = above.parent
    return False


def _is_in(node: Node, *types: str) -> bool:
    above = node.parent
    while above is not None:
        if above.type in types:
            return True
        above = above.parent
    return False


def _stands_in(child: Node, parent: Node, fields: tuple[str, ...]) -> bool:
    return any(
        each.id == child.id for field in fields for each in parent.children_by_field_name(field)
    )


@functools.cache
def _query(language: Language, words: str) -> tree_sitter.Query:
    return tree_sitter.Query(grammar(language), f"[{words}] @word")
