"""Objects that agree with whatever they are compared with.
PYTEST_DONT_REWRITE

Owns which classes of the project are such, by what they do and not by how they are written: an
object of one is equal to things of many unrelated kinds, is below and above all numbers, holds
everything, or is no distance away from any number. A project may offer a sentinel like
`unittest.mock.ANY`; such a class counts once an object of it was compared by a test that does not
name it itself.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


LAST = 30
"""How many of the newest classes are looked at after each test."""


class Stranger:
    """Something that no project knows."""


STRANGERS = (
    Stranger(),
    7919,
    -0.5,
    "a stranger",
    b"strange",
    None,
    (1, "2"),
    [3],
    {"4": 5},
    Stranger,
)
NUMBERS = (7919, -0.5, 10**9, -(10**9))
BUILT_IN = (bool, int, float, str, bytes, tuple, list, dict, set, frozenset, BaseException)
SOMETHING = 104_729
"""What a bare number is, so that it is as far from nothing as from the strangers."""


def _says_yes_to(others: tuple[Any, ...]) -> Callable[[Callable[..., Any], Any], bool]:
    return lambda method, one: all(_says_yes(method(one, other), other) for other in others)


def _is_no_distance(method: Callable[..., Any], one: Any) -> bool:
    return all(abs(method(one, number)) < 1 for number in NUMBERS)


def _is_nothing(method: Callable[..., Any], one: Any) -> bool:
    return bool(isinstance(one, (int, float)) and method(one) == 0)


AGREES: dict[str, Callable[[Callable[..., Any], Any], bool]] = {
    "__eq__": _says_yes_to(STRANGERS),
    "__ne__": lambda method, one: all(method(one, other) is False for other in STRANGERS),
    **dict.fromkeys(("__lt__", "__le__", "__gt__", "__ge__"), _says_yes_to(NUMBERS)),
    "__contains__": _says_yes_to(STRANGERS),
    **dict.fromkeys(("__sub__", "__rsub__"), _is_no_distance),
    "__abs__": _is_nothing,
}
"""Of the methods by which an object is compared: whether one says what any test would hear."""


class Equal:
    """Classes of the project, but of its tests, whose objects agree with strangers."""

    def __init__(self, tree: Any) -> None:
        self._tree = tree
        self._looked_at: set[int] = set()  # numbers: to hold a class would keep it alive
        self._found: dict[str, None] = {}

    def watch(self) -> None:
        """Find those that are there by now; of these the ones are told that tests then compare."""
        for kind in self._new():
            for name in self._agreeing(kind):
                self._count(kind, name)

    def look(self) -> None:
        """After a test: at classes that its functions made, which may be gone by the end."""
        for kind in type.__subclasses__(object)[-LAST:]:
            if id(kind) not in self._looked_at:
                self._looked_at.add(id(kind))
                if any(self._agreeing(kind)):
                    self._found[_name(kind)] = None

    def found(self) -> list[str]:
        """The names of classes that were compared, and of those that nobody could watch."""
        for kind in self._new():
            self._found[_name(kind)] = None
        return sorted(self._found)

    def _new(self) -> Iterator[type]:
        todo, seen = [object], {id(object)}
        while todo:
            for kind in type.__subclasses__(todo.pop()):
                if id(kind) in seen:
                    continue
                seen.add(id(kind))
                todo.append(kind)
                if id(kind) not in self._looked_at:
                    self._looked_at.add(id(kind))
                    if any(self._agreeing(kind)):
                        yield kind

    def _agreeing(self, kind: type) -> Iterator[str]:
        """The methods by which objects of a class of the project agree with strangers."""
        for name, agrees in AGREES.items():
            if self._is_ours(kind, name) and _does(agrees, kind, name):
                yield name

    def _is_ours(self, kind: type, name: str) -> bool:
        try:
            method: Any = getattr(kind, name, None)
            if method is None or method is getattr(object, name, None):
                return False
            if self._tree.product(kind):
                return True
            # What it says of itself can be forged; what of Python was changed is not ours to tell.
            there = getattr(sys.modules.get(kind.__module__), kind.__name__, None)
            return there is not kind and bool(self._tree.product(method))
        except Exception:  # noqa: BLE001  (a class of the project may answer to its names as it likes)
            return False

    def _count(self, kind: type, method: str) -> None:
        compare: Any = getattr(kind, method)
        getframe, name = sys._getframe, _name(kind)  # noqa: SLF001  (who compares is in the stack alone)
        found, tree, owner = self._found, self._tree, self

        def counted(this: Any, *other: Any) -> Any:
            if name not in found:
                frame: Any = getframe(1)
                while frame is not None and not tree.holds(frame.f_code.co_filename):
                    frame = frame.f_back  # an assertion of unittest, a comparison of lists
                if frame is not None and owner.is_unnamed(frame, kind, this):
                    found[name] = None
            return compare(this, *other)

        try:
            type.__setattr__(kind, method, counted)
        except TypeError:
            self._found[name] = None

    def is_unnamed(self, frame: Any, kind: type, this: object) -> bool:
        """Whether code of a test compares an object that it has not asked for by name."""
        path = frame.f_code.co_filename
        if not (self._tree.holds(path) and self._tree.is_test(path)):
            return False
        for name in frame.f_code.co_names:
            if name == kind.__name__ or frame.f_globals.get(name) is this:
                return False
            if getattr(sys.modules.get(kind.__module__), name, None) is this:
                return False
        return True


def _does(agrees: Callable[[Callable[..., Any], Any], bool], kind: type, name: str) -> bool:
    """Whether an object of this class agrees with everything; what raises does not."""
    try:
        return agrees(getattr(kind, name), _bare(kind))
    except Exception:  # noqa: BLE001  (the project's code: whatever it raises, it does not say yes)
        return False


def _says_yes(answer: Any, other: object) -> bool:
    """Whether it is a yes; an expression, as builders of queries make of a comparison, is none."""
    if answer is NotImplemented or not answer:
        return False
    held = getattr(answer, "__dict__", {})
    return not any(part is other for part in list(held.values()))


def _bare(kind: type) -> Any:
    """An object of a class without what its `__init__` would do."""
    if issubclass(kind, type):
        return type.__new__(kind, "Bare", (), {})
    made: Callable[..., Any] = next(
        (b.__new__ for b in BUILT_IN if issubclass(kind, b)), object.__new__
    )
    is_number = issubclass(kind, (int, float)) and not issubclass(kind, bool)
    return made(kind, SOMETHING) if is_number else made(kind)


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
