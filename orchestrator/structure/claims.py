"""What a file takes for itself of which there can be one only, whatever file it stands in: a module's
name, a definition of a package, the place after a migration, a route.

Pure. Owns what such claims are and which of them cannot be shared; who made them, and whether two
did, is asked in `merging.interplay`.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from orchestrator.structure.languages import GO, JAVA, Language, parse
from orchestrator.structure.naming import text_of
from orchestrator.structure.once import declared_once
from orchestrator.structure.python import parsed


@dataclass(frozen=True, slots=True)
class Claim:
    """`where` it counts (a folder, an object) and `name` there; `is_strict`: two of it cannot be,
    elsewhere they may be meant.
    """

    kind: str
    where: str
    name: str
    is_strict: bool = True


_SUFFIXES = (".py", ".go", ".java", ".sql")
_PLATFORM = re.compile(
    r"_(aix|android|darwin|dragonfly|freebsd|illumos|ios|js|linux|netbsd|openbsd|plan9|solaris"
    r"|wasip1|windows|386|amd64|arm|arm64|loong64|mips\w*|ppc64\w*|riscv64|s390x|wasm)(_test)?\.go$"
)
_CONDITION = re.compile(rb"^//\s*(?:go:build|\+build)\b", re.MULTILINE)
_AFTER = re.compile(rb"^down_revision\s*(?::[^=\n]+)?=\s*([\"'][^\"'\n]+[\"'])", re.MULTILINE)
_DEPENDS = re.compile(rb"\bdependencies\s*=\s*\[(.*?)\]", re.DOTALL)
_NUMBERED = re.compile(r"V?(\d[\d._]*?)_+[A-Za-z].*\.sql$")
_MIGRATIONS = frozenset({"migrations", "migration", "migrate"})
_VERBS = frozenset({"route", "get", "post", "put", "delete", "patch", "websocket"})


def may_claim(path: str) -> bool:
    """A quick look at the name; False only of files that claim nothing."""
    return path.endswith(_SUFFIXES)


def claims(path: str, source: bytes) -> set[Claim]:
    """All that the file at `path` claims."""
    folder, _, name = path.rpartition("/")
    if path.endswith(".py"):
        return {*_module(path), *_migration(folder, source), *_routes(source)}
    if path.endswith(".go"):
        is_conditional = _PLATFORM.search(name) or _CONDITION.search(source)
        return set() if is_conditional else set(_definitions(GO, folder, source))
    if path.endswith(".java"):
        return set(_definitions(JAVA, folder, source))
    numbered = _NUMBERED.match(name) if posixpath.basename(folder) in _MIGRATIONS else None
    # What undoes a migration stands beside it under its number.
    ending = next((each for each in (".up", ".down", ".undo") if each in name), "")
    return {Claim("migration number", folder, numbered[1] + ending)} if numbered else set()


def _module(path: str) -> Iterator[Claim]:
    stem = path.removesuffix(".py").removesuffix("/__init__")
    if posixpath.basename(stem) not in {"__init__", "__main__", "conftest"}:
        yield Claim("module", posixpath.dirname(stem), posixpath.basename(stem))


def _migration(folder: str, source: bytes) -> Iterator[Claim]:
    for found in _AFTER.finditer(source):
        yield Claim("migration after", folder, found[1].decode("utf-8", "replace").strip("\"'"))
    if posixpath.basename(folder) == "migrations":
        app = posixpath.basename(posixpath.dirname(folder))
        for found in _DEPENDS.finditer(source):
            for name, after in re.findall(rb"\(\s*[\"'](\w+)[\"'],\s*[\"'](\w+)[\"']", found[1]):
                if name.decode() == app:
                    yield Claim("migration after", folder, after.decode())


def _routes(source: bytes) -> Iterator[Claim]:
    """Decorators that give a function a path at an object that another file made."""
    if b"@" not in source or (tree := parsed(source)) is None:
        return
    imported = {
        alias.asname or alias.name: f"{'.' * node.level}{node.module or ''}.{alias.name}"
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for each in node.decorator_list:
            match each:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id=name), attr=verb),
                    args=[ast.Constant(value=str() as at), *_],
                ) if verb in _VERBS and name in imported and at.startswith("/"):
                    methods = next((k.value for k in each.keywords if k.arg == "methods"), None)
                    how = ast.unparse(methods) if methods else verb
                    origin = imported[name].lstrip(".")
                    yield Claim("route", f"{origin} {how}", at, is_strict=False)


def _definitions(language: Language, folder: str, source: bytes) -> Iterator[Claim]:
    root = parse(language, source).root_node
    package = next((_package(each) for each in root.named_children if "package" in each.type), "")
    for name in declared_once(language, root):
        # What is in a type is that type's, but Go's methods are declared outside of it.
        if "." not in name.removesuffix(" as a type") or language is GO:
            yield Claim("definition", f"{folder} {package}".strip(), name)


def _package(node: Node) -> str:
    return " ".join(text_of(each) for each in node.named_children)
