"""Which files of a project are its *test side*: what tests are made of, and what surrounds them.

Owns the telling apart of test side and product by where a file lies, what it is called, what the
project's settings and conftests name, and (where nothing else decides) what stands in it. Test
modules in many languages, conftests, whatever lies in a folder of tests (helpers, data, golden
files, snapshots), plug-ins that conftests or options load, and the settings of other runners. A
package that is merely called after testing (`numpy.testing`, `django.test`) is product. Pure.
"""

from __future__ import annotations

import ast
import functools
import posixpath
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from orchestrator.gates.observing.selection import ancestors, path_of
from orchestrator.gates.observing.settings import PYTHON_FILES, Settings, effective
from orchestrator.structure.python import parsed

Read = Callable[[str], bytes | None]
"""The bytes of a path, or None where there is no such file."""

FOLDER = re.compile(
    r"(?:.+[-_])?tests|[A-Za-z]*Tests|__(?:tests|snapshots|mocks|fixtures)__|test[-_]?data"
)
"""Folders that hold tests whatever is in them."""
MAYBE = re.compile(r"test|specs?|e2e")
"""Folders that do where a module of tests lies in them; in sources, `test` alone."""
SOURCES = frozenset({"src", "lib", "app"})
OTHERS = re.compile(
    r"""
      .+\.(?:test|spec|cy|e2e)\.[cm]?[jt]sx?
    | .+[-_]test\.(?:go|rb|exs|dart|c|cc|cpp|rs|php|lua)
    | test[-_].+\.(?:rb|c|cc|cpp|sh|R|jl|lua)
    | .+_spec\.(?:rb|lua)
    | .+(?:Test|Tests|TestCase)\.(?:java|kts?|scala|groovy|php|cs|swift)
    | .+Spec\.(?:scala|groovy|hs)
    | .+\.(?:bats|feature)
    """,
    re.VERBOSE,
)
"""Modules of tests in other languages than Python."""
DATA = re.compile(r".+\.(?:snap|ambr)")
RUNNERS = re.compile(
    r"""
      (?:jest|vitest|karma|playwright|cypress|ava|wdio|mocha|jasmine)[.-](?:config|conf|setup)\..+
    | (?:jest|jasmine)\.json | \.mocharc(?:\..+)? | \.jasmine.* | phpunit(?:\..+)?\.xml(?:\.dist)?
    | \.rspec | cypress\.json
    """,
    re.VERBOSE,
)
"""Settings of other runners than pytest."""
FOR_PEOPLE = re.compile(r"(?:README|CHANGELOG|CONTRIBUTING|LICENSE|AUTHORS)(?:\.\w+)?|\.gitignore")
"""What no test is made of, wherever it lies."""
NOT_COLLECTED = re.compile(
    r"\..*|build|dist|node_modules|venv|_darcs|CVS|\{arch\}|.*\.egg(?:-info)?"
)
TESTING = frozenset({"pytest", "_pytest", "unittest", "hypothesis", "nose"})
ROOTS = ("", "src/", "lib/", "python/")
MOST_PATHS = 1 << 16
"""Of which it is remembered how they are called: one judgement asks several times of each."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a project keeps its tests, beyond what names alone say."""

    folders: frozenset[str] = frozenset()
    """Folders of tests that are not called so."""
    flat: frozenset[str] = frozenset()
    """Folders in which modules of tests lie beside others, and that are no packages."""
    plugins: frozenset[str] = frozenset()
    """Files that conftests or options load into pytest."""
    python_files: tuple[str, ...] = PYTHON_FILES
    selected: tuple[str, ...] = ()
    """Paths whose tests are run."""
    is_registered: bool = False
    """Whether the project is a plug-in of pytest itself."""

    def is_module(self, path: str) -> bool:
        """Whether a file is called as a module of tests is."""
        name = _last(path)
        if not name.endswith(".py"):
            return OTHERS.fullmatch(name) is not None and "/src/main/" not in f"/{path}"
        return _is_called(path, name, (*self.python_files, *PYTHON_FILES))

    def is_collected(self, path: str) -> bool:
        """Whether pytest takes a file for one of tests when it comes across it."""
        *folders, name = path.split("/")
        if any(NOT_COLLECTED.fullmatch(folder) for folder in folders):
            return False
        return name.endswith(".py") and _is_called(path, name, self.python_files)

    def is_test_side(self, path: str, content: bytes | None = None) -> bool:
        """Whether a path belongs to the tests; `content` is what stands there on the base, or what
        is new there.
        """
        name = _last(path)
        if FOR_PEOPLE.fullmatch(name):
            return False
        if self._lies_among_tests(path) or self._is_called_so(path):
            return True
        if not name.endswith(".py"):
            return self.is_module(path)
        module = parsed(content or b"")
        if module is None:
            return False
        if self.is_module(path) or name in ("test.py", "tests.py"):
            return _has_tests(module)
        is_beside = posixpath.dirname(path) in self.flat
        return is_beside and not TESTING.isdisjoint(_imports(module))

    def _lies_among_tests(self, path: str) -> bool:
        folders = path.split("/")[:-1]
        above = {"/".join(folders[:number]) for number in range(1, len(folders) + 1)}
        is_called_so = any(FOLDER.fullmatch(folder) for folder in folders)
        return is_called_so or not above.isdisjoint(self.folders)

    def _is_called_so(self, path: str) -> bool:
        """Whether the name is enough."""
        name = _last(path)
        if name == "conftest.py" or path in self.plugins:
            return True
        is_known = DATA.fullmatch(name) or RUNNERS.fullmatch(name)
        is_run = self.is_module(path) and _is_under(path, self.selected)
        return bool(is_known) or is_run


