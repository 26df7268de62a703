"""The user's repository: found, described and read.

Owns discovery and the one ref that a run keeps there (``refs/orchestrate/<run>/base``). Everything
else that a run writes is in its store; the user's branches move only in `land`.
"""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import UsageError
from orchestrator.git.client import Git, GitError, require_git
from orchestrator.git.identity import Identity

_HOOKS = ("pre-commit", "commit-msg", "pre-merge-commit", "post-commit", "post-merge", "pre-push")
"""What a person's own commit, merge or push would run."""
_ABOUT = ("--is-bare-repository", "--is-inside-work-tree", "--show-object-format")
"""What is asked of a repository in one go; paths are asked for one by one, since they may hold line
ends.
"""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository of the user. `work_tree` is None for a bare one; `object_format` is ``sha1`` or
    ``sha256``.
    """

    git_dir: Path
    common_dir: Path
    work_tree: Path | None
    object_format: str

    @classmethod
    def discover(cls, path: Path) -> Repository:
        """The repository that `path` is in; `UsageError` where there is none, or none that can be
        used.
        """
        require_git()
        if not path.is_dir():
            raise UsageError(
                "there is no such folder",
                where=str(path),
                mend="Give the folder of a git repository as the target.",
            )
        git, (bare, inside, object_format) = _trusting(path)
        repository = cls(
            git_dir=Path(git.run("rev-parse", "--absolute-git-dir").text),
            common_dir=Path(
                git.run("rev-parse", "--path-format=absolute", "--git-common-dir").text
            ),
            work_tree=Path(git.run("rev-parse", "--show-toplevel").text)
            if (bare, inside) == ("false", "true")
            else None,
            object_format=object_format,
        )
        repository._require_commits(path)
        return repository

    @property
    def git(self) -> Git:
        """Git on this repository without a work tree, scrubbed."""
        return Git(git_dir=self.common_dir, cwd=self.common_dir)

    def resolve(self, rev: str) -> str:
        """The id of the commit that `rev` names; `UsageError` with the nearest names where there is
        none.
        """
        # HEAD is of this work tree, refs are of all of them: ask where the user stands
        git = Git(git_dir=self.git_dir, cwd=self.git_dir)
        answer = git.run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}", check=False
        )
        if answer.status == 0 and answer.text:
            return answer.text
        raise UsageError(
            f"no such branch, tag or commit: {rev}",
            where=str(self.work_tree or self.common_dir),
            mend=self._nearest(rev),
        )

    def has(self, commit: str) -> bool:
        """Whether the commit is here."""
        return self.git.run("cat-file", "-e", f"{commit}^{{commit}}", check=False).status == 0

    def contains(self, commit: str, ancestor: str) -> bool:
        """Whether `ancestor` is here, and is `commit` or in its history."""
        arguments = ("merge-base", "--is-ancestor", "--end-of-options", ancestor, commit)
        return self.git.run(*arguments, check=False).status == 0

    def merge_base(self, one: str, other: str) -> str | None:
        """The newest commit that two commits have in common, or None where their histories never
        meet.
        """
        answer = self.git.run("merge-base", "--end-of-options", one, other, check=False)
        return answer.text or None if answer.status == 0 else None

    def first_commit(self, branch: str) -> str:
        """The oldest commit of a branch."""
        return self.git.run(
            "rev-list", "--max-parents=0", f"refs/heads/{branch}", "--"
        ).text.splitlines()[-1]

    def branches(self) -> list[str]:
        """The names of the local branches."""
        return self.git.run(
            "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/"
        ).text.splitlines()

    def branch(self, rev: str | None = None) -> str | None:
        """The local branch that `rev` names (by default: that is checked out), or None where it
        names none.
        """
        git = Git(git_dir=self.git_dir, cwd=self.git_dir)
        if rev is None:
            return git.run("symbolic-ref", "--quiet", "--short", "HEAD", check=False).text or None
        name = rev.removeprefix("refs/heads/")
        found = git.run(
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            f"refs/heads/{name}",
            check=False,
        )
        return name if found.status == 0 else None

    def paths(self, commit: str) -> tuple[str, ...]:
        """All paths of a commit."""
        return tuple(
            self.git.run("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit).fields
        )

    def read(self, commit: str, path: str) -> bytes | None:
        """The bytes of a file of a commit, None where there is no such file."""
        answer = self.git.run("cat-file", "blob", f"{commit}:{path}", check=False)
        return answer.stdout if answer.status == 0 else None

    def pins(self) -> list[str]:
        """The runs that borrow from this repository."""
        names = self.git.run(
            "for-each-ref", "--format=%(refname:lstrip=2)", "refs/orchestrate/"
        ).text.splitlines()
        return [name.removesuffix("/base") for name in names]

    def count_commits(self) -> int:
        """How many commits the local branches hold."""
        return int(self.git.run("rev-list", "--count", "--branches").text)

    @property
    def identity(self) -> Identity | None:
        """Who commits here by the user's own configuration; None where it does not say."""
        asked = Git(cwd=self.git.cwd, git_dir=self.git.git_dir, users_configuration=True)
        values = [
            asked.run("config", "--get", f"user.{part}", check=False).text
            for part in ("name", "email")
        ]
        return Identity.parse(f"{values[0]} <{values[1]}>")

    @property
    def hooks(self) -> tuple[str, ...]:
        """Hooks of the user that a commit or a merge of theirs would run."""
        return tuple(name for name in _HOOKS if os.access(self.hooks_folder / name, os.X_OK))

    @property
    def hooks_folder(self) -> Path:
        """Where git looks for the hooks of the user."""
        told = self._users_own("core.hooksPath")
        if not told:
            return self.common_dir / "hooks"
        return (self.work_tree or self.common_dir) / Path(told).expanduser()

    @property
    def signs(self) -> bool:
        """Whether the user's own commits are signed."""
        return self._users_own("commit.gpgSign", "--type=bool") == "true"

    def _users_own(self, key: str, *options: str) -> str:
        """What the user's configuration says, apart from what every git of ours is told last."""
        asked = Git(cwd=self.common_dir, git_dir=self.common_dir, users_configuration=True)
        values = asked.run("config", *options, "--get-all", key, check=False).text.splitlines()
        return values[-2] if len(values) > 1 else ""

    def pin(self, run: str, commit: str) -> None:
        """Keep `commit`, and so all that the run's store borrows, from being pruned. Repeating it
        changes nothing.
        """
        self._unlock(run)
        self._unlogged.run("update-ref", "--no-deref", f"refs/orchestrate/{run}/base", commit)

    def pinned(self, run: str) -> str | None:
        """The commit that is pinned for the run, or None."""
        name = f"refs/orchestrate/{run}/base"
        answer = self.git.run("show-ref", "--verify", "--hash", "--", name, check=False)
        return answer.text or None if answer.status == 0 else None

    def unpin(self, run: str) -> None:
        """Give back what `pin` kept; nothing happens where it was not pinned."""
        self._unlock(run)
        self._unlogged.run("update-ref", "--no-deref", "-d", f"refs/orchestrate/{run}/base")

    def _unlock(self, run: str) -> None:
        """Sweep the lock that a killed git left on the run's ref; whoever owns the run owns that
        ref alone.
        """
        (self.common_dir / "refs" / "orchestrate" / run / "base.lock").unlink(missing_ok=True)

    @property
    def promisor(self) -> bool:
        """Whether objects are missing here on purpose (a partial clone) and would be downloaded
        when needed.
        """
        pattern = r"^(extensions\.partialclone|remote\..*\.promisor)$"
        return self.git.run("config", "--local", "--get-regexp", pattern, check=False).status == 0

    @property
    def _unlogged(self) -> Git:
        return Git(
            git_dir=self.common_dir,
            cwd=self.common_dir,
            configuration=(("core.logAllRefUpdates", "false"),),
        )

    def _require_commits(self, path: Path) -> None:
        git = Git(git_dir=self.git_dir, cwd=self.git_dir)
        if git.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}", check=False).status == 0:
            return
        if not self.git.run("for-each-ref", "--count=1").stdout:
            raise UsageError(
                "this repository has no commits yet",
                where=str(path),
                mend="Commit what is there, then run again.",
            )

    def _nearest(self, rev: str) -> str:
        names = self.git.run(
            "for-each-ref",
            "--format=%(refname:lstrip=2)",
            "refs/heads/",
            "refs/tags/",
            "refs/remotes/",
        ).text.splitlines()
        near = difflib.get_close_matches(rev, names, n=3, cutoff=0.5)
        if near:
            return f"Did you mean {' or '.join(near)}?"
        some = ", ".join(names[:5])
        return (
            f"There is {some}{' and more' if len(names) > 5 else ''}."
            if some
            else "It has no branches."
        )


