"""What a product whose every part is broken on purpose carries in each of its modules.

This text is run inside of the product (of any Python from 3.8 on), where nothing else of this
program is: of the standard library alone. Owns when a broken part fails, and
what a test gets that reads a value. A call fails unless it is made while a module is imported or a
fixture is set up or taken down: what a program does by itself says nothing about the test that is
asked. Values stay as they are for the product and its fixtures; a test is given others.

`begin` is told how: `is_armed` (else nothing is broken: the control), `is_strict` (else fixtures,
and what a test's module does when it is imported, count as the test's own), `is_quiet` (modules call
nothing of their own accord when they are imported), `tests` (the paths of the test modules) and
`only` (the names that are given otherwise; empty: all).
"""

from __future__ import annotations

import contextlib
import re
import sys
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FrameType
    from typing import Any

_frame = sys._getframe  # noqa: SLF001  (there is no other way to see who calls)
_told: dict[str, Any] = {"is_armed": False, "is_strict": True, "is_quiet": False}
_told.update({"tests": (), "only": ()})
_TEXT = " (broken on purpose)"


def _refilled(value: Any) -> Any:  # noqa: ANN401  (a container of any kind, and another one)
    """One item more than before, and none that was there."""
    return type(value)([(-1 - n, -1 - n) for n in range(len(value) + 1)])


_OTHERS: dict[type, Any] = {
    bool: lambda value: not value,
    int: lambda value: value + 1,
    float: lambda value: value + 1,
    complex: lambda value: value + 1,
    str: lambda value: value + _TEXT,
    bytes: lambda value: value + _TEXT.encode(),
    **dict.fromkeys((tuple, list, set, frozenset, dict), _refilled),
    re.Pattern: lambda value: re.compile(b"(?!)" if isinstance(value.pattern, bytes) else "(?!)"),
}


def begin(**told: object) -> None:
    """Take what is told."""
    _told.update(told)


def fail(name: str) -> None:
    """Fail in the name of what is broken, but where the call says nothing about a test."""
    if _told["is_armed"] and not _is_spared(_frame(1)):
        raise BaseException(name + " is broken on purpose")  # noqa: TRY002  (what nobody catches)


def skips() -> bool:
    """Whether what a module would call now is left out."""
    return bool(_told["is_armed"] and _told["is_quiet"])


def end(space: dict[str, Any]) -> None:
    """Have tests that read a module's values get others."""
    module = sys.modules.get(space.get("__name__", ""))
    if not _told["is_armed"] or module is None or module.__name__ == "__main__":
        return
    if vars(module) is not space:
        return
    only = _told["only"]

    class Spoiled(type(module)):  # type: ignore[misc]  # whatever kind of module it is
        def __getattribute__(self, key: str) -> Any:  # noqa: ANN401  (what a module holds)
            value = super().__getattribute__(key)
            if key[:2] == "__" or (only and key not in only):
                return value
            if not _is_test(_frame(1).f_code.co_filename):
                return value
            return _other(value, space["__name__"] + "." + key)

    # Of a module of a kind of its own the functions are broken all the same.
    with contextlib.suppress(TypeError):
        module.__class__ = Spoiled


def _is_spared(frame: FrameType | None) -> bool:
    while frame is not None:
        code, above = frame.f_code, frame.f_back
        if code.co_name == "<module>" and above is not None and _imports(above.f_code):
            return bool(_told["is_strict"]) or not _is_test(code.co_filename)
        if "_pytest" in code.co_filename:
            if code.co_name == "pytest_runtest_teardown":
                return True
            if code.co_name == "pytest_fixture_setup":
                return bool(_told["is_strict"])
        frame = above
    return False


def _imports(code: CodeType) -> bool:
    return code.co_filename.startswith("<frozen importlib") or code.co_name == "exec_module"


def _is_test(path: str) -> bool:
    path = path.replace("\\", "/")
    return any(path == test or path.endswith("/" + test) for test in _told["tests"])


def _is_broken(function: object) -> bool:
    """Whether a function begins with a failure of its own."""
    if not isinstance(function, types.FunctionType) or "_on_purpose" not in function.__globals__:
        return False
    code = function.__code__
    return code.co_name != "<lambda>" and not code.co_filename.startswith("<")


def _other(value: Any, name: str) -> Any:  # noqa: ANN401  (any value)
    """What a test gets for a value."""
    if isinstance(value, types.ModuleType) or _is_broken(value):
        return value
    if type(value) in _OTHERS:
        return _OTHERS[type(value)](value)
    if isinstance(value, type) and _is_ours(value):
        return _broken_class(value)
    is_one = type(value).__module__ in ("builtins", "functools", "operator")
    return _raising(name) if callable(value) and is_one else Broken(name)


def _raising(name: str) -> Any:  # noqa: ANN401  (in the place of any callable)
    def broken(*_: object, **__: object) -> None:
        fail(name)

    return broken


def _is_ours(kind: type) -> bool:
    return type(sys.modules.get(kind.__module__)).__name__ == "Spoiled"


def _broken_class(kind: type) -> type:
    for one in kind.__mro__:
        if _is_ours(one) and "_is_broken_on_purpose" not in vars(one):
            # Of a class that lets nothing be set the methods are broken all the same.
            with contextlib.suppress(AttributeError, TypeError, ValueError):
                _break(one)
    return kind


def _break(kind: Any) -> None:  # noqa: ANN401  (a class of which anything may be set)
    kind._is_broken_on_purpose = True  # noqa: SLF001  (it is ours)
    name = kind.__module__ + "." + kind.__qualname__
    members = vars(kind).get("_member_map_")
    if members is not None:
        for member in members.values():
            member._value_ = _other(member._value_, name)
        return
    for key, value in list(vars(kind).items()):
        if key[:2] == "__" or key == "_is_broken_on_purpose":
            continue
        if isinstance(value, property) and not _is_broken(value.fget):
            setattr(kind, key, property(_raising(name + "." + key)))
        elif type(value) in _OTHERS or isinstance(value, types.FunctionType):
            setattr(kind, key, _other(value, name + "." + key))
    first = kind.__init__
    if _is_broken(first):
        return

    def __init__(self: object, *values: object, **named: object) -> None:  # noqa: N807
        fail(name)
        if first is not object.__init__:
            first(self, *values, **named)

    kind.__init__ = __init__


class Broken:
    """Fails whatever is done with it, but for what pytest looks at when it collects."""

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "name", name)

    def __getattribute__(self, key: str) -> object:
        if key == "__class__":
            return Broken
        if "_pytest" in _frame(1).f_code.co_filename:
            raise AttributeError(key)
        fail(object.__getattribute__(self, "name"))
        raise AttributeError(key)


def _failing(self: object, *_: object, **__: object) -> None:
    fail(object.__getattribute__(self, "name"))
    raise TypeError("broken on purpose")


_SPECIAL = """
    eq ne lt le gt ge hash bool len iter next contains getitem setitem call enter exit str repr
    format int float index add radd sub rsub mul rmul truediv rtruediv mod and or fspath await
"""
for _special in _SPECIAL.split():
    setattr(Broken, "__" + _special + "__", _failing)
