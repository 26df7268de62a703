"""What a mission's names refer to: gates, backends, batches, agents, checks and proofs, held
against what there is.

Owns the rules that need more than one place of the file. Whether a single value is well-formed was
settled in `shape`; what globs, placeholders and paths may say is in `values`. Runs nothing and
touches the disk only to ask whether a path exists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from orchestrator.mission.complaints import show
from orchestrator.mission.model import Agent, Batch, Mission, OnConflict
from orchestrator.mission.services import service_problems
from orchestrator.mission.source import Loc, Positions, Problem
from orchestrator.mission.values import (
    PROFILES,
    backend_problems,
    claims_of,
    glob_problems,
    inner_problems,
    path_problems,
)
from orchestrator.mission.words import did_you_mean, listed, nearest

BUILT_IN = ("auto", "recording", "command", "acp")
NEEDS_AN_ENTRY = {  # built-in names that mean nothing until the mission says more
    "command": ("command", "{command: [program, …]}"),
    "recording": ("folder", "{dir: recording}"),
    "acp": ("command", "{acp: [program, …]}"),
}
PROFILES_TO_COME = ("copilot",)
RESERVED = frozenset(
    {"landed", "base", "gates"}
)  # a run keeps refs and folders of its own beside its agents'


def reference_problems(mission: Mission, positions: Positions, folder: Path) -> list[Problem]:
    """All that is wrong between the places of a mission; `folder` is what its relative paths are
    relative to.
    """
    return [
        *path_problems(mission, positions, folder),
        *backend_problems(mission, positions, folder),
        *_backend_names(mission, positions),
        *_resolver(mission, positions),
        *_races(mission, positions),
        *_gates(mission, positions),
        *service_problems(mission, positions),
        *_service_cycles(mission, positions),
        *_batches(mission, positions),
        *_agents(mission, positions),
        *_claims(mission, positions),
        *glob_problems(mission, positions),
        *inner_problems(mission, positions),
    ]


def _backend_names(mission: Mission, positions: Positions) -> Iterator[Problem]:
    built_in = (*BUILT_IN, *PROFILES)
    known = [*mission.backends, *(name for name in built_in if name not in mission.backends)]
    used: list[tuple[Loc, str]] = []
    if "backend" in mission.defaults.model_fields_set:
        used.append((("defaults", "backend"), mission.defaults.backend))
    used += [
        ((*loc, "backend"), agent.backend)
        for loc, _, agent in _all_agents(mission)
        if agent.backend is not None
    ]
    raced: list[tuple[Loc, object]] = [(("defaults", "race"), mission.defaults.race)]
    raced += [((*loc, "race"), agent.race) for loc, _, agent in _all_agents(mission)]
    for loc, race in raced:
        names = race if isinstance(race, tuple) else ()
        used += [((*loc, index), name) for index, name in enumerate(names)]
    if mission.resolver is not None:
        used.append((("resolver",), mission.resolver))
    for name, backend in mission.backends.items():
        used += [
            (("backends", name, "prefer", index), other)
            for index, other in enumerate(backend.prefer)
        ]
    for loc, name in used:
        if name in known:
            if name in NEEDS_AN_ENTRY and name not in mission.backends:
                what, entry = NEEDS_AN_ENTRY[name]
                mend = f"add it under `backends:`, such as `{name}: {entry}`"
                yield Problem(
                    positions.value(loc), f"the backend `{name}` has no {what} here", mend
                )
        elif name in PROFILES_TO_COME:
            what = f"the backend `{name}` is not supported yet: profiles of known agents"
            mend = f"name its command under `backends:`, such as `{name}: {{command: [{name}, …]}}`"
            yield Problem(positions.value(loc), what, mend)
        else:
            yield _unknown("backend", name, known, positions, loc)


def _resolver(mission: Mission, positions: Positions) -> Iterator[Problem]:
    policies: list[tuple[Loc, OnConflict | None]] = [(("defaults",), mission.defaults.on_conflict)]
    policies += [
        (("batches", index), batch.on_conflict) for index, batch in enumerate(mission.batches)
    ]
    for where, value in policies:
        if value is OnConflict.RESOLVE and mission.resolver is None:
            place = positions.value((*where, "on_conflict"))
            what = "`on_conflict: resolve` asks for a resolver, and the mission names none"
            yield Problem(
                place, what, "name a backend under `resolver:`, or write `retry` or `fail`"
            )


def _races(mission: Mission, positions: Positions) -> Iterator[Problem]:
    for loc, _, agent in _all_agents(mission):
        if agent.race in (None, 1):
            continue
        place = positions.key((*loc, "race"))
        if not agent.files:
            what = f"the agent `{agent.id}` has no `files`, so that it reviews: there is no race to win"
            yield Problem(place, what, "take `race` out, or say what it may change under `files`")
        elif agent.backend is not None and not isinstance(agent.race, int):
            what = f"`race` names the backends of `{agent.id}`, and so does `backend`"
            yield Problem(place, what, "take `backend` out")


def _gates(mission: Mission, positions: Positions) -> Iterator[Problem]:
    for index, batch in enumerate(mission.batches):
        if batch.gate is not None and batch.gate not in mission.gates:
            yield _unknown("gate", batch.gate, mission.gates, positions, ("batches", index, "gate"))
    for name, gate in mission.gates.items():
        seen: dict[str, int] = {}
        for index, called in enumerate(gate.names):
            if (first := seen.setdefault(called.casefold(), index)) != index:
                loc: Loc = ("gates", name, "checks", index, "name")
                line = positions.key(("gates", name, "checks", first, "name")).line
                what = f"the check `{called}` stands twice in this gate (first on line {line})"
                yield Problem(positions.value(loc), what, "give one of them another name")


def _service_cycles(mission: Mission, positions: Positions) -> Iterator[Problem]:
    nodes = [_Needing(name, service.needs) for name, service in mission.services.items()]
    yield from _cycles("services", nodes, [("services", node.id) for node in nodes], positions)


def _batches(mission: Mission, positions: Positions) -> Iterator[Problem]:
    ids = [batch.id for batch in mission.batches]
    yield from _repeated(
        "batch", [(("batches", index, "id"), name) for index, name in enumerate(ids)], positions
    )
    for index, batch in enumerate(mission.batches):
        for number, need in enumerate(batch.needs):
            loc: Loc = ("batches", index, "needs", number)
            if need == batch.id:
                yield Problem(
                    positions.value(loc), f"the batch `{need}` needs itself", "take this need out"
                )
            elif need not in ids:
                yield _unknown(
                    "batch", need, [other for other in ids if other != batch.id], positions, loc
                )
    yield from _cycles(
        "batches", mission.batches, [("batches", index) for index in range(len(ids))], positions
    )


def _agents(mission: Mission, positions: Positions) -> Iterator[Problem]:
    everyone = [((*loc, "id"), agent.id) for loc, _, agent in _all_agents(mission)]
    yield from _repeated("agent", everyone, positions)
    for loc, name in everyone:
        if name.casefold() in RESERVED:
            yield Problem(
                positions.value(loc),
                f"the agent id `{name}` is reserved for the run itself",
                "choose another id",
            )
    batch_of = {agent.id: batch.id for _, batch, agent in _all_agents(mission)}
    for index, batch in enumerate(mission.batches):
        ids = [agent.id for agent in batch.agents]
        mates = set(ids)
        locs: list[Loc] = [("batches", index, "agents", number) for number in range(len(ids))]
        for where, agent in zip(locs, batch.agents, strict=True):
            for number, need in enumerate(agent.needs):
                loc = (*where, "needs", number)
                if need == agent.id:
                    yield Problem(
                        positions.value(loc),
                        f"the agent `{need}` needs itself",
                        "take this need out",
                    )
                elif need not in mates and need in batch_of:
                    what = f"the agent `{need}` is in another batch, `{batch_of[need]}`"
                    mend = f"let the batch `{batch.id}` need the batch `{batch_of[need]}`"
                    if batch_of[need] in batch.needs:
                        mend = (
                            f"take it out: the batch `{batch.id}` needs `{batch_of[need]}` already"
                        )
                    yield Problem(positions.value(loc), what, mend)
                elif need not in mates:
                    yield _unknown(
                        "agent", need, [other for other in ids if other != agent.id], positions, loc
                    )
        yield from _cycles("agents", batch.agents, locs, positions)


def _claims(mission: Mission, positions: Positions) -> Iterator[Problem]:
    for loc, claim in claims_of(mission):
        batch = mission.batches[int(loc[1])]
        gate = mission.gates.get(batch.gate) if batch.gate is not None else None
        if batch.gate is not None and gate is None:
            continue  # said already
        checks = gate.names if gate else ()
        for index, proof in enumerate(claim.proof):
            if not isinstance(proof, str) or proof in checks or looks_like_test(proof):
                continue
            what = f"the proof {show(proof)} is neither a test nor a check of the batch's gate"
            close = nearest(proof, checks)
            mend = "name a test (`tests/test_x.py::test_y`), `file: path`, `symbol: path::Name`" + (
                f", or one of the checks {listed(checks)}"
                if checks
                else "; the batch has no gate with checks"
            )
            mend = f"did you mean `{close}`?" if close else mend
            yield Problem(positions.value((*loc, "proof", index)), what, mend)


def looks_like_test(proof: str) -> bool:
    """Whether a proof reads as a pytest node id or a path of tests, rather than as a check's
    name.
    """
    path = proof.split("::", 1)[0]
    if proof.startswith("-") or any(sign.isspace() for sign in path):
        return False
    return "::" in proof or "/" in path or path.endswith(".py")


def _all_agents(mission: Mission) -> Iterator[tuple[Loc, Batch, Agent]]:
    for index, batch in enumerate(mission.batches):
        for number, agent in enumerate(batch.agents):
            yield ("batches", index, "agents", number), batch, agent


def _unknown(noun: str, name: str, known: Iterable[str], positions: Positions, loc: Loc) -> Problem:
    return Problem(
        positions.value(loc), f"unknown {noun} `{name}`", did_you_mean(name, known, noun=noun)
    )


def _repeated(noun: str, ids: Sequence[tuple[Loc, str]], positions: Positions) -> Iterator[Problem]:
    """Ids name refs and folders, which do not differ by case everywhere."""
    first: dict[str, Loc] = {}
    for loc, name in ids:
        if (before := first.setdefault(name.casefold(), loc)) != loc:
            what = f"the {noun} id `{name}` stands twice (first on line {positions.value(before).line})"
            yield Problem(
                positions.value(loc),
                what,
                "ids differ in more than their case, over the whole mission",
            )


@dataclass(frozen=True, slots=True)
class _Needing:
    id: str
    needs: tuple[str, ...]


def _cycles(
    noun: str, nodes: Sequence[Batch | Agent | _Needing], locs: Sequence[Loc], positions: Positions
) -> Iterator[Problem]:
    """One problem for each cycle, at a need that closes it."""
    ids = [node.id for node in nodes]
    known = set(ids)
    if len(known) != len(ids):
        return  # who needs whom is not known while two have one id
    graph = {
        node.id: [need for need in node.needs if need in known and need != node.id]
        for node in nodes
    }
    while True:
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            path = list(reversed(error.args[1]))  # each needs the next
        else:
            return
        turn = min(range(len(path) - 1), key=lambda index: ids.index(path[index]))
        path = [*path[turn:-1], *path[: turn + 1]]
        start = ids.index(path[0])
        loc = (*locs[start], "needs", nodes[start].needs.index(path[1]))
        what = f"a cycle of {noun}: {' → '.join(path)} (each needs the next)"
        yield Problem(positions.value(loc), what, "take one of these needs out")
        graph[path[0]].remove(path[1])
