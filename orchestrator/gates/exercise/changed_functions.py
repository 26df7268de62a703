"""Which Python functions differ between two commits, and what else does that cannot be broken at
run time.

Owns what counts as a change of a function: its parameters, its decorators and its code, but not its
docstring, comments or layout, and not the functions inside of it, which are functions of their own.
A function that was moved to another file as it is has not changed. Pure: it reads sources that it
is given. Tests are left out by who asks: they are what a change is held against.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.gates.observing.sources import Changed
from orchestrator.gates.rules.prose import is_prose
from orchestrator.structure.python import parsed

Read = Callable[[str], bytes | None]
"""The bytes of a path, or None where there is no such file."""
Definition = ast.FunctionDef | ast.AsyncFunctionDef
Scope = Definition | ast.ClassDef | ast.Module

_LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the candidate; `line` is that of its first decorator, or of its `def`. Names
    are joined by dots.
    """

    path: str
    name: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}::{self.name}"

    def cannot_be_broken(self) -> Unbreakable:
        """The same as a change that it is of no use to look at."""
        return Unbreakable(self.path, f"{self.name} cannot be broken")


@dataclass(frozen=True, slots=True)
class Unbreakable:
    """A change that no function holds, and what it is."""

    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.path} ({self.what})"


@dataclass(frozen=True, slots=True)
class ChangedFunctions:
    """What a candidate changes, its tests and documents aside."""

    functions: tuple[Function, ...] = ()
    unbreakable: tuple[Unbreakable, ...] = ()

    def by_path(self) -> dict[str, list[Function]]:
        """The functions of each file."""
        found: dict[str, list[Function]] = {}
        for function in self.functions:
            found.setdefault(function.path, []).append(function)
        return found


@dataclass(slots=True)
class _Module:
    """One version of a file: its functions and, without them, what its classes and it itself
    hold.
    """

    functions: list[tuple[str, Definition]] = field(default_factory=list)
    bodies: dict[str, str] = field(default_factory=dict)
    lines: Sequence[bytes] = ()

    def text(self, node: Definition) -> bytes:
        """A function as it is written, to its last line."""
        return b"\n".join(self.lines[first_line(node) - 1 : node.end_lineno])

    def texts(self) -> Counter[tuple[str, bytes]]:
        """How often there is a function of this name that is written like this."""
        return Counter((name, self.text(node)) for name, node in self.functions)

    def told(self, but: Container[tuple[str, bytes]] = ()) -> Counter[tuple[str, str]]:
        """How often there is a function of this name that does this, but for those that are written
        like these.
        """
        return Counter(
            (name, _tell(node))
            for name, node in self.functions
            if (name, self.text(node)) not in but
        )


def changed_functions(
    changes: Mapping[str, Changed], before: Read, after: Read
) -> ChangedFunctions:
    """What `changes` of product code does to functions; `before` and `after` read the two
    commits.
    """
    functions: list[Function] = []
    unbreakable: list[Unbreakable] = []
    gone = [path for path, change in changes.items() if change.new is None and path.endswith(".py")]
    moved = sum(
        (module.told() for path in gone if (module := _taken_apart(before(path)))),
        Counter[tuple[str, str]](),
    )
    for path, change in sorted(changes.items()):
        if not path.endswith(".py"):
            if not is_prose(path):
                unbreakable.append(
                    Unbreakable(path, "removed" if change.new is None else "not Python")
                )
        elif change.new is None:
            unbreakable.append(Unbreakable(path, "removed"))
        elif (new := _taken_apart(after(path))) is None:
            unbreakable.append(Unbreakable(path, "does not parse"))
        else:
            known = (_taken_apart(before(path)) if change.old else None) or _Module()
            functions += _changed(path, known, new, moved)
            unbreakable += [Unbreakable(path, what) for what in _beside(known, new)]
    return ChangedFunctions(tuple(functions), tuple(unbreakable))


