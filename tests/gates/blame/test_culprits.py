"""The search for culprits over thousands of generated batches: always the right sets, and never
more runs than said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, log2

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.gates.blame.culprits import Complaint, Findings, find_culprits

often = settings(max_examples=200, deadline=None)
Sets = Sequence[frozenset[str]]


@dataclass
class Batch:
    """Agents whose work shows a symptom wherever one of its sets is complete, and what was asked of
    them.

    `turns_green` are symptoms of the base, each with those that mend it and those that spoil that
    again. `unsteady` symptoms are red the first time only, those of `alone` wherever they are
    looked for by themselves. Nothing that lacks what it stands on, or holds a `clash`, can be
    built.
    """

    agents: tuple[str, ...]
    breaks: Mapping[str, Sets] = field(default_factory=dict)
    turns_green: Mapping[str, tuple[frozenset[str], Sets]] = field(default_factory=dict)
    claims: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unsteady: frozenset[str] = frozenset()
    alone: frozenset[str] = frozenset()
    stands_on: Mapping[str, frozenset[str]] = field(default_factory=dict)
    clash: Sets = ()
    probes: list[tuple[str, ...]] = field(default_factory=list)
    confirmed: list[tuple[str, ...]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    def shown(self, agents: frozenset[str]) -> set[str]:
        red = {s for s, sets in self.breaks.items() if any(one <= agents for one in sets)}
        for symptom, (mends, spoils) in self.turns_green.items():
            if not mends <= agents or any(one <= agents for one in spoils):
                red.add(symptom)
        return red

    async def probe(self, agents: tuple[str, ...], again: bool) -> frozenset[str] | None:
        self.probes.append(agents)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await anyio.lowlevel.checkpoint()
        self.at_once -= 1
        chosen = frozenset(agents)
        for agent in agents:
            assert self.stands_on.get(agent, frozenset()) <= chosen, (
                "only what can be built is asked for"
            )
        if any(one <= chosen for one in self.clash) and not again:
            return None
        return frozenset(self.shown(chosen) | self.alone)

    async def confirm(self, agents: tuple[str, ...]) -> Sequence[Complaint[str]]:
        self.confirmed.append(agents)
        return self.complaints(frozenset(agents))

    def complaints(self, agents: frozenset[str], first: bool = False) -> list[Complaint[str]]:
        red = self.shown(agents) | (self.unsteady | self.alone if first else set())
        return [
            Complaint(s, self.claims.get(s, frozenset()) if s in self.turns_green else None)
            for s in sorted(red)
        ]

    def search(self, parallel: int = 1) -> Findings[str]:
        first = self.complaints(frozenset(self.agents), first=True)
        findings = anyio.run(
            lambda: find_culprits(
                self.agents,
                first,
                self.probe,
                self.confirm,
                stands_on=self.stands_on,
                parallel=parallel,
            )
        )
        assert self.most_at_once <= parallel
        return findings

    @property
    def runs(self) -> int:
        return len(self.probes) + len(self.confirmed)


def names(n: int) -> tuple[str, ...]:
    return tuple(f"a{number}" for number in range(n))


def bound(n: int) -> int:
    """For one culprit; the red judgement that begins the search aside, everything counts."""
    return 2 * ceil(log2(n)) + 2


def check(batch: Batch, found: Findings[str]) -> None:
    """What holds for every answer: sets are minimal, the guilty are in them, those left have
    passed.
    """
    everybody = set(batch.agents)
    for culprit in found.culprits:
        members = frozenset(culprit.agents)
        assert set(culprit.guilty) <= members <= everybody
        for symptom in culprit.symptoms:
            if symptom in batch.breaks:
                assert symptom in batch.shown(closed(batch, members))
        if set(culprit.symptoms) & set(batch.breaks) and not batch.clash:
            symptom = culprit.symptoms[0]
            for agent in members:
                assert symptom not in batch.shown(without(batch, members, agent)), (
                    "a smaller set does it as well"
                )
    if found.left and not found.remaining:
        assert not batch.confirmed or batch.confirmed[-1] == found.left
        assert not batch.shown(frozenset(found.left)), "those left have passed the whole gate"


def closed(batch: Batch, agents: frozenset[str]) -> frozenset[str]:
    more = agents.union(*(batch.stands_on.get(agent, frozenset()) for agent in agents))
    return more if more == agents else closed(batch, more)


def without(batch: Batch, agents: frozenset[str], agent: str) -> frozenset[str]:
    """What is left of the set, and what it stands on, when an agent goes with all that stands on
    it.
    """
    gone = {one for one in closed(batch, agents) if agent in closed(batch, frozenset({one}))}
    return closed(batch, agents) - gone


def check_one_culprit(n: int, parallel: int, culprits: Sequence[str]) -> None:
    agents = names(n)
    for culprit in culprits:
        batch = Batch(agents, {"t": [frozenset({culprit})]})
        found = batch.search(parallel)
        assert [(c.agents, c.guilty, c.symptoms) for c in found.culprits] == [
            ((culprit,), (culprit,), ("t",))
        ]
        assert found.left == tuple(agent for agent in agents if agent != culprit)
        assert not found.remaining
        assert batch.runs <= bound(n), batch.probes


@given(st.integers(2, 128), st.data(), st.integers(1, 8))
@often
def test_one_culprit_takes_no_more_runs_than_said(
    n: int, data: st.DataObject, parallel: int
) -> None:
    check_one_culprit(n, parallel, [data.draw(st.sampled_from(names(n)))])


@pytest.mark.slow
@pytest.mark.parametrize("parallel", [1, 2, 3, 4, 8])
def test_every_single_culprit_takes_no_more_runs_than_said(parallel: int) -> None:
    for n in range(2, 129):
        check_one_culprit(n, parallel, names(n))


def test_fewest_runs_one_after_the_other() -> None:
    """Without parallel probes: the repetition, one run for each halving, the culprit alone, those
    that are left.
    """
    for n in (5, 20, 100):
        worst = 0
        for culprit in names(n):
            batch = Batch(names(n), {"t": [frozenset({culprit})]})
            batch.search()
            worst = max(worst, batch.runs)
        assert worst == ceil(log2(n)) + 3


@st.composite
def batches(draw: st.DrawFn, *, most: int = 24, size: int = 3, symptoms: int = 4) -> Batch:
    agents = names(draw(st.integers(1, most)))
    some = st.frozensets(st.sampled_from(agents), min_size=1, max_size=size)
    breaks = draw(
        st.dictionaries(
            st.sampled_from("pqrs"), st.lists(some, min_size=1, max_size=2), max_size=symptoms
        )
    )
    needs = {}
    for at, agent in enumerate(agents[1:], 1):
        if draw(st.integers(0, 5)) == 0:
            needs[agent] = frozenset({draw(st.sampled_from(agents[:at]))})
    return Batch(agents, breaks, stands_on=needs)


@given(batches(), st.integers(1, 5))
@often
def test_always_the_right_sets(batch: Batch, parallel: int) -> None:
    found = batch.search(parallel)
    check(batch, found)
    assert not found.remaining
    assert not found.flaky
    assert bool(found.culprits) == bool(batch.breaks)
    accused = {agent for culprit in found.culprits for agent in culprit.guilty}
    gone = set(batch.agents) - set(found.left)
    assert gone <= accused | {a for a in batch.agents if closed(batch, frozenset({a})) & accused}, (
        "innocents stay"
    )
    again = Batch(batch.agents, batch.breaks, stands_on=batch.stands_on)
    assert again.search(parallel) == found, "a search that is repeated takes the same way"
    assert again.probes == batch.probes


@given(st.integers(2, 60), st.data(), st.integers(1, 4))
@often
def test_several_culprits_are_told_apart(n: int, data: st.DataObject, parallel: int) -> None:
    agents = names(n)
    guilty = data.draw(
        st.lists(st.sampled_from(agents), min_size=2, max_size=min(n, 4), unique=True)
    )
    batch = Batch(
        agents, {f"t{number}": [frozenset({agent})] for number, agent in enumerate(guilty)}
    )
    found = batch.search(parallel)
    told = {culprit.agents: culprit.symptoms for culprit in found.culprits}
    assert told == {(agent,): (f"t{number}",) for number, agent in enumerate(guilty)}
    assert found.left == tuple(agent for agent in agents if agent not in guilty)
    assert batch.confirmed == ([found.left] if found.left else []), "the whole gate is run once"


@given(st.integers(2, 100), st.data(), st.integers(1, 4))
@often
def test_agents_that_do_it_only_together_are_one_set(
    n: int, data: st.DataObject, parallel: int
) -> None:
    agents = names(n)
    together = data.draw(st.frozensets(st.sampled_from(agents), min_size=2, max_size=min(n, 3)))
    batch = Batch(agents, {"t": [together]})
    found = batch.search(parallel)
    (culprit,) = found.culprits
    assert set(culprit.agents) == together
    assert culprit.agents == tuple(agent for agent in agents if agent in together), (
        "in the order of the mission"
    )
    assert culprit.guilty == culprit.agents[-1:], "the later is tried again on top of the others"
    assert len(found.left) == n - 1
    if parallel == 1:
        assert batch.runs <= len(together) * (ceil(log2(n)) + 1) + 2


@given(batches(), st.sets(st.sampled_from("xyz"), min_size=1), st.integers(1, 4))
@often
def test_flaky_tests_evict_nobody(batch: Batch, unsteady: set[str], parallel: int) -> None:
    plain = Batch(batch.agents, batch.breaks, stands_on=batch.stands_on)
    batch.unsteady = frozenset(unsteady)
    found, expected = batch.search(parallel), plain.search(parallel)
    assert found.culprits == expected.culprits
    assert found.left == expected.left
    assert set(found.flaky) == unsteady
    if not batch.breaks:
        assert batch.confirmed == [batch.agents], "judged again as it is"


@given(batches(), st.integers(1, 4))
@often
def test_a_test_that_is_red_without_anybody_is_held_against_nobody(
    batch: Batch, parallel: int
) -> None:
    """Such as one that passes only after others: looked for by itself, it is red on the base as
    well.
    """
    plain = Batch(batch.agents, batch.breaks, stands_on=batch.stands_on)
    expected = plain.search(parallel)
    batch.alone = frozenset({"x"})
    found = batch.search(parallel)
    assert (found.culprits, found.left) == (expected.culprits, expected.left)
    assert found.flaky == ("x",)


def test_a_test_that_stays_flaky_is_not_repeated_for_ever() -> None:
    class Unlucky(Batch):
        def complaints(self, agents: frozenset[str], first: bool = False) -> list[Complaint[str]]:
            return [Complaint("x")]

    batch = Unlucky(names(5))
    found = batch.search()
    assert (found.culprits, found.flaky, found.left) == ((), ("x",), names(5))
    assert found.remaining == (Complaint("x"),)
    assert batch.runs == 7


@given(st.integers(1, 30), st.data(), st.integers(1, 3))
@often
def test_what_was_to_turn_green_is_held_against_those_who_claimed_it(
    n: int, data: st.DataObject, parallel: int
) -> None:
    """They have not mended it, or others keep it from working; nobody else is sent back."""
    agents = names(n)
    claimed_by = data.draw(
        st.frozensets(st.sampled_from(agents), min_size=1, max_size=2), label="claimed by"
    )
    mends = data.draw(st.frozensets(st.sampled_from(agents), max_size=2), label="mends")
    others = sorted(set(agents) - claimed_by)
    spoils = (
        data.draw(
            st.lists(st.frozensets(st.sampled_from(others), min_size=1, max_size=2), max_size=1)
        )
        if others
        else []
    )
    batch = Batch(agents, turns_green={"f": (mends | claimed_by, spoils)}, claims={"f": claimed_by})
    found = batch.search(parallel)
    check(batch, found)
    if "f" not in batch.shown(frozenset(agents)):
        assert not found.culprits
    elif not mends <= claimed_by:
        assert found.culprits[0].guilty == tuple(agent for agent in agents if agent in claimed_by)
    else:
        (culprit,) = found.culprits
        assert set(culprit.agents) == claimed_by | spoils[0]
        assert set(culprit.guilty) <= spoils[0]
        assert len(culprit.guilty) == 1
        assert not found.remaining


def test_nobody_is_blamed_for_what_nobody_was_to_mend() -> None:
    batch = Batch(names(6), turns_green={"f": (frozenset({"elsewhere"}), [])})
    found = batch.search()
    assert (found.culprits, found.left, batch.runs) == ((), names(6), 0)
    assert found.remaining == (Complaint("f", frozenset()),)


def test_what_is_left_waits_for_what_the_guilty_were_to_mend() -> None:
    batch = Batch(
        names(6),
        {"p": [frozenset({"a2"})]},
        {"f": (frozenset({"a2"}), [])},
        {"f": frozenset({"a2"})},
    )
    found = batch.search()
    assert [(c.guilty, c.symptoms) for c in found.culprits] == [(("a2",), ("p",))]
    assert found.left == ("a0", "a1", "a3", "a4", "a5")
    assert found.remaining == (Complaint("f", frozenset({"a2"})),)
    assert len(batch.confirmed) == 1


@given(batches(symptoms=1), st.data(), st.integers(1, 3))
@often
def test_parts_that_do_not_merge_lead_to_no_wrong_blame(
    batch: Batch, data: st.DataObject, parallel: int
) -> None:
    pairs = st.frozensets(st.sampled_from(batch.agents), min_size=1, max_size=3)
    batch.clash = [one for one in data.draw(st.lists(pairs, max_size=2)) if len(one) > 1]
    found = batch.search(parallel)
    check(batch, found)
    assert bool(found.culprits) == bool(batch.breaks)


def test_a_known_red_is_not_probed_again_for_another_test() -> None:
    """Two culprits with tests of their own cost less than two searches: each probe speaks of all
    tests.
    """
    n = 64
    both = Batch(names(n), {"t": [frozenset({"a20"})], "u": [frozenset({"a22"})]})
    both.search()
    one = Batch(names(n), {"t": [frozenset({"a20"})]})
    one.search()
    assert both.runs < 2 * one.runs - 4
    assert len(set(both.probes[1:])) == len(both.probes) - 1, "no set is probed twice"