def layout_of(paths: Iterable[str], read: Read, selected: Iterable[str] = ()) -> Layout:
    """What there is to know of a project that has these paths; `selected` are the paths and ids
    that a check runs.
    """
    known = frozenset(paths)
    told = tuple(path_of(entry) for entry in selected)
    settings = effective(lambda path: read(path) if path in known else None, told)
    named = Layout(python_files=settings.python_files, selected=told)
    modules = [path for path in known if named.is_module(path)]
    by_name = {folder for path in modules for folder in _above(path) if _may_be_of_tests(folder)}
    by_name |= {
        folder
        for path in known
        for folder in _above(path)
        if _last(folder) == "test" and _last(posixpath.dirname(folder)) == "src"
    }
    wanted = [*told, *settings.listed("testpaths")]
    by_use = {
        folder
        for each in wanted
        if (folder := each.strip("/")) and _is_of_tests(folder, known, named)
    }
    flat = {posixpath.dirname(path) for path in modules if path.endswith(".py")}
    entry_points = _registered(read("pyproject.toml")) if "pyproject.toml" in known else frozenset()
    return Layout(
        folders=frozenset(by_name | by_use),
        flat=frozenset(each for each in flat if posixpath.join(each, "__init__.py") not in known),
        plugins=frozenset(_plugins(known, read, settings)) - _files(entry_points, known, ""),
        python_files=settings.python_files,
        selected=told,
        is_registered=bool(entry_points),
    )


@dataclass(frozen=True, slots=True)
class Shadow:
    """A new file of the test side that would be imported in place of another one."""

    path: str
    other: str


def shadows(
    added: Iterable[str], paths: frozenset[str], is_test_side: Callable[[str], bool]
) -> Iterator[Shadow]:
    """Which of the files that are new on the test side stand in for a module of the product, or for
    one beside them.

    The folder that such a file is imported from is the first above it that is no package.
    """
    for path in added:
        is_package = _last(path) == "__init__.py"
        name = posixpath.dirname(path) if is_package else path.removesuffix(".py")
        folder = posixpath.dirname(name)
        if not path.endswith(".py") or _last(path) == "conftest.py" or not name:
            continue
        if is_package and f"{name}.py" in paths:
            yield Shadow(path, f"{name}.py")
        if not folder or posixpath.join(folder, "__init__.py") in paths:
            continue  # imported where the product is, or by the name of the package that it is in
        for found in (
            f"{root}{_last(name)}{end}" for root in ROOTS for end in (".py", "/__init__.py")
        ):
            if found in paths and found != path and not is_test_side(found):
                yield Shadow(path, found)
                break


# -- what files say


def _has_tests(module: ast.Module) -> bool:
    """Whether pytest or unittest would find a test in it."""
    for node in module.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if node.name.startswith("test"):
                return True
            case ast.ClassDef() if any(
                isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef)
                and inner.name.startswith("test")
                for inner in node.body
            ):
                return True
    return False


