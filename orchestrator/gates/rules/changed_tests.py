"""What a candidate does to the very tests that judge it, where it may: emptied, so that they check
nothing, or weakened.

Owns what counts as a check in a Python test: an assertion that is not of a constant, an expected
exception, a call of something that is named as an assertion is. What stands after a `return`, below
a condition that is never true, or where its failure is swallowed, does not count. Pure: it reads
sources that it is given, looks at a test's own function alone, and cannot see whether a check that
is still there is a good one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from orchestrator.gates.observing.observation import GREEN, RED, Observation
from orchestrator.gates.observing.selection import covers, path_of
from orchestrator.gates.rules.weakened import weakened
from orchestrator.structure.python import parsed

CHECKING = re.compile(
    r"assert|expect|check|verif|should|raises|warns|fail\b|fail_|deprecated_call|approved?|match",
    re.IGNORECASE,
)
SWALLOWED = frozenset({"Exception", "BaseException", "AssertionError"})
LAST = (ast.Return, ast.Raise, ast.Continue, ast.Break)

Read = Callable[[str], bytes | None]
"""The bytes of a path, or None where there is no such file."""


Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class ChangedTests:
    """Ids of tests that passed before and now check nothing; of tests that were to turn green as
    they were, and do so rewritten; and tests whose checks became fewer or weaker, each with what.
    """

    emptied: tuple[str, ...] = ()
    rewritten: tuple[str, ...] = ()
    weaker: tuple[str, ...] = ()


def changed_tests(
    kept: Iterable[str], turned: Iterable[str], before: Read, after: Read
) -> ChangedTests:
    """What was done to the tests that are green on both trees (`kept`) and to others that are green
    now (`turned`).
    """
    modules: dict[str, tuple[dict[str, Function], dict[str, Function]]] = {}

    def both(test_id: str) -> tuple[Function, Function] | None:
        path = path_of(test_id)
        if path not in modules:
            is_python = path.endswith(".py")
            modules[path] = (
                (functions_in(before(path)), functions_in(after(path))) if is_python else ({}, {})
            )
        name = test_id.partition("::")[2].partition("[")[0]
        then, now = (functions.get(name) for functions in modules[path])
        return (then, now) if then is not None and now is not None else None

    emptied: dict[str, None] = {}
    weaker: dict[str, str] = {}
    kept = tuple(kept)
    for test_id in (*kept, *turned):
        if (pair := both(test_id)) is None:
            continue
        if test_id in kept and checks_in(pair[0]) > 0 and checks_in(pair[1]) == 0:
            emptied[test_id] = None
        if less := weakened(*pair):
            weaker[test_id.partition("[")[0]] = ", ".join(less)
    return ChangedTests(
        emptied=tuple(emptied),
        weaker=tuple(f"{name}: {what}" for name, what in weaker.items()),
    )


def rewritten_tests(
    seen: Observation, base: Observation, entries: Iterable[str], is_own: Callable[[str], bool]
) -> tuple[str, ...]:
    """The tests of `entries` that turn green as they would land, and whose version of the base,
    which was red there, is red on the candidate's product too; `is_own` says whether a test's own
    file was edited by a leave that does not name it.
    """
    entries = tuple(entries)
    return tuple(
        test
        for test, then in seen.on_base_side.items()
        if then.outcome in RED
        and seen.outcome(test) in GREEN
        and base.outcome(test) in RED
        and covers(entries, test)
        and is_own(path_of(test))
    )


def functions_in(source: bytes | None) -> dict[str, Function]:
    """The functions of a module by their names as in a test id (``TestX::test_y``)."""
    module = parsed(source)
    return {} if module is None else dict(_functions(module.body, ""))


def checks_in(function: Function) -> int:
    """How many checks a function makes itself."""
    return _count(function.body)


def _functions(body: Iterable[ast.stmt], prefix: str) -> Iterator[tuple[str, Function]]:
    for node in body:
        if isinstance(node, Function):
            yield f"{prefix}{node.name}", node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{prefix}{node.name}::")
        elif isinstance(node, ast.If | ast.Try | ast.With):
            yield from _functions(
                (n for n in ast.iter_child_nodes(node) if isinstance(n, ast.stmt)), prefix
            )


def _count(body: Iterable[ast.stmt]) -> int:
    number = 0
    for node in body:
        number += _count_one(node)
        if isinstance(node, LAST):
            break
    return number


def _count_one(node: ast.stmt) -> int:
    match node:
        case ast.Assert():
            return 0 if isinstance(node.test, ast.Constant) else 1
        case ast.If() | ast.While() if isinstance(node.test, ast.Constant):
            return _count(node.body if node.test.value else node.orelse)
        case ast.Try() | ast.TryStar():
            caught = any(_swallows(handler) for handler in node.handlers)
            rest = [
                *node.orelse,
                *node.finalbody,
                *(n for handler in node.handlers for n in handler.body),
            ]
            return (0 if caught else _count(node.body)) + _count(rest)
        case ast.With() | ast.AsyncWith() if any(
            _suppresses(item.context_expr) for item in node.items
        ):
            return 0
        case ast.Raise():
            return 1
    own = sum(
        _is_check(inner) for expression in _expressions(node) for inner in ast.walk(expression)
    )
    return own + sum(_count(block) for block in _blocks(node))


def _expressions(node: ast.stmt) -> Iterator[ast.AST]:
    return (
        child
        for child in ast.iter_child_nodes(node)
        if not isinstance(child, ast.stmt | ast.match_case)
    )


def _blocks(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        yield from [getattr(node, name)] if isinstance(getattr(node, name, None), list) else []
    if isinstance(node, ast.Match):
        yield from (case.body for case in node.cases)


def _is_check(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and CHECKING.search(_last_name(node.func)) is not None


def _swallows(handler: ast.ExceptHandler) -> bool:
    """Whether a failed assertion would end here, and be forgotten."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    is_wide = any(kind is None or _last_name(kind) in SWALLOWED for kind in kinds)
    return (
        is_wide
        and not any(isinstance(inner, ast.Raise) for inner in ast.walk(handler))
        and not _count(handler.body)
    )


def _suppresses(expression: ast.expr) -> bool:
    return (
        isinstance(expression, ast.Call)
        and _last_name(expression.func) == "suppress"
        and any(_last_name(argument) in SWALLOWED for argument in expression.args)
    )


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""
