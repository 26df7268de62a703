"""A model that does what its script says, on loopback: real agents are driven by it, and no token
is spent.

It speaks Anthropic messages, OpenAI responses, OpenAI chat completions and Gemini, streaming. What
an agent is to do stands in its brief, as lines `script: sh COMMAND`, each of which is one call of the
agent's shell, and `script: tool NAME ARGUMENTS`, a call of a tool of the channel that it is given by MCP.
`script: fault KIND` makes it fail as providers do, once the first call is done and half an edit
stands in the tree; who comes with the key `WRONG_KEY` is turned away. A request in which the agent
only quotes the brief (a title, a safety review) offers no shell, and is answered in words.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

SCRIPT = re.compile(r"script: (sh|tool) (.+?)(?:\\n|\n|$)")
FAULT = re.compile(r"script: fault (\w+)")
DONE = re.compile(
    r'"type": "(?:tool_result|function_call_output|custom_tool_call_output)"|"role": "tool"'
    r'|"functionResponse"'
)
WRONG_KEY = "sk-wrong-key-0000000000"
BUSY_REQUESTS = 3
"""As many as Claude makes before it gives up, and Codex in as many attempts."""
WORDS = "All done."
"""Its last, when the script is carried out."""
EASY = {
    "reasoning": "one step",
    "model_choice": "flash",
    "complexity_reasoning": "one step",
    "complexity_score": 1,
}
"""What Gemini asks before all else: how hard it is, and so which model it should be."""
TEXT_TOKENS = (120, 30)
"""Of every answer: what went in, what came out."""


class Fault(StrEnum):
    """What is wrong with it."""

    NONE = "none"
    UNAUTHORIZED = "401"
    RATE_LIMIT = "429"
    BROKEN = "500"
    BUSY = "503"
    """For the first requests that meet it."""
    HANG = "hang"
    HTML = "html"
    CUT = "cut"


class Model:
    """Serves until the `with` block ends."""

    def __init__(self) -> None:
        self.limited_seconds = 3.0
        """How long the rate is limited, from the first request that meets the limit."""
        self.limited = 0
        """How many requests met the rate limit."""
        self.heard: list[str] = []
        """All that was said up to each request, as JSON."""
        self._limits: dict[Any, float] = {}
        self._busy: Counter[Any] = Counter()
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._is_over.set()
        self._server.shutdown()
        self._server.server_close()

    def fault_of(self, body: dict[str, Any], headers: str) -> Fault:
        """What a request meets."""
        if WRONG_KEY in headers:
            return Fault.UNAUTHORIZED
        text = text_of(body)
        self.heard.append(text)
        asked = FAULT.search(text)
        if not asked or not DONE.search(text):
            return Fault.NONE
        fault, whose = Fault(asked[1]), SCRIPT.findall(text)[0]
        if fault is Fault.BUSY:
            with self._lock:
                self._busy[whose] += 1
                return fault if self._busy[whose] <= BUSY_REQUESTS else Fault.NONE
        if fault is not Fault.RATE_LIMIT:
            return fault
        with self._lock:
            began = self._limits.setdefault(whose, time.monotonic())
            is_limited = time.monotonic() < began + self.limited_seconds
            self.limited += is_limited
        return fault if is_limited else Fault.NONE

    def hang(self) -> None:
        self._is_over.wait(600)


def tools_of(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By name, the tools that the agent offers; for each what its arguments are."""
    given = [body, *(item for item in body.get("input") or [] if isinstance(item, dict))]
    tools = [tool for part in given for tool in part.get("tools") or []]
    inside = ("tools", "functionDeclarations")
    tools = [
        inner
        for tool in tools
        for inner in next((tool[key] for key in inside if tool.get(key)), [tool])
    ]
    described = [tool.get("function") or tool for tool in tools]
    shapes = ("parameters", "input_schema", "parametersJsonSchema")
    return {
        tool.get("name", ""): next((tool[key] for key in shapes if tool.get(key)), {})
        for tool in described
    }


def shell_of(tools: Collection[str]) -> str | None:
    """What the agent calls its shell."""
    known = ("Bash", "exec_command", "shell_command", "shell", "exec", "run_shell_command", "bash")
    return next((name for name in tools if name in known or name.endswith("__shell")), None)


def text_of(body: dict[str, Any]) -> str:
    """All that was said so far."""
    return json.dumps(body.get("messages") or body.get("input") or body.get("contents"))


