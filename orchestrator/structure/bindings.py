"""What an import statement binds, in every language that has names for it."""

from __future__ import annotations

from tree_sitter import Node

from orchestrator.structure.naming import text_of


def bound_names(node: Node) -> list[tuple[str, str]]:
    """What an import statement binds: the name here, and what it stands for (``module.name``)."""
    found: list[tuple[str, str]] = []
    module = text_of(
        node.child_by_field_name("module_name") or node.child_by_field_name("source")
    ).strip("'\"")
    stack = [
        child for child in node.named_children if child != node.child_by_field_name("module_name")
    ]
    while stack:
        child = stack.pop(0)
        if child.type == "aliased_import":
            name, alias = (text_of(child.child_by_field_name(field)) for field in ("name", "alias"))
            found.append((alias, f"{module}.{name}"))
        elif child.type == "dotted_name":
            name = text_of(child)
            found.append(
                (name if module else name.partition(".")[0], f"{module}.{name}" if module else name)
            )
        elif child.type in {"import_specifier", "export_specifier"}:
            name = text_of(child.child_by_field_name("name"))
            found.append((text_of(child.child_by_field_name("alias")) or name, f"{module}.{name}"))
        elif child.type == "identifier":
            found.append((text_of(child), f"{module}.default"))
        elif child.type == "namespace_import":
            found.append((text_of(child.named_children[-1]), f"{module}.*"))
        elif child.type in {"import_clause", "named_imports", "export_clause"}:
            stack = child.named_children + stack
    return found
