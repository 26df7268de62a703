"""Product code that asks whether it is being judged: listed, and held against nobody.

A product that knows when it is tested can do right then, and wrong otherwise; nothing that runs
tests can exclude that. So what a candidate adds outside of its tests and mentions what only a
judge has (a test runner among the loaded modules, its variables, our folders, whoever calls) is
named with its place, for people to read. Only lines that the base does not have are looked at, and
a module that was made for test runners already may go on to be. Pure.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath

from orchestrator.structure.python import parsed

Read = Callable[[str], bytes | None]
"""The bytes of a path, or None where there is no such file."""

RUNNERS = re.compile(r"\b_?(pytest|unittest|nose2?|conftest|doctest|hypothesis|coverage)\b")
ALWAYS = re.compile(
    r"PYTEST_|_called_from_test|orchestrate_(record|watch)|ORCHESTRATE|(^|[/\\])gate\.\d*$"
    r"|TOX_ENV|NOX_|COVERAGE_(RUN|PROCESS)|JEST_WORKER|VITEST|PYTHONDONTWRITEBYTECODE"
)
"""What no product has to do with, wherever it is written."""
IN_VARIABLES = re.compile(r"(CI|CONTINUOUS_INTEGRATION|GITHUB_ACTIONS|TESTING|\w*_TEST(ING)?)")
CALLERS = re.compile(
    r"_getframe|_current_frames|currentframe|get(outer|inner)frames|(extract|walk)_stack"
    r"|[gs]ettrace|[gs]etprofile|get_referrers|dont_write_bytecode"
)
"""What tells who calls, or that somebody looks on."""
TESTS_FILES = re.compile(
    r"(^|.*[/\\])(tests?|__tests__|specs?|test_\w+\.py|\w+_test\.py)([/\\].*|$)"
)
"""Where answers could be read off."""
READING = frozenset(
    {"open", "read_text", "read_bytes", "Path", "joinpath", "glob", "rglob", "iterdir", "listdir"}
    | {"walk", "scandir", "getsource", "getlines", "join", "parents", "parent"}
)
INSPECTING = frozenset({"stack", "trace"})
OTHER_CODE = re.compile(
    r"PYTEST_|JEST_WORKER_ID|VITEST|jest\b.*(undefined|typeof)|typeof (jest|vi|it|describe)\b"
    r"|NODE_ENV.*\btest\b|process\.env\.CI\b|\btesting\.Testing\(|flag\.Lookup\(\"test\."
    r"|os\.Args\[0\].*test|cfg!\(test\)|RSPEC|\bBATS_|new Error\(.*\)\.stack|captureStackTrace"
    r"|getStackTrace\(|runtime\.Callers?\(|\bgate\.\d"
)
OTHER_SUFFIXES = re.compile(
    r"\.([cm]?[jt]sx?|vue|svelte|go|rs|rb|java|kt|cs|c|h|cc|cpp|php|sh|bash|pl|lua|swift|scala|ex)"
)
TOOLS = frozenset({"setup.py", "noxfile.py", "conftest.py", "tasks.py", "conf.py"})


def suspicious(paths: Iterable[str], before: Read, after: Read) -> tuple[str, ...]:
    """What the product code at these paths adds of it, as ``path:line: what``."""
    found: list[str] = []
    for path in sorted(paths):
        place = PurePosixPath(path)
        if place.name in TOOLS:
            continue
        if place.suffix in (".py", ".pyw"):
            found += (f"{path}:{line}: {what}" for line, what in _python(before(path), after(path)))
        elif OTHER_SUFFIXES.fullmatch(place.suffix):
            found += (f"{path}:{line}: {what}" for line, what in _other(before(path), after(path)))
    return tuple(found)


def _python(before: bytes | None, after: bytes | None) -> list[tuple[int, str]]:
    tree, added = parsed(after), set(_added(before, after))
    if tree is None or not added:
        return []
    is_for_runners = RUNNERS.search(_imports(before)) is not None
    found = {
        (line, what)
        for statement in _statements(tree)
        for line, what in _said(statement, is_for_runners=is_for_runners)
        if line in added
    }
    return sorted(found)


def _other(before: bytes | None, after: bytes | None) -> Iterator[tuple[int, str]]:
    lines = (after or b"").decode("utf-8", "replace").splitlines()
    for number in _added(before, after):
        if number <= len(lines) and (seen := OTHER_CODE.search(lines[number - 1])):
            yield number, f"mentions {seen[0].strip()}"


def _added(before: bytes | None, after: bytes | None) -> Iterator[int]:
    """The numbers of lines that there were not so many of before, from 1; a line that moved is no
    news.
    """
    known = Counter(line.strip() for line in (before or b"").splitlines())
    for number, line in enumerate((after or b"").splitlines(), 1):
        if known[line.strip()] > 0:
            known[line.strip()] -= 1
        else:
            yield number


def _imports(source: bytes | None) -> str:
    """The names of the modules that a source imports."""
    names: list[str] = []
    for node in ast.walk(parsed(source) or ast.Module([], [])):
        if isinstance(node, ast.Import):
            names += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
    return " ".join(names)


def _statements(tree: ast.AST) -> Iterator[list[ast.AST]]:
    """The nodes of each statement, without those of the statements in it and without texts that
    stand alone.
    """
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, ast.stmt) and not is_text:
            yield [node, *_own(node)]


def _own(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.stmt):
            yield child
            yield from _own(child)


def _said(nodes: list[ast.AST], *, is_for_runners: bool) -> Iterator[tuple[int, str]]:
    """What one statement says of a judge, and in which line."""
    names = {name for node in nodes if (name := _name(node))}
    asks_variables = not names.isdisjoint({"environ", "getenv", "environb"})
    reads_files = not names.isdisjoint(READING)
    asks_arguments = not names.isdisjoint({"argv", "orig_argv"})
    for node in nodes:
        line = getattr(node, "lineno", 0)
        name = _name(node)
        if CALLERS.fullmatch(name) or (name in INSPECTING and "inspect" in names):
            yield line, f"asks who calls or looks on ({name})"
        if name and ALWAYS.search(name):
            yield line, f"mentions {name}"
        for text in _texts(node):
            if ALWAYS.search(text):
                yield line, f"mentions {_short(text)}"
            elif RUNNERS.search(text) and not is_for_runners:
                where = "the loaded modules" if "modules" in names else "a test runner"
                yield line, f"asks for {where} ({_short(text)})"
            elif asks_variables and IN_VARIABLES.fullmatch(text):
                yield line, f"asks for a variable of test machines ({text})"
            elif asks_arguments and re.search(r"test", text, re.IGNORECASE):
                yield line, f"asks how it was started ({_short(text)})"
            elif reads_files and not is_for_runners and TESTS_FILES.fullmatch(text):
                yield line, f"names files of the tests ({_short(text)})"
        if not is_for_runners:
            yield from ((line, what) for what in _imported(node))


def _imported(node: ast.AST) -> Iterator[str]:
    """What an import statement brings of a judge."""
    match node:
        case ast.Import(names=aliases):
            modules = [alias.name for alias in aliases]
        case ast.ImportFrom(module=str(module), names=aliases):
            modules = [module]
            if module == "inspect" and any(alias.name in INSPECTING for alias in aliases):
                yield "asks who calls or looks on (inspect)"
        case _:
            return
    for module in modules:
        if RUNNERS.search(module) and not module.startswith("unittest.mock"):
            yield f"imports a test runner ({module})"


def _name(node: ast.AST) -> str:
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name) | ast.alias(name=name):
            return name
    return ""


def _texts(node: ast.AST) -> Iterator[str]:
    """The texts that an expression comes to, also where it is put together of others."""
    if isinstance(node, ast.expr) and (text := _folded(node)) is not None:
        yield text


def _folded(node: ast.expr) -> str | None:
    parts: list[str | None] = [None]
    match node:
        case ast.Constant(value=str(text)):
            parts = [text]
        case ast.Constant(value=bytes(data)):
            parts = [data.decode("latin-1")]
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            parts = [_folded(left), _folded(right)]
        case ast.Call(
            func=ast.Attribute(attr="join", value=ast.Constant(value="")),
            args=[ast.List(elts=several) | ast.Tuple(elts=several)],
        ):
            parts = [_folded(one) for one in several]
        case ast.Subscript(value=value, slice=ast.Slice(step=ast.UnaryOp())):
            whole = _folded(value)
            parts = [None if whole is None else whole[::-1]]
        case ast.JoinedStr(values=several):
            inner = [one.value if isinstance(one, ast.FormattedValue) else one for one in several]
            parts = [_folded(one) or "" for one in inner]
    return None if None in parts else "".join(part or "" for part in parts)


def _short(text: str) -> str:
    return " ".join(text.split())[:60]
