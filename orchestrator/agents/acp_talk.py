"""What is said with an agent that speaks the Agent Client Protocol: who it talks to, the session,
the prompt, and what its answer means.

The protocol is the official SDK's. What the agent only tells (its plan, its words, its calls) is
read here, loosely: what a newer version tells beside is no reason to fail. Imported when an agent
is at work, for the SDK is an extra.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import acp
import anyio
from acp import schema
from acp.client import ClientSideConnection
from anyio import to_thread
from pydantic import ValidationError

from orchestrator import version
from orchestrator.agents.acp_leave import Leave, Refused
from orchestrator.agents.backend import Answer, Conversation, Work
from orchestrator.agents.channel_program import VARIABLE
from orchestrator.agents.channel_spool import PROGRAM
from orchestrator.agents.reading import answer_to, event_of, inside, money, sentence, wait_told
from orchestrator.journal.facts import Usage

CANCEL_SECONDS = 1.0
"""For an agent to say that it has stopped."""
MOST_UNANSWERED = 200
MOST_CALLS = 5000
MOST_SAID = 100_000
AUTH_REQUIRED = -32000
MODE = "default"
"""The mode in which agents ask, where they have one of that name."""
MEANS = "what the agent says of its last turn, as it counts; its cost is of the conversation"
ALLOW, REJECT = ("allow_once", "allow_always"), ("reject_once", "reject_always")
ERROR = re.compile(r"Ran into this error: ")
"""How Goose's last words begin where its provider failed, and it ends its turn as if all were well."""
STOPS = {
    "end_turn": (Answer.DELIVERED, ""),
    "max_tokens": (Answer.OVER_BUDGET, "it reached its limit of tokens"),
    "max_turn_requests": (Answer.OVER_BUDGET, "it reached its limit of turns"),
    "refusal": (Answer.FAILED, "it refused to go on"),
    "cancelled": (Answer.FAILED, "it was interrupted"),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the agent made of the prompt; `has_answered` is false where it just ended."""

    answer: Answer = Answer.FAILED
    reason: str = "it ended without an answer to its brief"
    has_answered: bool = False
    retry_after: float | None = None
    said: str | None = None
    usage: Usage | None = None
    session: str = ""


class Talk:
    """The client's side of one conversation; a `Dialogue` and the SDK's transport at once."""

    def __init__(self, work: Work, conversation: Conversation | None) -> None:
        self._work, self._earlier = work, conversation
        self.leave = Leave(work)
        self._outcome = Outcome()
        self._said, self._tokens, self._cost = "", None, None
        self._calls: dict[str, dict[str, Any]] = {}
        self._messages: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._unanswered = 0
        self._write: Callable[[bytes], Awaitable[None]] | None = None
        self._writing = anyio.Lock()

    _tokens: schema.Usage | None
    _cost: float | None

    def heard(self) -> Outcome:
        """How it went."""
        usage = None
        if self._tokens is not None or self._cost is not None:
            earlier = self._earlier.cost_usd if self._earlier else 0.0
            tokens = self._tokens
            usage = Usage(
                tokens_in=tokens.input_tokens if tokens else 0,
                tokens_cached=(tokens.cached_read_tokens or 0) if tokens else 0,
                tokens_out=tokens.output_tokens if tokens else 0,
                cost_usd=None if self._cost is None else max(0.0, self._cost - earlier),
                means=MEANS,
            )
        return replace(self._outcome, said=self._said.strip() or None, usage=usage)

    # What the process tells.

    def take(self, line: str) -> str:
        message = event_of(line)
        if message is None:
            return line
        method, id = message.get("method"), message.get("id")
        if method == "session/update":
            return self._updated(inside(message, "params", "update"))
        is_request = isinstance(method, str) and isinstance(id, int | str)
        is_answer = method is None and isinstance(id, int)
        if is_answer and not isinstance(message.get("error") or {}, dict):
            is_answer = False
        self._unanswered += is_request
        if self._unanswered > MOST_UNANSWERED:
            self._ended_by("it asks more than it waits to be answered")
            self.ended()
        elif is_request or is_answer:
            self._messages.put_nowait(dict(message))
        return ""

    def ended(self) -> None:
        self._messages.put_nowait(None)

    async def talk(self, write: Callable[[bytes], Awaitable[None]]) -> None:
        self._write = write
        connection = ClientSideConnection(cast("Any", _Client(self)), self)
        try:
            await self._converse(connection)
        except acp.RequestError as error:
            self._failed(error)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            self._ended_by(f"what it answers is not the protocol: {where}: {first['msg']}")
        except ConnectionError:
            pass  # its end says why
        finally:
            with anyio.CancelScope(shield=True):
                await connection.close()

    async def _converse(self, agent: ClientSideConnection) -> None:
        begun = await agent.initialize(
            protocol_version=acp.PROTOCOL_VERSION,
            client_capabilities=schema.ClientCapabilities(
                fs=schema.FileSystemCapabilities(read_text_file=True, write_text_file=True)
            ),
            client_info=schema.Implementation(name="orchestrate", version=version()),
        )
        if begun.protocol_version != acp.PROTOCOL_VERSION:
            self._ended_by(f"it speaks version {begun.protocol_version} of the protocol alone")
            return
        session = await self._session(agent, begun.agent_capabilities)
        self._outcome = replace(self._outcome, session=session)
        self._said = ""  # what is told again of an earlier attempt is not its last word
        brief = schema.TextContentBlock(type="text", text=self._work.brief)
        try:
            answer = await agent.prompt(session_id=session, prompt=[brief])
        except asyncio.CancelledError:
            with anyio.move_on_after(CANCEL_SECONDS, shield=True):
                await agent.cancel(session_id=session)
                await anyio.sleep(CANCEL_SECONDS)
            raise
        self._tokens = answer.usage
        how, why = STOPS[answer.stop_reason]
        self._outcome = replace(self._outcome, answer=how, reason=why, has_answered=True)
        if how is Answer.DELIVERED and ERROR.match(said := self._said.strip()):
            self._ended_by(sentence(said), answer_to(said))

    async def _session(
        self, agent: ClientSideConnection, can: schema.AgentCapabilities | None
    ) -> str:
        """The session's name: that of the earlier attempt, where the agent finds it again."""
        folder = self.leave.named(self._work.workspace)
        servers = cast("Any", self._servers())
        if self._earlier is not None and can is not None and can.load_session:
            try:
                await agent.load_session(
                    cwd=folder, session_id=self._earlier.session, mcp_servers=servers
                )
            except acp.RequestError:
                self._said = ""
            else:
                return self._earlier.session
        self._earlier = None
        made = await agent.new_session(cwd=folder, mcp_servers=servers)
        modes = made.modes
        has_mode = modes is not None and MODE in {mode.id for mode in modes.available_modes}
        if modes is not None and has_mode and modes.current_mode_id != MODE:
            await agent.set_session_mode(session_id=made.session_id, mode_id=MODE)
        return made.session_id

    def _servers(self) -> list[schema.McpServerStdio]:
        channel = self._work.channel
        if channel is None:
            return []
        where = schema.EnvVariable(name=VARIABLE, value=self.leave.named(channel))
        return [
            schema.McpServerStdio(
                name="orchestrate",
                command=self.leave.named(channel / PROGRAM),
                args=["channel", "--mcp"],
                env=[where],
            )
        ]

    def _failed(self, error: acp.RequestError) -> None:
        data = error.data
        detail = data if isinstance(data, str) else json.dumps(data) if data else ""
        text = sentence(f"{error} {detail}")
        status = error.code if 100 <= error.code < 600 else None
        answer = answer_to(text, status)
        if answer is Answer.FAILED and error.code == AUTH_REQUIRED:
            answer = Answer.NOT_LOGGED_IN
        self._ended_by(text, answer)

    def _ended_by(self, reason: str, answer: Answer = Answer.FAILED) -> None:
        self._outcome = replace(
            self._outcome,
            answer=answer,
            reason=reason,
            has_answered=True,
            retry_after=wait_told(reason) if answer is Answer.RATE_LIMITED else None,
        )

    # What the agent tells.

    def _updated(self, update: object) -> str:
        """What of it people are shown."""
        match inside(update, "sessionUpdate"):
            case "agent_message_chunk":
                text = inside(update, "content", "text")
                self._said = (self._said + text if isinstance(text, str) else self._said)[
                    -MOST_SAID:
                ]
                return self._said.rstrip().rsplit("\n", 1)[-1]
            case "tool_call" | "tool_call_update" as which:
                assert isinstance(update, Mapping)
                call = self.call(update)
                if which == "tool_call":
                    self._said = ""
                    return sentence(call.get("title"))
                return f"{sentence(call.get('title'))}: failed" if failed(update) else ""
            case "plan":
                return _plan(inside(update, "entries"))
            case "usage_update":
                cost = money(inside(update, "cost", "amount"))
                if cost is not None and inside(update, "cost", "currency") == "USD":
                    self._cost = cost
        return ""

    def call(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """A call of a tool, with all that was told of it: what is told later may be a part."""
        id = str(told.get("toolCallId"))
        if id not in self._calls and len(self._calls) >= MOST_CALLS:
            del self._calls[next(iter(self._calls))]
        known = self._calls.setdefault(id, {})
        known |= {key: value for key, value in told.items() if value is not None}
        return known

    # The SDK's transport.

    async def send(self, message: dict[str, Any]) -> None:
        assert self._write is not None
        if "method" not in message:
            self._unanswered -= 1
        async with self._writing:
            await self._write(json.dumps(message).encode() + b"\n")

    async def receive(self) -> dict[str, Any] | None:
        return await self._messages.get()

    async def close(self) -> None:
        return None


class _Client:
    """What the agent may ask of us."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    async def request_permission(
        self,
        session_id: str,  # noqa: ARG002 - there is one
        tool_call: schema.ToolCallUpdate,
        options: list[schema.PermissionOption],
        **_: object,
    ) -> schema.RequestPermissionResponse:
        told = tool_call.model_dump(mode="json", by_alias=True, exclude_none=True)
        refusal = await to_thread.run_sync(self._talk.leave.refusal, self._talk.call(told))
        kinds = {option.kind: option.option_id for option in reversed(options)}
        for kind in REJECT if refusal else ALLOW:
            if kind in kinds:
                chosen = schema.AllowedOutcome(outcome="selected", option_id=kinds[kind])
                return schema.RequestPermissionResponse(outcome=chosen)
        return schema.RequestPermissionResponse(outcome=schema.DeniedOutcome(outcome="cancelled"))

    async def read_text_file(
        self,
        session_id: str,  # noqa: ARG002 - there is one
        path: str,
        line: int | None = None,
        limit: int | None = None,
        **_: object,
    ) -> schema.ReadTextFileResponse:
        text = await _carried_out(self._talk.leave.read, path)
        if line is not None or limit is not None:
            first = max(0, (line or 1) - 1)
            lines = text.splitlines(keepends=True)[first:]
            text = "".join(lines if limit is None else lines[:limit])
        return schema.ReadTextFileResponse(content=text)

    async def write_text_file(
        self,
        session_id: str,  # noqa: ARG002 - there is one
        path: str,
        content: str,
        **_: object,
    ) -> schema.WriteTextFileResponse:
        await _carried_out(self._talk.leave.write, path, content)
        return schema.WriteTextFileResponse()


async def _carried_out(do: Callable[..., Any], *arguments: str) -> Any:  # noqa: ANN401 - what it does
    try:
        return await to_thread.run_sync(do, *arguments)
    except Refused as error:
        raise acp.RequestError.invalid_params({"details": str(error)}) from error


def failed(update: Mapping[str, Any]) -> bool:
    """Whether a call of a tool came to nothing."""
    return update.get("status") == "failed"


def _plan(entries: object) -> str:
    """Where it is in its plan."""
    found = (
        [entry for entry in entries if isinstance(entry, Mapping)]
        if isinstance(entries, list)
        else []
    )
    for at, entry in enumerate(found, 1):
        if entry.get("status") == "in_progress":
            return f"{at}/{len(found)} {sentence(entry.get('content'))}"
    return ""
