"""An agent on the SDK's own side of the protocol, without a model: its prompt is a list of what to
do, one thing a line, and it tells in `told.json` what came of each.

`write PATH TEXT` and `read PATH` ask the client for a file, `leave KIND PATH` and `run COMMAND` ask
for leave and then do it themselves, `error CODE WORDS` fails, `stop REASON` ends, `last WORDS` are
its last, `wait` waits to be interrupted.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import acp
from acp import schema

OPTIONS = [
    schema.PermissionOption(option_id=f"the-{kind}", name=kind, kind=kind)
    for kind in ("allow_always", "allow_once", "reject_once")
]


def put(path: str, text: str) -> None:
    Path(path).write_text(text)


def shell(command: str) -> None:
    subprocess.run(command, shell=True, check=True)


class Agent:
    def __init__(self) -> None:
        self.interrupted = asyncio.Event()
        self.told: dict[str, Any] = {"did": [], "interrupted": False}

    def on_connect(self, client: acp.Client) -> None:
        self.client = client

    async def initialize(self, protocol_version: int, client_capabilities=None, **_: Any):
        self.told["can"] = client_capabilities.model_dump(exclude_none=True)["fs"]
        can = schema.AgentCapabilities(load_session=True)
        version = int(os.environ.get("PROTOCOL", protocol_version))
        return schema.InitializeResponse(protocol_version=version, agent_capabilities=can)

    async def new_session(self, cwd: str, mcp_servers=None, **_: Any):
        if "LOGGED_OUT" in os.environ:
            raise acp.RequestError.auth_required()
        self.told |= {"cwd": cwd, "servers": [it.name for it in mcp_servers or []], "began": "new"}
        return schema.NewSessionResponse(session_id="first")

    async def load_session(self, cwd: str, session_id: str, **_: Any):
        if session_id != "first":
            raise acp.RequestError.resource_not_found(session_id)
        self.told |= {"cwd": cwd, "began": "loaded"}
        await self.say(session_id, "what was said before")
        return schema.LoadSessionResponse()

    async def cancel(self, session_id: str, **_: Any) -> None:
        self.interrupted.set()

    async def prompt(self, session_id: str, prompt, **_: Any):
        reason, last = "end_turn", "All done."
        try:
            for line in prompt[0].text.splitlines():
                word, _space, rest = line.partition(" ")
                if word == "stop":
                    reason = rest
                elif word == "last":
                    last = rest
                elif word:
                    self.told["did"].append(await self.do(session_id, word, rest))
        finally:
            put("told.json", json.dumps(self.told))
        await self.say(session_id, last[:4])
        await self.say(session_id, last[4:])
        used = schema.Usage(total_tokens=12, input_tokens=9, output_tokens=3, cached_read_tokens=4)
        cost = schema.Cost(amount=0.5, currency="USD")
        update = schema.UsageUpdate(session_update="usage_update", used=9, size=99, cost=cost)
        await self.client.session_update(session_id, update)
        return schema.PromptResponse(stop_reason=reason, usage=used)

    async def do(self, session: str, word: str, rest: str) -> str:
        first, _, more = rest.partition(" ")
        if word == "error":
            raise acp.RequestError(int(first), more)
        if word == "wait":
            await self.interrupted.wait()
            self.told["interrupted"] = True
            return "interrupted"
        try:
            if word == "write":
                await self.client.write_text_file(session_id=session, path=first, content=more)
                return "written"
            if word == "read":
                return (await self.client.read_text_file(session_id=session, path=first)).content
        except acp.RequestError as error:
            return f"refused: {(error.data or {}).get('details')}"
        kind, path = ("execute", None) if word == "run" else (first, more)
        call = schema.ToolCallStart(
            session_update="tool_call",
            tool_call_id="c",
            title=f"{word} {rest}",
            kind=kind,
            locations=[schema.ToolCallLocation(path=path)] if path else None,
        )
        await self.client.session_update(session, call)
        asked = schema.ToolCallUpdate(tool_call_id="c")  # no more than its name, as some do
        answer = await self.client.request_permission(
            session_id=session, tool_call=asked, options=OPTIONS
        )
        chosen = getattr(answer.outcome, "option_id", "none")
        if chosen.startswith("the-allow"):
            if word == "run":
                shell(rest)
            elif kind == "edit":
                put(path, "edited\n")
        return chosen

    async def say(self, session: str, text: str) -> None:
        await self.client.session_update(session, acp.update_agent_message_text(text))


if __name__ == "__main__":
    print("a word that is no protocol", flush=True)
    sys.exit(asyncio.run(acp.run_agent(Agent())))
