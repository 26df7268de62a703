"""Python signatures, and calls that do not fit them.

Pure. A call fits if the names and the number of its arguments can be bound; what is passed as
``*x`` or ``**x`` fits.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


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

    def misfit(self, call: ast.Call) -> str | None:
        """Why the call cannot be bound, or None."""
        names = {keyword.arg for keyword in call.keywords if keyword.arg}
        starred = any(isinstance(argument, ast.Starred) for argument in call.args)
        open_ended = starred or any(keyword.arg is None for keyword in call.keywords)
        if len(call.args) > len(self.positional) and not self.any_positional and not starred:
            return f"with {len(call.args)} arguments"
        unknown = names - set(self.positional) - self.keywords
        if unknown and not self.any_keyword:
            return f"with {min(unknown)}="
        missing = self.needed - names - set(self.positional[: len(call.args)])
        if missing and not open_ended:
            return f"without {min(missing)}"
        return None


def _tree(source: bytes) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def signatures(source: bytes) -> dict[str, Signature]:
    """By qualified name, of functions and methods (without ``self``); a class stands for its
    ``__init__``.
    """
    found: dict[str, Signature] = {}
    tree = _tree(source)
    for node in tree.body if tree else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found[node.name] = _signature(node, bound=False)
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                    static = any(
                        isinstance(d, ast.Name) and d.id == "staticmethod"
                        for d in inner.decorator_list
                    )
                    name = node.name if inner.name == "__init__" else f"{node.name}.{inner.name}"
                    found[name] = _signature(inner, bound=not static)
    return found


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef, *, bound: bool) -> Signature:
    what = node.args
    names = [argument.arg for argument in (*what.posonlyargs, *what.args)][int(bound) :]
    needed = set(names[: len(names) - len(what.defaults)] if what.defaults else names)
    given = zip(what.kwonlyargs, what.kw_defaults, strict=True)
    needed |= {argument.arg for argument, default in given if default is None}
    keywords = frozenset(argument.arg for argument in what.kwonlyargs)
    return Signature(tuple(names), frozenset(needed), keywords, bool(what.vararg), bool(what.kwarg))


def bad_call(
    source: bytes, lines: set[int], wanted: Mapping[str, Signature]
) -> Iterator[tuple[str, str]]:
    """Calls on `lines` by the last part of a name in `wanted` that do not fit: the name and why."""
    short = {name.rpartition(".")[2]: name for name in wanted}
    tree = _tree(source)
    for node in ast.walk(tree) if tree else ():
        if not isinstance(node, ast.Call) or not lines & set(
            range(node.lineno, (node.end_lineno or node.lineno) + 1)
        ):
            continue
        called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        name = short.get(called)
        why = wanted[name].misfit(node) if name else None
        if name and why:
            yield name, why
