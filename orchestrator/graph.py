"""Who needs whom, as a directed graph of ids: waves, dependents, the heaviest chain.

Owns nothing but the questions. The standard library orders the nodes, and the answers are read off
in that order: a graph library takes longer to import than a mission takes to plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from graphlib import TopologicalSorter
from typing import Protocol


class Node(Protocol):
    """Something with an id that needs others."""

    @property
    def id(self) -> str: ...

    @property
    def needs(self) -> tuple[str, ...]: ...


class Graph:
    """Who needs whom. There are no cycles; `plan` refuses them."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._needs = {node.id: node.needs for node in nodes}

    def generations(self, order: Sequence[str]) -> tuple[tuple[str, ...], ...]:
        """What can run side by side, wave after wave, each in the given order."""
        rank = {name: index for index, name in enumerate(order)}
        sorter = self._sorter()
        sorter.prepare()
        waves: list[tuple[str, ...]] = []
        while ready := sorter.get_ready():
            waves.append(tuple(sorted(ready, key=rank.__getitem__)))
            sorter.done(*ready)
        return tuple(waves)

    def descendants(self) -> dict[str, frozenset[str]]:
        """Who needs each node, directly or through others."""
        found: dict[str, set[str]] = {node: set() for node in self._needs}
        for node in reversed(self._ordered()):
            for need in self._needs[node]:
                found[need] |= found[node] | {node}
        return {node: frozenset(below) for node, below in found.items()}

    def longest_path(self, seconds: Callable[[str], float]) -> tuple[str, ...]:
        """The heaviest chain by the weight of its nodes; of several the one that is named first."""
        weight: dict[str, float] = {}
        before: dict[str, str | None] = {}
        for node in self._ordered():
            need = max(self._needs[node], key=weight.__getitem__, default=None)
            before[node] = need
            weight[node] = seconds(node) + (weight[need] if need is not None else 0.0)
        last = max(self._needs, key=weight.__getitem__, default=None)
        chain: list[str] = []
        while last is not None:
            chain.append(last)
            last = before[last]
        return tuple(reversed(chain))

    def _sorter(self) -> TopologicalSorter[str]:
        return TopologicalSorter(self._needs)

    def _ordered(self) -> tuple[str, ...]:
        return tuple(self._sorter().static_order())
