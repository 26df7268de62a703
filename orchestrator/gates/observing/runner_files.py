"""How tests are run, as far as files of the project say it: pytest's configuration, and hooks in
conftest files.

Owns which files those are, what a candidate changes in them that could make its own tests pass, and
what they hold when such a change is undone. The registration of markers changes no outcome: with
that a candidate's files stay as they are. Fixtures and helpers in a conftest are of the test side,
which is put back as a whole. Pure: it reads bytes that it is given.
"""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterator
from pathlib import PurePosixPath

import tomlkit
from iniconfig import IniConfig, ParseError
from tomlkit.exceptions import TOMLKitError

from orchestrator.gates.observing.settings import HARMLESS, NAMES, OWN, SECTIONS, load
from orchestrator.structure.python import tree_of

COLLECTING = frozenset({"pytest_plugins", "collect_ignore", "collect_ignore_glob"})
MARKED = frozenset({"hookimpl", "HookimplMarker", "pluginmanager", "__dict__", "__code__"})
BUILT_IN = frozenset({"globals", "vars", "exec", "eval", "setattr", "hookimpl", "HookimplMarker"})
"""By which a conftest has hooks that are not called so, or may have: names made at run time."""
ANY = "whether there are any"


def is_settings_file(path: str) -> bool:
    """Whether pytest may take a file of this name for its settings."""
    return posixpath.basename(path) in NAMES


def says_how_tests_are_run(path: str) -> bool:
    """Whether pytest may take settings or hooks from a file of this name."""
    return is_settings_file(path) or posixpath.basename(path) == "conftest.py"


def says_otherwise(path: str, before: bytes | None, after: bytes | None) -> list[str]:
    """The keys by which two versions of a file say different things to pytest, whether or not it
    takes the file; that one of them says nothing at all is one too.
    """
    then = None if before is None else load(path, before)
    now = None if after is None else load(path, after)
    keys = {
        key
        for key in {*(then or {}), *(now or {})} - HARMLESS
        if (then or {}).get(key) != (now or {}).get(key)
    }
    if not keys and (then is None) != (now is None):
        keys = {ANY}
    return sorted(keys)


def undone(path: str, before: bytes | None, after: bytes | None) -> bytes | None:
    """What the file holds with the base's settings in it, and all else as in the candidate; None:
    no such file. Where the two cannot be put together, all of it is the base's.
    """
    name = PurePosixPath(path).name
    if name in OWN or after is None:
        return before
    if name.endswith(".toml"):
        made = _with_table(before or b"", after)
    else:
        made = _with_section(SECTIONS.get(name, "pytest"), before or b"", after)
    return before if made is None or says_otherwise(path, before, made) else made


def _with_section(name: str, before: bytes, after: bytes) -> bytes | None:
    """The candidate's lines with the base's section in place of its own."""
    above, _, below = _section(name, after)
    parts = ["".join(part).rstrip("\n") for part in (above, _section(name, before)[1], below)]
    text = "\n\n".join(part for part in parts if part.strip())
    return f"{text}\n".encode("utf-8", "surrogateescape")


def _section(name: str, content: bytes) -> tuple[list[str], list[str], list[str]]:
    """The lines before a section, those of the section with its header, and those that follow."""
    text = content.decode("utf-8", "surrogateescape").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.splitlines(keepends=True)
    try:
        read = IniConfig("it", data=text)
    except ParseError:
        return lines, [], []
    starts = sorted(read.lineof(each) or 0 for each in read.sections)
    start = read.lineof(name) if name in read.sections else None
    if start is None:
        return lines, [], []
    end = next((each for each in starts if each > start), len(lines) + 1)
    return lines[: start - 1], lines[start - 1 : end - 1], lines[end - 1 :]


def _with_table(before: bytes, after: bytes) -> bytes | None:
    try:
        then, now = tomlkit.parse(before), tomlkit.parse(after)
        table = then.get("tool", {}).get("pytest")
        tool = now.setdefault("tool", tomlkit.table())
        tool.pop("pytest", None)
        if table is not None:
            tool["pytest"] = table.unwrap()
        return tomlkit.dumps(now).encode()
    except (TOMLKitError, ValueError, AttributeError, TypeError):
        return None


# -- conftest files


def hooks_that_change(before: bytes | None, after: bytes | None) -> str:
    """What two versions of a conftest do with the run of tests in different ways, in words; empty
    when nothing is.
    """
    then, now = _parts(before), _parts(after)
    if then is None or now is None:
        return ""  # one that cannot be read runs no hooks; pytest says what is wrong with it
    changed = dict(set(then.items()) ^ set(now.items()))
    hooks = sorted({name for kind, name in changed if kind == "hook"})
    if not hooks and any(kind == "hook" for kind, _ in (*then, *now)):
        # What its hooks may call.
        hooks = sorted({name for kind, name in changed if kind == "plain"})
    return f"what its hooks do ({', '.join(hooks)})" if hooks else ""


Part = tuple[str, str]
"""The kind of a statement (hook, fixture, import, plain) and a name for it."""


def _parts(source: bytes | None) -> dict[Part, str] | None:
    """The statements of a conftest by kind and name, each with all that it says; None when it
    cannot be parsed.
    """
    found: dict[Part, str] = {}
    try:
        for node in tree_of(source or b"").body:
            part = _part(node)
            found[part] = found.get(part, "") + ast.dump(node)
    except RecursionError:
        return {("hook", "too deep to be read"): repr(source)}
    except SyntaxError:
        return None
    return found


def _part(node: ast.stmt) -> Part:
    names = list(_names(node))
    hook = next(
        (name for name in names if name.startswith("pytest_") or name in COLLECTING or name == "*"),
        None,
    )
    if hook is not None:
        return "hook", hook
    for inner in ast.walk(node):
        if word := _hidden(inner):
            return "hook", names[0] if names else word
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        is_fixture = any("fixture" in ast.dump(decorator) for decorator in node.decorator_list)
        return "fixture" if is_fixture else "plain", node.name
    if isinstance(node, ast.Import | ast.ImportFrom):
        return "import", ", ".join(names)
    return "plain", ", ".join(names) or f"line {node.lineno}"


def _hidden(node: ast.AST) -> str:
    """The word by which a node may be about a hook."""
    match node:
        case ast.Attribute(attr=word) if word in MARKED:
            return word
        case ast.Name(id=word) if word in BUILT_IN:
            return word
    return ""


def _names(node: ast.AST) -> Iterator[str]:
    """The names that a statement of a module binds, also inside conditions and the like."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
        case ast.Import() | ast.ImportFrom():
            yield from (alias.asname or alias.name for alias in node.names)
        case _:
            for inner in ast.iter_child_nodes(node):
                if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                    yield inner.id
                elif isinstance(inner, ast.stmt | ast.expr | ast.ExceptHandler | ast.withitem):
                    yield from _names(inner)
