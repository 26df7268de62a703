"""What a test process is made of, as it was before the project was loaded, and what is something
else since.
PYTEST_DONT_REWRITE

Owns whose a file is (`Tree`) and the parts that tests rest on (`Parts`): pytest and its like, and
what of Python's library tests read, calculate and compare with. Nothing is imported for that: a
module that the project loads first is held against a second copy made of its source.
"""

from __future__ import annotations

import builtins
import importlib.util
import os
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RUNNER = (
    *("_pytest", "pluggy", "pytest", "unittest", "builtins"),
    *("orchestrate_record", "orchestrate_watch", "orchestrate_line", "orchestrate_parts"),
    *("orchestrate_equal", "orchestrate_reach", "orchestrate_hand", "orchestrate_origin"),
    "orchestrate_source",
)
"""Packages whose parts decide what an outcome is."""
BASICS = (
    *("operator", "_operator", "json", "os", "posixpath", "ntpath", "genericpath", "pathlib"),
    *("io", "time", "math", "fractions", "decimal", "datetime", "statistics", "numbers", "re"),
    *("collections", "functools", "itertools", "copy", "string", "hashlib", "difflib", "enum"),
    *("inspect", "contextlib", "dataclasses", "random", "tempfile", "glob", "fnmatch", "csv"),
)
"""Packages with which tests find out what they compare."""
LATE = (
    *("fractions", "decimal", "statistics", "datetime", "numbers", "math", "operator", "random"),
    *("difflib", "unittest.mock", "unittest.async_case", "csv"),
)
"""What pytest does not load itself, and a second copy of which may be made."""
PYTHONS = os.path.join(os.path.dirname(os.__file__), "")
NATIVE = (types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType)
WRAPPED = (staticmethod, classmethod, property)
TEST_FOLDERS = frozenset(("test", "tests"))


class Tree:
    """The project's files, as opposed to installed ones, also where its virtual environment lies
    among them.
    """

    def __init__(self, root: str) -> None:
        self._root = os.path.join(root, "")
        self._installed = os.path.join(sys.prefix, "")
        self.test_files: set[str] = set()
        """Files of tests that were collected, by their full paths."""

    def holds(self, path: object) -> bool:
        """Whether a file is the project's own."""
        if not isinstance(path, str):
            return False
        if not os.path.isabs(path):
            return not path.startswith("<") and os.path.exists(self._root + path)
        return path.startswith(self._root) and not path.startswith(self._installed)

    def short(self, path: str) -> str:
        """The path relative to the root."""
        return path[len(self._root) :] if path.startswith(self._root) else path  # noqa: FURB188  (Python 3.8 has no `removeprefix`)

    def named(self, path: str) -> str:
        """The project's own by their paths from the root; empty for all others."""
        return self.short(path) if self.holds(path) else ""

    def is_test(self, path: str) -> bool:
        """Whether a file of the project is one of its tests, or stands among them."""
        folders, name = os.path.split(self.short(path))
        return (
            name == "conftest.py"
            or path in self.test_files
            or not TEST_FOLDERS.isdisjoint(folders.split(os.sep))
        )

    def is_tests(self, part: object) -> bool:
        """Whether it is code, and of the project's tests alone."""
        held = [path for path in files_of(part) if self.holds(path)]
        return bool(held) and all(map(self.is_test, held))

    def product(self, part: object) -> str:
        """The file of the project, and not of its tests, that code was written in; empty: none."""
        return next(
            (path for path in files_of(part) if self.holds(path) and not self.is_test(path)), ""
        )

    def is_installed(self, part: object, owner: object = None) -> bool:
        """Whether it is code, and of an installed package or of Python; not of Python itself where
        it stands for another part of Python, which nobody does who means well.
        """
        path = getattr(code_of(part), "co_filename", "<>")
        if path.startswith("<") or any(map(self.holds, files_of(part))):
            return False
        return not (_is_pythons(path) and any(map(_is_pythons, files_of(owner))))


