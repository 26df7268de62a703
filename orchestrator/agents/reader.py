"""What the readers of all profiles have in common: events, one a line; a conversation that has a
name; last words; and what an error means.

Owns the shape; which event says what is each profile's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from orchestrator.agents.backend import Answer
from orchestrator.agents.profile import Heard
from orchestrator.agents.reading import Event, answer_to, event_of, sentence, wait_told
from orchestrator.journal.facts import Usage


class EventReader(ABC):
    """A `Reader` of lines that are events."""

    def __init__(self) -> None:
        self.session = ""
        self.said = ""
        """The agent's last words so far."""

    def read(self, line: str) -> str:
        """What is no event is shown as it is."""
        event = event_of(line)
        return line.strip() if event is None else self.take(event)

    @abstractmethod
    def take(self, event: Event) -> str:
        """Keep what is needed of one event; what of it people are shown."""

    def used(self) -> Usage | None:
        """What it has used so far; None where that is told at the end only."""
        return None

    @abstractmethod
    def heard(self) -> Heard | None:
        """What the last event said."""

    def delivered(self, usage: Usage | None) -> Heard:
        """Its own word is that all went well."""
        return Heard(Answer.DELIVERED, "", usage, self.session, said=self.said.strip())

    def ended_early(self, answer: Answer, reason: str, usage: Usage | None) -> Heard:
        """It says itself what kind of end that is."""
        return Heard(answer, reason, usage, self.session)

    def failed(
        self,
        error: object,
        usage: Usage | None = None,
        status: object = None,
        wait: float | None = None,
    ) -> Heard:
        """An error, by the provider's status or its words; `wait`: the seconds that are told beside."""
        text = sentence(error)
        answer = answer_to(text, status)
        told = wait_told(text) or wait if answer is Answer.RATE_LIMITED else None
        return Heard(answer, text or "an error without a word", usage, self.session, told)


def last_line(text: object) -> str:
    """Of what an agent says, as people are shown it."""
    lines = str(text or "").strip().splitlines()
    return lines[-1] if lines else ""
