"""What new lines of a Python file use of other files, by its syntax tree.

Owns the scopes of Python: what is imported, bound in the module, in a function or a comprehension,
and what class a variable is an instance of, where it was made there.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from orchestrator.structure.python import parsed
from orchestrator.structure.uses import Call, Use, module_of

_BUILTIN = frozenset(dir(builtins)) | {"__file__", "__name__", "__path__", "__doc__"}
_FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, slots=True)
class _Place:
    """What a dotted name comes to; `hidden` are attributes that are not from there."""

    parts: tuple[str, ...]
    is_exact: bool
    hidden: frozenset[str] = frozenset()

    def within(self, name: str) -> _Place | None:
        return None if name in self.hidden else _Place((*self.parts, name), self.is_exact)

    def use(self, call: Call | None = None) -> Use:
        return Use(self.parts, is_exact=self.is_exact, call=call)


@dataclass(slots=True)
class _Scope:
    """The names that a function, or the module, binds; instances by the class that they are of."""

    names: set[str] = field(default_factory=set)
    made: dict[str, _Place] = field(default_factory=dict)


def python_uses(
    path: str, source: bytes, lines: AbstractSet[int], mine: AbstractSet[str] = frozenset()
) -> list[Use]:
    """The uses on these lines. What the module binds itself is used as the module's, but for
    `mine`, of which nobody else knows.
    """
    tree = parsed(source)
    if tree is None:
        return []
    reader = _Reader(path, lines, mine)
    reader.read(tree)
    return reader.found


class _Reader:
    def __init__(self, path: str, lines: AbstractSet[int], mine: AbstractSet[str]) -> None:
        self._path = path
        self._lines = lines
        self._mine = mine
        self._own = _Place(module_of(path), is_exact=True)
        self._imports: dict[str, _Place] = {}
        self._module = _Scope()
        self._called: dict[ast.expr, Call] = {}
        self._how: dict[ast.expr, str] = {}
        self.found: list[Use] = []

    def read(self, tree: ast.Module) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._import(node)
            self._how |= dict.fromkeys(*_taken(node))
        self._module.names = set(_bound(tree.body))
        self._visit_all(tree.body, [self._module], None)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        is_new = node.lineno in self._lines or (node.end_lineno or 0) in self._lines
        if isinstance(node, ast.Import):
            for alias in node.names:
                parts = tuple(alias.name.split("."))
                bound = parts if alias.asname else parts[:1]
                self._imports[alias.asname or parts[0]] = _Place(bound, is_exact=False)
                if is_new:
                    self.found.append(Use(parts))
            return
        module = tuple(node.module.split(".")) if node.module else ()
        if node.level:
            folder = tuple(self._path.split("/")[:-1])
            module = (*folder[: len(folder) - node.level + 1], *module)
        for alias in node.names:
            if alias.name == "*":
                continue
            place = _Place((*module, alias.name), is_exact=bool(node.level))
            self._imports[alias.asname or alias.name] = place
            if is_new:
                self.found.append(place.use())

    def _visit_all(
        self, nodes: Sequence[ast.AST], scopes: list[_Scope], owner: _Place | None
    ) -> None:
        for node in nodes:
            self._visit(node, scopes, owner)

    def _visit(self, node: ast.AST, scopes: list[_Scope], owner: _Place | None) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                self._function(node, scopes, owner)
                return
            case ast.ClassDef():
                self._visit_all([*node.decorator_list, *node.bases, *node.keywords], scopes, owner)
                # What a class binds is seen by its own statements, not by its methods.
                inner = [*scopes, _Scope(set(_bound(node.body)))]
                base = self._base(node, scopes)
                for part in node.body:
                    outer = scopes if isinstance(part, _FUNCTION) else inner
                    self._visit(part, outer, base)
                return
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                names = {name for one in node.generators for name in _targets(one.target)}
                scopes = [*scopes, _Scope(names)]
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                place = self._place(value.func, scopes) if isinstance(value, ast.Call) else None
                scopes[-1].made.pop(name, None)
                if place:
                    scopes[-1].made[name] = place
            case ast.AnnAssign(target=ast.Name(id=name)):
                if place := self._place(node.annotation, scopes):
                    scopes[-1].made[name] = place
            case ast.Call():
                self._called[node.func] = _call(node, self._how.get(node, ""))
            case ast.Attribute() | ast.Name() if self._is_new(node):
                if place := self._place(node, scopes, owner):
                    self.found.append(place.use(self._called.get(node)))
                    return
                if isinstance(node, ast.Name) and self._is_nobodys(node, scopes):
                    called = self._called.get(node)
                    self.found.append(Use((node.id,), is_known=False, call=called))
        self._visit_all(list(ast.iter_child_nodes(node)), scopes, owner)

    def _base(self, node: ast.ClassDef, scopes: Sequence[_Scope]) -> _Place | None:
        """What the attributes of `self` are from: the class that this one is derived from but for
        what it has itself, or itself.
        """
        if not node.bases:
            return None if node.name in self._mine else self._own.within(node.name)
        place = self._place(node.bases[0], scopes) if len(node.bases) == 1 else None
        return place and _Place(place.parts, place.is_exact, frozenset(_bound(node.body)))

    def _function(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        scopes: list[_Scope],
        owner: _Place | None,
    ) -> None:
        arguments = node.args
        known = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
        rest = [one for one in (arguments.vararg, arguments.kwarg) if one]
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        scope = _Scope({one.arg for one in (*known, *rest)} | set(_bound(body)))
        for one in known:
            if one.annotation is not None and (place := self._place(one.annotation, scopes)):
                scope.made[one.arg] = place
        outer = [*arguments.defaults, *(one for one in arguments.kw_defaults if one)]
        outer += [one.annotation for one in (*known, *rest) if one.annotation]
        if not isinstance(node, ast.Lambda):
            outer += [*node.decorator_list, *([node.returns] if node.returns else [])]
        self._visit_all(outer, scopes, owner)
        if owner is not None and known:
            scope.made.setdefault(known[0].arg, owner)
        self._visit_all(body, [*scopes, scope], None)

    def _is_new(self, node: ast.expr) -> bool:
        # Of a chain over several lines, the line of its last part.
        return (node.end_lineno or node.lineno) in self._lines or node.lineno in self._lines

    def _is_nobodys(self, node: ast.Name, scopes: Sequence[_Scope]) -> bool:
        return (
            isinstance(node.ctx, ast.Load)
            and node.id not in _BUILTIN
            and node.id not in self._imports
            and not any(node.id in scope.names for scope in scopes)
        )

    def _place(
        self, node: ast.expr | None, scopes: Sequence[_Scope], owner: _Place | None = None
    ) -> _Place | None:
        """Where a dotted expression is from; None for what is local or not known."""
        match node:
            case ast.Name(id=name):
                return self._place_of(name, scopes)
            case ast.Constant(value=str() as text) if text.isidentifier():
                return self._place_of(text, scopes)  # an annotation
            case ast.Attribute(value=value, attr=name):
                made = value.func if isinstance(value, ast.Call) else value
                place = self._instance(value, scopes) or self._place(made, scopes, owner)
                return place.within(name) if place else None
        return None

    def _place_of(self, name: str, scopes: Sequence[_Scope]) -> _Place | None:
        scope = next((scope for scope in reversed(scopes[1:]) if name in scope.names), None)
        if scope is not None and f"import {name}" not in scope.names:
            return None
        if place := self._imports.get(name):
            return place
        is_ours = name in self._module.names and name not in self._mine
        return self._own.within(name) if is_ours else None

    def _instance(self, node: ast.expr, scopes: Sequence[_Scope]) -> _Place | None:
        """The class of what a variable holds, where it was made, or is said to be one."""
        name = node.id if isinstance(node, ast.Name) else ""
        for scope in reversed(scopes):
            if name in scope.made or name in scope.names:
                return scope.made.get(name)
        return None


def _taken(node: ast.AST) -> tuple[list[ast.expr], str]:  # noqa: PLR0911  (a table of cases)
    """The values that a node takes, and how."""
    match node:
        case ast.Await(value=value):
            return [value], "awaited"
        case ast.For(iter=value) | ast.comprehension(iter=value) | ast.YieldFrom(value=value):
            return [value], "iterated"
        case ast.withitem(context_expr=value):
            return [value], "entered"
        case ast.Call(func=ast.Name(id="len")):
            return [], ""
        case ast.Call(args=values, keywords=named):
            return [*values, *(each.value for each in named)], "passed"
        case ast.Return(value=ast.expr() as value) | ast.Lambda(body=value):
            return [value], "passed"
        case ast.Starred(value=value):
            return [value], "iterated"
    return [], ""


def _call(node: ast.Call, how: str) -> Call:
    is_open = any(isinstance(one, ast.Starred) for one in node.args)
    is_open = is_open or any(keyword.arg is None for keyword in node.keywords)
    names = frozenset(keyword.arg for keyword in node.keywords if keyword.arg)
    return Call(len(node.args), names, is_open, how)


def _bound(body: Sequence[ast.AST]) -> Iterator[str]:
    """The names that statements bind in their own scope; imports also as `import x`."""
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
                continue
            case ast.Import() | ast.ImportFrom():
                for alias in node.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    yield from (name, f"import {name}")
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.ExceptHandler(name=str() as name) | ast.MatchAs(name=str() as name):
                yield name
            case ast.MatchStar(name=str() as name) | ast.MatchMapping(rest=str() as name):
                yield name
            case ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp():
                continue
            case ast.GeneratorExp():
                continue
        yield from _bound(list(ast.iter_child_nodes(node)))


def _targets(node: ast.expr) -> Iterator[str]:
    return (inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name))
