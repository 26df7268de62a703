"""What two versions of a module of tests have in common beside the tests that may be others.

Owns the comparison alone: which tests may vanish or be rewritten is the mission's to say. Pure.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import TypeVar

from orchestrator.structure.python import parsed

N = TypeVar("N", bound=ast.stmt)
IsNamed = Callable[[str], bool]
"""Whether a test of a module, by its name as in a test id (``TestX::test_y``), may be another."""


def differs_elsewhere(before: bytes | None, after: bytes | None, is_named: IsNamed) -> bool:
    """Whether two versions of a file differ in more than tests that are named; also where that
    cannot be told.
    """
    then, now = parsed(before), parsed(after)
    if then is None or now is None:
        return True
    try:
        return _dump(then.body, is_named, "") != _dump(now.body, is_named, "")
    except RecursionError:
        return True


def _dump(body: Sequence[ast.stmt], is_named: IsNamed, prefix: str) -> list[str]:
    told: list[str] = []
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if is_named(f"{prefix}{node.name}"):
                continue
            case ast.ClassDef() if is_named(f"{prefix}{node.name}"):
                continue
            case ast.ClassDef():
                head = [
                    ast.dump(part) for part in (*node.bases, *node.keywords, *node.decorator_list)
                ]
                told += [
                    f"class {node.name}",
                    *head,
                    *_dump(node.body, is_named, f"{prefix}{node.name}::"),
                ]
                told.append("end")
            case _:
                told.append(ast.dump(node))
    return told
