"""What surrounds a test: what it is given by fixtures, what is set up for it, what its module holds.

Owns whether there is any such thing that the test itself takes. What is done for all tests of a
folder, whether they want it or not, is no part of one. Pure: it reads sources that it is given.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from orchestrator.gates.exercise.changed_functions import Read
from orchestrator.gates.observing.selection import path_of
from orchestrator.gates.rules.changed_tests import functions_in
from orchestrator.structure.python import parsed


def has_more(test: str, read: Read) -> bool:
    """Whether a test is given something by fixtures, set up by its class or module, or reads what
    its module holds; true of what cannot be read.
    """
    source = read(path_of(test)) or b""
    name = test.partition("::")[2].partition("[")[0]
    function, module = functions_in(source).get(name), parsed(source)
    if function is None or module is None:
        return True
    given = {a.arg for a in (*function.args.posonlyargs, *function.args.args)}
    given |= {a.arg for a in function.args.kwonlyargs}
    if given - {"self", "cls"} - set(_written_out(function)):
        return True
    around: list[ast.stmt] = list(module.body)
    for part in name.split("::")[:-1]:
        one = next((n for n in around if isinstance(n, ast.ClassDef) and n.name == part), None)
        around = [*module.body, *(one.body if one else [])]
        if one is None or one.bases or "usefixtures" in "".join(map(ast.dump, one.decorator_list)):
            return True
    if any(_sets_up(node) for node in around) or "usefixtures" in ast.dump(function):
        return True
    held = {
        n.id
        for node in around
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.With | ast.For)
        for n in ast.walk(node)
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    return any(isinstance(n, ast.Name) and n.id in held for n in ast.walk(function))


def _written_out(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """The parameters whose values stand beside a test: they come from nowhere."""
    for one in function.decorator_list:
        if not isinstance(one, ast.Call) or not ast.unparse(one.func).endswith("parametrize"):
            continue
        is_plain = not any(
            isinstance(n, ast.Name | ast.Call) for a in one.args for n in ast.walk(a)
        )
        names = one.args[0] if one.args else None
        if is_plain and isinstance(names, ast.Constant) and not one.keywords:
            yield from (name.strip() for name in str(names.value).split(","))


def _sets_up(node: ast.stmt) -> bool:
    """Whether it is a function that is called before a test, or names fixtures for all."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        is_used = any("autouse" in ast.dump(one) for one in node.decorator_list)
        return is_used or node.name.lower().startswith("setup")
    return isinstance(node, ast.Assign) and "pytestmark" in ast.dump(node)
