"""Gemini CLI, by Google."""

from __future__ import annotations

import json

from orchestrator.agents.backend import Answer
from orchestrator.agents.profile import Heard, Profile
from orchestrator.agents.reader import EventReader, last_line
from orchestrator.agents.reading import Event, inside, number, sentence
from orchestrator.journal.facts import Usage
from orchestrator.mission.model import Isolation

MEANS = "all requests of the attempt, of all models; what they cost is not told"
_PATIENCE = {"general": {"maxAttempts": 3}}
"""Ten by default, which takes minutes: who waits by itself cannot say that it is limited."""
_YOLO = ("--approval-mode", "yolo")  # without it, it does nothing and exits with 0


class GeminiReader(EventReader):
    """Its `result` says how it went; but a stream that broke off before the first word is a success
    to it, so that last words must be there as well.
    """

    def __init__(self) -> None:
        super().__init__()
        self._result: Event | None = None

    def take(self, event: Event) -> str:
        match event:
            case {"type": "init"}:
                self.session = str(event.get("session_id") or "")
            case {"type": "result"}:
                self._result = event
            case {"type": "error", "message": str(text)}:
                return sentence(text)
            case {"type": "message", "role": "assistant", "content": str(text)}:
                self.said += text
                return last_line(self.said)
            case {"type": "tool_result"}:
                self.said = ""
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
            if not self.said.strip():
                return self.ended_early(Answer.FAILED, "its last answer is empty", usage)
            return self.delivered(usage)
        text = sentence(inside(event, "error", "message") or event.get("status"))
        if "TurnLimited" in str(inside(event, "error", "type") or ""):
            return self.ended_early(Answer.OVER_BUDGET, text, usage)
        return self.failed(text, usage)


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
    writes={
        ".gemini/settings.json": {
            # A provider of one's own is asked with a key only if it is told so.
            "GOOGLE_GEMINI_BASE_URL": json.dumps(
                {**_PATIENCE, "security": {"auth": {"selectedType": "gemini-api-key"}}}
            ),
            "": json.dumps(_PATIENCE),
        }
    },
    exits={41: Answer.NOT_LOGGED_IN, 53: Answer.OVER_BUDGET},
    reader=GeminiReader,
    install="npm install -g @google/gemini-cli",
    login="run `gemini` once and log in, or set GEMINI_API_KEY",
)
