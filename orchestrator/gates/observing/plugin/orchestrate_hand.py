"""What pytest has in hand while it runs tests: its hooks, and the tests themselves.
PYTEST_DONT_REWRITE

Owns whether code of the project, other than its tests and what was registered, has come in between:
a hook that is another's, a plug-in that nobody registered, a test whose function or whose way to be
run was exchanged after it was collected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

WAYS = ("runtest", "setup", "teardown", "repr_failure", "reportinfo", "listchain", "getparent")
"""Methods of a test that an attribute of the same name would come before."""
MANAGER = ("_inner_hookexec", "_hookexec", "register", "unregister", "hook", "call_historic")


class Hand:
    """Of one run of pytest; `tree` tells whose a file is."""

    def __init__(self, tree: Any) -> None:
        self._tree = tree
        self._functions: dict[int, tuple[Any, object]] = {}
        self._callers: dict[str, tuple[object, object]] = {}
        self._manager: dict[str, object] = {}

    def take(self, config: Any, items: Iterable[Any]) -> None:
        """As they are now that all tests are collected."""
        self._functions = {id(item): (item, _function(item)) for item in items}
        self._callers = {n: (caller, _execution(caller)) for n, caller in _hooks(config)}
        manager = vars(config.pluginmanager)
        self._manager = {name: manager.get(name) for name in MANAGER}

    def exchanged(self, item: Any) -> Iterator[str]:
        """What of a test is not its own any more; for the time right before and after it."""
        held = vars(item)
        for way in WAYS:
            if way in held and (path := self._tree.product(held[way])):
                yield f"{way} of {item.nodeid} ({self._tree.short(path)})"
        known, before = self._functions.get(id(item), (None, None))
        function = _function(item)
        if known is not item or before is None or function is before:
            return
        if path := self._tree.product(function):
            yield f"the function of {item.nodeid} ({self._tree.short(path)})"

    def between(self, config: Any) -> Iterator[str]:
        """What of the hooks is not as it was."""
        for name, caller in _hooks(config):
            before = self._callers.get(name)
            if before is not None and before != (caller, _execution(caller)):
                yield f"hook.{name}"
            for implementation in getattr(caller, "get_hookimpls", list)():
                plugin, function = implementation.plugin, implementation.function
                if not config.pluginmanager.is_registered(plugin):
                    path = self._tree.product(function)
                    yield f"hook.{name}, by {self._tree.short(path) or 'nobody who is registered'}"
        manager = vars(config.pluginmanager)
        for name, value in self._manager.items():
            if manager.get(name) != value:
                yield f"pluginmanager.{name}"


def _hooks(config: Any) -> Iterator[tuple[str, Any]]:
    for name, caller in list(vars(config.hook).items()):
        if name.startswith("pytest_"):
            yield name, caller


def _execution(caller: object) -> object:
    return getattr(caller, "_hookexec", None)


def _function(item: Any) -> object:
    """What a test runs, as far as pytest has it by now."""
    function = vars(item).get("_obj")
    return getattr(function, "__func__", function)