def _imports(module: ast.Module) -> set[str]:
    """The top-level names of what a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(module):
        match node:
            case ast.Import():
                found.update(alias.name.partition(".")[0] for alias in node.names)
            case ast.ImportFrom(module=str(name), level=0):
                found.add(name.partition(".")[0])
    return found


def _plugins(known: frozenset[str], read: Read, settings: Settings) -> Iterator[str]:
    """The files that are loaded into pytest: by options, by `pytest_plugins`, or by a conftest that
    imports what is about tests.
    """
    yield from _files(settings.plugins, known, "")
    for path in known:
        if _last(path) != "conftest.py" or not (module := parsed(read(path) or b"")):
            continue
        folder = posixpath.dirname(path)
        yield from _files(_named_plugins(module), known, folder)
        for found in _files(_imported(module), known, folder):
            source = parsed(read(found) or b"")
            if source and (_has_hooks(source) or "pytest" in _imports(source)):
                yield found


def loads_hooks(content: bytes | None) -> bool:
    """Whether a module is one that pytest can be given hooks or fixtures by."""
    module = parsed(content or b"")
    return module is not None and (_has_hooks(module) or "pytest" in _imports(module))


def imported_by_conftests(known: Iterable[str], read: Read) -> frozenset[str]:
    """The files of the tree that conftests import by name."""
    paths = frozenset(known)
    return frozenset(
        found
        for path in paths
        if _last(path) == "conftest.py" and (module := parsed(read(path) or b""))
        for found in _files(_imported(module), paths, posixpath.dirname(path))
    )


def _has_hooks(module: ast.Module) -> bool:
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("pytest_")
        for node in ast.walk(module)
    )


def _named_plugins(module: ast.Module) -> Iterator[str]:
    for node in module.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign | ast.AugAssign):
            targets = [node.target]
        if any(isinstance(each, ast.Name) and each.id == "pytest_plugins" for each in targets):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                    yield inner.value


def _imported(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom():
                start = node.module or ""
                yield from [start] if start else []
                yield from (f"{start}.{alias.name}".lstrip(".") for alias in node.names)


def _files(modules: Iterable[str], known: frozenset[str], folder: str) -> frozenset[str]:
    """The files of the tree that modules of these names may be."""
    places = [*ROOTS, *([f"{folder}/"] if folder else [])]
    return frozenset(
        path
        for module in modules
        for place in places
        for end in (".py", "/__init__.py")
        if (path := f"{place}{module.replace('.', '/')}{end}") in known
    )


def _registered(pyproject: bytes | None) -> frozenset[str]:
    """The modules by which the project is a plug-in of pytest."""
    try:
        told = tomllib.loads((pyproject or b"").decode("utf-8", "replace"))
    except (tomllib.TOMLDecodeError, RecursionError):
        return frozenset()
    project = told.get("project", {})
    points = project.get("entry-points", {}) if isinstance(project, dict) else {}
    found = points.get("pytest11", {}) if isinstance(points, dict) else {}
    values = found.values() if isinstance(found, dict) else ()
    return frozenset(str(each).partition(":")[0].strip() for each in values)


# -- where files lie


@functools.lru_cache(MOST_PATHS)
def _is_called(path: str, name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(path if "/" in each else name, each) for each in patterns)


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _above(path: str) -> Iterator[str]:
    folder = posixpath.dirname(path)
    while folder:
        yield folder
        folder = posixpath.dirname(folder)


def _is_under(path: str, selected: Iterable[str]) -> bool:
    return not (set(selected) - {"."}).isdisjoint(ancestors(path))


def _may_be_of_tests(folder: str) -> bool:
    """Whether a folder is called so that it is one of tests if there are any in it."""
    if not MAYBE.fullmatch(_last(folder)):
        return False
    return _last(folder) == "test" or SOURCES.isdisjoint(folder.split("/"))


def _is_of_tests(folder: str, known: frozenset[str], layout: Layout) -> bool:
    """Whether most of the Python files in a folder are modules of tests, those aside that lie in a
    folder of tests within: a package may hold its own.
    """
    inside = [
        path
        for path in known
        if path.startswith(f"{folder}/")
        and path.endswith(".py")
        and not _lies_in_tests_within(path, folder)
    ]
    kinds = Counter(
        layout.is_module(path)
        for path in inside
        if _last(path) not in ("__init__.py", "conftest.py")
    )
    return folder != "." and kinds[True] > kinds[False]


def _lies_in_tests_within(path: str, folder: str) -> bool:
    within = posixpath.dirname(path)[len(folder) + 1 :].split("/")
    return any(FOLDER.fullmatch(part) or MAYBE.fullmatch(part) for part in within)