def next_step(body: dict[str, Any]) -> tuple[str, str] | None:
    """The step of the script that is not carried out yet: of which kind, and what; None when all
    are.
    """
    text = text_of(body)
    asked = list(dict.fromkeys(SCRIPT.findall(text)))
    done = len(DONE.findall(text))
    if done >= len(asked):
        return None
    kind, what = asked[done]
    return kind, json.loads(f'"{what}"')


def _handler(model: Model) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self._send(200, b"", "text/plain")

        def do_GET(self) -> None:
            self._send(200, b'{"data": [], "models": []}', "application/json")

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            try:
                body = json.loads(raw or b"{}")
            except ValueError:
                self._send(400, b"{}", "application/json")
                return
            if self.path.partition("?")[0].endswith(":generateContent"):
                # How hard it is, and which model it should be therefore.
                text = json.dumps(EASY)
                self._send(200, json.dumps(_gemini_whole(text)).encode(), "application/json")
                return
            if "count_tokens" in self.path:
                self._send(200, b'{"input_tokens": 100}', "application/json")
                return
            dialect = _dialect(self.path)
            if dialect is None:
                self._send(200, b"{}", "application/json")
                return
            fault = model.fault_of(body, str(self.headers))
            if fault in (Fault.UNAUTHORIZED, Fault.RATE_LIMIT, Fault.BROKEN, Fault.BUSY):
                extra = {"retry-after": "1"} if fault is Fault.RATE_LIMIT else {}
                self._send(int(fault.value), _error(fault), "application/json", extra)
            elif fault is Fault.HANG:
                model.hang()
                self.close_connection = True
            elif fault is Fault.HTML:
                self._send(200, b"<html><body>Welcome to the hotel</body></html>", "text/html")
            else:
                self._stream(list(dialect(body)), is_cut=fault is Fault.CUT)

        def _stream(self, events: list[dict[str, Any] | str], *, is_cut: bool) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("connection", "close")
            self.end_headers()
            self.close_connection = True
            for event in events[: len(events) // 2] if is_cut else events:
                data = event if isinstance(event, str) else json.dumps(event)
                kind = "" if isinstance(event, str) or "type" not in event else event["type"]
                head = f"event: {kind}\n" if kind else ""
                self.wfile.write(f"{head}data: {data}\n\n".encode())
            self.wfile.flush()

        def _send(
            self, status: int, body: bytes, kind: str, extra: dict[str, str] | None = None
        ) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            for name, value in (extra or {}).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    return Handler


def _error(fault: Fault) -> bytes:
    kind, text = {
        Fault.UNAUTHORIZED: ("authentication_error", "invalid x-api-key"),
        Fault.RATE_LIMIT: ("rate_limit_error", "Number of requests has exceeded your rate limit"),
        Fault.BUSY: ("overloaded", "Service unavailable"),
        Fault.BROKEN: ("api_error", "Internal server error"),
    }[fault]
    return json.dumps(
        {"type": "error", "error": {"type": kind, "message": text, "code": kind}}
    ).encode()


def _dialect(path: str) -> Any:
    path = path.partition("?")[0]
    if path.endswith("/messages"):
        return _messages
    if path.endswith(":streamGenerateContent"):
        return _gemini
    if path.endswith("/responses"):
        return _responses
    return _chat if path.endswith("/chat/completions") else None


def _call(body: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    tools = tools_of(body)
    shell, step = shell_of(tools), next_step(body)
    if shell is None or step is None:
        return None
    kind, command = step
    if kind == "tool":
        name, _, given = command.partition(" ")
        ours = (tool for tool in tools if "orchestrate" in tool and tool.endswith(f"_{name}"))
        called, arguments = next(ours, f"mcp__orchestrate__{name}"), json.loads(given or "{}")
        return _by_program(called, arguments) if shell == "exec" else (called, arguments)
    if shell == "exec":
        return _by_program("exec_command", {"cmd": command})
    if shell == "exec_command":
        return shell, {"cmd": command}
    shape = tools[shell].get("properties", {}).get("command", {})
    if shape.get("type") == "array":
        return shell, {"command": ["sh", "-c", command]}
    return shell, {"command": command, "description": "as the script says"}


def _by_program(name: str, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Codex's tool is a program that calls its tools."""
    return "exec", {"program": f"text(await tools.{name}({json.dumps(arguments)}))"}


def _parts(text: str) -> Iterator[str]:
    """As it is streamed: never in one piece."""
    half = len(text) // 2
    yield from (text[:half], text[half:])


def _messages(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Anthropic."""
    call = _call(body)
    usage = {"input_tokens": TEXT_TOKENS[0], "output_tokens": 1}
    message = {"id": f"msg_{time.monotonic_ns()}", "type": "message", "role": "assistant"}
    message |= {"model": body.get("model"), "content": [], "stop_reason": None, "usage": usage}
    yield {"type": "message_start", "message": message}
    if call:
        block = {"type": "tool_use", "id": f"toolu_{time.monotonic_ns()}", "name": call[0]}
        yield {"type": "content_block_start", "index": 0, "content_block": {**block, "input": {}}}
        parts = [
            {"type": "input_json_delta", "partial_json": part}
            for part in _parts(json.dumps(call[1]))
        ]
    else:
        block = {"type": "text", "text": ""}
        yield {"type": "content_block_start", "index": 0, "content_block": block}
        parts = [{"type": "text_delta", "text": part} for part in _parts(WORDS)]
    for part in parts:
        yield {"type": "content_block_delta", "index": 0, "delta": part}
    yield {"type": "content_block_stop", "index": 0}
    reason = {"stop_reason": "tool_use" if call else "end_turn", "stop_sequence": None}
    yield {"type": "message_delta", "delta": reason, "usage": {"output_tokens": TEXT_TOKENS[1]}}
    yield {"type": "message_stop"}


def _responses(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """OpenAI, the newer way."""
    call, number = _call(body), time.monotonic_ns()
    response = {"id": f"resp_{number}", "object": "response", "status": "in_progress", "output": []}
    yield {"type": "response.created", "response": response}
    if call:
        item: dict[str, Any] = {"type": "function_call", "id": f"fc_{number}", "name": call[0]}
        item |= {"call_id": f"call_{number}", "arguments": json.dumps(call[1])}
        if call[0] == "exec":
            item |= {"type": "custom_tool_call", "namespace": "functions"}
            item["input"] = call[1]["program"]
            del item["arguments"]
        yield {"type": "response.output_item.added", "output_index": 0, "item": item}
    else:
        words = [{"type": "output_text", "text": WORDS, "annotations": []}]
        item = {"type": "message", "id": f"msg_{number}", "role": "assistant", "content": words}
        yield {"type": "response.output_item.added", "output_index": 0, "item": item}
    yield {"type": "response.output_item.done", "output_index": 0, "item": item}
    usage = {"input_tokens": TEXT_TOKENS[0], "output_tokens": TEXT_TOKENS[1], "total_tokens": 150}
    usage |= {"input_tokens_details": {"cached_tokens": 0}}
    usage |= {"output_tokens_details": {"reasoning_tokens": 0}}
    done = {**response, "status": "completed", "output": [item], "usage": usage}
    yield {"type": "response.completed", "response": done}


def _chat(body: dict[str, Any]) -> Iterator[dict[str, Any] | str]:
    """OpenAI, the older way."""
    call, number = _call(body), time.monotonic_ns()
    head = {"id": f"chat-{number}", "object": "chat.completion.chunk", "model": body.get("model")}
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None if call else ""}]
    if call:
        function = {"name": call[0], "arguments": ""}
        begun = {"index": 0, "id": f"call_{number}", "type": "function", "function": function}
        deltas[0]["tool_calls"] = [begun]
        deltas += [
            {"tool_calls": [{"index": 0, "function": {"arguments": part}}]}
            for part in _parts(json.dumps(call[1]))
        ]
    else:
        deltas += [{"content": part} for part in _parts(WORDS)]
    for delta in deltas:
        yield {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    reason = "tool_calls" if call else "stop"
    usage = {"prompt_tokens": TEXT_TOKENS[0], "completion_tokens": TEXT_TOKENS[1]}
    usage["total_tokens"] = sum(TEXT_TOKENS)
    yield {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}], "usage": usage}
    yield "[DONE]"


def _gemini(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Google."""
    call = _call(body)
    if call:
        yield _candidate({"functionCall": {"name": call[0], "args": call[1]}})
    else:
        yield from (_candidate({"text": part}) for part in _parts(WORDS))
    yield _gemini_whole("")


def _gemini_whole(text: str) -> dict[str, Any]:
    """An answer, or its end."""
    usage = {"promptTokenCount": TEXT_TOKENS[0], "candidatesTokenCount": TEXT_TOKENS[1]}
    usage["totalTokenCount"] = sum(TEXT_TOKENS)
    return {**_candidate({"text": text}, finishReason="STOP"), "usageMetadata": usage}


def _candidate(part: dict[str, Any], **more: str) -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0, **more}]}
