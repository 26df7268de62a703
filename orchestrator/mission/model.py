"""The mission as it was asked for: frozen models, one per noun of the file format.

Owns the shape, the words and the meaning of every key; the JSON schema is generated from here. It
does not read files (`loading`), does not know about other places in the file (`references`), and
matches no path (`scope`).
"""

from __future__ import annotations

import math
import re
import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from string import Template
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Tag,
    WithJsonSchema,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError

IDENTIFIER = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")
SECONDS = (86400.0, 3600.0, 60.0, 1.0)


def parse_duration(value: object) -> float:
    """Seconds of a duration as people write it (``90s``, ``1h30m``); a bare number is seconds.
    Raises ValueError.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str) and value and (match := DURATION.fullmatch(value.replace(" ", ""))):
        seconds = sum(
            float(part) * unit for part, unit in zip(match.groups(), SECONDS, strict=True) if part
        )
    else:
        raise ValueError("expected a duration such as 90s, 15m or 1h30m")
    if seconds <= 0 or not math.isfinite(seconds):
        raise ValueError("expected a duration longer than zero")
    return seconds


def tell_duration(seconds: float) -> str:
    """Seconds in the words that `parse_duration` reads: ``1h30m``, ``90s`` as ``1m30s``."""
    whole, told = int(seconds), ""
    for unit, letter in zip(map(int, SECONDS), "dhms", strict=True):
        told += f"{whole // unit}{letter}" if whole >= unit else ""
        whole %= unit
    return told or f"{seconds:g}s"


def parse_quantity(value: object) -> int:
    """A count as people write it: ``20M``, ``500k``, ``12``. Raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and (match := re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kKMG]?)", value)):
        return int(float(match[1]) * {"": 1, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9}[match[2]])
    raise ValueError("expected a count such as 500, 20k or 3M")


def _listed(value: object) -> object:
    """A single text where a list of texts is meant."""
    if isinstance(value, int | float):
        raise PydanticCustomError("string_type", "expected a text")
    return [value] if isinstance(value, str) else value


AUTHOR = r"^[^<>\r\n]*[^<>\s][^<>\r\n]*<[^<>\s]+>$"


def _author(value: object) -> object:
    if not isinstance(value, str) or not re.match(AUTHOR, value):
        raise ValueError("a name and an address: `Ada Lovelace <ada@example.org>`")
    return value


def _identifier(value: object) -> object:
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "expected a text")
    if not re.fullmatch(IDENTIFIER, value):
        raise ValueError(
            "expected an id of letters, digits, `.`, `_` and `-` that begins with a letter or digit"
        )
    if ".." in value or value.endswith((".", ".lock")):
        raise ValueError(
            "expected an id without `..` that does not end in `.` or `.lock` (it names a git ref)"
        )
    return value


Identifier = Annotated[
    str, BeforeValidator(_identifier), WithJsonSchema({"type": "string", "pattern": IDENTIFIER})
]
Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema(
        {
            "type": ["string", "number"],
            "description": "such as 90s, 15m, 1h30m",
            "examples": ["15m"],
        }
    ),
]
Quantity = Annotated[
    int,
    BeforeValidator(parse_quantity),
    WithJsonSchema({"type": ["string", "integer"], "description": "such as 500, 20k, 3M"}),
]
Text = Annotated[str, Field(min_length=1)]
Author = Annotated[
    str, BeforeValidator(_author), WithJsonSchema({"type": "string", "pattern": AUTHOR})
]


@dataclass(frozen=True, slots=True)
class Shorthand:
    """Tells the JSON schema what else may be written for a list (one of its items) or for a claim
    (its text).
    """

    schema: tuple[tuple[str, Any], ...] = ()

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        full = handler(core)
        return {"anyOf": [dict(self.schema) or full["items"], full]}


Texts = Annotated[tuple[Text, ...], BeforeValidator(_listed), Shorthand()]
_HOST = r"^(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$"


def _host(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(_HOST, value):
        raise ValueError(f"expected a host, `api.example.org` or `127.0.0.1:8080`, found {value!r}")
    return value


Host = Annotated[str, BeforeValidator(_host), WithJsonSchema({"type": "string", "pattern": _HOST})]
Hosts = Annotated[tuple[Host, ...], BeforeValidator(_listed), Shorthand()]
Identifiers = Annotated[tuple[Identifier, ...], BeforeValidator(_listed), Shorthand()]


class Model(BaseModel):
    """What all of the format's nouns have in common: frozen, and no key that is not named."""

    # Built when first used: one validator for a whole mission, not one more for each of its parts
    # at every start.
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        defer_build=True,
    )


class Isolation(StrEnum):
    """How strongly an attempt is fenced in; `auto` is the strongest level that works here."""

    AUTO = "auto"
    WORKTREE = "worktree"
    STRICT = "strict"


