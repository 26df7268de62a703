"""One small file for each agent that is known; the literal list of them."""

from __future__ import annotations

from orchestrator.agents.profile import Profile
from orchestrator.agents.profiles import claude, codex

PROFILES: dict[str, Profile] = {
    profile.name: profile for profile in (claude.PROFILE, codex.PROFILE)
}
