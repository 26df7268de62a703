"""Which code of the project reaches into the interpreter that runs its tests.
PYTEST_DONT_REWRITE

Owns what Python tells of that while it happens (audit events, which nobody can switch off): a trace
or profile function is set, a function is given other code. And what can only be seen afterwards:
trace functions for threads, tools that monitor. What tests do to themselves is left to them.
"""

from __future__ import annotations

import sys
import threading
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EVENTS = {
    "sys.settrace": "sys.settrace",
    "sys.setprofile": "sys.setprofile",
    "sys.monitoring.register_callback": "sys.monitoring",
    "object.__setattr__": "other code",
}
TOOLS = range(6)
"""The numbers that `sys.monitoring` has for tools."""


class Reach:
    """What was reached for, by the file of the project that did."""

    def __init__(self, tree: Any) -> None:
        self._tree = tree
        self._found: dict[tuple[str, str], None] = {}
        self._hooks = self._seen_hooks()

    def listen(self, hear_code: Callable[[object], None]) -> None:
        """From now on; there is no end to it. `hear_code` is told of code that is about to be run."""
        getframe, is_new, note = sys._getframe, EVENTS.__contains__, self._note  # noqa: SLF001  (who does it is in the stack alone)

        def hear(event: str, arguments: tuple[Any, ...]) -> None:
            if event == "exec":
                hear_code(arguments[0])
            elif is_new(event):
                note(event, arguments, getframe(1))

        sys.addaudithook(hear)

    def _note(self, event: str, arguments: tuple[Any, ...], frame: types.FrameType) -> None:
        what = EVENTS[event]
        if event == "object.__setattr__":
            function, key = arguments[0], arguments[1]
            if key != "__code__" or self._tree.product(function):
                return  # what a product does to its own functions is its own affair
            what = f"other code for {getattr(function, '__qualname__', 'a function')}"
        for path in (frame.f_globals.get("__file__"), frame.f_code.co_filename):
            if self._tree.holds(path):
                self._found[str(path), what] = None
                return

    def look(self) -> None:
        """At what tells nobody when it is set."""
        for what, function in self._seen_hooks().items():
            if function is not self._hooks[what]:
                self._hooks[what] = function
                if path := self._tree.product(function):
                    self._found[path, what] = None

    def found(self) -> Iterator[str]:
        """For people: what was done, and by which file."""
        self.look()
        for path, what in self._found:
            if not self._tree.is_test(path):
                yield f"{what} ({self._tree.short(path)})"

    @staticmethod
    def _seen_hooks() -> dict[str, Any]:
        return {
            "sys.settrace": sys.gettrace(),
            "sys.setprofile": sys.getprofile(),
            "threading.settrace": getattr(threading, "_trace_hook", None),
            "threading.setprofile": getattr(threading, "_profile_hook", None),
        }
