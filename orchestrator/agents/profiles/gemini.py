"""Gemini CLI, by Google."""

from __future__ import annotations

from orchestrator.agents.backend import Answer
from orchestrator.agents.profile import Heard, Profile
from orchestrator.agents.reading import (
    Event,
    answer_to,
    event_of,
    inside,
    number,
    sentence,
    wait_told,
)
from orchestrator.journal.facts import Usage
from orchestrator.mission.model import Isolation

MEANS = "all requests of the attempt, of all models; what they cost is not told"
_YOLO = ("--approval-mode", "yolo")  # without it, it does nothing and exits with 0


class GeminiReader:
    """Its `result` says how it went; but a stream that broke off before the first word is a success
    to it, so that last words must be there as well.
    """

    def __init__(self) -> None:
        self._result: Event | None = None
        self._session = ""
        self._said = ""

    def read(self, line: str) -> str:
        event = event_of(line)
        if event is None:
            return line.strip()
        match event:
            case {"type": "init"}:
                self._session = str(event.get("session_id") or "")
            case {"type": "result"}:
                self._result = event
            case {"type": "error", "message": str(text)}:
                return sentence(text)
            case {"type": "message", "role": "assistant", "content": str(text)} if text.strip():
                self._said += text
                return text.strip().splitlines()[-1]
            case {"type": "tool_result"}:
                self._said = ""
            case {"type": "tool_use", "tool_name": name, "parameters": dict(given)}:
                what = given.get("command") or given.get("file_path") or ""
                return sentence(f"{name} {what}")
        return ""

    def heard(self) -> Heard | None:
        event = self._result
        if event is None:
            return None
        usage = _usage(event)
        if event.get("status") == "success":
            if not self._said:
                return Heard(Answer.FAILED, "its last answer is empty", usage, self._session)
            return Heard(Answer.DELIVERED, "", usage, self._session, said=self._said)
        text = sentence(inside(event, "error", "message") or event.get("status"))
        kind = str(inside(event, "error", "type") or "")
        answer = Answer.OVER_BUDGET if "TurnLimited" in kind else answer_to(text)
        wait = wait_told(text) if answer is Answer.RATE_LIMITED else None
        return Heard(answer, text, usage, self._session, wait)


def _usage(event: Event) -> Usage | None:
    used = event.get("stats")
    if not isinstance(used, dict):
        return None
    return Usage(
        tokens_in=number(used.get("input_tokens")),
        tokens_cached=number(used.get("cached")),
        tokens_out=number(used.get("output_tokens")),
        means=MEANS,
    )


PROFILE = Profile(
    name="gemini",
    program="gemini",
    argv=("-o", "stream-json", "--skip-trust"),
    approvals={Isolation.WORKTREE: _YOLO, Isolation.STRICT: _YOLO},
    model=("-m", "{model}"),
    variables=(
        "GEMINI_API_KEY",
        "GOOGLE_API_KEY",
        "GOOGLE_GEMINI_BASE_URL",
        "GEMINI_MODEL",
        "GOOGLE_GENAI_USE_VERTEXAI",
        "GOOGLE_GENAI_USE_GCA",
        "GOOGLE_CLOUD_PROJECT",
        "GOOGLE_CLOUD_LOCATION",
    ),
    keys=("GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI"),
    logins=(".gemini/oauth_creds.json",),
    settings=(".gemini/settings.json", ".gemini/google_accounts.json"),
    # A provider of one's own is asked with a key only if it is told so.
    writes={
        ".gemini/settings.json": (
            "GOOGLE_GEMINI_BASE_URL",
            '{"security": {"auth": {"selectedType": "gemini-api-key"}}}\n',
        )
    },
    exits={41: Answer.NOT_LOGGED_IN, 53: Answer.OVER_BUDGET},
    reader=GeminiReader,
    install="npm install -g @google/gemini-cli",
    login="run `gemini` once and log in, or set GEMINI_API_KEY",
)
