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

    Compare = Callable[..., Any]


LAST = 30
"""How many of the newest classes are looked at after each test."""


class Stranger:
    """Something that no project knows."""


WHOLE = (7919, 10**9, -(10**9))
BROKEN = (-0.5, 6.25e7, 1e-3)
STRANGERS: tuple[tuple[Any, ...], ...] = (
    (Stranger(), 7919, -0.5, "a stranger", b"strange", None, (1, "2"), [3], {"4": 5}, Stranger),
    WHOLE,
    BROKEN,
    ("a stranger", "another", "0"),
    ([3], ["4", 5], [None]),
    ({"4": 5}, {6: []}, {None: 7}),
)
"""By kind: many kinds at once, or such as have nothing in common but their type."""
BUILT_IN = (bool, int, float, str, bytes, tuple, list, dict, set, frozenset, BaseException)
SOMETHING = 104_729
"""What a bare number is, so that it is as far from nothing as from the strangers."""


def _to_all_of(
    kinds: tuple[tuple[Any, ...], ...], agrees: Callable[[Any, Any], bool]
) -> Callable[[Compare, Any], bool]:
    """Whether what a method says of an object and each other one of some kind agrees."""

    def of_kind(method: Compare, one: Any, others: tuple[Any, ...]) -> bool:
        try:
            return all(agrees(method(one, other), other) for other in others)
        except Exception:  # noqa: BLE001  (the project's code: whatever it raises, it does not agree)
            return False

    return lambda method, one: any(of_kind(method, one, others) for others in kinds)


def _says_yes(answer: Any, other: object) -> bool:
    """Whether it is a yes; an expression, as builders of queries make of a comparison, is none."""
    if answer is NotImplemented or not answer:
        return False
    held = getattr(answer, "__dict__", {})
    return not any(part is other for part in list(held.values()))


def _is_nothing(method: Compare, one: Any) -> bool:
    return bool(isinstance(one, (int, float)) and method(one) == 0)


AGREES: dict[str, Callable[[Compare, Any], bool]] = {
    **dict.fromkeys(("__eq__", "__contains__"), _to_all_of(STRANGERS, _says_yes)),
    "__ne__": _to_all_of(STRANGERS, lambda answer, _: answer is False),
    **dict.fromkeys(
        ("__lt__", "__le__", "__gt__", "__ge__"), _to_all_of((WHOLE, BROKEN), _says_yes)
    ),
    **dict.fromkeys(
        ("__sub__", "__rsub__"), _to_all_of((WHOLE, BROKEN), lambda answer, _: abs(answer) < 1e-6)
    ),
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


def _does(agrees: Callable[[Compare, Any], bool], kind: type, name: str) -> bool:
    """Whether an object of this class agrees with everything; what raises does not."""
    try:
        return agrees(getattr(kind, name), _bare(kind))
    except Exception:  # noqa: BLE001  (the project's code: whatever it raises, it does not say yes)
        return False


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