class Network(StrEnum):
    """What of the network an attempt reaches at `strict`: nothing, the named `hosts`, or all that
    the machine does.
    """

    NONE = "none"
    PROVIDERS = "providers"
    OPEN = "open"


class Overlap(StrEnum):
    """What to do about two agents of one batch whose scopes may touch the same path."""

    ALLOW = "allow"
    WARN = "warn"
    REFUSE = "refuse"


class OnFailure(StrEnum):
    """Whether the run goes on with independent batches when one is not whole."""

    STOP = "stop"
    CONTINUE = "continue"


class Land(StrEnum):
    """What of a batch may land when some of its agents failed."""

    WHOLE = "whole"
    PASSING = "passing"


class OnConflict(StrEnum):
    """What happens to the later of two agents whose work does not merge."""

    RETRY = "retry"
    RESOLVE = "resolve"
    FAIL = "fail"


class BriefMode(StrEnum):
    """How a command is given its brief."""

    ARGUMENT = "argument"
    STDIN = "stdin"
    FILE = "file"
    NONE = "none"


def _command(value: object) -> object:
    match value:
        case str() if value.strip():
            try:
                return {"argv": shlex.split(value)}
            except ValueError as error:
                raise ValueError(f"cannot be split as a shell would: {error}") from None
        case [_, *_] if all(isinstance(part, str) for part in value):
            return {"argv": value}
        case {"shell": str(script), **rest} if not rest and script.strip():
            return {"argv": ["/bin/sh", "-c", script], "is_shell": True}
    raise ValueError('expected a list of texts, one text, or {shell: "…"}')


class Command(Model):
    """A program and its arguments; never run through a shell unless the mission wrote `shell:`."""

    argv: tuple[str, ...] = Field(min_length=1)
    is_shell: bool = False

    @model_validator(mode="after")
    def _shell_has_a_script(self) -> Command:
        if self.is_shell and len(self.argv) != 3:
            raise ValueError("expected a shell, -c and a script")
        return self

    @model_serializer
    def _as_it_was_written(self) -> list[str] | dict[str, str]:
        return {"shell": self.argv[2]} if self.is_shell else list(self.argv)

    def __str__(self) -> str:
        return self.argv[2] if self.is_shell else shlex.join(self.argv)


COMMAND_SCHEMA = {
    "description": "a list of arguments, a string that is split as a shell would, or {shell: script}",
    "anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
        {
            "type": "object",
            "properties": {"shell": {"type": "string"}},
            "required": ["shell"],
            "additionalProperties": False,
        },
    ],
}
CommandLine = Annotated[Command, BeforeValidator(_command), WithJsonSchema(COMMAND_SCHEMA)]


VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"


def _variables(value: object) -> object:
    """Names, constants, or a list of both."""
    if isinstance(value, Variables):
        return value
    names: list[str] = []
    constants: dict[str, str] = {}
    for part in value if isinstance(value, list | tuple) else [value]:
        if isinstance(part, str):
            names.append(part)
        elif isinstance(part, dict):
            constants |= _constants(part)
        else:
            raise ValueError('expected names of variables, or constants: {NAME: "value"}')  # noqa: TRY004  (pydantic's)
    for name in (*names, *constants):
        if not re.fullmatch(VARIABLE, name):
            raise ValueError(f"expected the name of a variable, found `{name}`")
    if both := sorted(set(names) & set(constants)):
        raise ValueError(f"`{both[0]}` is both a name and a constant")
    return {"names": tuple(dict.fromkeys(names)), "constants": constants}


def _constants(part: dict[object, object]) -> dict[str, str]:
    for name, constant in part.items():
        if not isinstance(constant, str):
            raise ValueError(f'expected a text for `{name}`: write {{{name}: "…"}}')  # noqa: TRY004  (pydantic's)
    return {str(name): str(constant) for name, constant in part.items()}


class Variables(Model):
    """Variables that a program is given: constants, and names from the user's environment."""

    names: tuple[str, ...] = ()
    constants: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self.names or self.constants)

    def of(self, environment: Mapping[str, str]) -> dict[str, str]:
        """What the program is given, where `environment` is the user's."""
        found = {name: environment[name] for name in self.names if name in environment}
        return {**found, **self.constants}

    def with_(self, other: Variables) -> Variables:
        """These, and where `other` says something, that."""
        said = {*other.names, *other.constants}
        names = tuple(name for name in self.names if name not in said)
        constants = {name: text for name, text in self.constants.items() if name not in said}
        return Variables(names=(*names, *other.names), constants={**constants, **other.constants})

    @model_serializer
    def _as_it_was_written(self) -> list[str | dict[str, str]]:
        return [*self.names, *([self.constants] if self.constants else [])]


