"""What an agent is answered through its channel, and what of it is recorded.

Owns the policy: how much an attempt may say, who answers a request for more scope, and that all of
it stands in the journal before the agent hears that it does. How words reach us is `agents.channel`'s.
"""

from __future__ import annotations

import os
from pathlib import PurePosixPath

from orchestrator.agents.bounded import cut
from orchestrator.agents.channel import MOST_CHARACTERS, Reply, Request
from orchestrator.engine.attempts.answering import collect
from orchestrator.engine.tools import Tools
from orchestrator.journal.events import (
    AgentSaid,
    AttemptStarted,
    ChannelFlooded,
    ScopeAnswered,
    ScopeRequested,
)
from orchestrator.journal.talk import Talk
from orchestrator.mission.scope import Scope

MOST_SAID = 100
"""Of one attempt."""
MOST_OF_BATCH = 2000
MOST_ASKED = 20
"""Paths that one agent asks for."""
MOST_READ = 200
"""The newest messages of a board, for one reading."""
MOST_NEWS = 20
"""The newest messages of others that an answer to something else brings along."""
MOST_PATH = 500
"""Characters."""
POLICY = "(the mission)"
_WHAT = {
    "post": "message",
    "deliver": "delivered",
    "no-change": "no_change",
    "blocked": "blocked",
}
_CLAIMED = "noted, as a claim: only what is proven counts"


