"""What an import statement binds, in every language: Go's blocks, Rust's trees of `use` and Java's
paths beside what `bindings` reads.

Pure. Owns the reading of such statements into paths; how they are merged is `import_lists`'s.
"""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from orchestrator.structure.bindings import bound_names
from orchestrator.structure.naming import text_of

Bound = tuple[str, str]
"""The name here (empty: none, as of an import for its effects) and what it stands for."""


def imported(node: Node) -> list[Bound]:
    """What one import statement binds; a statement without names is one thing, bound to no name."""
    match node.type:
        case "import_declaration":
            specs = [each for each in _below(node) if each.type == "import_spec"]
            found = [_go(spec) for spec in specs] if specs else [("", _flat(node))]
        case "use_declaration":
            tree = node.child_by_field_name("argument")
            seen = (
                "pub "
                if any(child.type == "visibility_modifier" for child in node.children)
                else ""
            )
            found = [(name, seen + path) for name, path in _rust(tree, "")] if tree else []
        case _:
            found = bound_names(node) or [("", _flat(node))]
    return found


def _go(spec: Node) -> Bound:
    path = text_of(spec.child_by_field_name("path")).strip('"`')
    alias = text_of(spec.child_by_field_name("name"))
    return alias or path.rpartition("/")[2], f"{alias} {path}".strip()


def _rust(node: Node, above: str) -> Iterator[Bound]:
    """The leaves of a tree of `use`, with their whole paths."""
    match node.type:
        case "scoped_use_list":
            path = f"{above}{text_of(node.child_by_field_name('path'))}::"
            inner = node.child_by_field_name("list")
            if inner is not None:
                yield from _rust(inner, path)
        case "use_list":
            for child in node.named_children:
                if "comment" not in child.type:
                    yield from _rust(child, above)
        case "use_as_clause":
            path = above + text_of(node.child_by_field_name("path"))
            alias = text_of(node.child_by_field_name("alias"))
            yield alias, f"{path} as {alias}"
        case "use_wildcard":
            yield "", above + _flat(node)
        case _:
            path = above + _flat(node)
            yield path.removesuffix("::self").rpartition("::")[2], path


def _below(node: Node) -> list[Node]:
    return [inner for child in node.named_children for inner in (child, *_below(child))]


def _flat(node: Node) -> str:
    return " ".join(text_of(node).rstrip("; \n").split())