def _taken_apart(source: bytes | None) -> _Module | None:
    """One version of a file taken apart; None for what is no Python of this interpreter's
    version.
    """
    tree = parsed(source)
    if tree is None:
        return None
    found = _Module(lines=_LINE_END.split(source or b""))
    _take_apart(tree, "", found)
    return found


def definitions(scope: ast.AST) -> Iterator[Definition | ast.ClassDef]:
    """The functions and classes directly in a scope, those in its `if`, `try` and `with`
    included.
    """
    for child in ast.iter_child_nodes(scope):
        if isinstance(child, Definition | ast.ClassDef):
            yield child
        elif not isinstance(child, ast.expr):
            yield from definitions(child)


def first_line(node: Definition | ast.ClassDef) -> int:
    """Where a definition begins, its decorators included."""
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def code_of(node: Scope) -> list[ast.stmt]:
    """The statements of a body without its docstring."""
    is_documented = bool(node.body) and _is_text(node.body[0])
    return node.body[1:] if is_documented else node.body


def _changed(
    path: str, old: _Module, new: _Module, moved: Counter[tuple[str, str]]
) -> Iterator[Function]:
    # Most functions are written as they were; to tell what a function does takes longer than to
    # compare its text.
    alike = old.texts() & new.texts()
    known = old.told(alike) + moved
    found = []
    for name, node in new.functions:
        written = (name, new.text(node))
        if alike[written] > 0:
            alike[written] -= 1
            continue
        told = (name, _tell(node))
        if known[told] > 0:
            known[told] -= 1
        elif any(not _is_stub(statement) for statement in code_of(node)):
            found.append(Function(path, name, first_line(node)))
    # What is inside of a function that is broken is not reached any more.
    outer = {function.name for function in found}
    yield from (
        function
        for function in found
        if not any(f"{function.name}.".startswith(f"{o}.") for o in outer - {function.name})
    )


def _beside(old: _Module, new: _Module) -> Iterator[str]:
    """What differs outside of functions, in words."""
    names = [name for name, _ in new.functions]
    removed = sorted({name for name, _ in old.functions if name not in names})
    if removed:
        yield f"removed: {', '.join(removed)}"
    for name, told in new.bodies.items():
        if told != old.bodies.get(name, ""):
            yield f"the body of class {name}" if name else "code of the module"


def _take_apart(scope: Scope, above: str, found: _Module) -> None:
    if not isinstance(scope, Definition):
        found.bodies[above.rstrip(".")] = _tell(scope)
    for node in definitions(scope):
        name = f"{above}{node.name}"
        if isinstance(node, Definition):
            found.functions.append((name, node))
        _take_apart(node, f"{name}.", found)


def _tell(scope: Scope) -> str:
    """What a scope does by itself, without the functions and classes in it, documentation and
    imports of the module.
    """
    parts: list[str] = []
    if isinstance(scope, Definition):
        parts += [
            type(scope).__name__,
            *(ast.dump(decorator) for decorator in scope.decorator_list),
        ]
        parts += [ast.dump(scope.args), ast.dump(scope.returns) if scope.returns else ""]
    elif isinstance(scope, ast.ClassDef):
        parts += [ast.dump(part) for part in (*scope.decorator_list, *scope.bases, *scope.keywords)]
    for statement in code_of(scope):
        is_import = isinstance(statement, ast.Import | ast.ImportFrom) and not isinstance(
            scope, Definition
        )
        if not is_import and not isinstance(statement, ast.Pass):
            parts += _dump(statement)
    return "\n".join(parts)


def _dump(node: ast.AST) -> Iterator[str]:
    """A syntax tree as text, with nothing of the functions and classes in it."""
    if isinstance(node, Definition | ast.ClassDef):
        return
    if not any(True for _ in definitions(node)):
        yield ast.dump(node)
        return
    yield type(node).__name__
    for child in ast.iter_child_nodes(node):
        yield from _dump(child)


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _is_stub(node: ast.stmt) -> bool:
    """Whether a statement does nothing, as in a protocol or an overload."""
    is_constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_constant or isinstance(node, ast.Pass)
