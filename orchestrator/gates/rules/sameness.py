"""Whether two versions of a file say the same, and whether two versions of a program do.

The first is comments, docstrings and lay-out: prose in a file of code. The second goes further:
annotations, and names that a function uses for itself alone. That can matter all the same, to
whatever reads annotations; so it is asked only where nothing came of a change. Pure.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Hashable, Iterator
from types import CodeType

import tomlkit
import tree_sitter
import yaml
from tomlkit.exceptions import TOMLKitError

from orchestrator.structure.languages import language_of, parse
from orchestrator.structure.python import tree_of

TOLD = re.compile(
    rb"^//\s*(go:|\+build|@ts-|nolint)|eslint|prettier|istanbul|webpack|@jsx|@flow|noinspection"
    rb"|@type|@param|@returns|[cv]8 ignore"
)
"""Comments that tools obey."""
LARGEST = 500_000
"""Bytes from which data is not read to compare it."""


def says_the_same(path: str, before: bytes | None, after: bytes | None) -> bool:
    """Whether two versions of a file of code or data differ in comments, docstrings and lay-out
    alone; False for what is not understood.
    """
    if before is None or after is None or max(len(before), len(after)) > LARGEST:
        return False
    told = _told_by(path)
    try:
        return told is not None and told(before) == told(after)
    except (SyntaxError, ValueError, RecursionError, TOMLKitError, yaml.YAMLError):
        return False


def does_the_same(path: str, before: bytes | None, after: bytes | None) -> bool:
    """Whether two versions of a Python module do the same, but for what is read off annotations."""
    if before is None or after is None or not path.endswith(".py"):
        return False
    try:
        return _done(before) == _done(after)
    except (SyntaxError, ValueError, RecursionError):
        return False


def _told_by(path: str) -> Callable[[bytes], object] | None:
    suffix = path.rpartition(".")[2].lower()
    if suffix in ("py", "pyi"):
        return lambda source: ast.dump(_bare(source))
    if suffix == "json":
        return lambda source: json.loads(source, object_pairs_hook=tuple)
    if suffix == "toml":
        return lambda source: json.dumps(tomlkit.parse(source).unwrap(), default=str)
    if suffix in ("yaml", "yml"):
        return lambda source: list(_events(source))
    if (language := language_of(path)) is None:
        return None

    def tokens(source: bytes) -> object:
        root = parse(language, source).root_node
        if root.has_error:
            raise ValueError(path)
        return list(_tokens(root))

    return tokens


def _events(source: bytes) -> Iterator[tuple[object, ...]]:
    for event in yaml.parse(source.decode("utf-8"), Loader=yaml.SafeLoader):
        parts = ("anchor", "tag", "implicit", "value")
        yield type(event), *(getattr(event, part, None) for part in parts)


def _tokens(node: tree_sitter.Node) -> Iterator[tuple[str, bytes]]:
    is_comment = "comment" in node.type
    if is_comment and not TOLD.search(node.text or b""):
        return
    if is_comment or not node.children:
        yield node.type, node.text or b""
    for child in () if is_comment else node.children:
        yield from _tokens(child)


def _bare(source: bytes) -> ast.Module:
    """A module without docstrings."""
    module = tree_of(source)
    for node in ast.walk(module):
        match node:
            case ast.Module() | ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                if ast.get_docstring(node, clean=False) is not None:
                    del node.body[0]
    return module


class _Unannotated(ast.NodeTransformer):
    """Takes annotations away, but those of a class: its fields may be made of them."""

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        kept = [one for one in node.body if isinstance(one, ast.AnnAssign)]
        node.body = [one if one in kept else self.visit(one) for one in node.body]
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)


def _done(source: bytes) -> Hashable:
    module = _Unannotated().visit(_bare(source))
    for node in ast.walk(module):
        if isinstance(node, Function) and not node.body:
            node.body = [ast.Pass()]
    return _code(compile(ast.fix_missing_locations(module), "-", "exec", dont_inherit=True))


Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _code(code: CodeType) -> Hashable:
    """All that a piece of code does; names of its own count by their place, those of parameters by
    themselves.
    """
    given = code.co_argcount + code.co_kwonlyargcount
    given += bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)  # *args, **kwargs
    return (
        code.co_code,
        tuple(_code(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts),
        code.co_names,
        code.co_varnames[:given],
        (code.co_name, code.co_flags, code.co_nlocals, code.co_exceptiontable),
        (len(code.co_cellvars), len(code.co_freevars)),
    )