def alternates(objects: Path) -> list[Path]:
    """`objects` and every object folder that it borrows from, directly or not, as absolute
    paths.
    """
    found: list[Path] = []
    todo = [objects.resolve()]
    while todo:
        folder = todo.pop(0)
        if folder in found:
            continue
        found.append(folder)
        listing = folder / "info" / "alternates"
        if listing.is_file():
            for line in listing.read_bytes().splitlines():
                name = _unquote(line)
                if name:
                    todo.append((folder / os.fsdecode(name)).resolve())
    return found


def _unquote(line: bytes) -> bytes:
    """One line of an alternates file: a comment, a path, or a path in C quotes."""
    if line.startswith(b"#"):
        return b""
    if not (line.startswith(b'"') and line.endswith(b'"')):
        return line
    plain = {
        b"n": b"\n",
        b"t": b"\t",
        b"r": b"\r",
        b"a": b"\a",
        b"b": b"\b",
        b"f": b"\f",
        b"v": b"\v",
    }

    def unescape(match: re.Match[bytes]) -> bytes:
        code = match[1]
        return bytes([int(code, 8)]) if code.isdigit() else plain.get(code, code)

    return re.sub(rb"\\([0-7]{3}|.)", unescape, line[1:-1])


def _trusting(path: Path) -> tuple[Git, list[str]]:
    """Git at `path`, and what it said to `_ABOUT`; an owner other than the user is trusted exactly
    where the user's own configuration says so.
    """
    git = Git(cwd=path)
    answer = git.run("rev-parse", *_ABOUT, check=False)
    if answer.status == 0:
        return git, answer.text.split("\n")
    if "dubious ownership" in answer.stderr:
        answer = Git(cwd=path, users_configuration=True).run("rev-parse", *_ABOUT, check=False)
        if answer.status == 0:
            return Git(cwd=path, configuration=(("safe.directory", "*"),)), answer.text.split("\n")
        raise UsageError(
            "this repository belongs to another user, so git refuses to read it",
            where=str(path),
            mend=f"If you trust it: git config --global --add safe.directory {path}",
        )
    if "not a git repository" in answer.stderr:
        raise UsageError(
            "this is not a git repository",
            where=str(path),
            mend="Run git init there and commit, or name another target.",
        )
    failure = git.failure(("rev-parse", *_ABOUT), answer)
    if not isinstance(failure, GitError):
        raise failure
    raise UsageError(
        f"git cannot use this repository: {answer.stderr.strip()}",
        where=str(path),
        mend="Mend it, then run again.",
    )
