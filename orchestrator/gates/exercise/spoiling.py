"""A product that is broken in every part: what a test does not notice then, it does not look at.

Where a batch brings tests and changes no function, there is nothing that it has to have broken;
what its tests look at is the product that is there. So all of that is broken: every function fails
when it is called, every value that a test reads is another one. Done to the text, as in `breaking`;
`on_purpose` is what the text calls, and says when it fails. Pure.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.gates.exercise.breaking import at_top, inserted
from orchestrator.gates.exercise.changed_functions import Function, first_line, parsed

HELPER = Path(__file__).with_name("on_purpose.py")


@dataclass(frozen=True, slots=True)
class Spoiling:
    """How a product is broken; `on_purpose` says what the parts of it mean."""

    tests: tuple[str, ...]
    is_armed: bool = True
    is_strict: bool = True


def spoiled(path: str, source: bytes, how: Spoiling, only: Iterable[str] = ()) -> bytes | None:
    """A module in which every function fails and every value is another one to tests; with `only`
    just the values of these names. None where nothing can be done to it.
    """
    only = tuple(only)
    module = parsed(source)
    if module is None:
        return None
    functions = [] if only else module.functions
    calls = {
        (one := Function(path, name, first_line(node))): f"_on_purpose['fail']({str(one)!a})"
        for name, node in functions
    }
    made = inserted(source, calls) if calls else source
    told: Mapping[str, object] = {
        "is_armed": how.is_armed,
        "is_strict": how.is_strict,
        "tests": how.tests,
        "only": only,
    }
    begin = f"_on_purpose = {{}}; exec({_helper()!a}, _on_purpose); "
    begin += f"_on_purpose['begin'](**{told!a})"
    return at_top(made, begin, "_on_purpose['end'](globals())") if made is not None else None


@functools.cache
def _helper() -> str:
    return HELPER.read_text(encoding="utf-8").partition('"""\n\n')[2]
