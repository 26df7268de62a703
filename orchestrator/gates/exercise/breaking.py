"""Functions that do something else first: fail, so that it shows who needs them, or leave a mark
that they were called.

It is done to the text, one statement before the first one. So whoever runs the file runs the
changed function: the test process, its workers, a program that a test starts, a script, a server. A
function stays what it is (a coroutine when awaited, a generator when iterated, a property, a class
method, decorated as it was), and every other line stays too.

What is raised is a `BaseException` that is no `Exception`. Programs that must go on (servers,
retries, plug-ins) catch every `Exception`: a fix in such a program would look as if no test ran it,
although they all do, and a retry would wait in vain. Nothing is won by catching more than that:
whatever swallows the failure lets the tests stay green, and green is what is refused here.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from orchestrator.gates.exercise.changed_functions import (
    Definition,
    Function,
    code_of,
    definitions,
    first_line,
)
from orchestrator.structure.python import parsed

ON_PURPOSE = "is broken on purpose"
"""What a function that was made to fail says, so that its failure can be told from others."""


def failing(function: Function) -> str:
    """The statement with which a function fails as soon as its code is entered."""
    return f"raise BaseException({f'{function} {ON_PURPOSE}'!a})"


def marking(name: str, path: Path) -> str:
    """The statement with which a function removes the empty folder `path` when it is first called.

    `name` is an identifier. To remove is the one thing that never raises, whatever a test has done
    to files; and it costs next to nothing from the second time on.
    """
    done = f"__import__('shutil').rmtree({str(path)!a}, ignore_errors=True)"
    return f"{name!r} in globals() or globals().__setitem__({name!r}, {done})"


def inserted(source: bytes, statements: Mapping[Function, str]) -> bytes | None:
    """The source of a module in which these of its functions begin with a statement; None where
    that cannot be done.
    """
    wanted = {
        (function.name, function.line): statement for function, statement in statements.items()
    }
    tree = parsed(source)
    if tree is None:
        return None
    places = [(node, wanted[key]) for key, node in _named(tree, "") if key in wanted]
    return _written(source, places) if len(places) == len(wanted) else None


def wrapped(
    source: bytes, statement: Callable[[str], str], condition: str, first: str, last: str
) -> bytes | None:
    """The source of a module in which each of its functions begins with the statement for its name;
    where the module itself calls something, the condition stands before that. `first` goes before
    its first statement and `last` to its end (of ASCII, on one line each). None where that cannot
    be done.
    """
    tree = parsed(source)
    if tree is None:
        return None
    code = [node for node in code_of(tree) if not _is_of_the_future(node)]
    if not code or code[0].col_offset:  # nothing, or something after a semicolon
        return None
    places = [(node, text) for (name, _), node in _named(tree, "") if (text := statement(name))]
    node = code[0]
    line = first_line(node) if isinstance(node, Definition | ast.ClassDef) else node.lineno
    calls = [(node.lineno, node.col_offset, condition) for node in _calls(code)]
    return _written(source, places, calls, (line, first), last)


def _written(
    source: bytes,
    places: Iterable[tuple[Definition, str]],
    calls: Iterable[tuple[int, int, str]] = (),
    first: tuple[int, str] = (0, ""),
    last: str = "",
) -> bytes | None:
    decoded = _decoded(source)
    if decoded is None:
        return None
    encoding, content = decoded
    lines = content.encode("utf-8").splitlines(
        keepends=True
    )  # the columns of a syntax tree count these bytes
    for line, column, text in sorted(calls, reverse=True):
        before = lines[line - 1]
        lines[line - 1] = before[:column] + text.encode("ascii") + before[column:]
    for node, statement in sorted(places, key=lambda place: place[0].lineno, reverse=True):
        _put(lines, node, statement.encode())
    end = b"\r\n" if lines and lines[0].endswith(b"\r\n") else b"\n"
    if first[1]:
        lines.insert(first[0] - 1, first[1].encode("ascii") + end)
    if last:
        lines += [end, last.encode("ascii"), end]
    made = b"".join(lines).decode("utf-8").encode(encoding)
    return made if parsed(made) is not None else None


def _calls(body: Iterable[ast.AST]) -> Iterable[ast.Call]:
    """What a module calls of its own accord, but for what it looks for others by."""
    for node in body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            if not ast.unparse(node.value.func).startswith(("sys.", "site.")):
                yield node.value
        elif not isinstance(node, Definition | ast.ClassDef | ast.expr):
            yield from _calls(ast.iter_child_nodes(node))


def _is_of_the_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _named(scope: ast.AST, above: str) -> Iterable[tuple[tuple[str, int], Definition]]:
    for node in definitions(scope):
        name = f"{above}{node.name}"
        if isinstance(node, Definition):
            yield (name, first_line(node)), node
        yield from _named(node, f"{name}.")


def _put(lines: list[bytes], node: Definition, statement: bytes) -> None:
    """Write the statement before the first one of a function that is not its docstring."""
    code = code_of(node)
    if not code:  # a docstring alone
        at, column = (node.body[-1].end_lineno or 0) - 1, node.body[-1].end_col_offset or 0
        lines[at] = lines[at][:column] + b"; " + statement + lines[at][column:]
        return
    first = code[0]
    line = first_line(first) if isinstance(first, Definition | ast.ClassDef) else first.lineno
    before = lines[line - 1][: first.col_offset]
    if before.strip():  # on the line of the `def`, or after a semicolon
        lines[line - 1] = before + statement + b"; " + lines[line - 1][first.col_offset :]
    else:
        end = b"\r\n" if lines[line - 1].endswith(b"\r\n") else b"\n"
        lines.insert(line - 1, before + statement + end)


def _decoded(source: bytes) -> tuple[str, str] | None:
    """How a source is encoded, and its text."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        return encoding, source.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return None