_NAME_SCHEMA = {"type": "string", "pattern": VARIABLE}
_CONSTANTS_SCHEMA = {
    "type": "object",
    "propertyNames": {"pattern": VARIABLE},
    "additionalProperties": {"type": "string"},
}
VARIABLES_SCHEMA = {
    "description": 'constants, {NAME: "value"}, or names from the user\'s environment, [NAME]',
    "anyOf": [
        _NAME_SCHEMA,
        _CONSTANTS_SCHEMA,
        {"type": "array", "items": {"anyOf": [_NAME_SCHEMA, _CONSTANTS_SCHEMA]}},
    ],
}
Environment = Annotated[Variables, BeforeValidator(_variables), WithJsonSchema(VARIABLES_SCHEMA)]


def _files(value: object) -> object:
    """By the place in the home where they go: where they are."""
    if isinstance(value, dict):
        return value
    found: dict[str, str] = {}
    for part in value if isinstance(value, list | tuple) else [value]:
        match part:
            case str() if part.startswith("~/") and part[2:]:
                found[part[2:]] = part
            case dict() if all(isinstance(item, str) for item in (*part, *part.values())):
                found |= part
            case _:
                raise ValueError("expected paths that begin with `~/`, or {PLACE: path}")
    return found


_FILE_SCHEMAS = [
    {"type": "string", "pattern": "^~/."},
    {"type": "object", "additionalProperties": {"type": "string"}},
]
FILES_SCHEMA = {
    "description": "paths below the user's home, [~/.x/y], or where they go and where they are, {.x/y: path}",
    "anyOf": [*_FILE_SCHEMAS, {"type": "array", "items": {"anyOf": _FILE_SCHEMAS}}],
}
Files = Annotated[dict[str, str], BeforeValidator(_files), WithJsonSchema(FILES_SCHEMA)]


class Repository(Model):
    """The code under repair: a git repository (`path`) or plain files that are made into one
    (`snapshot`).
    """

    path: str | None = None
    """A git repository, relative to the mission file."""
    snapshot: str | None = None
    """A folder of plain files, relative to the mission file."""
    base: str | None = None
    """The branch, tag or commit to start from; by default the branch that is checked out."""

    @model_validator(mode="after")
    def _one_of(self) -> Repository:
        if (self.path is None) == (self.snapshot is None):
            number = "both" if self.path is not None else "neither"
            raise ValueError(f"expected either `path` or `snapshot`, found {number}")
        if self.snapshot is not None and self.base is not None:
            raise ValueError("a `snapshot` has one commit and so no `base`")
        return self


MOST_RACERS = 10


