"""Goose."""

from __future__ import annotations

from orchestrator.agents.backend import Answer
from orchestrator.agents.profile import Heard, Profile
from orchestrator.agents.reader import EventReader, last_line
from orchestrator.agents.reading import Event, inside, money, number, sentence
from orchestrator.journal.facts import Usage
from orchestrator.mission.model import BriefMode, Isolation

MEANS = "as it counts them for the whole attempt, in list prices where it knows the model"
_FAILED = "ran into this error"
"""How it tells of a request that failed, in words of its own as if it were the model's."""
_NO_TURNS = "maximum number of actions"
_KEYS = (
    "ANTHROPIC_API_KEY",
    "OPENAI_API_KEY",
    "OPENROUTER_API_KEY",
    "GOOGLE_API_KEY",
    "GROQ_API_KEY",
    "DATABRICKS_TOKEN",
    "XAI_API_KEY",
)


class GooseReader(EventReader):
    """It exits with 0 and says `complete` whatever happened: its last words decide, and whose they
    are. A message of the model's comes with the `inference` that made it; where others do, one that
    does not is Goose's own, and that is never good: no answer came, or no more turns are left.
    """

    def __init__(self) -> None:
        super().__init__()
        self._complete: Event | None = None
        self._error = self._id = self._broken = ""
        self._is_model_told = self._is_own = False

    def take(self, event: Event) -> str:
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
        is_models = inside(event, "message", "metadata", "inference") is not None
        self._is_model_told = self._is_model_told or is_models
        self._is_own = self._is_model_told and not is_models
        id = str(inside(event, "message", "id") or "")
        if not id or id != self._id:  # else it is a further part of the same
            self._id, self.said = id, ""
        content = inside(event, "message", "content")
        for block in content if isinstance(content, list) else []:
            match inside(block, "type"):
                case "text":
                    self.said += str(inside(block, "text") or "")
                case "toolRequest":
                    self.said = ""  # what it says after that is what counts
                    return self._call(block)
        return last_line(self.said)

    def _call(self, block: object) -> str:
        self._broken = sentence(inside(block, "toolCall", "error"))
        call = inside(block, "toolCall", "value")
        what = inside(call, "arguments", "command") or inside(call, "arguments", "path")
        return self._broken or sentence(f"{inside(call, 'name')} {what or ''}")

    def heard(self) -> Heard | None:
        usage, words = _usage(self._complete) if self._complete else None, self.said.strip()
        is_error = _FAILED in words.lower() or self._is_own
        if text := self._error or (sentence(words) if is_error else ""):
            if _NO_TURNS in text.lower():
                return self.ended_early(Answer.OVER_BUDGET, text, usage)
            return self.failed(text, usage)
        if self._complete is None:
            return None
        if not words:
            return self.ended_early(Answer.FAILED, "its last answer is empty", usage)
        if self._broken:
            reason = f"its last call was not carried out: {self._broken}"
            return self.ended_early(Answer.FAILED, reason, usage)
        return self.delivered(usage)


def _usage(event: Event) -> Usage:
    read, written = number(event.get("input_tokens")), number(event.get("output_tokens"))
    # Older ones tell the sum alone, most of which was read.
    return Usage(
        tokens_in=read or max(0, number(event.get("total_tokens")) - written),
        tokens_cached=number(event.get("cache_read_input_tokens")),
        tokens_out=written,
        cost_usd=money(event.get("cost_usd")) or None,
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
    mcp=("--with-extension", '"{channel}" channel --mcp'),
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
