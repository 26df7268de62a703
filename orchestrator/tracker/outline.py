"""A mission as the issues that it comes to: which there are, whose sub-issues they are, and what
blocks them. Pure.

Owns the tree and the texts of its issues. A text that speaks of another issue is given that one's
number by `Refs`, and its title where it has none yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from orchestrator.mission.model import Agent, Batch, Claim, Mission

ROOM = 100
"""Sub-issues that an issue may have, on GitHub."""
MOST_BLOCKERS = 50
LONGEST_TITLE = 256
OURS = "orchestrate"
"""The label of every issue and pull request that is made here, and by which it is found."""

ROOT = "mission"

Refs = Callable[[str], str]
"""How another issue is spoken of, by its key: ``#12``, or its title."""


@dataclass(frozen=True, slots=True)
class Item:
    """One issue. `key` names it for ever: ``mission``, ``batch:ID``, ``agent:ID``, ``part:ID:2``."""

    key: str
    title: str
    text: Callable[[Refs], Iterator[str]] = field(repr=False)
    """The lines of its body."""
    labels: tuple[str, ...]
    parent: str | None
    """The key of the issue whose sub-issue it is; None for the mission's own."""
    blocked_by: tuple[str, ...] = ()
    children: tuple[str, ...] = ()


def outline(mission: Mission, room: int = ROOM) -> tuple[Item, ...]:
    """All issues of a mission, each after its parent.

    `room` is how many sub-issues the parent can take; where batches, or the agents of one, are more
    than that, parts stand between.
    """
    batches: list[tuple[str, list[Item]]] = []
    for number, batch in enumerate(mission.batches, 1):
        key = f"batch:{batch.id}"
        agents = [(f"agent:{agent.id}", agent) for agent in batch.agents]
        holders, parents = _parts(key, batch.title or batch.id, [key for key, _ in agents], ROOM)
        below = [holder.key for holder in holders] or [key for key, _ in agents]
        made = [_batch(number, batch, below)]
        made += [
            replace(holder, labels=tuple(dict.fromkeys([OURS, *batch.labels])))
            for holder in holders
        ]
        made += [_agent(agent, batch, parents[key]) for key, agent in agents]
        batches.append((key, made))
    holders, parents = _parts(ROOT, mission.name, [key for key, _ in batches], room)
    below = [holder.key for holder in holders] or [key for key, _ in batches]
    found = [_mission(mission, below), *holders]
    for key, made in batches:
        found += [replace(made[0], parent=parents[key]), *made[1:]]
    return tuple(found)


def _parts(
    parent: str, title: str, children: list[str], room: int
) -> tuple[list[Item], dict[str, str]]:
    """What stands between a parent and more children than it can take, and the parent of each
    child.
    """
    if len(children) <= room:
        return [], dict.fromkeys(children, parent)
    parents: dict[str, str] = {}
    holders: list[Item] = []
    chunks = [children[start : start + ROOM] for start in range(0, len(children), ROOM)]
    for number, chunk in enumerate(chunks, 1):
        key = f"part:{parent.removeprefix('batch:')}:{number}"
        holders.append(
            Item(
                key,
                cut(f"{title} ({number} of {len(chunks)})", LONGEST_TITLE),
                _part_text(parent, chunk),
                (OURS,),
                parent,
                children=tuple(chunk),
            )
        )
        parents |= dict.fromkeys(chunk, key)
    return holders, parents


def _part_text(parent: str, children: list[str]) -> Callable[[Refs], Iterator[str]]:
    def text(refs: Refs) -> Iterator[str]:
        yield f"A part of {refs(parent)}, which has more sub-issues than one issue can."
        yield ""
        yield from _listed(children, refs)

    return text


def _mission(mission: Mission, children: Sequence[str]) -> Item:
    def text(refs: Refs) -> Iterator[str]:
        yield said(mission.objective)
        yield ""
        yield "**Batches:**"
        yield ""
        yield from _listed(children, refs)

    title = cut(f"{mission.name}: {mission.objective}", LONGEST_TITLE)
    return Item(ROOT, title, text, (OURS,), None, children=tuple(children))


def _batch(number: int, batch: Batch, children: Sequence[str]) -> Item:
    needs = tuple(f"batch:{need}" for need in batch.needs)

    def text(refs: Refs) -> Iterator[str]:
        yield from _links(ROOT, needs, refs)
        yield "**Agents:**"
        yield ""
        yield from _listed(children, refs)
        yield from _claims("Success criteria", batch.criteria)
        if batch.gate:
            yield ""
            yield f"**Gate:** `{batch.gate}`: nothing of it lands unless this passes."

    title = cut(f"Batch {number}: {batch.title or batch.id}", LONGEST_TITLE)
    labels = tuple(dict.fromkeys([OURS, *batch.labels]))
    return Item(f"batch:{batch.id}", title, text, labels, ROOT, needs, tuple(children))


def _agent(agent: Agent, batch: Batch, parent: str) -> Item:
    needs = tuple(f"agent:{need}" for need in agent.needs)

    def text(refs: Refs) -> Iterator[str]:
        yield from _links(f"batch:{batch.id}", needs, refs)
        yield f"**Mission:** {said(agent.mission)}"
        if agent.tasks:
            yield ""
            yield "**Tasks:**"
            yield ""
            yield from (f"- {said(task)}" for task in agent.tasks)
        yield ""
        if agent.files:
            yield "**Files:**"
            yield ""
            yield from (f"- `{path}`" for path in agent.files)
        else:
            yield "It reads, and changes no file."
        yield from _claims("Deliverables", agent.deliverables)

    labels = tuple(dict.fromkeys([OURS, *batch.labels, *agent.labels]))
    title = cut(f"Agent {agent.id}: {agent.name}", LONGEST_TITLE)
    return Item(f"agent:{agent.id}", title, text, labels, parent, needs)


def _links(parent: str, needs: Sequence[str], refs: Refs) -> Iterator[str]:
    """In words what the server may know as sub-issues and blockers, for those that do not."""
    yield f"Part of {refs(parent)}"
    if needs:
        yield f"Blocked by {', '.join(map(refs, needs))}"
    yield ""


def _listed(keys: Sequence[str], refs: Refs) -> Iterator[str]:
    yield from (f"- {refs(key)}" for key in keys)


def _claims(title: str, claims: Sequence[Claim]) -> Iterator[str]:
    if not claims:
        return
    yield ""
    yield f"**{title}:**"
    yield ""
    for claim in claims:
        proofs = ", ".join(f"`{proof}`" for proof in claim.proof)
        yield f"- {said(claim.text)}" + (f" (proof: {proofs})" if proofs else "")


def said(text: str) -> str:
    """A text of the mission in a body: no comment in it is taken for a mark of ours."""
    return text.strip().replace("<!--", "&lt;!--")


def cut(text: str, most: int) -> str:
    """In one line, and at most so long."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
