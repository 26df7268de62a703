"""Which agents this machine has, and whether they can work here. No token is spent, and nothing is
asked of a provider.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from orchestrator.agents.profile import Profile
from orchestrator.agents.profiled import is_logged_in, program_of
from orchestrator.isolation.environment import clean_environment

VERSION_SECONDS = 20.0
_VERSION = re.compile(r"\d+\.\d+[\w.+-]*")


@dataclass(frozen=True, slots=True)
class Found:
    """One agent that is known, as it is here."""

    name: str
    """What missions call it."""
    path: str | None
    """Where its program is; None where it is not installed."""
    version: str
    """As it says itself; empty when it does not."""
    logged_in: bool | None
    """Whether there is a login or a key that it would be given; None where that cannot be told."""
    why_not: str
    """Why it cannot work here, in one sentence; empty when it can."""
    mend: str
    """What to do about that; empty when there is nothing to do."""

    @property
    def is_usable(self) -> bool:
        return not self.why_not


def find(profiles: Iterable[Profile]) -> tuple[Found, ...]:
    """All of them, in their order. Starts each one's `--version`, several at a time. Blocking."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        return tuple(pool.map(_find, profiles))


def _find(profile: Profile) -> Found:
    path = program_of(profile)
    if path is None:
        why = f"{profile.program} is not on PATH"
        return Found(profile.name, None, "", None, why, profile.install)
    version, why = _version(path, profile)
    if why:
        mend = f"see what `{profile.program} {' '.join(profile.version)}` says; {profile.install}"
        return Found(profile.name, path, "", None, why, mend)
    logged_in = is_logged_in(profile, os.environ, Path.home())
    why = (
        "" if logged_in else f"{profile.name} is not logged in: no login file and no key was found"
    )
    return Found(profile.name, path, version, logged_in, why, "" if logged_in else profile.login)


def _version(path: str, profile: Profile) -> tuple[str, str]:
    """The version, or why there is none. In a home of its own: some write there when they start."""
    with tempfile.TemporaryDirectory(prefix="orchestrate-") as folder:
        try:
            said = subprocess.run(
                [path, *profile.version],
                cwd=folder,
                env=clean_environment(Path(folder) / "home"),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=VERSION_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "", f"{profile.program} does not say its version in {VERSION_SECONDS:g} s"
        except OSError as error:
            return "", f"{profile.program} cannot be started: {error.strerror}"
    text = (said.stdout + b"\n" + said.stderr).decode("utf-8", "replace")
    if said.returncode:
        last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
        return "", f"{profile.program} does not start (exit {said.returncode}): {last[:200]}"
    found = _VERSION.search(text)
    return (found[0] if found else ""), ""
