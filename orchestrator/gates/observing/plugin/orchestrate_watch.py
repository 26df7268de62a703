"""Whether what a test process reports can be believed: the watch that runs beside its tests.
PYTEST_DONT_REWRITE

Owns the selection of tests by id (an id that does not exist must not stop the others) and the
observations that a test outcome cannot show: a control test that must fail and does not, parts of
pytest and of Python that were replaced, modules of the project that stand in for those of Python or
of installed packages, objects that are equal to everything, hooks into the interpreter. It shares a
process with what it watches, so it can be outwitted by code that knows it; it is there for the ways
that are seen. What they mean, beside what was seen on the base, is the judge's to say.

Under pytest-xdist there is a watch in every worker too, which hands what it saw to the controller.
"""

from __future__ import annotations

import importlib.machinery
import os
import sys
import types
import unittest.case  # what it replaces must be seen, so it has to be there before the project is
from typing import TYPE_CHECKING, Any

import orchestrate_equal  # type: ignore[import-not-found]  # these lie beside this one where all are used
import orchestrate_hand  # type: ignore[import-not-found]
import orchestrate_line  # type: ignore[import-not-found]
import orchestrate_parts  # type: ignore[import-not-found]
import orchestrate_reach  # type: ignore[import-not-found]
import orchestrate_record  # type: ignore[import-not-found]
import orchestrate_source  # type: ignore[import-not-found]
import pytest
from _pytest.assertion import rewrite
from _pytest.runner import runtestprotocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Report = Callable[[str, "dict[str, Any]"], None]

OWN_NAMES = frozenset({"conftest", "test", "tests"})
"""Top-level names that projects use for their tests, whatever happens to be installed under them.
"""
IDLE = frozenset({"pdb", "__main__"})
"""What pytest loads, and with it what that is made of, without a use for it."""
LISTED = 20
WORKER = "orchestrate"
"""The key under which xdist's controller and its workers exchange what is ours."""
Tree, Parts = orchestrate_parts.Tree, orchestrate_parts.Parts


