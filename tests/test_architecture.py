"""The shape of the imports, as far as contracts between layers do not say it."""

from __future__ import annotations

import grimp
import networkx as nx

LONGEST = 14
"""Modules that a reader follows at most, from what people type to what imports nothing of ours."""


def test_no_circle_and_no_long_chain_of_imports() -> None:
    found = grimp.build_graph("orchestrator")
    graph = nx.DiGraph(
        (module, imported)
        for module in found.modules
        for imported in found.find_modules_directly_imported_by(module)
        if imported != "orchestrator"
    )
    assert list(nx.simple_cycles(graph)) == []
    chain = nx.dag_longest_path(graph)
    assert len(chain) <= LONGEST, " → ".join(chain)
