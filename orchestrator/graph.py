"""Who needs whom, as a directed graph of ids: waves, dependents, the heaviest chain.

Owns nothing but the questions; networkx answers them. It takes longer to import than a mission
takes to load, so `plan` imports this module when somebody first asks such a question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import networkx as nx


class Node(Protocol):
    """Something with an id that needs others."""

    @property
    def id(self) -> str: ...

    @property
    def needs(self) -> tuple[str, ...]: ...


class Graph:
    """Edges point from what is needed to who needs it. There are no cycles; `plan` refuses them."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._graph: nx.DiGraph[str] = nx.DiGraph()
        for node in nodes:
            self._graph.add_node(node.id)
            self._graph.add_edges_from((need, node.id) for need in node.needs)

    def generations(self, order: Sequence[str]) -> tuple[tuple[str, ...], ...]:
        """What can run side by side, wave after wave, each in the given order."""
        rank = {name: index for index, name in enumerate(order)}
        return tuple(
            tuple(sorted(wave, key=rank.__getitem__))
            for wave in nx.topological_generations(self._graph)
        )

    def descendants(self) -> dict[str, frozenset[str]]:
        """Who needs each node, directly or through others."""
        return {node: frozenset(nx.descendants(self._graph, node)) for node in self._graph}

    def longest_path(self, seconds: Callable[[str], float]) -> tuple[str, ...]:
        """The heaviest chain by the weight of its nodes, which stand on the edges that lead to
        them.
        """
        weighted: nx.DiGraph[str] = nx.DiGraph()
        weighted.add_edges_from(("", node, {"weight": seconds(node)}) for node in self._graph)
        weighted.add_edges_from(
            (start, end, {"weight": seconds(end)}) for start, end in self._graph.edges
        )
        return tuple(nx.dag_longest_path(weighted)[1:])
