"""One small file for each agent that is known; the literal list of them."""

from __future__ import annotations

from orchestrator.agents.profile import Profile
from orchestrator.agents.profiles import claude, codex, gemini, goose, opencode, qwen

PROFILES: dict[str, Profile] = {
    module.PROFILE.name: module.PROFILE for module in (claude, codex, gemini, goose, opencode, qwen)
}
