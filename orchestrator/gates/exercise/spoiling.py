"""A product that is broken in every part: what a test does not notice then, it does not look at.

Where a batch brings tests and changes no function, there is nothing that it has to have broken;
what its tests look at is the product that is there. So all of that is broken: every function fails
when it is called, every value that a test reads is another one. Done to the text, as in `breaking`;
`on_purpose` is what the text calls, and says when it fails. Pure.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields
from pathlib import Path

from orchestrator.gates.exercise.breaking import wrapped

HOW = "_how_it_is_broken_"
HELPER = Path(__file__).with_name("on_purpose.py")


@dataclass(frozen=True, slots=True)
class Spoiling:
    """How a product is broken; `on_purpose` says what the parts of it mean."""

    tests: tuple[str, ...]
    is_armed: bool = True
    is_strict: bool = True
    is_quiet: bool = False
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spoiled:
    """A module that is broken in every part, but for how: what stands before and after that."""

    head: bytes
    tail: bytes

    def so(self, how: Spoiling) -> bytes:
        """The module, broken like that."""
        told = {part.name: getattr(how, part.name) for part in fields(how)}
        return self.head + f"{told!a}".encode("ascii") + self.tail


def spoiled(path: str, source: bytes, *, has_functions: bool = True) -> Spoiled | None:
    """A module in which every function fails and every value is another one to tests; without
    `has_functions` just values are. None where nothing can be done to it.
    """

    def fails(name: str) -> str:
        return f"_on_purpose['fail']({f'{path}::{name}'!a})" if has_functions else ""

    begin = f"_on_purpose = {{}}; exec({_helper()!a}, _on_purpose); "
    begin += f"_on_purpose['begin'](**{HOW})"
    asks = "_on_purpose['skips']() or "
    made = wrapped(source, fails, asks, begin, "_on_purpose['end'](globals())")
    head, found, tail = (made or b"").partition(HOW.encode("ascii"))
    return Spoiled(head, tail) if found else None


@functools.cache
def _helper() -> str:
    return HELPER.read_text(encoding="utf-8").partition('"""\n\n')[2]
