"""The names that an assignment or a declaration binds, however they are taken apart: by a tuple, a
list or a pattern.

Pure. Owns the reading of targets; attributes and items, which bind no name, are none.
"""

from __future__ import annotations

from tree_sitter import Node

from orchestrator.structure.blocks import Block
from orchestrator.structure.naming import text_of

_NAMES = frozenset({"identifier", "shorthand_property_identifier_pattern"})


def targets_of(block: Block) -> frozenset[str]:
    """The names that a block of kind ``variable`` binds; nothing for others."""
    if block.kind != "variable" or block.definition is None:
        return frozenset()
    found: set[str] = set()
    for node in block.definition.named_children:
        _read(node, found)
    return frozenset(found)


_INSIDE = {
    "assignment": ("left", "right"),
    "assignment_expression": ("left", "right"),
    "augmented_assignment": ("left",),
    "augmented_assignment_expression": ("left",),
    "variable_declarator": ("name",),
    "pair_pattern": ("value",),
    "assignment_pattern": ("left",),
    "object_assignment_pattern": ("left",),
}
"""In which fields of a node its targets are; the right one of an assignment where it is one."""


def _read(node: Node, found: set[str]) -> None:
    if node.type in _NAMES:
        found.add(text_of(node))
    elif node.type in _INSIDE:
        for field in _INSIDE[node.type]:
            inner = node.child_by_field_name(field)
            if inner is not None and (field != "right" or inner.type == node.type):
                _read(inner, found)
    elif "pattern" in node.type or node.type in {"tuple", "list", "expression_list"}:
        for child in node.named_children:
            _read(child, found)