def _race(value: object) -> object:
    """So many of the same backend, or which ones."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_RACERS:
        return value
    if isinstance(value, list | tuple) and 2 <= len(value) <= MOST_RACERS:
        return tuple(_identifier(name) for name in value)
    raise ValueError(
        f"expected backends to race one another, [claude, codex], or a number up to {MOST_RACERS}"
        " of times that the agent's backend does; 1 is no race"
    )


_RACE_SCHEMA = {
    "description": "backends that race one another, [claude, codex], or how often the agent's own does",
    "anyOf": [
        {"type": "integer", "minimum": 1, "maximum": MOST_RACERS},
        {
            "type": "array",
            "items": {"type": "string", "pattern": IDENTIFIER},
            "minItems": 2,
            "maxItems": MOST_RACERS,
        },
    ],
}
Race = Annotated[int | tuple[str, ...], BeforeValidator(_race), WithJsonSchema(_RACE_SCHEMA)]


class Ceiling(Model):
    """What one attempt may use, held against what its agent reports while it works."""

    tokens: Annotated[Quantity, Field(ge=1)] | None = None
    """What its model read and wrote."""
    cost_usd: float | None = Field(default=None, gt=0)
    """What that cost, where the agent says."""
    on_exceed: Literal["stop", "warn"] = "stop"
    """stop: the attempt is ended as over budget, its work kept. warn: it is told, and noted."""

    @model_validator(mode="after")
    def _has_a_ceiling(self) -> Ceiling:
        if self.tokens is None and self.cost_usd is None:
            raise ValueError(
                "expected a ceiling, such as `tokens: 2M` (of its wall clock, `timeout` is)"
            )
        return self


class Defaults(Model):
    """What holds for every agent unless it says otherwise."""

    backend: Identifier = "auto"
    race: Race | None = None
    """Backends that do an agent's work at once, each for itself, or how often its own does; the gate
    picks. Reviewers do not race.
    """
    budget: Ceiling | None = None
    """What one attempt may use."""
    timeout: Duration = 3600.0
    """Wall clock of one attempt, from the start of its process; waiting for a slot does not count.
    """
    attempts: int = Field(default=2, ge=1, le=20, strict=True)
    isolation: Isolation = Isolation.AUTO
    network: Network = Network.OPEN
    """What of the network attempts reach at `strict`; agents need it for their models."""
    hosts: Hosts = ()
    """What attempts, set-ups and gates reach with `network: providers`, through a proxy:
    `api.anthropic.com`, `*.example.org`, `127.0.0.1:8080`; without a port that is 443.
    """
    readable: Texts = ()
    """Files and folders outside of the workspace that attempts may read at `strict`, `~/…` or
    relative to the mission file; what a backend's command or variables name is readable anyway.
    """
    memory: Quantity = 8_000_000_000
    """Bytes of memory that an attempt may take at `strict` (`8G`), and never more than three
    quarters of the machine's.
    """
    processes: Quantity = 2000
    """How many processes an attempt may have at once at `strict`."""
    disk: Quantity = 20_000_000_000
    """Bytes that an attempt may write in its workspace and its home at `strict`."""
    parallel: int = Field(default=5, ge=1, le=1000, strict=True)
    """Agents at once in a batch."""
    overlap: Overlap = Overlap.WARN
    land: Land = Land.PASSING
    on_conflict: OnConflict = OnConflict.RETRY
    plugins: Texts = ()
    """Plug-ins of pytest that a gate's tests need: distributions (`pytest-asyncio`) or the names
    that `-p` takes.
    """
    services: Identifiers = ()
    """What agents and checks have beside them that say nothing of it, of `services`."""
    gate_timeout: Duration = 1800.0
    """Wall clock of one check that names no timeout of its own."""
    gate_parallel: int = Field(default=2, ge=1, le=64, strict=True)
    """Checks at once, also while it is found out who turned a candidate red."""

    @model_validator(mode="after")
    def _hosts(self) -> Defaults:
        if (self.network is Network.PROVIDERS) != bool(self.hosts):
            raise ValueError(
                "`network: providers` needs `hosts`, the names that are let through"
                if not self.hosts
                else "`hosts` are for `network: providers`"
            )
        return self


class Backend(Model):
    """A named way to get work done: a command of one's own, an agent by its protocol, a recording, a
    preference list, or a tuned profile.
    """

    command: CommandLine | None = None
    """Placeholders: {brief} {brief_file} {workspace} {agent} {batch} {run} {mission_dir}."""
    acp: CommandLine | None = None
    """A program that speaks the Agent Client Protocol on its standard input and output, such as
    `[goose, acp]`; no placeholders.
    """
    brief: BriefMode | None = None
    """How `command` is given the brief; by default as {brief} or {brief_file} in `command` says,
    else `stdin`.
    """
    env: Environment = Variables.model_construct()
    """Variables that the command is given: constants (`{SQLITE: "1"}`) and names from the user's
    environment (`[API_KEY]`), or a list of both.
    """
    resume_work: bool = Field(default=False, strict=True)
    """Whether an attempt after one that ran out of time or budget, failed or left its scope begins
    with the work of that one, and a known agent with its conversation too, if it can; else it
    starts clean, and its brief has the earlier changes as a diff.
    """
    dir: str | None = None
    """The folder of a recording, relative to the mission file."""
    prefer: tuple[Identifier, ...] = ()
    """For `auto`: backends in the order of preference."""
    profile: Identifier | None = None
    """The agent that it is: `claude`, `codex`, …; by default the one of this entry's name."""
    model: Text | None = None
    """The model that a known agent is told to use; by default its own choice."""
    max_turns: int | None = Field(default=None, ge=1, strict=True)
    """How many turns a known agent may take in one attempt, if it can be told."""
    files: Files = {}
    """Files of the user's home (`~/.claude/settings.json`) that a known agent is given a copy of in
    its private home, at the same place; or by that place, from elsewhere: `{.npmrc: ci/npmrc}`.
    """


class Budget(Model):
    """What a run, or one batch of it, may take. Whoever resumes a run whose budget is spent gives it
    anew.
    """

    tokens: Annotated[Quantity, Field(ge=1)] | None = None
    """What models read and wrote, as agents report it when they end."""
    cost_usd: float | None = Field(default=None, gt=0)
    """What that cost, as agents report it; those that do not are not counted."""
    wall: Duration | None = None
    """Wall clock at work. Neither a pause before a resume counts nor waiting for a sign-off alone.
    """
    on_exceed: Literal["stop", "warn"] = "stop"
    """stop: no attempt begins any more and those at work are ended, their work kept; what was
    delivered is judged and lands. warn: it is told, and nothing else.
    """

    @model_validator(mode="after")
    def _has_a_ceiling(self) -> Budget:
        if self.tokens is None and self.cost_usd is None and self.wall is None:
            raise ValueError("expected a ceiling, such as `wall: 2h`")
        return self


def _commands(value: object) -> object:
    """One command where a list of them is meant."""
    return [value] if isinstance(value, str | dict) else value


class Notice(StrEnum):
    """What a person may want to be told of a run."""

    APPROVAL = "approval"  # a sign-off is wanted
    RED = "red"  # a gate is red, a batch did not come to be whole, or nobody has logged an agent in
    SCOPE = "scope"  # an agent asks a person whether it may change a file
    BUDGET = "budget"  # one is spent
    END = "end"  # the run has come to its end, or was stopped


