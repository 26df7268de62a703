"""What is known of one agent that people have: how it is called, what it is given, how its last
event is read. A profile is data; `profiled` makes a backend of it, and `profiles/` holds one file
for each agent.

Exit 0 proves nothing: agents end well after every request of theirs has failed, with half an edit
in the tree. So a profile reads what its agent says at the end, and an agent that says nothing has
not delivered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from orchestrator.agents.backend import Answer
from orchestrator.journal.facts import Usage
from orchestrator.mission.model import BriefMode, Isolation


@dataclass(frozen=True, slots=True)
class Heard:
    """What the agent's own last word is. `reason` says why it is no success, in one sentence."""

    answer: Answer
    reason: str = ""
    usage: Usage | None = None
    session: str = ""
    retry_after: float | None = None
    """Seconds from now."""
    said: str = ""
    """Its last words, of whatever length."""


class Reader(Protocol):
    """Reads the output of one attempt as it comes. Keeps what it needs for the end, and no more."""

    def read(self, line: str) -> str:
        """Take one line of standard output that may be an object of JSON; what of it people are
        shown, empty for nothing.
        """
        ...

    def used(self) -> Usage | None:
        """What it has used so far; None where that is told at the end only."""
        return None

    def heard(self) -> Heard | None:
        """After the end: what the last event said; None when there was none, which is a failure."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One agent. Arguments may hold {workspace}, {home}, {model}, {turns}, {session}, {channel} and
    {brief}.
    """

    name: str
    """What missions call it."""
    program: str
    """Looked for on PATH."""
    argv: tuple[str, ...]
    """Its arguments at any level."""
    brief: BriefMode = BriefMode.STDIN
    approvals: Mapping[Isolation, tuple[str, ...]]
    """By level: how it is told what it may do without asking. Nobody is there to be asked."""
    model: tuple[str, ...] = ("--model", "{model}")
    turns: tuple[str, ...] | None = None
    """How the number of turns is limited; None where it cannot be."""
    resume: tuple[str, ...] | None = None
    """How a conversation is gone on with, as further arguments, from the same home; None where that
    does not work.
    """
    resumes_anywhere: bool = False
    """Whether that works in another folder as well."""
    is_cost_of_conversation: bool = False
    """Whether the cost that it tells is of all of the conversation, and not of the attempt alone."""
    mcp: tuple[str, ...] = ()
    """How it is given the channel as an MCP server: {channel} is the program, between quotes, which
    is to be called with `channel --mcp`. Empty where it cannot be.
    """
    end: tuple[str, ...] = ()
    """What stands last."""
    variables: tuple[str, ...] = ()
    """Names that it is given from the user's environment: keys, and where its provider is."""
    keys: tuple[str, ...] = ()
    """Those of them of which one is enough to be logged in."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Variables that it reads though people set another one: its name, then theirs."""
    constants: Mapping[str, str] = field(default_factory=dict)
    """Variables that are always so."""
    logins: tuple[str, ...] = ()
    """Files of the user's home, relative to it, of which one is enough to be logged in; copied into
    the private home, readable by nobody else.
    """
    settings: tuple[str, ...] = ()
    """Further files of the user's home without which it does not know its provider."""
    writes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Files of the private home that are written where nothing was copied to: by place, the text by
    the variable that must be given for it, the first that is; empty: none need be.
    """
    needs_model: bool = False
    """Whether it must not choose a model by itself, for that may be a stranger's: a mission names
    one, or the user's settings are there.
    """
    exits: Mapping[int, Answer] = field(default_factory=dict)
    """What an exit code means where it ends without a last event."""
    reader: Callable[[], Reader]
    install: str
    """How people get it, in a few words."""
    login: str
    """How people log in, in a few words."""
    version: tuple[str, ...] = ("--version",)
