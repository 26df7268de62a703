"""Qwen Code, by Alibaba. It speaks as Claude Code does, but for what an attempt cost."""

from __future__ import annotations

from functools import partial

from orchestrator.agents.profile import Profile
from orchestrator.agents.profiles.claude import ClaudeReader
from orchestrator.mission.model import Isolation

MEANS = "all requests of the attempt; what they cost is not told"
_YOLO = ("--approval-mode", "yolo")  # without it, it does nothing and exits with 0

PROFILE = Profile(
    name="qwen",
    program="qwen",
    argv=("-o", "stream-json"),
    approvals={Isolation.WORKTREE: _YOLO, Isolation.STRICT: _YOLO},
    model=("-m", "{model}"),
    turns=("--max-session-turns", "{turns}"),
    resume=("--resume", "{session}"),
    variables=(
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "OPENAI_MODEL",
        "DASHSCOPE_API_KEY",
        "BAILIAN_CODING_PLAN_API_KEY",
    ),
    keys=("OPENAI_API_KEY", "DASHSCOPE_API_KEY", "BAILIAN_CODING_PLAN_API_KEY"),
    constants={"QWEN_CODE_SUPPRESS_YOLO_WARNING": "1"},
    logins=(".qwen/oauth_creds.json",),
    settings=(".qwen/settings.json",),
    # Ten times by default, a minute and more apart: who waits by itself cannot say that it is limited.
    writes={
        ".qwen/settings.json": {"": '{"model": {"generationConfig": {"maxRetries": 0}}}\n'},
    },
    reader=partial(ClaudeReader, MEANS),
    install="npm install -g @qwen-code/qwen-code",
    login="run `qwen` once and choose how to log in, or set OPENAI_API_KEY and OPENAI_BASE_URL",
)
