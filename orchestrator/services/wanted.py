"""What a mission's services say, with nothing left open: who is started before whom, what stands for
a placeholder, and what makes two definitions the same. Pure.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.mission.model import Command, Mission, Service
from orchestrator.mission.placeholders import TOKEN


@dataclass(frozen=True, slots=True)
class Given:
    """What one service has been given: a port, the name of a database, a private folder."""

    port: int
    database: str
    data: Path


@dataclass(frozen=True, slots=True)
class Values:
    """What stands for the placeholders of the service `name`; `given` holds those that it may name."""

    name: str
    given: Mapping[str, Given]
    workspace: Path

    def text(self, text: str) -> str:
        """The text with its placeholders filled in; the loader knows that there are these."""
        return TOKEN.sub(self._one, text)

    def argv(self, command: Command) -> tuple[str, ...]:
        """The command with its placeholders filled in."""
        return tuple(map(self.text, command.argv))

    def variables(self, service: Service) -> dict[str, str]:
        """What the service, and whoever wants it, is given by name."""
        constants = {name: self.text(text) for name, text in service.env.constants.items()}
        return service.env.model_copy(update={"constants": constants}).of(os.environ)

    def _one(self, match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0][:1]  # a brace that was doubled
        word, _, other = match[1].partition(":")
        own = self.given[other or self.name]
        known = {"port": str(own.port), "database": own.database, "data": str(own.data)}
        return {**known, "workspace": str(self.workspace)}[word]


def in_order(services: Mapping[str, Service], names: Iterable[str]) -> tuple[str, ...]:
    """These and what they need, each after what it needs; the loader knows that there is no
    circle.
    """
    found: dict[str, None] = {}

    def add(name: str) -> None:
        for need in services[name].needs:
            add(need)
        found[name] = None

    for name in names:
        add(name)
    return tuple(found)


def digest_of(services: Mapping[str, Service], names: Iterable[str]) -> str:
    """The same for what is run beside a check in the same way; empty where that is nothing."""
    told = {}
    for name in in_order(services, names):
        service = services[name]
        # Variables count with what they hold, as those of checks do.
        held = {key: os.environ.get(key) for key in service.env.names}
        told[name] = [service.model_dump(mode="json"), held]
    text = json.dumps(told, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest() if told else ""


def has_port(service: Service) -> bool:
    """Whether its own port is named by what it runs; then that is what it is ready by."""
    commands = [*service.setup, *([service.command] if service.command else [])]
    texts = [part for command in commands for part in command.argv]
    texts += service.env.constants.values()
    return any(match[1] == "port" for text in texts for match in TOKEN.finditer(text))


def programs_of(service: Service) -> Iterator[str]:
    """What must be on this machine for it, as it is written; a script of a shell is not looked
    into.
    """
    commands = [*service.setup, *service.fill]
    asks = service.ready.command if service.ready else None
    commands += [it for it in (service.command, asks) if it is not None]
    for command in commands:
        if "{" not in command.argv[0]:
            yield command.argv[0]


def users_of(mission: Mission, name: str) -> Iterator[str]:
    """The gates and agents that have a service beside them, for people."""
    defaults = mission.defaults.services

    def has(own: Iterable[str]) -> bool:
        return name in in_order(mission.services, own)

    for gate, it in mission.gates.items():
        of_gate = defaults if it.services is None else it.services
        checks = [getattr(check, "services", ()) for check in it.checks]
        if any(has(of_gate if own is None else own) for own in checks):
            yield f"gate {gate}"
    for batch in mission.batches:
        of_batch = defaults if batch.services is None else batch.services
        for agent in batch.agents:
            if has(of_batch if agent.services is None else agent.services):
                yield agent.id
