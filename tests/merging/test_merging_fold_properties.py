"""What holds of every fold of three to five agents' work, tried on generated modules of Python and
TypeScript.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.git.repository import Repository
from orchestrator.git.store import Store
from orchestrator.git.values import FILE, Entry
from orchestrator.merging.contribution import Contribution, Integration
from orchestrator.merging.integrate import integrate
from tests.structure.sources import Module, edited, modules, written

WHEN = 1_750_000_000
PATHS = ("app/one.py", "app/two.ts")

Work = Mapping[str, Module]


@dataclass
class Case:
    """A base and what each agent made of it: modules by path."""

    base: Work
    agents: list[Work]


@st.composite
def cases(draw: Any) -> Case:
    base = {path: draw(modules(most=6)) for path in PATHS}
    agents = []
    for number in range(draw(st.integers(3, 5))):
        chosen = draw(st.lists(st.sampled_from(PATHS), unique=True))
        agents.append(
            {
                path: draw(edited(base[path], 10 * (number + 1))) if path in chosen else base[path]
                for path in PATHS
            }
        )
    return Case(base, agents)


@dataclass
class Arena:
    """One store for all examples."""

    store: Store
    root: str

    def fold(self, case: Case, order: Sequence[int]) -> Integration:
        writer = self.store.writer()
        tree = self.store.tree_of(self.root)

        def commit(work: Work, parent: str, message: str) -> str:
            entries = {
                path: Entry(FILE, writer.blob(text_of(path, module)))
                for path, module in work.items()
            }
            return writer.commit(writer.splice(tree, entries), [parent], message, WHEN)

        base = commit(case.base, self.root, "base")
        works = [
            Contribution(
                f"agent {number}", base, commit(case.agents[number], base, f"agent {number}")
            )
            for number in order
        ]
        writer.flush()
        return integrate(self.store, base, works, message="candidate", when=WHEN)

    def files(self, found: Integration) -> dict[str, bytes]:
        entries = self.store.entries(found.tree)
        return {path: self.store.blob(entries[path].oid) for path in PATHS}


def text_of(path: str, module: Module) -> bytes:
    return written(path.rpartition(".")[2], module)


def lines_of(text: bytes) -> set[bytes]:
    return {line.strip() for line in text.splitlines()} - {b""}


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    from tests.repositories import RealGit

    folder = tmp_path_factory.mktemp("arena")
    (folder / "user").mkdir()
    git = RealGit(folder / "user")
    git("init", "-q", "-b", "main")
    root = git.commit({"readme": "root\n"})
    store = Store.create(folder / "store.git", Repository.discover(folder / "user"), root, "arena")
    yield Arena(store, root)
    store.close()


SETTINGS = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@SETTINGS
@given(case=cases())
def test_a_fold_is_deterministic(arena: Arena, case: Case) -> None:
    order = range(len(case.agents))
    assert arena.fold(case, order) == arena.fold(case, order)


@SETTINGS
@given(case=cases(), data=st.data())
def test_the_order_of_agents_does_not_matter_where_all_merge(
    arena: Arena, case: Case, data: Any
) -> None:
    order = range(len(case.agents))
    first = arena.fold(case, order)
    if first.conflicts:
        return
    other = arena.fold(case, data.draw(st.permutations(order)))
    assert other.conflicts == ()
    one, two = arena.files(first), arena.files(other)
    for path in PATHS:
        assert Counter(one[path].split()) == Counter(two[path].split())


@SETTINGS
@given(case=cases())
def test_who_did_nothing_changes_nothing(arena: Arena, case: Case) -> None:
    order = range(len(case.agents))
    idle = Case(case.base, [*case.agents, case.base])
    with_idle = arena.fold(idle, [len(case.agents), *order])
    assert with_idle.tree == arena.fold(case, order).tree
    assert f"agent {len(case.agents)}" in with_idle.merged
    alone = arena.fold(case, [0])
    assert arena.files(alone) == {
        path: text_of(path, module) for path, module in case.agents[0].items()
    }


@SETTINGS
@given(case=cases())
def test_nothing_is_lost_and_nothing_made_up(arena: Arena, case: Case) -> None:
    """Each agent's new lines are in the candidate or it is left out whole with a reason; no other
    lines are new.
    """
    found = arena.fold(case, range(len(case.agents)))
    files = arena.files(found)
    left_out = {conflict.agent for conflict in found.conflicts}
    assert left_out.isdisjoint(found.merged)
    assert len(left_out) + len(found.merged) == len(case.agents)
    for path in PATHS:
        had, there = lines_of(text_of(path, case.base[path])), lines_of(files[path])
        known = set(had)
        for number, work in enumerate(case.agents):
            new = lines_of(text_of(path, work[path])) - had
            if f"agent {number}" in found.merged:
                assert new <= there
                known |= new
        assert there <= known


@SETTINGS
@given(case=cases())
def test_a_conflict_names_who_came_before_and_changed_that_file(arena: Arena, case: Case) -> None:
    for conflict in arena.fold(case, range(len(case.agents))).conflicts:
        number = int(conflict.agent.split()[1])
        assert conflict.path in PATHS
        for other in conflict.others:
            before = int(other.split()[1])
            assert before < number
            assert case.agents[before][conflict.path] != case.base[conflict.path]
