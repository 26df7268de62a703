"""Which tests a path, a node id or a glob stands for.

Owns the meaning of the texts that missions write in `pytest`, `must_turn_green`, `may_remove` and
`proof`. Pure: whether a path exists is the runners' to find out, and what follows from the outcomes
is `decide`'s.
"""

from __future__ import annotations

import functools
import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from orchestrator.gates.observing.plugin.orchestrate_record import ancestors

__all__ = ["Families", "ancestors", "covers", "excuses", "normal", "path_of"]


def normal(entry: str) -> str:
    """A path or node id as pytest writes it: ``./tests/`` is ``tests``."""
    path, separator, rest = entry.partition("::")
    return f"{posixpath.normpath(path)}{separator}{rest}"


def path_of(entry: str) -> str:
    """The file or folder of a path or node id."""
    return normal(entry).partition("::")[0]


def covers(selectors: Iterable[str], entry: str) -> bool:
    """Whether running `selectors` runs everything that `entry` stands for."""
    return not {normal(selector) for selector in selectors}.isdisjoint(ancestors(normal(entry)))


def excuses(entries: Iterable[str], test_id: str) -> bool:
    """Whether a `may_remove` speaks of this test: by its id, by something that it is under, or by a
    glob.
    """
    above = set(_above(test_id))
    return any(normal(entry) in above or fnmatchcase(test_id, entry) for entry in entries)


class Families:
    """Test ids by everything that they are under; looking up what nothing is under gives the empty
    tuple.
    """

    def __init__(self, ids: Iterable[str]) -> None:
        self._ids = tuple(ids)

    def __getitem__(self, entry: str) -> tuple[str, ...]:
        return tuple(self._members.get(normal(entry), ()))

    @functools.cached_property
    def _members(self) -> Mapping[str, list[str]]:
        """Made when the first one is looked up: most often nothing is."""
        members: defaultdict[str, list[str]] = defaultdict(list)
        for test_id in self._ids:
            for above in set(_above(test_id)):
                members[above].append(test_id)
        return members


def _above(test_id: str) -> Iterator[str]:
    """`ancestors`, and for the dotted class names of JUnit reports the modules and packages too,
    also as the files that these are in Python: ``tests.test_a.TestB::test_c`` is under
    ``tests/test_a.py::TestB``.
    """
    yield from ancestors(test_id)
    name, _, rest = test_id.partition("::")
    if "." not in name or "/" in name or name.endswith(".py"):
        return
    parts = name.split(".")
    for number in range(1, len(parts) + 1):
        if number < len(parts):
            yield ".".join(parts[:number])
        file = f"{'/'.join(parts[:number])}.py"
        yield from ancestors("::".join([file, *parts[number:], *([rest] if rest else [])]))
