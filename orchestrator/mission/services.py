"""What a mission says of services, held against what there is: who names which, and which
placeholders stand where.

Owns these rules. What services are is `model`'s, what becomes of them the room `services`'.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from orchestrator.mission.complaints import show
from orchestrator.mission.model import Isolation, Mission, Network, Service
from orchestrator.mission.placeholders import placeholders
from orchestrator.mission.source import Loc, Positions, Problem
from orchestrator.mission.words import did_you_mean

OWN = ("port", "database", "data", "workspace")
OF_ANOTHER = ("port", "database")
KNOWN = (*OWN, *(f"{word}:NAME" for word in OF_ANOTHER))


def service_problems(mission: Mission, positions: Positions) -> Iterator[Problem]:
    """Names of services that there are not, and what is wrong with the services themselves."""
    for used, names in _uses(mission):
        for index, name in enumerate(names):
            if name not in mission.services:
                mend = did_you_mean(name, mission.services, noun="service")
                place = positions.value((*used, index))
                yield Problem(place, f"unknown service `{name}`", mend)
    yield from _cut_off(mission, positions)
    for name, service in mission.services.items():
        loc: Loc = ("services", name)
        if service.command is None:
            for key in ("ready", "stop", "grace"):
                if key in service.model_fields_set:
                    what = f"`{key}` says something of a program, and the service `{name}` has none"
                    yield Problem(positions.key((*loc, key)), what, "give it a `command`")
        if name in service.needs:
            place = positions.value((*loc, "needs", service.needs.index(name)))
            yield Problem(place, f"the service `{name}` needs itself", "take this need out")
        if service.ready is not None and service.ready.log is not None:
            yield from _pattern(service.ready.log, positions, (*loc, "ready", "log"))
        within = _within(mission.services, name)
        for where, text in _texts(service, loc):
            yield from _placeholders(text, name, within, positions, where)


def _cut_off(mission: Mission, positions: Positions) -> Iterator[Problem]:
    """Who has services beside it, and no network of this machine to reach them by."""
    network, level = mission.defaults.network, mission.defaults.isolation
    if network is Network.OPEN or level is Isolation.WORKTREE:
        return
    for loc, names in _uses(mission):
        if names and loc[0] != "services":
            what = f"in a sandbox with `network: {network}` nobody reaches a service"
            yield Problem(positions.key(loc), what, "take it out, or write `network: open`")


def _uses(mission: Mission) -> Iterator[tuple[Loc, tuple[str, ...]]]:
    """All places in which services are named."""
    yield ("defaults", "services"), mission.defaults.services
    for name, service in mission.services.items():
        yield ("services", name, "needs"), service.needs
    for name, gate in mission.gates.items():
        yield ("gates", name, "services"), gate.services or ()
        for index, check in enumerate(gate.checks):
            own: tuple[str, ...] | None = getattr(check, "services", None)
            yield ("gates", name, "checks", index, "services"), own or ()
    for index, batch in enumerate(mission.batches):
        yield ("batches", index, "services"), batch.services or ()
        for number, agent in enumerate(batch.agents):
            yield ("batches", index, "agents", number, "services"), agent.services or ()


def _within(services: Mapping[str, Service], name: str) -> frozenset[str]:
    """The service and all that it needs, directly or through others."""
    found, todo = {name}, [name]
    while todo:
        for need in services[todo.pop()].needs:
            if need in services and need not in found:
                found.add(need)
                todo.append(need)
    return frozenset(found)


def _texts(service: Service, loc: Loc) -> Iterator[tuple[Loc, str]]:
    """All in which placeholders are filled in."""
    commands: list[tuple[Loc, tuple[str, ...]]] = []
    if service.command is not None:
        commands.append(((*loc, "command"), service.command.argv))
    for key, several in (("setup", service.setup), ("fill", service.fill)):
        commands += [((*loc, key, index), it.argv) for index, it in enumerate(several)]
    if service.ready is not None and service.ready.command is not None:
        commands.append(((*loc, "ready", "command"), service.ready.command.argv))
    for where, argv in commands:
        yield from ((where, argument) for argument in argv)
    if service.ready is not None and service.ready.http is not None:
        yield (*loc, "ready", "http"), service.ready.http
    for name, text in service.env.constants.items():
        yield (*loc, "env", name), text


def _placeholders(
    text: str, service: str, within: frozenset[str], positions: Positions, loc: Loc
) -> Iterator[Problem]:
    try:
        names = placeholders(text)
    except ValueError as error:
        mend = "write `{{` for `{`, and `}}` for `}`"
        yield Problem(positions.value(loc), f"{show(text)}: {error}", mend)
        return
    for name in names:
        word, colon, other = name.partition(":")
        if word not in (OF_ANOTHER if colon else OWN):
            mend = did_you_mean(name, KNOWN, noun="placeholder")
            what = f"unknown placeholder `{{{name}}}`"
            yield Problem(positions.value(loc), what, f"{mend} (a literal brace is doubled)")
        elif colon and other not in within:
            what = f"`{{{name}}}`: the service `{service}` does not need `{other}`"
            mend = f"name `{other}` under its `needs`, if there is such a service"
            yield Problem(positions.value(loc), what, mend)


def _pattern(text: str, positions: Positions, loc: Loc) -> Iterator[Problem]:
    try:
        re.compile(text)
    except re.error as error:
        what = f"{show(text)}: no regular expression: {error}"
        yield Problem(positions.value(loc), what, "escape what is meant as it stands with `\\`")
