"""Which files of a candidate are its product: all that are not of the test side.

A path is told apart by what stands there on the base, as when its changes are put back, or by what
is new there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

from orchestrator.gates.observing.sources import Commits
from orchestrator.gates.observing.test_side import layout_of

IsProduct = Callable[[str], bool]


def product_of(commits: Commits, base: str, commit: str, selected: Iterable[str]) -> IsProduct:
    """Whether a path of a candidate is of its product; `selected` are the paths and ids that its
    gate runs.
    """

    def read(path: str) -> bytes | None:
        found = commits.read(base, path)
        return commits.read(commit, path) if found is None else found

    paths = commits.entries(base).keys() | commits.entries(commit).keys()
    layout = layout_of(paths, read, selected)

    @functools.cache
    def is_product(path: str) -> bool:
        return not layout.is_test_side(path, read(path) if path.endswith(".py") else None)

    return is_product
