"""What the user's own git configuration says, apart from any repository, that matters to a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from orchestrator.git.client import Git
from orchestrator.git.identity import Identity


@dataclass(frozen=True, slots=True)
class UsersGit:
    """`identity` is None where the configuration names nobody; `signs` whether commits are signed
    by default.
    """

    identity: Identity | None
    signs: bool


def users_git() -> UsersGit:
    """Ask for it. Raises EnvironmentRefused where there is no git."""
    asked = Git(cwd=Path("/"), users_configuration=True)

    name, email = (
        asked.run("config", "--get", f"user.{part}", check=False).text for part in ("name", "email")
    )
    signs = asked.run("config", "--type=bool", "--get-all", "commit.gpgSign", check=False)
    theirs = signs.text.splitlines()[:-1]  # the last is what every git of ours is told
    return UsersGit(Identity.parse(f"{name} <{email}>"), theirs[-1:] == ["true"])
