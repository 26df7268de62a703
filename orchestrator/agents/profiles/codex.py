"""Codex, by OpenAI."""

from __future__ import annotations

from orchestrator.agents.profile import Heard, Profile
from orchestrator.agents.reader import EventReader, last_line
from orchestrator.agents.reading import Event, inside, number, sentence
from orchestrator.journal.facts import Usage
from orchestrator.mission.model import Isolation

MEANS = "all requests of the attempt; what they cost is not told"
_ALWAYS = (
    *("-c", "allow_login_shell=false"),  # which would begin with another PATH
    *("-c", "shell_environment_policy.ignore_default_excludes=false"),  # no keys in its shells
    *("-c", 'approval_policy="never"'),
    *("-c", "check_for_update_on_startup=false"),
)


class CodexReader(EventReader):
    """A turn is completed or fails; errors before that may have been got over."""

    def __init__(self) -> None:
        super().__init__()
        self._last: Event | None = None
        self._error = ""

    def take(self, event: Event) -> str:
        match event.get("type"):
            case "thread.started":
                self.session = str(event.get("thread_id") or "")
            case "turn.started":
                self._last = None
            case "turn.completed" | "turn.failed":
                self._last = event
            case "error":
                self._error = sentence(event.get("message"))
                return self._error
            case "item.started" | "item.completed":
                if inside(event, "item", "type") == "agent_message":
                    self.said = str(inside(event, "item", "text") or "")
                return _shown(event)
        return ""

    def heard(self) -> Heard | None:
        if self._last is None:
            return self.failed(self._error) if self._error else None
        if self._last.get("type") == "turn.completed":
            return self.delivered(_usage(self._last))
        return self.failed(inside(self._last, "error", "message") or self._error)


def _usage(event: Event) -> Usage | None:
    used = event.get("usage")
    if not isinstance(used, dict):
        return None
    return Usage(
        tokens_in=number(used.get("input_tokens")),
        tokens_cached=number(used.get("cached_input_tokens")),
        tokens_out=number(used.get("output_tokens")),
        means=MEANS,
    )


def _shown(event: Event) -> str:
    match event.get("item"):
        case {"type": "agent_message", "text": str(text)}:
            return last_line(text)
        case {"type": "command_execution", "command": str(command)} if command.strip():
            return command.strip().splitlines()[0]
        case {"type": "file_change", "changes": [{"path": path}, *_]}:
            return f"changed {path}"
    return ""


PROFILE = Profile(
    name="codex",
    program="codex",
    argv=("exec", "--json", "--skip-git-repo-check", *_ALWAYS),
    approvals={
        Isolation.WORKTREE: (
            *("--sandbox", "workspace-write"),
            *("-c", "sandbox_workspace_write.exclude_slash_tmp=true"),
        ),
        # Its own sandbox cannot stand inside of ours: every command would fail, with exit 0.
        Isolation.STRICT: ("--dangerously-bypass-approvals-and-sandbox",),
    },
    model=("-m", "{model}"),
    resume=("resume", "{session}"),
    resumes_anywhere=True,
    mcp=(
        *("-c", 'mcp_servers.orchestrate.command="{channel}"'),
        *("-c", 'mcp_servers.orchestrate.args=["channel","--mcp"]'),
        *("-c", "mcp_servers.orchestrate.required=true"),
        *("-c", 'mcp_servers.orchestrate.default_tools_approval_mode="approve"'),
    ),
    end=("-",),
    variables=("OPENAI_API_KEY", "CODEX_API_KEY", "CODEX_ACCESS_TOKEN", "OPENAI_BASE_URL"),
    keys=("CODEX_API_KEY", "CODEX_ACCESS_TOKEN", "OPENAI_API_KEY"),
    aliases={"CODEX_API_KEY": "OPENAI_API_KEY"},
    constants={"CODEX_HOME": "{home}/.codex", "TMPDIR": "{home}/tmp"},
    logins=(".codex/auth.json",),
    settings=(".codex/config.toml",),
    reader=CodexReader,
    install="npm install -g @openai/codex",
    login="run `codex login`, or set CODEX_API_KEY or OPENAI_API_KEY",
)
