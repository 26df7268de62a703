"""`orchestrate channel` inside of an attempt: a program of the standard library alone.

It is copied into an attempt's private folder and run by the attempt's Python, which may be another
one and know nothing of this package. Owns the verbs, and the same verbs as tools of an MCP server on
stdin and stdout. A request is a file in `requests/`, its answer one of the same name in `answers/`;
who answers is `channel`'s. What it cannot tell anybody it says, and exits with 4.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

VARIABLE = "ORCHESTRATE_CHANNEL"
PATIENCE_SECONDS = 90.0
"""For an answer; longer than a person is waited for on the other side."""
PAUSE_SECONDS = 0.02
PROTOCOLS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
"""The revisions of MCP that are spoken, the newest first."""
USAGE = """\
usage: orchestrate channel post TEXT            tell the others of your batch
       orchestrate channel read                 what they told
       orchestrate channel need-scope PATH --why WHY
                                                ask to change a file that is not yours
       orchestrate channel deliver TEXT         say what you have delivered
       orchestrate channel no-change WHY        say that nothing needs to be changed
       orchestrate channel blocked WHY          say what you cannot get over
       orchestrate channel --mcp                the same as an MCP server on stdin and stdout
"""
VERBS = {
    "post": ("text", "Tell the other agents of your batch something they should know."),
    "read": ("", "Read what the agents of your batch told one another, oldest first."),
    "need-scope": ("why", "Ask to change a file that you may not change; the answer is yes or no."),
    "deliver": ("text", "Say what you have delivered. It is a claim: only gates prove."),
    "no-change": ("text", "Say why nothing needs to be changed. It is a claim: proofs decide."),
    "blocked": ("text", "Say what you cannot get over by yourself."),
}
"""By verb: the argument that it needs, and what it is for."""


class Failed(Exception):
    """Nobody answers, or there is no channel."""


def main(arguments: list[str]) -> int:
    """Carry out one verb; 0 done, 1 refused, 2 mistyped, 4 no channel."""
    words = arguments[1:] if arguments[:1] == ["channel"] else arguments
    if words == ["--mcp"]:
        serve()
        return 0
    request = request_of(words)
    if request is None:
        sys.stderr.write(USAGE)
        return 0 if words[:1] in (["--help"], ["-h"]) else 2
    try:
        answer = ask(request)
    except Failed as error:
        sys.stderr.write(f"orchestrate channel: {error}\n")
        return 4
    (sys.stdout if answer["ok"] else sys.stderr).write(answer["text"] + "\n")
    return 0 if answer["ok"] else 1


def request_of(words: list[str]) -> dict[str, str] | None:
    """What was typed, as a request; None where it is none."""
    verb, rest = (words[0], list(words[1:])) if words else ("", [])
    if verb not in VERBS:
        return None
    if verb == "read":
        return None if rest else {"verb": verb}
    if verb == "need-scope":
        if len(rest) != 3 or "--why" not in (rest[0], rest[1]):
            return None
        at = rest.index("--why")
        (path,) = rest[:at] + rest[at + 2 :]
        return {"verb": verb, "path": path, "why": rest[at + 1]}
    text = " ".join(rest)
    return {"verb": verb, "text": text} if text.strip() else None


def ask(request: dict[str, str]) -> dict[str, Any]:
    """The answer to a request. Raises Failed where none comes."""
    folder = Path(os.environ.get(VARIABLE) or Path(__file__).absolute().parent)
    name = f"{time.time_ns()}-{os.getpid()}-{os.urandom(4).hex()}.json"
    waiting, answer = folder / "requests" / name, folder / "answers" / name
    try:
        half = folder / "requests" / f".{name}"
        half.write_text(json.dumps(request), encoding="utf-8")
        half.rename(waiting)
    except OSError as error:
        raise Failed(f"there is no channel here ({error.strerror})") from None
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            found = json.loads(answer.read_text(encoding="utf-8"))
        except FileNotFoundError:
            time.sleep(PAUSE_SECONDS)
            continue
        answer.unlink()
        return dict(found)
    raise Failed("nobody answers; go on without")


def serve() -> None:
    """Answer MCP messages, one a line, until stdin ends."""
    for line in sys.stdin.buffer:
        if not line.strip():
            continue
        try:
            message = json.loads(line)
        except ValueError:
            said: Any = _error(None, -32700, "that is not JSON")
        else:
            if isinstance(message, list):
                said = [one for one in map(replied, message) if one is not None] or None
            else:
                said = replied(message)
        if said is not None:
            sys.stdout.write(json.dumps(said) + "\n")
            sys.stdout.flush()


def replied(message: Any) -> dict[str, Any] | None:  # noqa: ANN401 - what a client sends
    """The reply to one MCP message; None to a notification."""
    if not isinstance(message, dict) or not isinstance(message.get("method"), str):
        return None if isinstance(message, dict) and "id" in message else _error(None, -32600, "?")
    if "id" not in message:
        return None
    id, method, params = message["id"], message["method"], message.get("params")
    params = params if isinstance(params, dict) else {}
    if method == "initialize":
        wanted = params.get("protocolVersion")
        result: dict[str, Any] = {
            "protocolVersion": wanted if wanted in PROTOCOLS else PROTOCOLS[0],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "orchestrate", "version": "1"},
        }
    elif method == "ping":
        result = {}
    elif method == "tools/list":
        result = {"tools": [tool(verb) for verb in VERBS]}
    elif method == "tools/call":
        given = params.get("arguments")
        request = called(params.get("name"), given if isinstance(given, dict) else {})
        if isinstance(request, str):
            return _error(id, -32602, request)
        try:
            answer = ask(request)
        except Failed as error:
            answer = {"ok": False, "text": str(error)}
        content = [{"type": "text", "text": answer["text"]}]
        result = {"content": content, "isError": not answer["ok"]}
    else:
        return _error(id, -32601, f"there is no method {method}")
    return {"jsonrpc": "2.0", "id": id, "result": result}


def tool(verb: str) -> dict[str, Any]:
    """One verb as MCP describes a tool."""
    needs, purpose = VERBS[verb]
    names = [*(["path"] if verb == "need-scope" else []), *([needs] if needs else [])]
    return {
        "name": verb.replace("-", "_"),
        "description": purpose,
        "inputSchema": {
            "type": "object",
            "properties": {name: {"type": "string"} for name in names},
            "required": names,
        },
    }


def called(name: Any, given: dict[str, Any]) -> Any:  # noqa: ANN401 - what a client sends
    """The request that a call of a tool is, or the text of what is wrong with it."""
    verb = name.replace("_", "-") if isinstance(name, str) else ""
    if verb not in VERBS:
        return f"there is no tool {name}"
    wanted = tool(verb)["inputSchema"]["required"]
    for argument in wanted:
        if not isinstance(given.get(argument), str) or not given[argument].strip():
            return f"{name} needs {argument}, a text"
    return {"verb": verb, **{argument: given[argument] for argument in wanted}}


def _error(id: Any, code: int, text: str) -> dict[str, Any]:  # noqa: ANN401 - theirs
    return {"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": text}}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
