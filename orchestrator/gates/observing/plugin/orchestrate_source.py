"""Whether the modules that tests are made of are what their files say.
PYTEST_DONT_REWRITE

Owns what code each module of the project was run from (an audit event tells, which nobody can
switch off) and what was put into modules of tests since: a function in the place of one that the
file defines, a name of Python's own that the file does not bind, a module that was never run from
its file. A product that tests load can do all of that to a helper of theirs, before anybody has
seen the helper whole. Standard library only; Python 3.8 and newer.
"""

from __future__ import annotations

import ast
import builtins
import sys
import types
from typing import TYPE_CHECKING, Any

import orchestrate_parts  # type: ignore[import-not-found]  # lies beside this one where both are used

if TYPE_CHECKING:
    from collections.abc import Iterator

REWRITTEN = "@pytest_ar"
"""What pytest gives a module whose assertions it rewrites: it is not what its file compiles to."""
WRITES_ITSELF = frozenset(("globals", "vars", "setattr", "exec", "__dict__", "locals"))
"""What a module may mention that binds names of its own which are written nowhere."""
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
BUILT_IN = dict(vars(builtins))
_compile, _parse, _open = compile, ast.parse, open


class Sources:
    """Of one test process; `tree` tells whose a file is."""

    def __init__(self, tree: Any) -> None:
        self._tree = tree
        self._earlier = frozenset(sys.modules)
        self._run: dict[str, list[types.CodeType]] = {}
        self._sizes: dict[str, int] = {}

    def hear(self, code: object) -> None:
        """Code is about to be run; that of a module of the project is kept."""
        if not isinstance(code, types.CodeType) or code.co_name != "<module>":
            return
        if self._tree.holds(code.co_filename):
            self._run.setdefault(code.co_filename, []).append(code)

    def have_grown(self) -> bool:
        """Whether a helper of tests has more names, or fewer, than when it was looked at."""
        sizes, modules = self._sizes, sys.modules
        return any(name in modules and len(vars(modules[name])) != sizes[name] for name in sizes)

    def changed(self) -> Iterator[str]:
        """For people: what is not as the files say."""
        for name, module in list(sys.modules.items()):
            path = getattr(module, "__dict__", {}).get("__file__")
            if isinstance(path, str) and self._tree.holds(path) and self._tree.is_test(path):
                if path not in self._tree.test_files:
                    self._sizes[name] = len(vars(module))
                for what in self._of_module(name, module, path):
                    yield f"{what} ({self._tree.short(path)})"

    def _of_module(self, name: str, module: Any, path: str) -> Iterator[str]:
        run = self._run.get(path, [])
        if not run:
            if name not in self._earlier and path.endswith(".py") and _source(path):
                yield f"{name}, which was not loaded from its file"
            return
        if any(not _is_of_file(code, path) for code in run):
            yield f"{name}, which was loaded as something else than its file says"
        suspects = dict(self._suspects(vars(module), run))
        bound = _bound(path) if suspects else None
        if bound is None:
            return
        for key, value in suspects.items():
            is_missing = key not in bound and "*" not in bound
            if is_missing or (bound.get(key) and self._is_put_there(value)):
                yield f"{name}.{key}"

    def _suspects(
        self, held: dict[str, Any], run: list[types.CodeType]
    ) -> Iterator[tuple[str, object]]:
        """What stands in a module, or in a class of it, and not by the code that has its name."""
        bodies = {inner.co_name: inner for code in run for inner in _inner(code)}
        said = frozenset(name for code in run for name in code.co_names)
        inside = (name for body in bodies.values() for name in body.co_names)
        writes_itself = not WRITES_ITSELF.isdisjoint((*said, *inside))
        for key, value in list(held.items()):
            if key in bodies and isinstance(value, type):
                yield from _differing(key, value, bodies[key])
            elif key in bodies:
                if orchestrate_parts.code_of(value) is not bodies[key]:
                    yield key, value
            elif key[:2] == "__" or writes_itself or isinstance(value, types.ModuleType):
                continue
            elif key in BUILT_IN:
                if value is not BUILT_IN[key]:
                    yield key, value
            elif key not in said and self._tree.product(value):
                yield key, value

    def _is_put_there(self, value: object) -> bool:
        """Whether it is the project's code, or nobody's; not what a library makes of a test."""
        path = str(getattr(orchestrate_parts.code_of(value), "co_filename", ""))
        return path.startswith("<") or bool(self._tree.product(value))


def _differing(name: str, kind: type, body: types.CodeType) -> Iterator[tuple[str, object]]:
    """The methods of a class that are not made by the code in its body."""
    methods = {inner.co_name: inner for inner in _inner(body)}
    for key, part in list(vars(kind).items()):
        if key in methods and orchestrate_parts.code_of(part) is not methods[key]:
            yield f"{name}.{key}", part


def _inner(code: types.CodeType) -> Iterator[types.CodeType]:
    return (each for each in code.co_consts if isinstance(each, types.CodeType))


def _is_of_file(code: types.CodeType, path: str) -> bool:
    """Whether the code is what the file compiles to, where that can be said."""
    if REWRITTEN in code.co_names or not (source := _source(path)):
        return True
    try:
        return bool(_compile(source, path, "exec", dont_inherit=True) == code)
    except (SyntaxError, ValueError):
        return True


def _source(path: str) -> bytes:
    try:
        with _open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _bound(path: str) -> dict[str, bool] | None:
    """The names that a module binds, and the methods of its classes, each with whether it can but
    be the function or class that is written there; None where its file cannot be read.
    """
    try:
        module = _parse(_source(path))
    except (SyntaxError, ValueError, RecursionError):
        return None
    found: dict[str, bool] = {}
    todo: list[tuple[str, ast.AST]] = [("", node) for node in module.body]
    plain = {id(node) for node in module.body}
    while todo:
        within, node = todo.pop()
        for name in _names(node):
            key = within + name
            is_plain = isinstance(node, DEFINITIONS) and not node.decorator_list
            found[key] = is_plain and id(node) in plain and key not in found
        if isinstance(node, ast.ClassDef) and not within:
            if found[node.name]:
                plain.update(map(id, node.body))
            todo += [(f"{node.name}.", inner) for inner in node.body]
        elif isinstance(node, (*DEFINITIONS, ast.Lambda)):
            # Of what is done inside, only what is said to be the module's counts.
            todo += [("", inner) for inner in ast.walk(node) if isinstance(inner, ast.Global)]
        else:
            todo += [(within, inner) for inner in ast.iter_child_nodes(node)]
    return found


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, DEFINITIONS):
        return [node.name]
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        return [node.id]
    if isinstance(node, ast.alias):
        return [(node.asname or node.name).partition(".")[0]]
    if isinstance(node, ast.ExceptHandler) and node.name:
        return [node.name]
    return list(node.names) if isinstance(node, ast.Global) else []
