"""The channel of one attempt: what its agent says while it works is heard, and answered.

A backend that is made to converse gives its agent a folder (`ORCHESTRATE_CHANNEL`), a program in it
for the verbs, and, where its profile knows how, that program as an MCP server. Owns reading what was
said, the limits of it, and that nobody waits for ever; what is answered is the listener's. What an
agent says is a claim and decides nothing by itself.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol, cast, get_args

import anyio
from anyio import CancelScope, to_thread

from orchestrator.agents.backend import Backend, Ended, Work
from orchestrator.agents.channel_spool import Spool
from orchestrator.errors import OrchestrateError

Verb = Literal["post", "read", "need-scope", "deliver", "no-change", "blocked"]
MOST_CHARACTERS = 2000
"""Of a text; what is more is cut, and the agent is told."""
POLL_SECONDS = 0.1
LAST_TURNS = 5
"""Of reading what an agent said without waiting for an answer."""
WAIT_SECONDS = 40.0
"""For an answer that a person gives; agents end a tool that takes a minute."""


@dataclass(frozen=True, slots=True)
class Request:
    """What an agent says or asks. `waited` is how many seconds ago it was asked first."""

    verb: Verb
    text: str = ""
    path: str = ""
    waited: float = 0.0

    @property
    def is_late(self) -> bool:
        """Whether it has to be answered now, whatever the answer."""
        return self.waited >= WAIT_SECONDS


@dataclass(frozen=True, slots=True)
class Reply:
    """What it is answered; `ok` False: it was refused."""

    ok: bool
    text: str


class Listener(Protocol):
    """Whoever hears an attempt out. Called on the event loop."""

    def hear(self, request: Request) -> Reply | None:
        """Answer a request; None where it has to wait: it is asked again."""
        ...

    def lost(self, number: int) -> None:
        """So many requests were none, or were left at the end without having been looked at."""
        ...

    def over(self) -> None:
        """The attempt has ended; there is nothing more to come."""
        ...


class Conversing:
    """`inner`, with a channel to `listener` while it works."""

    def __init__(self, inner: Backend, listener: Listener) -> None:
        self.name, self.is_replay = inner.name, inner.is_replay
        self._inner, self._listener = inner, listener

    def unusable(self) -> str | None:
        return self._inner.unusable()

    async def work(self, work: Work, on_line: Callable[[str], None]) -> Ended:
        if self.is_replay:
            return await self._inner.work(work, on_line)
        spool = await to_thread.run_sync(Spool, work.home)
        failed: OrchestrateError | None = None
        ended: Ended | None = None
        with spool:
            waiting: dict[str, tuple[Request, float]] = {}
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._serve, spool, waiting)
                try:
                    ended = await self._inner.work(replace(work, channel=spool.path), on_line)
                except OrchestrateError as error:
                    failed = error  # not as a group of one
                tasks.cancel_scope.cancel()
            with CancelScope(shield=True):
                for _ in range(LAST_TURNS):
                    await self._turn(spool, waiting)
                if left := await to_thread.run_sync(spool.left):
                    self._listener.lost(left)
                self._listener.over()
        if failed is not None:
            raise failed
        assert ended is not None
        return ended

    async def _serve(self, spool: Spool, waiting: dict[str, tuple[Request, float]]) -> None:
        while True:
            with CancelScope(shield=True):  # what was taken is answered
                if waiting or spool.has_changed:
                    await self._turn(spool, waiting)
            await anyio.sleep(POLL_SECONDS)

    async def _turn(self, spool: Spool, waiting: dict[str, tuple[Request, float]]) -> None:
        now = time.monotonic()
        answers: dict[str, Reply] = {}
        for name, data in await to_thread.run_sync(spool.take):
            request = parse(data) if data is not None else None
            if request is None:
                self._listener.lost(1)
                answers[name] = Reply(ok=False, text="that is no request of the channel")
            else:
                waiting[name] = (request, now)
        for name, (request, since) in list(waiting.items()):
            reply = self._listener.hear(replace(request, waited=now - since))
            if reply is not None:
                answers[name] = reply
                del waiting[name]
        if answers:
            await to_thread.run_sync(_put, spool, answers)


def parse(data: bytes) -> Request | None:
    """The request that a file holds; None where it is none."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("verb") not in get_args(Verb):
        return None
    verb = cast("Verb", found["verb"])
    text, path = found.get("why" if verb == "need-scope" else "text", ""), found.get("path", "")
    if not isinstance(text, str) or not isinstance(path, str):
        return None
    if verb != "read" and not text.strip():
        return None
    return Request(verb, _storable(text), _storable(path))


def _storable(text: str) -> str:
    """What any file can hold."""
    return text.encode("utf-8", "backslashreplace").decode().strip()


def _put(spool: Spool, answers: dict[str, Reply]) -> None:
    for name, reply in answers.items():
        spool.answer(name, json.dumps({"ok": reply.ok, "text": reply.text}).encode())
