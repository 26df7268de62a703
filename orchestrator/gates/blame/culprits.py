"""Who turned a candidate red: the smallest sets of agents whose work does so, found with few runs.

Owns the search and nothing of git or tests. It is given a *probe*, which says what of some symptoms
the work of some agents shows, and a *confirmation*, which says all that is wrong with the work of
those that are left.

For one symptom the agents are put in an order in which each stands after those whose work it needs,
so that every beginning of the order can be built. The shortest beginning that shows the symptom is
found by bisection; its last agent is needed for it. Where that agent's work alone does not show it,
the agent is held and the beginning before it bisected again, with what is held added to every
probe, until what is held shows the symptom: a minimal set, its members found from the last to the
first. So the later of an interacting pair is known first, and it is the one to go back.

This is the dichotomic search for transition elements (Hemery, Lecoutre, Sais and Boussemart,
"Extracting MUCs from constraint networks", ECAI 2006; compare Junker, "QuickXplain", AAAI 2004),
preferred to ddmin (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", TSE
2002) because it takes k·(⌈log2 n⌉ + 1) probes for a set of k among n where ddmin may take k². With
`parallel` > 1 a round probes several cuts at once, which takes fewer rounds and a few more runs;
`MOST_CUTS` keeps the sum for one culprit within 2·⌈log2 n⌉ + 2.

Counted as a run is every probe and every confirmation that had to be carried out: the repetition
that tells flaky from red (unless the judge has seen to that), the search, the probe of the culprit
alone or of nobody, the full gate on those that are left. The red judgement that began the search is
not; nor are repetitions: with `parallel` > 1, a probe that was red beside another one is run once
more apart from all others before it counts, which is at most one repetition for each red probe.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import anyio

S = TypeVar("S", bound=Hashable)

MOST_CUTS = 4
"""Of an order at once; more would take a single culprit over its bound."""
MOST_REPETITIONS = 3
"""How often a candidate is judged again in which nothing but flaky tests was red."""

Probe = Callable[[tuple[str, ...], bool], Awaitable["Collection[S] | None"]]
"""What of the symptoms the work of these agents shows; None if it cannot be put together. True:
look once more at what was seen before.
"""


@dataclass(frozen=True, slots=True)
class Complaint(Generic[S]):
    """Something that is wrong with a candidate.

    `claimed_by` None: it is not so without the agents' work. Else it was so before, and these were
    to put it right.
    """

    symptom: S
    claimed_by: frozenset[str] | None = None


Confirm = Callable[[tuple[str, ...]], Awaitable[Sequence[Complaint[S]]]]
"""All that is wrong with the work of these agents, by the whole gate; nothing: it may land."""


@dataclass(frozen=True, slots=True)
class Culprit(Generic[S]):
    """Agents that show symptoms only together, in order; `guilty` are those of them that have to
    try again.
    """

    agents: tuple[str, ...]
    guilty: tuple[str, ...]
    symptoms: tuple[S, ...]


@dataclass(frozen=True, slots=True)
class Findings(Generic[S]):
    """What a search came to: who is to blame for what, and what is still wrong with those that are
    left.
    """

    culprits: tuple[Culprit[S], ...]
    left: tuple[str, ...]
    flaky: tuple[S, ...]
    remaining: tuple[Complaint[S], ...]
    """Empty when the work of those left has passed the whole gate, or when nobody is left."""


async def find_culprits(
    agents: Sequence[str],
    complaints: Sequence[Complaint[S]],
    probe: Probe[S],
    confirm: Confirm[S],
    *,
    stands_on: Mapping[str, Iterable[str]] | None = None,
    parallel: int = 1,
) -> Findings[S]:
    """Blame agents for complaints about a candidate of all of them until the others pass, or nobody
    can be blamed.

    `agents` are in the order of the mission; `stands_on` says whose work an agent's own cannot be
    built without.
    """
    needs = {agent: frozenset((stands_on or {}).get(agent, ())) & set(agents) for agent in agents}
    left = _in_order(agents, needs)
    culprits: list[Culprit[S]] = []
    flaky: dict[S, None] = {}
    repetitions = 0
    while blamable := [
        c for c in complaints if c.claimed_by is None or c.claimed_by.intersection(left)
    ]:
        search = _Search(tuple(left), needs, tuple(blamable), probe, parallel)
        await search.repeat()
        found = await search.run()
        flaky.update(dict.fromkeys(search.unsteady))
        if not found:
            # Nobody is to blame. If that is because all of it is flaky, the candidate is judged
            # once more as it is.
            repetitions += 1
            if len(search.unsteady) < len(complaints) or repetitions > MOST_REPETITIONS:
                break
        culprits += found
        gone = _with_dependents(_guilty(found), needs)
        left = [agent for agent in left if agent not in gone]
        complaints = (
            await confirm(tuple(agent for agent in agents if agent in left)) if left else ()
        )
    steady = {symptom for culprit in culprits for symptom in culprit.symptoms}
    return Findings(
        tuple(culprits),
        tuple(agent for agent in agents if agent in left),
        tuple(symptom for symptom in flaky if symptom not in steady),
        tuple(complaints),
    )


@dataclass(slots=True)
class _Search(Generic[S]):
    """One candidate's complaints, and what has been seen of them in parts of it."""

    order: tuple[str, ...]
    needs: Mapping[str, frozenset[str]]
    complaints: tuple[Complaint[S], ...]
    probe: Probe[S]
    parallel: int
    seen: dict[frozenset[str], frozenset[S]] = field(default_factory=dict)
    unsteady: dict[S, None] = field(default_factory=dict)
    """Symptoms that went both ways on one tree."""

    async def repeat(self) -> None:
        """Look at the whole candidate once more; what is not red again is flaky, and not looked
        into.
        """
        red = await self.probe(self.order, True)  # noqa: FBT003  (documented with `Probe`)
        self.seen[frozenset(self.order)] = frozenset(red or ())
        self._doubt(
            complaint.symptom
            for complaint in self.complaints
            if complaint.symptom not in (red or ())
        )

    def _doubt(self, symptoms: Iterable[S]) -> None:
        self.unsteady.update(dict.fromkeys(symptoms))

    async def run(self) -> list[Culprit[S]]:
        """Who is to blame for the complaints that are not flaky, as far as anybody is."""
        culprits: list[Culprit[S]] = []
        explained: set[S] = set()
        for complaint in self.complaints:
            if complaint.symptom in explained or complaint.symptom in self.unsteady:
                continue
            culprit = await self._blame(complaint)
            if culprit:
                culprits.append(culprit)
                explained.update(culprit.symptoms)
        return _united(culprits)

    async def _blame(self, complaint: Complaint[S]) -> Culprit[S] | None:
        if complaint.claimed_by is None:
            return await self._broken_by(complaint.symptom)
        return await self._not_delivered_by(complaint.symptom, complaint.claimed_by)

    async def _broken_by(self, symptom: S) -> Culprit[S] | None:
        found = await self._minimal(symptom, frozenset())
        before = frozenset(self.order[: self.order.index(found[-1])])
        # Anybody else was seen to be green without the last of the set; the first agent alone has
        # to be so without it.
        if not before and symptom in await self._red(before):
            self._doubt([symptom])
            return None
        alone = self._closed(found)
        if (
            len(alone) > 1
        ):  # something less may show the others: they are looked into, mostly without a probe
            return Culprit(found, found[-1:], (symptom,))
        shown = await self._red(alone) - self.seen[before]
        return Culprit(
            found,
            found,
            tuple(
                c.symptom for c in self.complaints if c.claimed_by is None and c.symptom in shown
            ),
        )

    async def _not_delivered_by(self, symptom: S, claimed_by: frozenset[str]) -> Culprit[S] | None:
        """It was red before: either those who were to mend it have not, or somebody keeps their
        work from doing so.
        """
        present = claimed_by & set(self.order)
        if not present:
            return None
        makers = tuple(agent for agent in self.order if agent in present)
        start = self._closed(makers)
        if symptom in await self._red(start):
            mine = (c.symptom for c in self.complaints if c.claimed_by == claimed_by)
            return Culprit(makers, makers, tuple([s for s in mine if s in self.seen[start]]))
        found = await self._minimal(symptom, start)
        together = present | set(found)
        return Culprit(
            tuple(agent for agent in self.order if agent in together), found[-1:], (symptom,)
        )

    async def _minimal(self, symptom: S, start: frozenset[str]) -> tuple[str, ...]:
        """The smallest set that shows the symptom together with `start`, which alone does not; in
        order.
        """
        found: list[str] = []
        held = start
        within = self.order
        while True:
            within = tuple(agent for agent in within if agent not in held)
            at = await self._shortest(symptom, within, held)
            found.insert(0, within[at - 1])
            held |= self._closed(within[at - 1 : at])
            within = within[: at - 1]
            if symptom in await self._red(held):
                return tuple(found)

    async def _shortest(self, symptom: S, within: Sequence[str], held: frozenset[str]) -> int:
        """How many of `within`, from its start, show the symptom with what is held, while one fewer
        do not.
        """

        def beginning(cut: int) -> frozenset[str]:
            return held.union(within[:cut])

        green, red = 0, len(within)
        while red - green > 1:
            known = [cut for cut in range(green + 1, red) if beginning(cut) in self.seen]
            cuts = known or _cuts(green, red, min(self.parallel, MOST_CUTS))
            await self._look([beginning(cut) for cut in cuts])
            red = next((cut for cut in cuts if symptom in self.seen[beginning(cut)]), red)
            green = max([green, *(cut for cut in cuts if cut < red)])
        return red

    async def _red(self, agents: frozenset[str]) -> frozenset[S]:
        await self._look([agents])
        return self.seen[agents]

    async def _look(self, sets: Sequence[frozenset[str]]) -> None:
        """Probe what has not been seen, at once. What cannot be put together shows nothing."""

        async def look(agents: frozenset[str]) -> None:
            red = await self.probe(tuple(agent for agent in self.order if agent in agents), False)  # noqa: FBT003
            self.seen[agents] = frozenset(red or ())

        missing = [agents for agents in sets if agents not in self.seen]
        if len(missing) == 1:
            await look(missing[0])
        elif missing:
            async with anyio.create_task_group() as tasks:
                for agents in missing:
                    tasks.start_soon(look, agents)

    def _closed(self, agents: Iterable[str]) -> frozenset[str]:
        """These agents with all that their work stands on."""
        closed, waiting = set[str](), list(agents)
        while waiting:
            agent = waiting.pop()
            if agent not in closed:
                closed.add(agent)
                waiting += self.needs[agent] & set(self.order)
        return frozenset(closed)