ADDRESS = r"^(?:https?://\S+|\$[A-Za-z_][A-Za-z0-9_]*)$"


def _address(value: object) -> object:
    if not isinstance(value, str) or not re.match(ADDRESS, value):
        raise ValueError("expected an address of http or https, or `$NAME` of a variable")
    return value


Address = Annotated[
    str, BeforeValidator(_address), WithJsonSchema({"type": "string", "pattern": ADDRESS})
]


class Notify(Model):
    """A way in which somebody is told of a run: a command, a webhook or the desktop. It never holds
    a run up.
    """

    command: CommandLine | None = None
    """Started in the mission's folder, with the message as JSON on standard input and in
    `ORCHESTRATE_EVENT`, `ORCHESTRATE_TEXT`, `ORCHESTRATE_RUN` and the like.
    """
    webhook: Address | None = None
    """Where the message is posted to as JSON. `$NAME` is what that variable of the user's
    environment holds, for what is a secret: all of the address or a part of it.
    """
    headers: dict[str, str] = {}
    """Of a webhook; `$NAME` in a value means the same."""
    desktop: bool = Field(default=False, strict=True)
    """By `notify-send`."""
    on: Annotated[tuple[Notice, ...], BeforeValidator(_listed), Shorthand()] = tuple(Notice)
    """What is told; by default everything."""
    env: Environment = Variables.model_construct()
    """Variables that the command is given: constants, and names from the user's environment."""
    timeout: Duration = 10.0
    """Of one message; one that takes longer is given up."""

    @model_validator(mode="after")
    def _one_way(self) -> Notify:
        ways = [self.command is not None, self.webhook is not None, self.desktop]
        if sum(ways) != 1:
            raise ValueError("expected one of `command`, `webhook` and `desktop: true`")
        if self.headers and self.webhook is None:
            raise ValueError("`headers` are a webhook's")
        if self.env and self.command is None:
            raise ValueError("`env` is a command's")
        return self

    @property
    def variables(self) -> tuple[str, ...]:
        """Of the user's environment: those that the address and the headers are taken from."""
        texts = (self.webhook or "", *self.headers.values())
        return tuple(name for text in texts for name in Template(text).get_identifiers())


def _ways(value: object) -> object:
    """One way where a list of them is meant."""
    return [value] if isinstance(value, dict) else value


class Workspace(Model):
    """What every workspace is given beside the files of its base commit, and what nobody may
    change.
    """

    setup: Annotated[tuple[CommandLine, ...], BeforeValidator(_commands), Shorthand()] = ()
    """Commands that make what work needs and git does not hold; run once, every work tree gets a
    copy of what they made. The Python of a `.venv` among it runs the tests of gates.
    """
    setup_inputs: Texts = ()
    """Globs of the files on whose content that depends: where they differ, the commands are run
    again.
    """
    python: str = ""
    """What runs the tests of gates and is `python` for checks and agents: a path in the work tree
    that `setup` makes, an absolute path, or a name on PATH. By default the `.venv` that `setup`
    makes, else a clean interpreter that can import pytest and nothing else.
    """
    copy_: Annotated[Texts, Field(alias="copy")] = ()
    """Untracked files of the repository's work tree that agents need, copied; globs."""
    link: Texts = ()
    """Untracked files or folders of the repository's work tree, of which all work trees are linked
    to a copy; agents never reach the user's own.
    """
    unfilled: Texts = ()
    """Globs of submodules and of files in Git LFS that neither agents nor gates need; others are
    refused, but for submodules that `copy` names.
    """
    protect: Texts = ()
    """Globs that nobody may change, whatever their scope says."""

    @property
    def tells_python(self) -> str:
        """Which interpreter runs the tests of gates, as far as it is known before anything runs."""
        if self.python:
            return self.python
        clean = "a clean interpreter that can import pytest and nothing else"
        return f"the .venv that setup makes, else {clean}" if self.setup else clean


HTTP_ADDRESS = r"^http://[^/\s]+(/\S*)?$"


def _http_address(value: object) -> object:
    if not isinstance(value, str) or not re.match(HTTP_ADDRESS, value):
        raise ValueError("expected an address such as http://127.0.0.1:{port}/")
    return value


HttpAddress = Annotated[
    str, BeforeValidator(_http_address), WithJsonSchema({"type": "string", "pattern": HTTP_ADDRESS})
]


class Ready(Model):
    """How it is seen that a service is ready: by one of these."""

    command: CommandLine | None = None
    """It ends with exit 0."""
    http: HttpAddress | None = None
    """An address that answers with a status below 400."""
    log: Text | None = None
    """A regular expression that is found in what the service prints."""

    @model_validator(mode="after")
    def _one_of(self) -> Ready:
        said = [key for key in ("command", "http", "log") if getattr(self, key) is not None]
        if len(said) != 1:
            found = " and ".join(said) or "none"
            raise ValueError(f"expected one of command, http and log, found {found}")
        return self


