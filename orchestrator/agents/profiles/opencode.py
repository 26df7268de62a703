"""OpenCode."""

from __future__ import annotations

from orchestrator.agents.backend import Answer
from orchestrator.agents.profile import Heard, Profile
from orchestrator.agents.reader import EventReader, last_line
from orchestrator.agents.reading import Event, inside, money, number, sentence
from orchestrator.journal.facts import Usage
from orchestrator.mission.model import Isolation

MEANS = "all steps of the attempt, in list prices where it knows the model"
_KEYS = (
    "ANTHROPIC_API_KEY",
    "OPENAI_API_KEY",
    "OPENROUTER_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_GENERATIVE_AI_API_KEY",
    "GROQ_API_KEY",
    "DEEPSEEK_API_KEY",
    "XAI_API_KEY",
    "OPENCODE_API_KEY",
)


class OpenCodeReader(EventReader):
    """It ends with a step whose reason is `stop`; an error after that is an error."""

    def __init__(self) -> None:
        super().__init__()
        self._last: Event | None = None
        self._in = self._cached = self._out = 0
        self._cost: float | None = None

    def take(self, event: Event) -> str:
        self.session = str(event.get("sessionID") or self.session)
        match event.get("type"):
            case "step_start":
                self._last = None
            case "step_finish":
                self._last = event
                self._add(event)
            case "error":
                self._last = event
                return sentence(_error(event))
            case "text":
                self.said = str(inside(event, "part", "text") or "")
                return _shown(event)
            case _:
                return _shown(event)
        return ""

    def _add(self, event: Event) -> None:
        read = number(inside(event, "part", "tokens", "cache", "read"))
        made = number(inside(event, "part", "tokens", "cache", "write"))
        self._in += number(inside(event, "part", "tokens", "input")) + read + made
        self._cached += read
        self._out += number(inside(event, "part", "tokens", "output"))
        self._out += number(inside(event, "part", "tokens", "reasoning"))
        cost = money(inside(event, "part", "cost"))
        if cost:
            self._cost = (self._cost or 0.0) + cost

    def used(self) -> Usage:
        return Usage(
            tokens_in=self._in,
            tokens_cached=self._cached,
            tokens_out=self._out,
            cost_usd=self._cost,
            means=MEANS,
        )

    def heard(self) -> Heard | None:
        event = self._last
        if event is None:
            return None
        usage = self.used()
        if event.get("type") == "step_finish":
            reason = inside(event, "part", "reason")
            if reason == "stop":
                return self.delivered(usage)
            return self.ended_early(Answer.FAILED, sentence(f"it ended at {reason}"), usage)
        return self.failed(_error(event), usage, inside(event, "error", "data", "statusCode"))


def _error(event: Event) -> object:
    told = inside(event, "error", "data", "message") or inside(event, "error", "message")
    return told or inside(event, "error", "name") or event.get("error")


def _shown(event: Event) -> str:
    match event.get("part"):
        case {"type": "text", "text": str(text)}:
            return last_line(text)
        case {"type": "tool", "tool": tool, "state": {"title": str(title)}}:
            return sentence(f"{tool} {title}")
    return ""


PROFILE = Profile(
    name="opencode",
    program="opencode",
    argv=("run", "--format", "json"),
    approvals={Isolation.WORKTREE: (), Isolation.STRICT: ("--auto",)},
    model=("-m", "{model}"),
    resume=("--session", "{session}"),
    variables=_KEYS,
    keys=_KEYS,
    constants={"OPENCODE_DISABLE_AUTOUPDATE": "1"},
    logins=(".local/share/opencode/auth.json",),
    settings=(".config/opencode/opencode.json", ".config/opencode/opencode.jsonc"),
    needs_model=True,  # else it takes a hosted one that nobody asked for
    reader=OpenCodeReader,
    install="npm install -g opencode-ai",
    login="run `opencode auth login`, or name a provider in ~/.config/opencode/opencode.json",
)
