"""Python signatures, and calls that do not fit them.

Pure. A call fits if the names and the number of its arguments can be bound; what is passed as
``*x`` or ``**x`` fits.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from orchestrator.structure.python import parsed
from orchestrator.structure.uses import Call

_PLAIN = frozenset(
    {
        *("staticmethod", "classmethod", "abstractmethod", "override", "final", "deprecated"),
        *("contextmanager", "asynccontextmanager", "cache", "lru_cache"),
    }
)
"""Decorators that leave what a function takes as it is."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What can be passed: positional names in order, how many of all must be, names only, and
    whether any go.
    """

    positional: tuple[str, ...]
    needed: frozenset[str]
    keywords: frozenset[str]
    any_positional: bool
    any_keyword: bool

    def misfit(self, call: Call) -> str | None:
        """Why the call cannot be bound, or None."""
        if call.number > len(self.positional) and not self.any_positional and not call.is_open:
            return f"with {call.number} arguments"
        unknown = call.names - set(self.positional) - self.keywords
        if unknown and not self.any_keyword:
            return f"with {min(unknown)}="
        missing = self.needed - call.names - set(self.positional[: call.number])
        if missing and not call.is_open:
            return f"without {min(missing)}"
        return None

    def moved(self, call: Call, new: Signature) -> str | None:
        """What a call passes by its place would now come elsewhere: how it is passed, or None."""
        if call.is_open:
            return None
        for place, name in enumerate(self.positional[: call.number]):
            if name in new.positional and new.positional.index(name) != place:
                return f"with {name} in place {place + 1}"
        return None


def signatures(source: bytes) -> dict[str, Signature]:
    """By qualified name, of functions and methods (without ``self``); a class stands for its
    ``__init__``. Not of those that a decorator may have made something else of.
    """
    found: dict[str, Signature] = {}
    tree = parsed(source)
    for node in tree.body if tree else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if _is_itself(node):
                found[node.name] = _signature(node, bound=False)
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) and _is_itself(inner):
                    static = any(
                        isinstance(d, ast.Name) and d.id == "staticmethod"
                        for d in inner.decorator_list
                    )
                    name = node.name if inner.name == "__init__" else f"{node.name}.{inner.name}"
                    found[name] = _signature(inner, bound=not static)
    return found


def _is_itself(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether it is called with what it takes, as far as its decorators are known."""
    names = (one.func if isinstance(one, ast.Call) else one for one in node.decorator_list)
    return all(
        (one.attr if isinstance(one, ast.Attribute) else getattr(one, "id", "")) in _PLAIN
        for one in names
    )


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef, *, bound: bool) -> Signature:
    what = node.args
    names = [argument.arg for argument in (*what.posonlyargs, *what.args)][int(bound) :]
    needed = set(names[: len(names) - len(what.defaults)] if what.defaults else names)
    given = zip(what.kwonlyargs, what.kw_defaults, strict=True)
    needed |= {argument.arg for argument, default in given if default is None}
    keywords = frozenset(argument.arg for argument in what.kwonlyargs)
    return Signature(tuple(names), frozenset(needed), keywords, bool(what.vararg), bool(what.kwarg))
