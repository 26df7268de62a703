"""Claude Code, by Anthropic."""

from __future__ import annotations

import time
from collections.abc import Mapping

from orchestrator.agents.backend import Answer
from orchestrator.agents.profile import Heard, Profile
from orchestrator.agents.reader import EventReader, last_line
from orchestrator.agents.reading import Event, inside, money, number, sentence
from orchestrator.journal.facts import Usage
from orchestrator.mission.model import Isolation

MEANS = "all requests of the attempt, in list prices of its provider"
_OURS = "mcp__orchestrate"
"""All tools of the channel."""
_LIMITS = ("error_max_turns", "error_max_budget_usd", "error_max_tool_calls")


class ClaudeReader(EventReader):
    """Its `result` says all; requests that are tried again say when that will be."""

    def __init__(self, means: str = MEANS) -> None:
        super().__init__()
        self._means = means
        self._result: Event | None = None
        self._wait: float | None = None
        self._retried: Event | None = None
        """What it is about to try again, while nothing has come of that."""
        self._told: dict[str, Usage] = {}

    def take(self, event: Event) -> str:
        match event.get("type"):
            case "result":
                self._result = event
            case "system" if event.get("subtype") == "api_retry":
                self._retried = event
                if event.get("error_status") in (429, 529):
                    self._wait = number(event.get("retry_delay_ms")) / 1000
                return f"its provider answered {event.get('error_status') or event.get('error')}"
            case "rate_limit_event":
                self._note_limit(event)
            case "assistant":
                self._retried = None
                self._count(inside(event, "message"))
                return _shown(event)
        return ""

    def _note_limit(self, event: Event) -> None:
        resets = inside(event, "rate_limit_info", "resetsAt")
        if inside(event, "rate_limit_info", "status") == "rejected" and resets:
            self._wait = max(0.0, number(resets) - time.time())

    def _held_up(self) -> Heard | None:
        """Ended from outside, between two tries."""
        if self._retried is None:
            return None
        status = self._retried.get("error_status")
        text = f"its provider answered {status or self._retried.get('error')}"
        return self.failed(text, None, status, self._wait)

    def _count(self, message: object) -> None:
        """One message is told by several events; the last one knows most."""
        usage = _usage(message, self._means) if isinstance(message, Mapping) else None
        if usage is not None:
            self._told[str(inside(message, "id"))] = usage

    def used(self) -> Usage | None:
        told = self._told.values()
        return Usage(
            tokens_in=sum(it.tokens_in for it in told),
            tokens_cached=sum(it.tokens_cached for it in told),
            tokens_out=sum(it.tokens_out for it in told),
            means=self._means,
        )

    def heard(self) -> Heard | None:
        event = self._result
        if event is None:
            return self._held_up()
        usage, self.session = _usage(event, self._means), str(event.get("session_id") or "")
        subtype = str(event.get("subtype") or "")
        if not event.get("is_error") and subtype == "success":
            self.said = str(event.get("result") or "")
            return self.delivered(usage)
        errors = event.get("errors")
        told = event.get("result") or inside(event, "error", "message")
        told = told or ("; ".join(map(str, errors)) if isinstance(errors, list) else errors)
        text = sentence(told or subtype or event.get("terminal_reason"))
        if subtype in _LIMITS:
            return self.ended_early(Answer.OVER_BUDGET, text, usage)
        return self.failed(text, usage, event.get("api_error_status"), self._wait)


def _usage(event: Event, means: str) -> Usage | None:
    used = event.get("usage")
    if not isinstance(used, dict):
        return None
    read = number(used.get("cache_read_input_tokens"))
    made = number(used.get("cache_creation_input_tokens"))
    return Usage(
        tokens_in=number(used.get("input_tokens")) + read + made,
        tokens_cached=read,
        tokens_out=number(used.get("output_tokens")),
        cost_usd=money(event.get("total_cost_usd")),
        means=means,
    )


def _shown(event: Event) -> str:
    content = inside(event, "message", "content")
    for block in reversed(content if isinstance(content, list) else []):
        match block:
            case {"type": "text", "text": str(text)} if text.strip():
                return last_line(text)
            case {"type": "tool_use", "name": name, "input": dict(given)}:
                what = given.get("command") or given.get("file_path") or given.get("pattern") or ""
                return f"{name} {str(what).strip()}".strip().splitlines()[0]
    return ""


PROFILE = Profile(
    name="claude",
    program="claude",
    argv=("-p", "--output-format", "stream-json", "--verbose"),
    approvals={
        Isolation.WORKTREE: (
            "--permission-mode",
            "acceptEdits",
            "--allowedTools",
            f"Bash,Edit,MultiEdit,Write,NotebookEdit,Read,Glob,Grep,Task,TodoWrite,WebFetch,{_OURS}",
        ),
        # Who is root must say that it is in a sandbox; there, that is so.
        Isolation.STRICT: ("--dangerously-skip-permissions",),
    },
    turns=("--max-turns", "{turns}"),
    resume=("--resume", "{session}"),
    resumes_anywhere=True,
    is_cost_of_conversation=True,
    mcp=(
        "--mcp-config",
        '{"mcpServers":{"orchestrate":{"command":"{channel}","args":["channel","--mcp"]}}}',
    ),
    variables=(
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "CLAUDE_CODE_OAUTH_TOKEN",
        "ANTHROPIC_BASE_URL",
        "ANTHROPIC_CUSTOM_HEADERS",
        "ANTHROPIC_MODEL",
        "ANTHROPIC_SMALL_FAST_MODEL",
        "CLAUDE_CODE_USE_BEDROCK",
        "CLAUDE_CODE_USE_VERTEX",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_BEARER_TOKEN_BEDROCK",
        "AWS_REGION",
        "ANTHROPIC_VERTEX_PROJECT_ID",
        "CLOUD_ML_REGION",
    ),
    keys=(
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "CLAUDE_CODE_OAUTH_TOKEN",
        "CLAUDE_CODE_USE_BEDROCK",
        "CLAUDE_CODE_USE_VERTEX",
    ),
    constants={
        # Ten by default, also where the key is wrong.
        "CLAUDE_CODE_MAX_RETRIES": "2",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "IS_SANDBOX": "1",
    },
    logins=(".claude/.credentials.json",),
    reader=ClaudeReader,
    install="npm install -g @anthropic-ai/claude-code",
    login="run `claude` once and log in, or `claude setup-token` and set CLAUDE_CODE_OAUTH_TOKEN, "
    "or set ANTHROPIC_API_KEY",
)
