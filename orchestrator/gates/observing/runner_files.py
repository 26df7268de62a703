"""How tests are run, as far as files of the project say it: pytest's configuration, and hooks in
conftest files.

Owns which files those are, what a candidate changes in them that could make its own tests pass, and
what they hold when such a change is undone. Fixtures, helpers and imports in a conftest, and the
registration of markers, change no outcome by themselves: with those a candidate's files stay as
they are. Pure: it reads bytes that it is given.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import tomlkit
from tomlkit.exceptions import TOMLKitError

OWN = frozenset({"pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml"})
SECTIONS = {"setup.cfg": "tool:pytest", "tox.ini": "pytest"}
HARMLESS = frozenset({"markers"})
COLLECTING = frozenset({"pytest_plugins", "collect_ignore", "collect_ignore_glob"})
HEADER = re.compile(r"^\[([^\]\n]+)\]", re.MULTILINE)


def is_runner_file(path: str) -> bool:
    """Whether pytest may take a file of this name for its own."""
    name = PurePosixPath(path).name
    return name in OWN or name in SECTIONS or name in ("pyproject.toml", "conftest.py")


def what_changes(path: str, before: bytes | None, after: bytes | None) -> str:
    """What a candidate changes in a runner file that could decide outcomes, in words; empty when
    nothing does.
    """
    if PurePosixPath(path).name == "conftest.py":
        return _hooks_that_change(before, after)
    then, now = _settings(path, before), _settings(path, after)
    if after is not None and now is None:
        return ""  # pytest will not get anything from it either, and says so
    keys = sorted(
        key
        for key in {*(then or {}), *(now or {})}
        if (then or {}).get(key) != (now or {}).get(key)
    )
    return f"pytest's settings ({', '.join(keys)})" if set(keys) - HARMLESS else ""


def undone(path: str, before: bytes | None, after: bytes | None) -> bytes | None:
    """What the file holds with the base's settings in it, and all else as in the candidate; None:
    no such file.
    """
    name = PurePosixPath(path).name
    if name in OWN or name == "conftest.py" or after is None:
        return before
    if name in SECTIONS:
        return _with_section(SECTIONS[name], before or b"", after)
    return _with_table(before or b"", after)


# -- settings


def _settings(path: str, content: bytes | None) -> dict[str, object] | None:
    """The settings in a file; None when it cannot be read."""
    if content is None:
        return {}
    name = PurePosixPath(path).name
    if not name.endswith(".toml"):
        section = SECTIONS.get(name, "pytest")
        return dict(_keys(_section(section, content.decode("utf-8", "replace"))[1]))
    try:
        document = tomlkit.parse(content).unwrap()
    except (TOMLKitError, ValueError):
        return None
    table = (
        document.get("pytest", document)
        if name in OWN
        else document.get("tool", {}).get("pytest", {})
    )
    if not isinstance(table, dict):
        return {}
    inner = table.get("ini_options", {})
    return {**table, **(inner if isinstance(inner, dict) else {}), "ini_options": None}


def _section(name: str, text: str) -> tuple[str, str, str]:
    """What comes before a section, the section with its header, and what follows."""
    headers = list(HEADER.finditer(text))
    for number, header in enumerate(headers):
        if header[1].strip() == name:
            end = headers[number + 1].start() if number + 1 < len(headers) else len(text)
            return text[: header.start()], text[header.start() : end], text[end:]
    return text, "", ""


def _keys(section: str) -> Iterator[tuple[str, str]]:
    key, value = "", ""
    for line in section.splitlines()[1:]:
        if not line.strip() or line.lstrip().startswith(("#", ";")):
            continue
        if line[0].isspace():
            value += f"\n{line.strip()}"
        else:
            if key:
                yield key, value
            key, _, value = (
                part.strip() for part in re.sub(r"[=:]", "=", line, count=1).partition("=")
            )
    if key:
        yield key, value


def _with_section(name: str, before: bytes, after: bytes) -> bytes:
    above, _, below = _section(name, after.decode("utf-8", "surrogateescape"))
    block = _section(name, before.decode("utf-8", "surrogateescape"))[1]
    parts = [part.rstrip("\n") + "\n" for part in (above, block, below) if part.strip()]
    return "\n".join(parts).encode("utf-8", "surrogateescape")


def _with_table(before: bytes, after: bytes) -> bytes:
    try:
        then, now = tomlkit.parse(before), tomlkit.parse(after)
    except (TOMLKitError, ValueError):
        return before
    table = then.get("tool", {}).get("pytest")
    tool = now.setdefault("tool", tomlkit.table())
    tool.pop("pytest", None)
    if table is not None:
        tool["pytest"] = table.unwrap()
    return tomlkit.dumps(now).encode()


# -- conftest files


def _hooks_that_change(before: bytes | None, after: bytes | None) -> str:
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
    try:
        module = ast.parse(source or b"")
    except (SyntaxError, ValueError, RecursionError):
        return None
    found: dict[Part, str] = {}
    for node in module.body:
        part = _part(node)
        found[part] = found.get(part, "") + ast.dump(node)
    return found


def _part(node: ast.stmt) -> Part:
    names = list(_names(node))
    hook = next(
        (name for name in names if name.startswith("pytest_") or name in COLLECTING or name == "*"),
        None,
    )
    if hook is not None:
        return "hook", hook
    if any(
        isinstance(inner, ast.Attribute | ast.Name) and _is_hookimpl(inner)
        for inner in ast.walk(node)
    ):
        return "hook", names[0] if names else "hookimpl"
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        is_fixture = any("fixture" in ast.dump(decorator) for decorator in node.decorator_list)
        return "fixture" if is_fixture else "plain", node.name
    if isinstance(node, ast.Import | ast.ImportFrom):
        return "import", ", ".join(names)
    return "plain", ", ".join(names) or f"line {node.lineno}"


def _is_hookimpl(node: ast.Attribute | ast.Name) -> bool:
    return (node.attr if isinstance(node, ast.Attribute) else node.id) in (
        "hookimpl",
        "HookimplMarker",
    )


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
