"""The user's checkouts of a branch: found, judged and brought forward.

Owns what `land` may do to a work tree of the user, which is what a fast-forward does and nothing
more: files that differ between two commits are written, and only if nothing of the user's would be
lost.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import EnvironmentRefused
from orchestrator.git.client import Git
from orchestrator.git.half_moved import HalfMoved
from orchestrator.git.repository import Repository
from orchestrator.git.text import decode, encode
from orchestrator.git.values import SYMLINK, Changes, Entry, LandingRefused, parse_raw_diff

_MOST_NAMED = 10
_READ_TREE = ("read-tree", "-m", "-u", "--no-recurse-submodules")
_UNDERWAY = (
    ("MERGE_HEAD", "a merge"),
    ("CHERRY_PICK_HEAD", "a cherry-pick"),
    ("REVERT_HEAD", "a revert"),
    ("rebase-merge", "a rebase"),
    ("rebase-apply", "a rebase"),
    ("BISECT_LOG", "a bisection"),
    ("sequencer", "a sequence of picks"),
)


@dataclass(frozen=True, slots=True)
class Checkout:
    """One work tree that has the branch, or is in the middle of something with it. `path` is None
    if it is gone.
    """

    path: Path | None
    git_dir: Path

    @property
    def git(self) -> Git:
        """Git in this checkout with the user's own configuration (filters, line ends), but no
        hooks.
        """
        return Git(self.git_dir, self.path, users_configuration=True)

    def require_idle(self, branch: str) -> None:
        """Refuse while a merge, a rebase or the like is underway here."""
        for name, what in _UNDERWAY:
            if (self.git_dir / name).exists():
                raise LandingRefused(
                    f"{what} of {branch} is underway in this checkout",
                    where=str(self.path or self.git_dir),
                    mend="Finish or abort it, then land again.",
                )
        lock = self.git_dir / "index.lock"
        if lock.exists() and self.path is not None:
            raise LandingRefused(
                "another git command seems to be at work in this checkout",
                where=str(lock),
                mend="Wait for it; if none runs, remove that file. Then land again.",
            )

    def require_clean(self, before: str, after: str) -> None:
        """Refuse if bringing this checkout forward would lose something, naming it. What an earlier
        landing left half done is undone first.
        """
        self._half.put_back()
        changes = self._changes(before, after)
        self._accept_what_is_there(changes)
        in_the_way = self._in_the_way(changes)
        if not in_the_way:
            answer = self._read_tree(before, after, "--dry-run")
            if answer is None:
                return
            in_the_way = [answer]
        named = ", ".join(in_the_way[:_MOST_NAMED])
        more = f" and {len(in_the_way) - _MOST_NAMED} more" if len(in_the_way) > _MOST_NAMED else ""
        raise LandingRefused(
            f"local changes or untracked files are in the way: {named}{more}",
            where=str(self.path),
            mend="Commit, stash or move them, then land again; or land on another branch.",
        )

    def move(self, before: str, after: str) -> None:
        """Bring files and index from one commit to the other; what has been brought already is left
        alone. Where that fails, all is put back.
        """
        where = str(self.path)
        try:
            self._half.note(before, after)
        except OSError as error:
            raise EnvironmentRefused(
                f"the checkout cannot be written: {error.strerror}",
                where=where,
                mend="Make room or rights, then land again.",
            ) from error
        answer = self.git.run(*_READ_TREE, before, after, check=False)
        if answer.status == 0:
            self._half.forget()
            return
        # Whatever git could have against it was asked for before: it is the place that refuses.
        said = (answer.stderr.strip().splitlines() or ["git gave no reason"])[0]
        if self._half.put_back():
            state, mend = "all is as it was", "Make room or rights, then land again."
        else:
            state = "some of its files are half written"
            mend = "Make room or rights, then land again; that mends them first."
        what = f"the checkout could not be brought forward ({said}); {state}"
        raise EnvironmentRefused(what, where=where, mend=mend)

    @property
    def _half(self) -> HalfMoved:
        assert self.path is not None
        return HalfMoved(self.git, self.path, self.git_dir)

    def _read_tree(self, before: str, after: str, *options: str) -> str | None:
        answer = self.git.run(*_READ_TREE, *options, before, after, check=False)
        return None if answer.status == 0 else answer.stderr.strip() or "git gave no reason"

    def _changes(self, before: str, after: str) -> Changes:
        options = ("-r", "-z", "--raw", "--no-renames", "--no-abbrev", "--ignore-submodules=none")
        return parse_raw_diff(self.git.run("diff-tree", *options, before, after, "--").stdout)

    def _index(self) -> dict[str, Entry | None]:
        found: dict[str, Entry | None] = {}
        for row in self.git.run("ls-files", "--stage", "-z").fields:
            about, _, path = row.partition("\t")
            mode, oid, stage = about.split(" ")
            found[path] = Entry(mode, oid) if stage == "0" else None
        return found

    def _accept_what_is_there(self, changes: Changes) -> None:
        """Tell the index of files that hold the new content already: an interrupted landing left
        them so.
        """
        self.git.run("update-index", "-q", "--refresh", check=False)
        index = self._index()
        rows = []
        for path, change in changes.items():
            new = change.new
            if new is None:
                if index.get(path) == change.old and not self._lexists(path):
                    rows.append(
                        b"0 "
                        + b"0" * len(change.old.oid if change.old else "")
                        + b"\t"
                        + encode(path)
                    )
            elif index.get(path) == change.old and self._on_disk(path) == new:
                rows.append(f"{new.mode} {new.oid}\t".encode() + encode(path))
        if rows:
            self.git.run(
                "update-index", "-z", "--index-info", input=b"".join(row + b"\0" for row in rows)
            )
            self.git.run("update-index", "-q", "--refresh", check=False)

    def _in_the_way(self, changes: Changes) -> list[str]:
        index = self._index()
        dirty = set(
            self.git.run("diff-files", "-z", "--name-only", "--ignore-submodules=all").fields
        )
        found = []
        for path, change in changes.items():
            here = index.get(path)
            if here not in (change.old, change.new) or (path in index and path in dirty):
                found.append(path)
            elif path not in index and change.new is not None:
                found += self._untracked_at(path, index)
        return list(dict.fromkeys(found))

    def _untracked_at(self, path: str, index: dict[str, Entry | None]) -> list[str]:
        """What stands, unknown to git, where a new file has to go: the file, a file in place of a
        folder, a folder.
        """
        parts = path.split("/")
        for count in range(1, len(parts) + 1):
            part = "/".join(parts[:count])
            try:
                mode = self._place(part).lstat().st_mode
            except FileNotFoundError:
                return []
            if not stat.S_ISDIR(mode):
                return [] if part in index else [part]
        return [
            decode(name)
            for folder, _, files in os.walk(encode(str(self._place(path))))
            for name in (
                os.path.relpath(os.path.join(folder, file), encode(str(self.path)))  # noqa: PTH118  (bytes)
                for file in files
            )
            if decode(name) not in index
        ]

    def _on_disk(self, path: str) -> Entry | None:
        """What stands at `path`, as git would store it."""
        place = self._place(path)
        try:
            mode = place.lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return None
        if stat.S_ISLNK(mode):
            target = os.fsencode(place.readlink())
            return Entry(
                SYMLINK, self.git.run("hash-object", "--stdin", "--no-filters", input=target).text
            )
        if not stat.S_ISREG(mode):
            return None
        with place.open("rb") as stream:
            oid = self.git.run("hash-object", "--stdin", "--path", path, stdin=stream).text
        return Entry("100755" if mode & stat.S_IXUSR else "100644", oid)

    def _lexists(self, path: str) -> bool:
        return os.path.lexists(self._place(path))

    def _place(self, path: str) -> Path:
        assert self.path is not None
        return self.path / path


def checkouts_of(repository: Repository, branch: str) -> list[Checkout]:
    """Every checkout of `branch`, and every one that is rebasing or bisecting it."""
    found = []
    for path, git_dir, here in _all(repository):
        rebasing = any(_first_line(git_dir / name) == f"refs/heads/{branch}" for name in _REBASED)
        bisecting = _first_line(git_dir / "BISECT_START") in {branch, f"refs/heads/{branch}"}
        if here == f"refs/heads/{branch}" or rebasing or bisecting:
            found.append(Checkout(path, git_dir))
    return found


_REBASED = ("rebase-merge/head-name", "rebase-apply/head-name")


def _all(repository: Repository) -> list[tuple[Path | None, Path, str]]:
    """Path (None: gone or bare), git directory and HEAD of the main work tree and every
    linked one.
    """
    main = _main_work_tree(repository)
    found: list[tuple[Path | None, Path, str]] = [
        (main, repository.common_dir, _head(repository.common_dir))
    ]
    if main is None:
        found.clear()
    admin = repository.common_dir / "worktrees"
    for folder in sorted(admin.iterdir()) if admin.is_dir() else []:
        link = _first_line(folder / "gitdir")
        path = (folder / link).resolve().parent if link else None
        found.append((path if path is not None and path.is_dir() else None, folder, _head(folder)))
    return found


def _main_work_tree(repository: Repository) -> Path | None:
    if repository.git_dir == repository.common_dir and repository.work_tree is not None:
        return repository.work_tree
    if repository.git.run("config", "--bool", "core.bare", check=False).text == "true":
        return None
    worktree = repository.git.run("config", "core.worktree", check=False).text
    if worktree:
        return (repository.common_dir / worktree).resolve()
    return repository.common_dir.parent if repository.common_dir.name == ".git" else None


def _head(git_dir: Path) -> str:
    answer = Git(git_dir=git_dir, cwd=git_dir).run("symbolic-ref", "--quiet", "HEAD", check=False)
    return answer.text if answer.status == 0 else ""


def _first_line(path: Path) -> str:
    try:
        lines = path.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return ""
    return lines[0] if lines else ""
