"""What using a Python function comes to: its result, something to await, to iterate, to enter, or an
attribute; and uses that do not go with it.

Pure. What can be passed to it is in `arity`. What is not known, such as what becomes of a value that
is passed on, goes with everything.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from enum import StrEnum

from orchestrator.structure.python import parsed
from orchestrator.structure.uses import Call


class Kind(StrEnum):
    """What a call, or the mere name, gives."""

    FUNCTION = "a function"
    COROUTINE = "async"
    GENERATOR = "a generator"
    PROPERTY = "a property"
    MANAGER = "a context manager"
    UNKNOWN = "something else"


_MADE_BY = {
    "property": Kind.PROPERTY,
    "cached_property": Kind.PROPERTY,
    "contextmanager": Kind.MANAGER,
    "asynccontextmanager": Kind.MANAGER,
    **dict.fromkeys(("staticmethod", "classmethod", "override", "abstractmethod", "cache"), None),
}


def kinds(source: bytes) -> dict[str, Kind]:
    """By qualified name, of functions and methods."""
    tree = parsed(source)
    found: dict[str, Kind] = {}
    for node in tree.body if tree else ():
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        above = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for each in inner:
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                found.setdefault(above + each.name, _kind(each))
    return found


def attributes(source: bytes) -> set[str]:
    """What methods set of their own object, as ``Class.name``."""
    tree = parsed(source)
    return {
        f"{node.name}.{each.attr}"
        for node in (tree.body if tree else ())
        if isinstance(node, ast.ClassDef)
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute)
        and isinstance(each.ctx, ast.Store)
        and isinstance(each.value, ast.Name)
        and each.value.id == "self"
    }


def misuse(old: Kind, new: Kind, call: Call | None) -> str | None:  # noqa: PLR0911  (a table of cases)
    """How a use goes with what it was and not with what it is; None if it still may."""
    if old == new or Kind.UNKNOWN in (old, new):
        return None
    if call is None:
        return "reads it as an attribute" if old is Kind.PROPERTY else None
    if old is Kind.PROPERTY:
        return None
    how = call.how
    match new:
        case Kind.PROPERTY:
            return "calls it"
        case Kind.COROUTINE if how in ("", "iterated", "entered"):
            return "calls it without await"
        case Kind.GENERATOR if how in ("", "awaited"):
            return "takes what it returns for its result"
        case Kind.MANAGER if how in ("", "awaited", "iterated"):
            return "calls it without with"
        case Kind.FUNCTION if (old, how) in (
            (Kind.COROUTINE, "awaited"),
            (Kind.MANAGER, "entered"),
        ):
            return "awaits it" if how == "awaited" else "enters it by with"
    return None


def _kind(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Kind:
    for each in node.decorator_list:
        what = each.func if isinstance(each, ast.Call) else each
        name = what.attr if isinstance(what, ast.Attribute) else getattr(what, "id", "")
        made = _MADE_BY.get(name, Kind.UNKNOWN)
        if made is not None:
            return made
    if any(isinstance(inner, ast.Yield | ast.YieldFrom) for inner in _own(node)):
        return Kind.UNKNOWN if isinstance(node, ast.AsyncFunctionDef) else Kind.GENERATOR
    return Kind.COROUTINE if isinstance(node, ast.AsyncFunctionDef) else Kind.FUNCTION


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """What stands in a function and in no function of it."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(
            child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef
        ):
            yield from _own(child)