def _signal(value: object) -> object:
    name = value.upper() if isinstance(value, str) else ""
    name = name if name.startswith("SIG") else f"SIG{name}"
    if name not in STOPS:
        raise ValueError(f"expected one of {', '.join(STOPS)}")
    return name


STOPS = ("SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2")
"""Signals that programs are asked to end by; what does not end is killed."""
_SIGNAL_SCHEMA = {"type": "string", "pattern": "^[A-Za-z0-9]+$", "examples": list(STOPS)}
Signal = Annotated[str, BeforeValidator(_signal), WithJsonSchema(_SIGNAL_SCHEMA)]


class Service(Model):
    """What work and tests talk to while they run: a database, a server. Every attempt and every
    check of a gate that wants it has one of its own.

    Placeholders, in all of its commands, `ready.http` and `env`: {port}, {database}, {data} (a private
    folder that is removed afterwards), {workspace}, and {port:NAME} or {database:NAME} of a service
    that it needs. A literal brace is doubled.
    """

    command: CommandLine | None = None
    """What runs in the work tree until it is stopped. None: a port and the name of a database are
    all that is wanted.
    """
    setup: Annotated[tuple[CommandLine, ...], BeforeValidator(_commands), Shorthand()] = ()
    """Commands that are run before it is started, such as `initdb`."""
    ready: Ready | None = None
    """How it is seen that it is ready; by default by its port, where it names that."""
    fill: Annotated[tuple[CommandLine, ...], BeforeValidator(_commands), Shorthand()] = ()
    """Commands that are run once it is ready, such as `createdb` and migrations."""
    timeout: Duration = 60.0
    """How long it may take to get ready, and each command of `setup` and `fill`."""
    stop: Signal = "SIGTERM"
    """The signal that ends it."""
    grace: Duration = 5.0
    """How long it may take over that, before it is killed."""
    env: Environment = Variables.model_construct()
    """Variables that the service, and all who want it, are given: constants with placeholders
    (`{DATABASE_URL: "postgresql://localhost:{port}/{database}"}`), and names from the user's
    environment. They go before what a backend, a gate or a check says.
    """
    needs: Identifiers = ()
    """Services that must be ready before this one is started."""
    root: bool = Field(default=False, strict=True)
    """Let it be root where `orchestrate` is; by default it is a plain user then, who has the same
    files: databases refuse to be root.
    """


class Check(Model):
    """One thing that a gate runs."""

    kind: ClassVar[str]
    name: Identifier | None = None
    """What proofs and reports call it; by default its kind and number."""
    timeout: Duration | None = None


def _reports(value: object) -> object:
    """One, several or none; journals of older runs say null for none."""
    return () if value is None else _listed(value)


class Program(Check):
    """A check that runs a program."""

    env: Environment = Variables.model_construct()
    """Variables that it is given beside the gate's: constants (`{SQLITE: "1"}`) and names from the
    user's environment (`[DATABASE_URL]`).
    """
    services: Identifiers | None = None
    """The services that it has beside it; by default the gate's."""
    may_change: Texts = ()
    """Globs of files of the test side (tests, conftests, what lies beside them) that may be edited,
    moved or removed; then the base's tests are run on the new code all the same, and the new ones
    too. What else is edited there is put back. What one check says holds for all of its gate. That
    an edit turns a test green counts where a file is named without a wildcard.
    """


class PytestCheck(Program):
    """Tests, counted by our own plugin."""

    kind = "pytest"
    pytest: Texts = Field(min_length=1)
    """Paths or node ids."""
    at_least: int = Field(default=1, ge=1, strict=True)
    """How many tests must have been executed (passed or failed), not merely collected."""
    must_turn_green: Texts = ()
    """Paths or node ids that are red on the base (failing or absent) and green on the candidate."""
    may_remove: Texts = ()
    """Node ids or globs of tests that may vanish, be skipped, emptied or rewritten without counting
    as broken.
    """
    plugins: Texts | None = None
    """Plug-ins of pytest that are loaded; by default those of `defaults`. No others are, whatever
    is installed.
    """
    may_configure: Texts = ()
    """Globs of files whose pytest settings and hooks may differ from the base's, which count
    otherwise.
    """


class CommandCheck(Program):
    """A program: with `report`, the JUnit XML that it writes is held against its exit code;
    without, exit code only.
    """

    kind = "command"
    command: CommandLine
    report: Annotated[tuple[Text, ...], BeforeValidator(_reports), Shorthand()] = ()
    """Where the command writes JUnit XML: files or globs, relative to the work tree's root."""
    at_least: int = Field(default=1, ge=1, strict=True)
    must_turn_green: Texts = ()
    may_remove: Texts = ()
    may_configure: Texts = ()


