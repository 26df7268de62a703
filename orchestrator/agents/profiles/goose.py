"""Goose."""

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
from orchestrator.mission.model import BriefMode, Isolation

MEANS = "as it counts them for the whole attempt; what they cost is not told"
_FAILED = "ran into this error"
"""How it tells of a request that failed, in words of its own as if it were the model's."""
_KEYS = (
    "ANTHROPIC_API_KEY",
    "OPENAI_API_KEY",
    "OPENROUTER_API_KEY",
    "GOOGLE_API_KEY",
    "GROQ_API_KEY",
    "DATABRICKS_TOKEN",
    "XAI_API_KEY",
)


class GooseReader:
    """It exits with 0 and says `complete` whatever happened: its last words decide."""

    def __init__(self) -> None:
        self._complete: Event | None = None
        self._error = ""
        self._words = ""

    def read(self, line: str) -> str:
        event = event_of(line)
        if event is None:
            return line.strip()
        match event.get("type"):
            case "complete":
                self._complete = event
            case "error":
                self._error = sentence(event.get("error") or event.get("message"))
                return self._error
            case "message" if inside(event, "message", "role") == "assistant":
                return self._heard_of(event)
        return ""

    def _heard_of(self, event: Event) -> str:
        content = inside(event, "message", "content")
        blocks = content if isinstance(content, list) else []
        self._words = " ".join(
            str(inside(block, "text")) for block in blocks if inside(block, "type") == "text"
        ).strip()
        for block in blocks:
            if inside(block, "type") == "toolRequest":
                self._words = ""  # what it says after that is what counts
                call = inside(block, "toolCall", "value")
                what = inside(call, "arguments", "command") or inside(call, "arguments", "path")
                return sentence(f"{inside(call, 'name')} {what or ''}")
        return self._words.splitlines()[-1] if self._words else ""

    def heard(self) -> Heard | None:
        usage = _usage(self._complete) if self._complete else None
        said_error = self._error or (self._words if _FAILED in self._words.lower() else "")
        if said_error:
            text = sentence(said_error)
            answer = answer_to(text)
            wait = wait_told(text) if answer is Answer.RATE_LIMITED else None
            return Heard(answer, text, usage, retry_after=wait)
        if self._complete is None:
            return None
        if not self._words:
            return Heard(Answer.FAILED, "its last answer is empty", usage)
        return Heard(Answer.DELIVERED, "", usage, said=self._words)


def _usage(event: Event) -> Usage:
    read, written = number(event.get("input_tokens")), number(event.get("output_tokens"))
    # Older ones tell the sum alone, most of which was read.
    return Usage(
        tokens_in=read or max(0, number(event.get("total_tokens")) - written),
        tokens_out=written,
        means=MEANS,
    )


PROFILE = Profile(
    name="goose",
    program="goose",
    argv=(
        "run",
        "-q",
        *("--with-builtin", "developer"),
        *("--output-format", "stream-json"),
    ),
    brief=BriefMode.ARGUMENT,
    approvals={Isolation.WORKTREE: (), Isolation.STRICT: ()},
    turns=("--max-turns", "{turns}"),
    end=("-t", "{brief}"),
    variables=("GOOSE_PROVIDER", "GOOSE_MODEL", "OPENAI_HOST", "ANTHROPIC_HOST", *_KEYS),
    keys=_KEYS,
    constants={
        "GOOSE_MODE": "auto",  # nobody is there to be asked
        "GOOSE_STATE_MACHINE": "1",  # then most errors of a provider are errors of its own
        "GOOSE_DISABLE_KEYRING": "1",
    },
    logins=(".config/goose/secrets.yaml",),
    settings=(".config/goose/config.yaml",),
    reader=GooseReader,
    install="see its documentation, or `brew install block-goose-cli`",
    login="run `goose configure`, or set GOOSE_PROVIDER, GOOSE_MODEL and the provider's key",
)
