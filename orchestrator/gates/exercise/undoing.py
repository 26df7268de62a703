"""Changes that no function holds, undone: constants, tables, class bodies, data, other languages.

A function can be made to fail; a value can only be another one, and the one that a caring test must
notice is the base's. Owns what is undone and how: a statement is replaced by the one that binds the
same names on the base, one that the base does not have by nothing, and what a new name holds is
another value to tests (`spoiling`); any other file holds what it held on the base. Beside it the
*control*: the same places written otherwise and meaning the same, so that a test that looks at the
source is known. What says how a project is packed, built and served is left as it is: no test
notices that. Pure.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from orchestrator.gates.exercise.changed_functions import (
    Definition,
    Read,
    code_of,
    definitions,
    first_line,
)
from orchestrator.gates.exercise.spoiling import Spoiling, spoiled
from orchestrator.gates.observing.sources import Changed
from orchestrator.gates.rules.prose import is_prose
from orchestrator.structure.python import parsed

AROUND = re.compile(
    r"(.*/)?(\.[^/]+(/.*)?|pyproject\.toml|setup\.(py|cfg)|tox\.ini|noxfile\.py|MANIFEST\.in"
    r"|(requirements|constraints)[^/]*\.(txt|in)|Pipfile|[^/]*\.lock|[^/]*-lock\.(json|yaml)"
    r"|package\.json|tsconfig[^/]*\.json|go\.(mod|sum)|Cargo\.toml|Makefile|CMakeLists\.txt"
    r"|[^/]*Dockerfile[^/]*|(docker-)?compose[^/]*\.ya?ml|Jenkinsfile|py\.typed)"
)
"""Files that say how a project is packed, built and served."""
ASIDE = re.compile(
    r"__\w+__|(typing\.)?(TypeVar|ParamSpec|TypeVarTuple|NewType)|(logging\.|\w+\.)?getLogger"
)
FOLLOWING = ast.Import | ast.ImportFrom | ast.Pass


@dataclass(frozen=True, slots=True)
class Undone:
    """What was undone, by names for people, and the contents of files that do it (None: no such
    file); `control` is the same in other words.
    """

    names: tuple[str, ...] = ()
    contents: Mapping[str, bytes | None] = field(default_factory=dict)
    control: Mapping[str, bytes | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Unit:
    """A statement of a module or of a class; `key` is what it binds or sets, `told` all it says."""

    scope: str
    key: str
    node: ast.stmt
    told: str


Span = tuple[tuple[int, int], tuple[int, int]]
"""From line and column to line and column; lines count from 1, columns are bytes of UTF-8."""


def undone(
    changes: Mapping[str, Changed], before: Read, after: Read, tests: tuple[str, ...]
) -> Undone:
    """The changes of product code, without the functions that it changes, undone; `tests` are the
    paths of test modules, which get other values for new names.
    """
    names: list[str] = []
    contents: dict[str, bytes | None] = {}
    control: dict[str, bytes | None] = {}
    for path, change in sorted(changes.items()):
        then, now = before(path), after(path)
        if is_prose(path) or AROUND.fullmatch(path):
            continue
        made = None
        if path.endswith(".py") and change.new is not None:
            made = _undone_module(path, then or b"", now or b"", tests)
            if made is not None and not made[0]:
                continue
        if made is None:
            what = "" if change.new is not None else " (removed)"
            names.append(f"{path}{what}")
            contents[path] = then
            continue
        what, contents[path], other = made
        names.append(f"{path} ({what})")
        if other is not None:
            control[path] = other
    return Undone(tuple(names), contents, control)


def _undone_module(
    path: str, then: bytes, now: bytes, tests: tuple[str, ...]
) -> tuple[str, bytes | None, bytes | None] | None:
    """What was undone in words (nothing: empty), the module without it, and its control; None where
    it cannot be taken apart.
    """
    old_tree, new_tree = parsed(then), parsed(now)
    if old_tree is None or new_tree is None:
        return None
    old, new = list(_units(old_tree, "")), list(_units(new_tree, ""))
    had = Counter((unit.scope, unit.told) for unit in old)
    has = Counter((unit.scope, unit.told) for unit in new)
    changed = [unit for unit in new if not had[unit.scope, unit.told]]
    gone = [unit for unit in old if not has[unit.scope, unit.told]]
    left = {(unit.scope, unit.key): unit for unit in gone if unit.key}
    functions = set(_functions(old_tree, "")) - set(_functions(new_tree, ""))
    put, other, fresh, words = [], [], [], []
    for unit in changed:
        words.append(_word(unit))
        span = _span(unit.node)
        value = getattr(unit.node, "value", None)
        if isinstance(value, ast.expr):
            other.append((_span(value), b"(" + _cut(now, _span(value)) + b")"))
        if (known := left.pop((unit.scope, unit.key), None)) is not None:
            if _span(known.node)[0][1] != span[0][1]:
                return None  # it stands in another block than before
            put.append((span, _cut(then, _span(known.node))))
        elif names := _binds(unit):
            fresh += [unit.scope.partition(".")[0]] if unit.scope else names
        else:
            put.append((span, b"pass"))
    words += [f"without {_word(unit)}" for unit in left.values()]
    words += [f"without {name}" for name in sorted(functions)]
    if not words:
        return "", None, None
    made: bytes | None = _replaced(now, put)
    if fresh and made is not None:
        found = spoiled(path, made, has_functions=False)
        made = found.so(Spoiling(tests, only=tuple(fresh))) if found else None
    if made is None or parsed(made) is None or made == now:
        made = then or None
    control = _replaced(now, other) if other else None
    if control is not None and parsed(control) is None:
        control = None
    return ", ".join(dict.fromkeys(words)), made, control


def _units(scope: ast.AST, above: str) -> Iterator[_Unit]:
    body = code_of(scope) if isinstance(scope, ast.Module | ast.ClassDef) else _inner(scope)
    for node in body:
        if isinstance(node, Definition | FOLLOWING):
            continue
        if isinstance(node, ast.ClassDef):
            head = [*node.decorator_list, *node.bases, *node.keywords]
            told = "".join(map(ast.dump, head))
            yield _Unit(above, f"class {node.name}", node, f"class {node.name} {told}")
            yield from _units(node, f"{above}.{node.name}".lstrip("."))
        elif any(True for _ in definitions(node)):
            yield from _units(node, above)
        elif not _is_aside(node, above):
            yield _Unit(above, _key(node), node, _told(node, above))


def _is_aside(node: ast.stmt, scope: str) -> bool:
    """Whether nobody could notice a statement: imports, names between two underscores (a version),
    type variables, loggers.
    """
    if not hasattr(node, "value"):
        inner = list(_inner(node))
        return bool(inner) and all(
            isinstance(one, FOLLOWING) or _is_aside(one, scope) for one in inner
        )
    value = node.value
    if value is None:
        return not scope
    made_by = ast.unparse(value.func) if isinstance(value, ast.Call) else ""
    return ASIDE.fullmatch(_key(node)) is not None or ASIDE.fullmatch(made_by) is not None


def _told(node: ast.stmt, scope: str) -> str:
    """All that a statement says; an annotation says something to a class alone."""
    if isinstance(node, ast.AnnAssign) and node.value is not None and not scope:
        node = ast.Assign(targets=[node.target], value=node.value)
    return ast.dump(node)


def _inner(node: ast.AST) -> Iterator[ast.stmt]:
    """The statements of a compound one."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        elif isinstance(child, ast.ExceptHandler | ast.match_case):
            yield from _inner(child)