class Watch:
    """The hooks of one test process."""

    def __init__(
        self,
        tree: Any,
        parts: Any,
        report: Report | None,
        select: Iterable[str] = (),
        hidden: Iterable[str] = (),
    ) -> None:
        self._tree = tree
        self._parts = parts
        self._report = report
        self._select = frozenset(select)
        self._hidden = tuple(hidden)
        self._reach = orchestrate_reach.Reach(tree)
        self._sources = orchestrate_source.Sources(tree)
        self._equal = orchestrate_equal.Equal(tree)
        self._hand = orchestrate_hand.Hand(tree)
        self._in_lines = orchestrate_line.in_lines
        self._who_asks = orchestrate_line.who_asks(tree.named)
        self._getframe = sys._getframe  # noqa: SLF001  (who does something is in the stack alone)
        self._is_worker = False
        self._usual: list[str] = []  # what a worker is started by
        self._test_modules = set(OWN_NAMES)
        self._controls = 0
        self._failures: dict[str, None] = {}
        self._patched: dict[str, None] = {}
        self._forged: dict[str, None] = {}
        self._deselected: dict[str, None] = {}
        self._place: object = None
        self._module: object = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self, early_config: pytest.Config) -> None:
        """All plug-ins are there, and nothing yet of the project."""
        # A work tree has no compiled files; one that is written while tests run is not believed.
        rewrite._read_pyc = lambda *_, **__: None  # noqa: SLF001  (there is no option for that)
        self._parts.take()
        self._reach.listen(self._sources.hear)
        if not early_config.pluginmanager.hasplugin("xdist"):
            self._hide()

    def _hide(self) -> None:
        """Take away what this run of pytest alone was told: those that tests start are others."""
        for name in self._hidden:
            os.environ.pop(name, None)
        self._hidden = ()

    def pytest_configure(self, config: pytest.Config) -> None:
        given = getattr(config, "workerinput", None)
        if given is not None and self._report is None:
            self._select = frozenset(given.get(WORKER, ()))
            self._hidden = tuple(given.get(WORKER + "_hidden", ()))
            self._hide()
            self._is_worker = True
            self._report = lambda _, facts: config.workeroutput.__setitem__(WORKER, facts)  # type: ignore[attr-defined]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        self._usual = self._who_asks(self._getframe(1))
        if not session.config.pluginmanager.hasplugin("dsession"):
            self._hide()  # no workers, which would have to be told the same

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput[WORKER] = sorted(self._select)
        node.workerinput[WORKER + "_hidden"] = list(self._hidden)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        facts = getattr(node, "workeroutput", {}).get(WORKER)
        if facts and self._report:
            self._tell(facts)

    def pytest_plugin_registered(self, plugin: object) -> None:
        """A plug-in that code of the project itself brings, and that nobody named."""
        kind = plugin if isinstance(plugin, types.ModuleType) else type(plugin)
        if not self._tree.product(kind):
            return
        frame: Any = self._getframe(1)
        while frame is not None:
            path = frame.f_globals.get("__file__")
            if self._tree.holds(path) and not self._tree.is_test(path):
                self._patched[f"a plug-in, {kind.__name__}, of {self._tree.short(path)}"] = None
                return
            frame = frame.f_back

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        ancestors = orchestrate_record.ancestors
        self._tree.test_files.update(str(item.path) for item in items)
        items[:] = [item for item in items if not self._select.isdisjoint(ancestors(item.nodeid))]

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._parts.take(lambda path: self._tree.holds(path) and self._tree.is_test(path))
        self._hand.take(session.config, session.items)
        self._patched.update(dict.fromkeys(self._sources.changed()))
        self._equal.watch()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self) -> None:
        if self._is_worker:  # elsewhere the recorder looks
            askers = self._who_asks(self._getframe(1))
            self._forged.update((who, None) for who in askers if who not in self._usual)

    def pytest_deselected(self, items: Iterable[pytest.Item]) -> None:
        self._deselected.update((orchestrate_record.text(item.nodeid), None) for item in items)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Iterator[None]:
        module = item.getparent(pytest.Module)
        place = module.parent if module is not None else item.session
        if module is not None and module is not self._module:
            self._module = module
            self._test_modules.add(getattr(module.obj, "__name__", ""))
        if place is not self._place:
            self._place = place
            self._control(place, item)
        for what in self._hand.exchanged(item):
            self._patched[what] = None
        yield
        self._reach.look()
        self._equal.look()
        if self._sources.have_grown():
            self._patched.update(dict.fromkeys(self._sources.changed()))
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
        self._patched.update(dict.fromkeys((*self._replaced(), *self._hand.between(place.config))))
        reports = runtestprotocol(control, log=False, nextitem=nextitem)
        if not any(report.failed and not hasattr(report, "wasxfail") for report in reports):
            self._failures[f"a test that must fail did not, in {place.nodeid or '.'}"] = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._report is None:
            return
        self._patched.update(
            dict.fromkeys(
                (
                    *self._replaced(),
                    *self._hand.between(session.config),
                    *self._sources.changed(),
                )
            )
        )
        self._tell(
            {
                "controls": self._controls,
                "control": list(self._failures),
                "patched": list(self._patched)[:LISTED],
                "reached": list(self._reach.found())[:LISTED],
                "shadowed": list(self._shadowing())[:LISTED],
                "used": sorted(self._used(by_project=True)),
                "always_equal": self._equal.found()[:LISTED],
                "forged": list(self._forged),
                "deselected": list(self._deselected),
            }
        )

    def _tell(self, facts: dict[str, Any]) -> None:
        """A worker tells all at once; a line of the record is to be short."""
        assert self._report is not None
        if not self._is_worker:
            for portion in self._in_lines(facts.pop("deselected")):
                self._report("deselected", {"ids": portion})
        self._report("watch", facts)

    def _replaced(self) -> Iterator[str]:
        """What is not as it was before the project was loaded."""
        for name, now, owner in self._parts.changed():
            if self._tree.is_installed(now, owner):
                continue
            # What tests do to what they test with is theirs; not what they do to what runs them.
            if orchestrate_parts.is_runners(owner) or not self._tree.is_tests(now):
                yield name

    def _used(self, *, by_project: bool) -> set[str]:
        """The top-level modules that modules of the project, or all others, have in hand."""
        found: set[str] = set()
        for name, module in list(sys.modules.items()):
            if name in IDLE or self._tree.holds(_file(module)) is not by_project:
                continue
            for value in list(getattr(module, "__dict__", {}).values()):
                whose = value.__name__ if isinstance(value, types.ModuleType) else _module(value)
                found.add(whose.partition(".")[0])
            found.discard(name.partition(".")[0])
        return found

    def _shadowing(self) -> Iterator[str]:
        """Top-level modules of the project that are called as one of Python's own or an installed
        one, and modules that stand in the place of one of the tests', or were made up.
        """
        elsewhere = [
            path
            for path in sys.path
            if os.path.isabs(path) and not self._tree.holds(os.path.join(path, ""))
        ]
        own = getattr(sys, "stdlib_module_names", ())
        used = self._used(by_project=False)
        for name, module in list(sys.modules.items()):
            path = _file(module)
            is_made_up = path is None and _is_from_nowhere(module)
            is_products = self._tree.holds(path) and not self._tree.is_test(path)
            is_stranger = name != "__main__" and (is_made_up or is_products)
            if is_stranger and (there := self._file_of(name)):
                how = self._tree.short(path) if path else "made up"
                yield f"{name} ({how} instead of {self._tree.short(there)}, the tests' own)"
                continue
            if "." in name or name in self._test_modules:
                continue
            if not (self._tree.holds(path) or (is_made_up and name != "__main__")):
                continue
            installed = importlib.machinery.PathFinder.find_spec(name, elsewhere)
            if name in own or (installed and installed.has_location):
                how = self._tree.short(path) if path else "made up"
                yield f"{name} ({how}{', which others use' if name in used else ''})"

    def _file_of(self, name: str) -> str:
        """The file among the project's tests that a module of this name would be."""
        end = os.path.join(*name.split(".")) if name.strip(".") else name
        for folder in sys.path:
            for rest in (".py", os.path.join("", "__init__.py")):
                path = os.path.join(folder or os.getcwd(), end) + rest
                if self._tree.holds(path) and self._tree.is_test(path) and os.path.isfile(path):
                    return path
        return ""


def _file(module: object) -> str | None:
    """Where a module was loaded from; what stands in `sys.modules` may be anything."""
    try:
        path = getattr(module, "__file__", None)
    except Exception:  # noqa: BLE001  (a module of the project may do as it likes when it is asked)
        return None
    return path if isinstance(path, str) else None


def _is_from_nowhere(module: object) -> bool:
    """Whether a module without a file was not found where Python looks either."""
    spec = getattr(module, "__spec__", None)
    if spec is None:
        return True
    return spec.origin is None and spec.submodule_search_locations is None


def _module(value: object) -> str:
    """What says of itself in which module it was made."""
    try:
        name = getattr(value, "__module__", None)
    except Exception:  # noqa: BLE001  (as for `_file`)
        return ""
    return name if isinstance(name, str) else ""


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


def test_that_must_fail() -> None:
    """The control."""
    unittest.case.TestCase().assertEqual("what must fail", "and does")  # noqa: PT009  (it is under watch too)