class MetricCheck(Program):
    """A number that a program prints, held against a threshold."""

    kind = "metric"
    metric: CommandLine
    value: Text
    """A key of the JSON that it prints (dots reach inside), or a regular expression whose first
    group is the number.
    """
    require: str = Field(pattern=r"^\s*(>=|<=|==|>|<)\s*-?\d+(\.\d+)?\s*$")


class ApprovalCheck(Check):
    """A person's sign-off: the run waits, resumable, until `orchestrate approve RUN GATE`."""

    kind = "approval"
    approval: Text
    """What the person says yes to."""


CHECK_KINDS: dict[str, type[Check]] = {
    model.kind: model for model in (PytestCheck, CommandCheck, MetricCheck, ApprovalCheck)
}
AnyCheck = PytestCheck | CommandCheck | MetricCheck | ApprovalCheck


def _check_kind(value: object) -> str | None:
    """Which check is meant: by the one key that names a kind, so that errors speak of that kind
    alone.
    """
    if isinstance(value, Check):
        return f"a {value.kind} check"
    kinds = [kind for kind in CHECK_KINDS if isinstance(value, dict) and kind in value]
    return f"a {kinds[0]} check" if len(kinds) == 1 else None


TaggedCheck = Annotated[
    Annotated[PytestCheck, Tag("a pytest check")]
    | Annotated[CommandCheck, Tag("a command check")]
    | Annotated[MetricCheck, Tag("a metric check")]
    | Annotated[ApprovalCheck, Tag("a approval check")],
    Discriminator(
        _check_kind,
        custom_error_type="check_kind",
        custom_error_message="expected one kind of check",
    ),
]


class Gate(Model):
    """The checks that decide whether a candidate lands."""

    checks: tuple[TaggedCheck, ...] = Field(min_length=1)
    env: Environment = Variables.model_construct()
    """Variables that all of its checks are given: constants (`{SQLITE: "1"}`) and names from the
    user's environment (`[DATABASE_URL]`).
    """
    services: Identifiers | None = None
    """The services that each of its checks has beside it, of its own; by default those of
    `defaults`.
    """
    may_change: Texts = ()
    """Globs of files of the test side that may be edited, moved or removed, for all of its checks.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """What the checks are called, in their order: their own name, or their kind and number
        among those.
        """
        numbers: Counter[str] = Counter()
        names: list[str] = []
        for check in self.checks:
            numbers[check.kind] += 1
            names.append(check.name or f"{check.kind}-{numbers[check.kind]}")
        return tuple(names)


class FileProof(Model):
    """Proof by a file that exists in the candidate and is not empty."""

    file: Text

    @property
    def what(self) -> str:
        """The file."""
        return self.file

    def __str__(self) -> str:
        return f"file: {self.file}"


class SymbolProof(Model):
    """Proof by a symbol that exists in the candidate: `path::Class.method`."""

    symbol: Text

    @property
    def what(self) -> str:
        """The symbol, with its path."""
        return self.symbol

    def __str__(self) -> str:
        return f"symbol: {self.symbol}"


Proof = Text | FileProof | SymbolProof


def _proof_kind(value: object) -> str | None:
    match value:
        case FileProof() | {"file": _}:
            return "a file proof"
        case SymbolProof() | {"symbol": _}:
            return "a symbol proof"
        case dict():
            return None
    return "a text proof"


TaggedProof = Annotated[
    Annotated[Text, Tag("a text proof")]
    | Annotated[FileProof, Tag("a file proof")]
    | Annotated[SymbolProof, Tag("a symbol proof")],
    Discriminator(
        _proof_kind,
        custom_error_type="proof_kind",
        custom_error_message="expected a text, `file: path` or `symbol: path::Name`",
    ),
]
TAGS = frozenset(
    {f"a {kind} check" for kind in CHECK_KINDS}
    | {f"a {kind} proof" for kind in ("text", "file", "symbol")}
)
"""What pydantic puts into the places of its errors for the unions above; no key of a mission looks
like these.
"""


def _proofs(value: object) -> object:
    return [value] if isinstance(value, dict) else _listed(value)


Proofs = Annotated[tuple[TaggedProof, ...], BeforeValidator(_proofs), Shorthand()]


def _claim(value: object) -> object:
    return {"text": value} if isinstance(value, str) else value


class Claim(Model):
    """Something that is said to be done once the work has landed, with what would prove it."""

    text: Text
    proof: Proofs = ()
    """Pytest node ids or test paths, a check's name, `{file: path}`, `{symbol: path::Name}`; none:
    reported as unvalidated, never as done.
    """


_TEXT_SCHEMA = (("type", "string"), ("minLength", 1))
Claims = tuple[Annotated[Claim, BeforeValidator(_claim), Shorthand(_TEXT_SCHEMA)], ...]


def _label(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(LABEL, value):
        raise ValueError("expected a label of at most 50 signs, in one line and without commas")
    return value


LABEL = r"^[^,\s](?:[^,\r\n\t]{0,48}[^,\s])?$"
Label = Annotated[
    str, BeforeValidator(_label), WithJsonSchema({"type": "string", "pattern": LABEL})
]
Labels = Annotated[tuple[Label, ...], BeforeValidator(_listed), Shorthand()]


class Agent(Model):
    """One piece of work: what to do, where, and what must come of it."""

    id: Identifier
    name: Text
    mission: Text
    tasks: Texts = ()
    files: Texts = ()
    """What it may change: gitignore-style globs, or symbols: `a.py::A.on_*`, `a.py:214`. None: a
    read-only reviewer, who reads the work of its batch's others, or of those that it needs, and
    reports findings.
    """
    deliverables: Claims = ()
    needs: Identifiers = ()
    """Agents of the same batch whose work it starts from."""
    labels: Labels = ()
    """What its issue is labelled with beside what its batch's is: priority, type, component (`p0`,
    `bug`, `websocket`). Nothing else depends on it.
    """
    optional: bool = Field(default=False, strict=True)
    """Dependents do not wait for it."""
    backend: Identifier | None = None
    race: Race | None = None
    """Backends that do its work at once, each for itself, or how often its own does (1: no race); the
    gate picks.
    """
    budget: Ceiling | None = None
    """What one attempt may use; the batch's and the run's hold as well."""
    timeout: Duration | None = None
    attempts: int | None = Field(default=None, ge=1, le=20, strict=True)
    services: Identifiers | None = None
    """The services that each of its attempts has beside it, of its own; by default the batch's."""
    imports: Literal["add", "any", "deny"] | None = None
    """Of a file of which it has symbols: add imports (by default), change any, or none."""
    new_symbols: Literal["private", "allow", "deny"] | None = None
    """Of a file of which it has symbols: private helpers (by default), any, or none but those that
    `files` names. Private is what begins with an underscore, or in TypeScript and JavaScript is not
    exported.
    """