class Conversation:
    """One attempt's side of the channel. Used from the event loop's thread only."""

    def __init__(self, tools: Tools, started: AttemptStarted) -> None:
        self._tools, self._started = tools, started
        mission = tools.recorder.state.plan.mission
        self._policy = mission.scope_requests
        self._allowed = Scope(mission.scope_requests.allow)
        self._protected = Scope(mission.workspace.protect)
        self._lost = 0
        self._heard = 0
        """How many messages of the board it was told."""

    @property
    def _talk(self) -> Talk:
        return self._tools.recorder.state.batches[self._started.batch].talk

    def hear(self, request: Request) -> Reply | None:
        """The answer to a request; None while a person is waited for. No agent listens while it
        thinks: what others told meanwhile comes with the answer to whatever it says itself.
        """
        if request.verb == "read":
            self._heard = len(self._talk.board)
            return Reply(ok=True, text=self._board())
        reply = self._scope(request) if request.verb == "need-scope" else self._said(request)
        return reply and Reply(ok=reply.ok, text=reply.text + self._news())

    def _news(self) -> str:
        """What others told since it heard of the board, as further lines."""
        board, agent = self._talk.board, self._started.agent
        news = [it for it in board[self._heard :] if it.agent != agent]
        self._heard = len(board)
        lines = [f"{it.agent}: {it.text}" for it in news[-MOST_NEWS:]]
        if len(news) > MOST_NEWS:
            lines.insert(0, f"({len(news) - MOST_NEWS} older ones: read them)")
        return "\n".join(["", "meanwhile told by others:", *lines]) if lines else ""

    def lost(self, number: int) -> None:
        """So many requests were none, or came when nobody could look at them any more."""
        if not self._lost:
            self._flooded(number)
        self._lost += number

    def over(self) -> None:
        """The attempt has ended."""
        told = [it for it in self._talk.floods if self._is_ours(it)]
        if self._lost and (not told or told[-1].left_out != self._lost):
            self._flooded(self._lost)

    def _flooded(self, number: int) -> None:
        self._tools.recorder.emit(ChannelFlooded(**self._whose(), left_out=number))

    def _whose(self) -> dict[str, str | int]:
        started = self._started
        return {"batch": started.batch, "agent": started.agent, "attempt": started.attempt}

    def _is_ours(self, event: AgentSaid | ChannelFlooded) -> bool:
        return (event.agent, event.attempt) == (self._started.agent, self._started.attempt)

    def _said(self, request: Request) -> Reply:
        said = self._talk.said
        if len(said) >= MOST_OF_BATCH or sum(map(self._is_ours, said)) >= MOST_SAID:
            self.lost(1)
            return Reply(ok=False, text=f"not kept: {MOST_SAID} are enough for one attempt")
        text = cut(request.text, MOST_CHARACTERS)
        what = _WHAT[request.verb]
        event = {"what": what, "text": text, **self._whose()}
        self._tools.recorder.emit(AgentSaid.model_validate(event))
        done = "told to your batch" if what == "message" else _CLAIMED
        return Reply(ok=True, text=done if text == request.text else f"{done}; it was cut")

    def _board(self) -> str:
        board = self._talk.board
        lines = [f"{it.agent}: {it.text}" for it in board[-MOST_READ:]]
        if len(board) > MOST_READ:
            lines.insert(0, f"({len(board) - MOST_READ} older ones are left out)")
        return "\n".join(lines) or "nobody has told anything yet"

    def _scope(self, request: Request) -> Reply | None:
        path = request.path.removeprefix("./")
        started, talk = self._started, self._talk
        if wrong := _wrong_with(path):
            return Reply(ok=False, text=wrong)
        own = self._tools.scopes[started.agent]
        if own.allows(path) and own.rule(path) is None and not self._protected.allows(path):
            return Reply(ok=True, text=f"{path} is in your scope already")
        if talk.answer(started.agent, path) is None:
            mine = {it.path for it in talk.asked if it.agent == started.agent}
            if path not in mine:
                if len(mine) >= MOST_ASKED:
                    self.lost(1)
                    return Reply(ok=False, text=f"{MOST_ASKED} requests are enough: go on without")
                self._ask(path, cut(request.text, MOST_CHARACTERS))
            else:
                collect(self._tools.recorder, self._tools.folders.answers)
        answer = self._talk.answer(started.agent, path)
        if answer is None:
            late = "nobody has answered yet: go on without it; ask again later to hear the answer"
            return Reply(ok=False, text=late) if request.is_late else None
        told = f"{answer.by}: {answer.reason}" if answer.reason else answer.by
        if answer.granted:
            return Reply(ok=True, text=f"yes: you may change {path} ({told})")
        return Reply(ok=False, text=f"no: leave {path} as it is ({told})")

    def _ask(self, path: str, why: str) -> None:
        """Record that it is asked for, and what the mission answers if it does."""
        decided = self._decided(path)
        event = {**self._whose(), "path": path, "why": why, "of_person": decided is None}
        self._tools.recorder.emit(ScopeRequested.model_validate(event))
        if decided is not None:
            granted, reason = decided
            self._answer(path, granted=granted, reason=reason)

    def _decided(self, path: str) -> tuple[bool, str] | None:
        """What the mission answers, and why; None: it is a person's to answer."""
        if not self._tools.scopes[self._started.agent]:
            return False, "who reviews changes nothing"
        if self._protected.allows(path):
            return False, "nobody may change it"
        if self._allowed.allows(path):
            return True, "it is allowed to whoever asks"
        return None if self._policy.ask else (False, "it is not among what is allowed")

    def _answer(self, path: str, *, granted: bool, reason: str) -> None:
        started = self._started
        self._tools.recorder.emit(
            ScopeAnswered(
                batch=started.batch,
                agent=started.agent,
                path=path,
                granted=granted,
                by=POLICY,
                reason=reason,
            )
        )


def _wrong_with(path: str) -> str:
    """Why nobody can be granted it; empty if it is one file of a repository."""
    parts = PurePosixPath(path).parts
    if not path or len(path) > MOST_PATH or not path.isprintable():
        return "name the file by its path from the repository's root"
    if path.startswith("/") or os.fspath(PurePosixPath(path)) != path or ".." in parts:
        return f"{path}: write it from the repository's root, without `..`"
    if any(part.lower() == ".git" for part in parts):
        return f"{path}: git's own folder is nobody's"
    if "*" in path or "::" in path:
        return f"{path}: ask for one file, by its path alone; another one is another request"
    return ""
