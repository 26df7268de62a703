"""What a version of a Go, Rust, Java, TypeScript or JavaScript file declares twice although there may
be one.

Pure. Owns what shares a name with what: types and values, overloads, members, what is there on one
platform only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tree_sitter import Node

from orchestrator.structure.languages import Language
from orchestrator.structure.naming import text_of


def declared_twice(language: Language, root: Node) -> dict[str, int]:
    """Names of which a version has more than one where there may be one."""
    of_language = _ONCE.get(language.name)
    if of_language is None:
        return {}
    places: dict[str, list[int]] = defaultdict(list)
    for name, node in of_language(root):
        places[name].append(node.start_point.row + 1)
    return {name: max(lines) for name, lines in places.items() if len(lines) > 1}


def declared_once(language: Language, root: Node) -> set[str]:
    """All names of a version of which there may be one."""
    of_language = _ONCE.get(language.name)
    return {name for name, _ in of_language(root)} if of_language else set()


_Found = Iterator[tuple[str, Node]]


def _go_once(root: Node) -> _Found:
    for top in root.named_children:
        match top.type:
            case "function_declaration":
                name = top.child_by_field_name("name")
                if text_of(name) not in {"init", "_"}:
                    yield from _one(name)
            case "method_declaration":
                receiver = text_of(top.child_by_field_name("receiver")).strip("()").split()
                of = receiver[-1].lstrip("*").partition("[")[0] if receiver else ""
                yield from _one(top.child_by_field_name("name"), f"{of}.")
            case "type_declaration" | "const_declaration" | "var_declaration":
                for spec in _children(top, "var_spec_list"):
                    for name in spec.children_by_field_name("name"):
                        if text_of(name) != "_":
                            yield from _one(name)
                            yield from _go_members(spec, f"{text_of(name)}.")


def _go_members(spec: Node, above: str) -> _Found:
    kind = spec.child_by_field_name("type")
    if spec.type != "type_spec" or kind is None:
        return
    members = [
        field
        for child in kind.named_children
        for field in ([child] if child.type == "method_elem" else child.named_children)
    ]
    for field in members:
        if field.type in {"field_declaration", "method_elem"}:
            for name in field.children_by_field_name("name"):
                if text_of(name) != "_":
                    yield from _one(name, above)


_RUST_SPACES = {
    **dict.fromkeys(("struct_item", "enum_item", "trait_item", "type_item", "union_item"), "type"),
    **dict.fromkeys(("function_item", "const_item", "static_item"), "value"),
    "mod_item": "type",
}


def _rust_once(root: Node, above: str = "") -> _Found:
    is_conditional = False
    for item in root.named_children:
        if item.type == "attribute_item":
            is_conditional = is_conditional or "cfg" in text_of(item)
            continue
        if "comment" in item.type:
            continue
        if not is_conditional:
            yield from _rust_item(item, above)
        is_conditional = False


def _rust_item(item: Node, above: str) -> _Found:
    name, body = item.child_by_field_name("name"), item.child_by_field_name("body")
    if item.type == "impl_item" and body is not None:
        trait, of = (_flat(item.child_by_field_name(field)) for field in ("trait", "type"))
        given = _flat(item.child_by_field_name("type_parameters"))
        where = "".join(_flat(each) for each in item.named_children if each.type == "where_clause")
        if trait and not where:
            yield f"{above}impl{given} {trait} for {of}", item
        yield from _rust_once(body, f"{above}{f'<{of} as {trait}>' if trait else of}{where}::")
        return
    space = _RUST_SPACES.get(item.type)
    if space is None or name is None or text_of(name) == "_":
        return
    own = f"{above}{text_of(name)}"
    yield own if space == "type" else f"{own} as a value", name
    if body is None:
        return
    if item.type in {"mod_item", "trait_item"}:
        yield from _rust_once(body, f"{own}::")
        return
    is_conditional = False
    for field in body.named_children:
        if field.type == "attribute_item":
            is_conditional = is_conditional or "cfg" in text_of(field)
            continue
        if field.type in {"field_declaration", "enum_variant"}:
            if not is_conditional:
                yield from _one(field.child_by_field_name("name"), f"{own}.")
            is_conditional = False


def _java_once(root: Node, above: str = "") -> _Found:
    for member in root.named_children:
        name, body = member.child_by_field_name("name"), member.child_by_field_name("body")
        match member.type:
            case "method_declaration" | "constructor_declaration":
                yield f"{above}{text_of(name)}({_java_types(member)})", member
            case "field_declaration":
                for each in member.children_by_field_name("declarator"):
                    yield from _one(each.child_by_field_name("name"), above)
            case "enum_constant":
                yield from _one(name, above)
            case "enum_body_declarations":
                yield from _java_once(member, above)
            case _ if member.type.endswith("_declaration") and name is not None:
                yield f"{above}{text_of(name)} as a type", member
                if body is not None:
                    yield from _java_once(body, f"{above}{text_of(name)}.")


def _java_types(member: Node) -> str:
    """The types of the parameters as they are told apart when it runs: without what they hold."""
    parameters = member.child_by_field_name("parameters")
    found = []
    for each in parameters.named_children if parameters else ():
        kind = each.child_by_field_name("type")
        if each.type == "spread_parameter":
            kind = next((one for one in each.named_children if "modifiers" not in one.type), None)
        if kind is None:
            continue
        shown = _flat(kind).partition("<")[0].rpartition(".")[2]
        shown += "[]" * (_flat(kind).count("[") + (each.type == "spread_parameter"))
        found.append(shown + _flat(each.child_by_field_name("dimensions")))
    return ", ".join(found)


def _script_once(root: Node, above: str = "") -> _Found:
    for top in root.named_children:
        what = top
        is_exported = top.type == "export_statement"
        if is_exported:
            if any(child.type == "default" for child in top.children):
                yield f"{above}export default", top
            for clause in top.named_children:
                if clause.type == "export_clause":
                    for each in clause.named_children:
                        alias = each.child_by_field_name("alias")
                        yield from _one(alias or each.child_by_field_name("name"), "export ")
            what = top.child_by_field_name("declaration") or top
        yield from _script_item(what, above, is_exported=is_exported)


def _script_item(what: Node, above: str, *, is_exported: bool) -> _Found:
    name, body = what.child_by_field_name("name"), what.child_by_field_name("body")
    names = [name] if name is not None and what.type in _SCRIPT_ITEMS else []
    if what.type == "lexical_declaration":
        targets = (each.child_by_field_name("name") for each in what.named_children)
        names = [each for each in targets if each is not None and each.type == "identifier"]
    for each in names:
        if what.type in _SCRIPT_VALUES:
            yield from _one(each, above)
        if what.type == "type_alias_declaration":
            yield f"{above}{text_of(each)} as a type", each
        # A type and a value of one name, and overloads, are exported side by side.
        if is_exported and not above and what.type in _SCRIPT_VALUES:
            yield from _one(each, "export ")
    if what.type == "type_alias_declaration":
        body = what.child_by_field_name("value")
    if body is not None and name is not None and body.type in _SCRIPT_BODIES:
        yield from _script_members(body, f"{above}{text_of(name)}.")


def _script_members(body: Node, above: str) -> _Found:
    accessors = ("get", "set")
    for member in body.named_children:
        name = member.child_by_field_name("name")
        if member.type == "property_identifier":
            yield from _one(member, above)
        elif member.type in _SCRIPT_FIELDS and name is not None:
            words = [child.type for child in member.children if not child.is_named]
            kind = "".join(f"{word} " for word in ("static", *accessors) if word in words)
            yield from _one(name, f"{above}{kind}")


_SCRIPT_VALUES = frozenset(
    {
        *("function_declaration", "generator_function_declaration", "class_declaration"),
        *("abstract_class_declaration", "lexical_declaration"),
    }
)
_SCRIPT_ITEMS = frozenset(
    {*_SCRIPT_VALUES, "type_alias_declaration", "enum_declaration", "interface_declaration"}
)
_SCRIPT_BODIES = frozenset({"enum_body", "class_body", "object_type", "interface_body"})
_SCRIPT_FIELDS = frozenset(
    {
        *("enum_assignment", "public_field_definition", "field_definition", "method_definition"),
        "property_signature",
    }
)
_ONCE = {"go": _go_once, "rust": _rust_once, "java": _java_once}
_ONCE |= dict.fromkeys(("typescript", "tsx", "javascript"), _script_once)


def _one(node: Node | None, above: str = "") -> _Found:
    if node is not None:
        yield above + text_of(node), node


def _children(top: Node, inner: str) -> Iterator[Node]:
    for child in top.named_children:
        if child.type == inner:
            yield from child.named_children
        else:
            yield child


def _flat(node: Node | None) -> str:
    return "".join(text_of(node).split())