def _cuts(green: int, red: int, most: int) -> list[int]:
    """At most so many points that cut what lies between into parts as even as can be, in order."""
    parts = min(most + 1, red - green)
    return [green + (red - green) * part // parts for part in range(1, parts)]


def _united(culprits: Iterable[Culprit[S]]) -> list[Culprit[S]]:
    """Each set of agents once, with all that it shows."""
    united: dict[tuple[tuple[str, ...], tuple[str, ...]], dict[S, None]] = {}
    for culprit in culprits:
        united.setdefault((culprit.agents, culprit.guilty), {}).update(
            dict.fromkeys(culprit.symptoms)
        )
    return [
        Culprit(agents, guilty, tuple(symptoms)) for (agents, guilty), symptoms in united.items()
    ]


def _guilty(culprits: Sequence[Culprit[S]]) -> set[str]:
    """Who has to go so that no set of culprits is left complete; one that is hit already costs
    nobody more.
    """
    guilty: set[str] = set()
    for culprit in sorted(culprits, key=lambda culprit: len(culprit.agents)):
        if guilty.isdisjoint(culprit.agents):
            guilty.update(culprit.guilty)
    return guilty


def _with_dependents(agents: set[str], needs: Mapping[str, frozenset[str]]) -> set[str]:
    """These agents and all whose work stands on theirs."""
    gone = set(agents)
    while more := {agent for agent, needed in needs.items() if agent not in gone and needed & gone}:
        gone |= more
    return gone


def _in_order(agents: Sequence[str], needs: Mapping[str, frozenset[str]]) -> list[str]:
    """The agents, each after those that it stands on, otherwise as they were given."""
    ordered: dict[str, None] = {}

    def place(agent: str, above: frozenset[str]) -> None:
        for needed in agents:
            if needed in needs[agent] and needed not in above:
                place(needed, above | {agent})
        ordered[agent] = None

    for agent in agents:
        place(agent, frozenset({agent}))
    return list(ordered)
