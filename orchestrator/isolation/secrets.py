"""The secrets that this process knows of, for the few doors through which text leaves it.

The doors are the log writer, the recorder, briefs, evidence, reports and the error boundary. What
is a secret and what becomes of it is `redaction`'s.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import TypeVar, cast

from pydantic import BaseModel

from orchestrator.isolation.redaction import Redactor, secrets_in
from orchestrator.mission.model import Mission, Variables

M = TypeVar("M", bound=BaseModel)
Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]

_OURS = frozenset(
    (
        *("kind", "batch", "agent", "agents", "run", "mission", "gate", "check", "environment"),
        *("commit", "tree", "base", "before", "after", "tip", "log", "brief"),
        *("outcome", "decision", "status"),
    )
)
"""Fields that hold names and ids, which are never taken from output."""

_KNOWN: list[Redactor] = []
_MORE: dict[str, str] = {}


def know(declared: Iterable[str] = (), environment: Mapping[str, str] | None = None) -> Redactor:
    """Look for secrets in the environment; `declared` are the variables that are handed on by
    name.
    """
    found = secrets_in(os.environ if environment is None else environment, declared)
    _KNOWN[:] = [Redactor({**_MORE, **found})]
    return _KNOWN[0]


def know_also(secrets: Mapping[str, str]) -> None:
    """Know these from now on, by value with what they are called: what stands in files that an
    agent is given.
    """
    if new := {value: name for value, name in secrets.items() if value not in _MORE}:
        _MORE.update(new)
        _KNOWN[:] = [Redactor({**_MORE, **known().secrets})]


def know_of(mission: Mission) -> Redactor:
    """The same, with the variables that the mission hands on to agents, gates and set-up."""
    checks = (check for gate in mission.gates.values() for check in gate.checks)
    named = (mission.backends, mission.services, mission.gates)
    places = (*(part for parts in named for part in parts.values()), *checks, *mission.notify)
    found = [getattr(part, "env", None) for part in (mission.workspace, mission.defaults, *places)]
    given = [env for env in found if isinstance(env, Variables)]
    # One name may have a value for each of those who are given it, and another one here.
    constants = {
        f"{name} ({number})": text
        for number, env in enumerate(given, start=1)
        for name, text in env.constants.items()
    }
    told = [name for way in mission.notify for name in way.variables]
    # Whoever knows such an address may write to it: all of it behind the host is a secret.
    paths = {
        f"{name} (KEY)": os.environ.get(name, "").partition("://")[2].partition("/")[2]
        for name in told
    }
    names = [*told, *(name for env in given for name in env.names)]
    return know(names, {**os.environ, **constants, **paths})


def known() -> Redactor:
    """What takes the known secrets out; those of the environment if nobody said more."""
    return _KNOWN[0] if _KNOWN else know()


def without_secrets(model: M) -> M:
    """The same with no secret in any text of it; ids and names are left alone."""
    redactor = known()
    if not redactor:
        return model
    text = model.model_dump_json(by_alias=True)
    if "\\u001b" not in text and not redactor.spans(text.encode("utf-8", "surrogatepass")):
        return model
    cleaned = _cleaned(cast("Json", json.loads(text)), redactor)
    return type(model).model_validate_json(json.dumps(cleaned))


def _cleaned(value: Json, redactor: Redactor) -> Json:
    match value:
        case str():
            return redactor.text(value)
        case list():
            return [_cleaned(item, redactor) for item in value]
        case dict():
            return {
                key if key in _OURS else redactor.text(key): item
                if key in _OURS and isinstance(item, (str, list))
                else _cleaned(item, redactor)
                for key, item in value.items()
            }
        case _:
            return value