class Parts:
    """Parts as they are when they are taken; what was taken before stays as it was then."""

    def __init__(self) -> None:
        self._modules: dict[str, types.ModuleType] = {}
        self._parts: list[tuple[object, str, object, object]] = []
        self.take()

    def take(self, is_test: Callable[[str], bool] | None = None) -> None:
        """Take what has been loaded since the last time; with `is_test` (whether a file is one of the
        project's tests) modules of tests, which are there by now.
        """
        for name, module in list(sys.modules.items()):
            if is_test is None:
                is_taken = name.partition(".")[0] in RUNNER + BASICS
            else:
                is_taken = any(map(is_test, files_of(module)))
            if is_taken and name not in self._modules and isinstance(module, types.ModuleType):
                self._modules[name] = module
                self._parts += _parts(name, module)

    def changed(self) -> Iterator[tuple[str, object, object]]:
        """What is something else now, or runs other code: its name, what is there, and whose it is."""
        for name, module in self._modules.items():
            loaded = sys.modules.get(name, module)
            if loaded is not module and not _is_loaded_anew(loaded, module):
                yield f"sys.modules[{name!r}]", loaded, None
        for owner, key, value, code in self._parts:
            now = vars(owner).get(key)
            if now is not value or (code is not None and code_of(now) is not code):
                yield _name(owner) + "." + key, now, owner
        for name in LATE:
            if name not in self._modules and name in sys.modules:
                yield from _differing(name, sys.modules[name])


def is_runners(owner: object) -> bool:
    """Whether something is of what decides the outcome of tests."""
    name = getattr(owner, "__module__", None) or getattr(owner, "__name__", "")
    return str(name).partition(".")[0] in RUNNER


def _is_pythons(path: str) -> bool:
    return path.startswith(PYTHONS) and "site-packages" not in path


def code_of(part: object) -> Any:
    """What a function or method runs; None where that is not Python's code."""
    return getattr(getattr(part, "__func__", part), "__code__", None)


def files_of(part: object) -> Iterator[str]:
    """The files that code says it is of: its own word, and that of the module it looks names up
    in, which is harder to forge.
    """
    if isinstance(part, types.ModuleType):
        path = vars(part).get("__file__")
        if isinstance(path, str):
            yield path
        return
    if not isinstance(part, type):
        part = getattr(part, "fget", None) or getattr(part, "__func__", part)
    path = getattr(code_of(part), "co_filename", None)
    if isinstance(path, str):
        yield path
    names = getattr(part, "__globals__", None)
    if isinstance(names, dict) and isinstance(names.get("__file__"), str):
        yield names["__file__"]
    if isinstance(part, type):
        module = sys.modules.get(str(part.__module__))
        if isinstance(getattr(module, "__file__", None), str):
            yield str(getattr(module, "__file__", ""))


def _name(owner: object) -> str:
    return str(getattr(owner, "__qualname__", None) or getattr(owner, "__name__", owner))


def _is_loaded_anew(loaded: object, before: types.ModuleType) -> bool:
    """Whether a module was thrown out and imported again, as some suites do."""
    spec, known = getattr(loaded, "__spec__", None), before.__spec__
    return (
        type(loaded) is type(before)
        and spec is not None
        and known is not None
        and type(spec.loader) is type(known.loader)
        and spec.origin == known.origin
        and getattr(loaded, "__file__", None) == getattr(before, "__file__", None)
    )


def _parts(name: str, module: types.ModuleType) -> Iterator[tuple[object, str, object, object]]:
    """What can be called in a module and in its classes: whose, the name, the thing itself, its
    code.
    """
    for key, value in vars(module).items():
        if callable(value):
            yield module, key, value, code_of(value)
        if isinstance(value, type) and value.__module__ == name and module is not builtins:
            for inner, part in vars(value).items():
                if callable(part) or isinstance(part, WRAPPED):
                    yield value, inner, part, code_of(part)


def _differing(name: str, module: types.ModuleType) -> Iterator[tuple[str, object, object]]:
    """What of a module is not as its source says."""
    spec = getattr(module, "__spec__", None)
    if spec is None or spec.loader is None or not isinstance(spec.origin, str):
        return
    if not spec.origin.endswith(".py"):
        return
    fresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fresh)
    for owner, key, value, code in _parts(name, fresh):
        there = module if owner is fresh else vars(module).get(getattr(owner, "__name__", ""))
        now = vars(there).get(key) if isinstance(there, (type, types.ModuleType)) else None
        if code is not None:
            is_same = code_of(now) == code
        elif isinstance(value, type):
            is_same = isinstance(now, type) and now.__qualname__ == value.__qualname__
        elif isinstance(value, NATIVE):
            whose = getattr(value, "__self__", None)  # a pattern's method is of another pattern
            is_same = now is value or (
                type(now) is type(value)
                and not isinstance(whose, (types.ModuleType, type, type(None)))
            )
        else:
            is_same = type(now).__name__ == type(value).__name__
        if not is_same:
            yield _name(owner) + "." + key, now, owner
