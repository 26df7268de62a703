"""Whether what a test process reports can be believed: the watch that runs beside its tests.
PYTEST_DONT_REWRITE

Owns the selection of tests by id (an id that does not exist must not stop the others) and four
observations that a test outcome cannot show: a control test that must fail and does not, parts of
pytest that were replaced, modules of the project that stand in for those of Python or of installed
packages, and objects that are equal to everything. It shares a process with what it watches, so it
can be outwitted by code that knows it; it is there for the ways that are seen.

Under pytest-xdist there is a watch in every worker too, which hands what it saw to the controller.
"""

from __future__ import annotations

import builtins
import importlib.machinery
import os
import sys
import types
import unittest.case  # what it replaces must be seen, so it has to be there before the project is
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orchestrate_record  # type: ignore[import-not-found]  # it lies beside this one where both are used
import pytest
from _pytest.runner import runtestprotocol

WATCHED = (
    "_pytest",
    "pluggy",
    "pytest",
    "unittest",
    "builtins",
    "orchestrate_record",
    "orchestrate_watch",
)
OWN_NAMES = frozenset({"conftest", "test", "tests"})
"""Top-level names that projects use for their tests, whatever happens to be installed under them.
"""
WRAPPED = (staticmethod, classmethod, property)
LISTED = 20
WORKER = "orchestrate"
"""The key under which xdist's controller and its workers exchange what is ours."""

Report = Callable[[str, dict[str, Any]], None]


class Tree:
    """The project's files, as opposed to installed ones, also where its virtual environment lies
    among them.
    """

    def __init__(self, root: str) -> None:
        self._root = os.path.join(root, "")
        self._installed = os.path.join(sys.prefix, "")

    def holds(self, path: object) -> bool:
        """Whether a file is the project's own."""
        if not isinstance(path, str):
            return False
        if not os.path.isabs(path):
            return not path.startswith("<") and os.path.exists(self._root + path)
        return path.startswith(self._root) and not path.startswith(self._installed)

    def short(self, path: str) -> str:
        """The path relative to the root."""
        return path.removeprefix(self._root)


class Watch:
    """The hooks of one test process."""

    def __init__(
        self, tree: Tree, parts: Parts, report: Report | None, select: Iterable[str] = ()
    ) -> None:
        self._tree = tree
        self._parts = parts
        self._report = report
        self._select = frozenset(select)
        self._test_modules = set(OWN_NAMES)
        self._has_begun = False
        self._controls = 0
        self._failures: dict[str, None] = {}
        self._patched: dict[str, None] = {}
        self._deselected: dict[str, None] = {}
        self._place: object = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self) -> None:
        """All plug-ins are there, and nothing yet of the project."""
        self._parts.take()

    def pytest_configure(self, config: pytest.Config) -> None:
        given = getattr(config, "workerinput", None)
        if given is not None and self._report is None:
            self._select = frozenset(given.get(WORKER, ()))
            self._report = lambda _, facts: config.workeroutput.__setitem__(WORKER, facts)  # type: ignore[attr-defined]

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput[WORKER] = sorted(self._select)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        facts = getattr(node, "workeroutput", {}).get(WORKER)
        if facts and self._report:
            self._report("watch", facts)

    def pytest_sessionstart(self) -> None:
        self._has_begun = True

    def pytest_plugin_registered(self, plugin: object) -> None:
        """A plug-in of the project that comes while tests are collected or run, and that nobody
        named.
        """
        code = (
            sys.modules.get(type(plugin).__module__)
            if not isinstance(plugin, types.ModuleType)
            else plugin
        )
        path = getattr(code, "__file__", None)
        if (
            self._has_begun
            and self._tree.holds(path)
            and os.path.basename(str(path)) != "conftest.py"
        ):
            self._patched[f"a plug-in of {self._tree.short(str(path))}"] = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        ancestors = orchestrate_record.ancestors
        items[:] = [item for item in items if not self._select.isdisjoint(ancestors(item.nodeid))]

    def pytest_deselected(self, items: Iterable[pytest.Item]) -> None:
        self._deselected.update((orchestrate_record.text(item.nodeid), None) for item in items)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Iterator[None]:
        module = item.getparent(pytest.Module)
        if module is not None:
            self._test_modules.add(getattr(module.obj, "__name__", ""))
        place = module.parent if module is not None else item.session
        if place is not self._place:
            self._place = place
            self._control(place, item)
        yield
        if nextitem is None:
            self._control(place, None)

    def _control(self, place: Any, nextitem: pytest.Item | None) -> None:
        """Run a test that fails, as the project's tests in this folder are run, and see whether it
        does.
        """
        none = types.SimpleNamespace(
            argnames=(), initialnames=(), names_closure=[], name2fixturedefs={}
        )
        control = Control.from_parent(
            place, name="test_that_must_fail", callobj=test_that_must_fail, fixtureinfo=none
        )
        self._controls += 1
        reports = runtestprotocol(control, log=False, nextitem=nextitem)
        if not any(report.failed and not hasattr(report, "wasxfail") for report in reports):
            self._failures[f"a test that must fail did not, in {place.nodeid or '.'}"] = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        if self._report is None:
            return
        facts = {
            "controls": self._controls,
            "control": list(self._failures),
            "patched": [*self._patched, *self._replaced()][:LISTED],
            "shadowed": list(self._shadowing())[:LISTED],
            "always_equal": sorted(self._always_equal())[:LISTED],
            "deselected": list(self._deselected),
        }
        self._report("watch", facts)

    def _replaced(self) -> Iterator[str]:
        """What is not as it was before the project was loaded."""
        for name, now in self._parts.changed():
            if not self._is_installed(now):
                yield name

    def _is_installed(self, part: object) -> bool:
        """Whether it is of an installed plug-in, or of pytest, which replaces some parts of its
        own.
        """
        path = getattr(_code(part), "co_filename", "<>")
        return not path.startswith("<") and not self._tree.holds(path)

    def _shadowing(self) -> Iterator[str]:
        """Top-level modules of the project that are called as one of Python's own or an installed
        one.
        """
        elsewhere = [
            path
            for path in sys.path
            if os.path.isabs(path) and not self._tree.holds(os.path.join(path, ""))
        ]
        for name, module in list(sys.modules.items()):
            path = getattr(module, "__file__", None)
            if "." in name or name in self._test_modules or not self._tree.holds(path):
                continue
            installed = importlib.machinery.PathFinder.find_spec(name, elsewhere)
            if name in getattr(sys, "stdlib_module_names", ()) or (
                installed and installed.has_location
            ):
                yield f"{name} ({self._tree.short(str(path))})"

    def _always_equal(self) -> Iterator[str]:
        """Classes of the project, but of its test modules, whose `__eq__` says yes to a
        stranger.
        """
        seen, todo = {object}, [object]
        while todo:
            for kind in type.__subclasses__(todo.pop()):
                if kind in seen:
                    continue
                seen.add(kind)
                todo.append(kind)
                equals = vars(kind).get("__eq__")
                if equals is None:
                    continue
                name = kind.__module__ if isinstance(kind.__module__, str) else ""
                is_ours = self._tree.holds(getattr(sys.modules.get(name), "__file__", None))
                if is_ours and name not in self._test_modules and _is_always_true(equals):
                    yield f"{name}.{kind.__qualname__}"