class Batch(Model):
    """Agents that start from the same commit, run in parallel and land together."""

    id: Identifier
    title: str = ""
    needs: Identifiers = ()
    """Batches that must have landed whole before this one starts."""
    labels: Labels = ()
    """What its issue, and those of its agents, are labelled with."""
    agents: tuple[Agent, ...] = Field(min_length=1)
    gate: Identifier | None = None
    criteria: Claims = ()
    parallel: int | None = Field(default=None, ge=1, le=1000, strict=True)
    overlap: Overlap | None = None
    land: Land | None = None
    on_conflict: OnConflict | None = None
    budget: Budget | None = None
    """What it may take, from its start; the run's holds as well."""
    services: Identifiers | None = None
    """The services of its agents; by default those of `defaults`."""
    exercise: bool | None = Field(default=None, strict=True)
    """Break the functions that the batch changed, and refuse it if the gate stays green; by default
    where some check of the gate has `must_turn_green`.
    """
    rollback: CommandLine | None = None
    """Undoes what was done for the batch elsewhere (a deployment), when a person rolls it back."""


def _policy(value: object) -> object:
    """The words for who answers."""
    return {"deny": {}, "ask": {"ask": True}}.get(value, value) if isinstance(value, str) else value


class ScopeRequests(Model):
    """What an agent is answered that asks, while it works, to change a file that is not its own: no,
    unless it is `allow`ed or a person says yes.
    """

    allow: Texts = ()
    """Globs of files that are granted to whoever asks."""
    ask: bool = Field(default=False, strict=True)
    """Ask a person about all others; `orchestrate channel answer RUN AGENT yes` answers."""


_POLICY_SCHEMA = (("type", "string"), ("pattern", "^(deny|ask)$"))


class Mission(Model):
    """The validated request: objective, repository, batches, gates."""

    version: Literal[1]
    name: Identifier
    objective: Text
    author: Author | None = None
    """In whose name the work lands, `Name <address>`; by default whom the repository's git names."""
    repository: Repository
    defaults: Defaults = Defaults.model_construct()
    backends: dict[Identifier, Backend] = {}
    budget: Budget | None = None
    """What the whole run may take."""
    notify: Annotated[tuple[Notify, ...], BeforeValidator(_ways), Shorthand()] = ()
    """Who is told when a run needs a person, or is over."""
    workspace: Workspace = Workspace.model_construct()
    services: dict[Identifier, Service] = {}
    """What runs beside agents and checks that name it, by name."""
    gates: dict[Identifier, Gate] = {}
    batches: tuple[Batch, ...] = Field(min_length=1)
    on_failure: OnFailure = OnFailure.CONTINUE
    scope_requests: Annotated[
        ScopeRequests, BeforeValidator(_policy), Shorthand(_POLICY_SCHEMA)
    ] = ScopeRequests.model_construct()
    """`deny` (the default), `ask`, or what to `allow`."""
    brief_template: str | None = None
    """A Jinja2 template that extends the standard brief, relative to the mission file."""
    resolver: Identifier | None = None
    """The backend that puts work together that does not merge, where `on_conflict` is `resolve`."""
