"""The user's remotes: which repository on GitHub they are, fetched from and pushed to with the user's
own git, its credentials and its hooks aside.

Owns the only two moments at which something goes over the network by git.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import EnvironmentRefused, UsageError
from orchestrator.git.repository import Repository
from orchestrator.tracker.gh import Slug

_URL = re.compile(
    r"(?:(?:https?|ssh|git)://(?:[^@/]+@)?(?P<host>[^/:]+)(?::\d+)?/|(?:[^@/]+@)?(?P<scp>[\w.-]+):)"
    r"(?P<owner>[\w-]+)/(?P<name>[\w.-]+?)(?:\.git)?/?"
)
_DEADLINE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Remote:
    """One remote of a repository, by its name."""

    repository: Repository
    name: str = "origin"

    def require(self) -> str:
        """Its address; raises UsageError where there is no such remote."""
        code, out, _ = self._git("remote", "get-url", "--", self.name)
        if code:
            raise UsageError(
                f"the repository has no remote {self.name}",
                where=str(self.repository.work_tree or self.repository.common_dir),
                mend="add it with `git remote add`, or name another: --remote NAME",
            )
        return out.strip()

    def fetch(self, branch: str) -> str:
        """The commit that the branch has there, brought here. Raises UsageError and
        EnvironmentRefused.
        """
        ref = f"refs/orchestrate-remotes/{self.name}/{branch}"
        code, _, err = self._git(
            "fetch", "--quiet", "--no-tags", "--", self.name, f"+refs/heads/{branch}:{ref}"
        )
        if code and "couldn't find remote ref" in err:
            raise UsageError(
                f"{self.name} has no branch {branch}",
                mend="name the one to merge into: --base BRANCH",
            )
        if code:
            raise _refused("fetch", self.name, err)
        return self.repository.resolve(ref)

    def tip(self, branch: str) -> str | None:
        """The commit that the branch has there; None where there is no such branch."""
        code, out, err = self._git("ls-remote", "--", self.name, f"refs/heads/{branch}")
        if code:
            raise _refused("ls-remote", self.name, err)
        return out.split()[0] if out.strip() else None

    def bring(self, store: Path, ref: str) -> None:
        """Put what a ref of a run's store holds into the user's repository, from which it is pushed;
        no ref of theirs is made or moved.
        """
        code, _, err = self._git(
            "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", str(store), ref
        )
        if code:
            raise _refused("fetch", str(store), err)

    def push(self, commit: str, branch: str, expected: str | None) -> None:
        """Move a branch there from `expected` (None: it is new) to the commit, or nothing. Raises
        UsageError where somebody else has moved it.
        """
        lease = f"--force-with-lease=refs/heads/{branch}:{expected or ''}"
        code, _, err = self._git(
            "push",
            "--quiet",
            "--no-verify",
            lease,
            "--",
            self.name,
            f"{commit}:refs/heads/{branch}",
        )
        if code and re.search(r"stale info|fetch first|non-fast-forward|remote ref updated", err):
            raise UsageError(
                f"somebody else has pushed to {branch} of {self.name}",
                mend="look at what they did; merge it by hand, or push under another name: --branch NAME",
            )
        if code:
            raise _refused("push", self.name, err)

    def _git(self, *arguments: str) -> tuple[int, str, str]:
        # Not the scrubbed git of all else: what knows how to log in there is the user's set-up.
        folder = self.repository.work_tree or self.repository.common_dir
        try:
            done = subprocess.run(
                ["git", *arguments],
                cwd=folder,
                env=os.environ | {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_DEADLINE_SECONDS,
                check=False,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            raise EnvironmentRefused(
                f"`git {arguments[0]}` has not ended in {_DEADLINE_SECONDS:.0f} s",
                where=str(folder),
            ) from None
        return (
            done.returncode,
            done.stdout.decode(errors="replace"),
            done.stderr.decode(errors="replace"),
        )


def slug_of(repository: Repository, name: str = "origin") -> Slug:
    """What a remote of the repository is called on GitHub. Raises UsageError where that cannot be
    told.
    """
    found = _URL.fullmatch(Remote(repository, name).require())
    if found is None:
        raise UsageError(
            f"the address of {name} names no repository on GitHub",
            mend="name it: --repo OWNER/NAME",
        )
    host = found["host"] or found["scp"]
    return Slug(
        found["owner"], found["name"], "" if host in {"github.com", "ssh.github.com"} else host
    )


def _refused(verb: str, remote: str, err: str) -> EnvironmentRefused:
    said = " ".join(err.split())[-500:]
    return EnvironmentRefused(
        f"git {verb} {remote}: {said}", mend="try the same by hand; then give the command once more"
    )