class Parts:
    """What pytest and its like are made of, as it is when it is taken; what was taken before stays
    as it was then.
    """

    def __init__(self) -> None:
        self._modules: dict[str, types.ModuleType] = {}
        self._parts: list[tuple[object, str, object, object]] = []
        self.take()

    def take(self) -> None:
        """Take what has been loaded since the last time."""
        for name, module in list(sys.modules.items()):
            if name not in self._modules and name.partition(".")[0] in WATCHED:
                self._modules[name] = module
                self._parts += _parts(name, module)

    def changed(self) -> Iterator[tuple[str, object]]:
        """What is something else now, or runs other code: its name, and what is there."""
        for name, module in self._modules.items():
            if (loaded := sys.modules.get(name, module)) is not module:
                yield f"sys.modules[{name!r}]", loaded
        for owner, key, value, code in self._parts:
            now = vars(owner).get(key)
            if now is not value or (code is not None and _code(now) is not code):
                yield (
                    f"{getattr(owner, '__qualname__', None) or getattr(owner, '__name__', owner)}.{key}",
                    now,
                )


class Control(pytest.Function):
    """The test that must fail; nobody reads its traceback, and to write one takes longer than many
    a suite.
    """

    def repr_failure(
        self,
        excinfo: pytest.ExceptionInfo[BaseException],
        style: object = None,  # noqa: ARG002  (pytest's)
    ) -> str:
        return excinfo.exconly()


class _One:
    def __init__(self) -> None:
        self.one = 1


class _Other:
    def __init__(self) -> None:
        self.other = 2


def _code(part: object) -> object:
    return getattr(getattr(part, "__func__", part), "__code__", None)


def _is_always_true(equals: Callable[[object, object], object]) -> bool:
    try:
        return equals(_One(), _Other()) is True
    except Exception:  # noqa: BLE001  (the project's code: whatever it raises, it does not say yes)
        return False


def _parts(name: str, module: types.ModuleType) -> Iterator[tuple[object, str, object, object]]:
    """What can be called in a module and in its classes: whose, the name, the thing itself, its
    code.
    """
    for key, value in vars(module).items():
        if callable(value):
            yield module, key, value, _code(value)
        if isinstance(value, type) and value.__module__ == name and module is not builtins:
            for inner, part in vars(value).items():
                if callable(part) or isinstance(part, WRAPPED):
                    yield value, inner, part, _code(part)


def test_that_must_fail() -> None:
    """The control."""
    unittest.case.TestCase().assertEqual("what must fail", "and does")  # noqa: PT009  (it is under watch too)
