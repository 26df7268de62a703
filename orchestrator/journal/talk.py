"""What the agents of one batch said and asked while they worked: the fold of their channels' events.

Owns the board and the answers. All of it is claims: nothing here decides what lands, but for a path
that an agent was granted, which counts as its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from orchestrator.journal.events import AgentSaid, ChannelFlooded, ScopeAnswered, ScopeRequested

TalkEvent = AgentSaid | ScopeRequested | ScopeAnswered | ChannelFlooded


@dataclass(frozen=True, slots=True)
class Talk:
    """The talk of one batch; everything oldest first."""

    said: tuple[AgentSaid, ...] = ()
    asked: tuple[ScopeRequested, ...] = ()
    answered: tuple[ScopeAnswered, ...] = ()
    floods: tuple[ChannelFlooded, ...] = ()
    """The newest of each attempt."""

    def after(self, event: TalkEvent) -> Talk:
        """With one more event."""
        match event:
            case AgentSaid():
                return replace(self, said=(*self.said, event))
            case ScopeRequested():
                return replace(self, asked=(*self.asked, event))
            case ScopeAnswered():
                return replace(self, answered=(*self.answered, event))
            case ChannelFlooded():
                whose = (event.agent, event.attempt)
                others = [it for it in self.floods if (it.agent, it.attempt) != whose]
                return replace(self, floods=(*others, event))

    @property
    def board(self) -> tuple[AgentSaid, ...]:
        """What is meant for the others of the batch."""
        return tuple(it for it in self.said if it.what == "message")

    @property
    def pending(self) -> tuple[ScopeRequested, ...]:
        """What persons were asked and have not answered, each path of an agent once."""
        found = {
            (it.agent, it.path): it
            for it in self.asked
            if it.of_person and self.answer(it.agent, it.path) is None
        }
        return tuple(found.values())

    def answer(self, agent: str, path: str) -> ScopeAnswered | None:
        """The newest answer to an agent that asked for a path."""
        given = [it for it in self.answered if (it.agent, it.path) == (agent, path)]
        return given[-1] if given else None

    def granted(self, agent: str) -> tuple[str, ...]:
        """The paths that an agent may change beside its scope, in this attempt and later ones."""
        paths = dict.fromkeys(it.path for it in self.answered if it.agent == agent)
        return tuple(path for path in paths if (it := self.answer(agent, path)) and it.granted)

    def last_claim(self, agent: str, attempt: int) -> AgentSaid | None:
        """What an attempt said last of how its work stands."""
        said = [
            it
            for it in self.said
            if (it.agent, it.attempt) == (agent, attempt) and it.what != "message"
        ]
        return said[-1] if said else None