def _key(node: ast.stmt) -> str:
    match node:
        case ast.Assign(targets=targets):
            return ", ".join(map(ast.unparse, targets))
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
            return ast.unparse(target)
        case ast.Expr(value=ast.Call(func=function, args=[*arguments])):
            given = [a.value for a in arguments if isinstance(a, ast.Constant)][:1]
            return f"{ast.unparse(function)}({given[0]!r})" if given else ""
    return ", ".join(
        dict.fromkeys(
            inner.id
            for inner in ast.walk(node)
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
        )
    )


def _binds(unit: _Unit) -> list[str]:
    """The names that are new with a statement; none for one that changes what is there."""
    if isinstance(unit.node, ast.AugAssign | ast.Expr):
        return []
    key = unit.key.removeprefix("class ")
    return key.split(", ") if re.fullmatch(r"\w+(, \w+)*", key) else []


def _word(unit: _Unit) -> str:
    key = unit.key or f"line {unit.node.lineno}"
    return f"{unit.scope}.{key}" if unit.scope else key


def _functions(scope: ast.AST, above: str) -> Iterator[str]:
    for node in definitions(scope):
        name = f"{above}{node.name}"
        if isinstance(node, Definition):
            yield name
        else:
            yield from _functions(node, f"{name}.")


def _span(node: ast.expr | ast.stmt) -> Span:
    line = first_line(node) if isinstance(node, Definition | ast.ClassDef) else node.lineno
    return (line, node.col_offset), (node.end_lineno or line, node.end_col_offset or 0)


def _offsets(source: bytes) -> list[int]:
    lines = source.splitlines(keepends=True)
    found = [0, 0]
    for line in lines:
        found.append(found[-1] + len(line))
    return found


def _cut(source: bytes, span: Span) -> bytes:
    starts = _offsets(source)
    (line, column), (last, end) = span
    return source[starts[line] + column : starts[last] + end]


def _replaced(source: bytes, parts: list[tuple[Span, bytes]]) -> bytes:
    """The source with other text in some places; what lies inside of another place goes with it."""
    starts, made, reached = _offsets(source), b"", 0
    for ((line, column), (last, end)), text in sorted(parts):
        start, stop = starts[line] + column, starts[last] + end
        if start < reached:
            continue
        made += source[reached:start] + text
        reached = stop
    return made + source[reached:]
