"""What a full capture must not take, told to git in a way that it accepts.

Owns the exclusion pathspecs of ``git add``. Git reads them as something to add, too: one that
names an ignored path, or a path below an ignored folder, makes it exit with 1; one that leads
through a link or into a submodule makes it die. So only those are passed that git has an opinion
on: the others it would not reach anyway, and what stands in the index below them is put back.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.git.client import Git
from orchestrator.git.text import encode
from orchestrator.git.values import Entry


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Paths to leave out, told apart by what git does when it meets them."""

    named: tuple[bytes, ...]
    """Passed as exclusions."""
    ignored: tuple[bytes, ...]
    """Never met by git as untracked files; what is tracked there is put back afterwards."""

    @property
    def pathspecs(self) -> bytes:
        """What ``--pathspec-from-file=- --pathspec-file-nul`` reads; empty for no restriction."""
        if not self.named:
            return b""
        return b":(top)\0" + b"".join(
            b":(top,literal,exclude)" + path + b"\0" for path in self.named
        )

    def put_back(self, git: Git, entries: Mapping[str, Entry]) -> None:
        """Have the index hold `entries`, those of the base, at and below what git ignores."""
        if not self.ignored:
            return
        below = frozenset(self.ignored)
        lines = [
            f"{entry.mode} {entry.oid}\t".encode() + encode(path) + b"\0"
            for path, entry in entries.items()
            if is_below(encode(path), below)
        ]
        if lines:
            git.run("update-index", "-z", "--index-info", input=b"".join(lines))


def sort_out(git: Git, work_tree: Path, paths: Iterable[str]) -> LeftOut:
    """Tell apart `paths`, relative to the work tree of `git`, at `work_tree`."""
    wanted = {encode(path).rstrip(b"/") for path in paths} - {b""}
    reachable = sorted(
        path
        for path in wanted
        if not any(parent in wanted for parent in _parents(path))
        and not _leads_astray(os.fsencode(work_tree), path)
    )
    ignored = ignored_of(git, reachable, "--no-index") if reachable else set()
    return LeftOut(tuple(path for path in reachable if path not in ignored), tuple(sorted(ignored)))


def ignored_of(git: Git, paths: Iterable[bytes], *options: str) -> set[bytes]:
    """Which of `paths` the .gitignore files of git's work tree ignore."""
    # this verb refuses literal pathspecs; "./" keeps a name from being taken for magic
    asked = b"".join(b"./" + path + b"\0" for path in paths)
    arguments = ("check-ignore", "-z", *options, "--stdin")
    answer = git.run(*arguments, input=asked, env={"GIT_LITERAL_PATHSPECS": "0"}, check=False)
    if answer.status > 1:
        raise git.failure(arguments, answer)
    return {path.removeprefix(b"./") for path in answer.stdout.split(b"\0") if path}


def is_below(path: bytes, tops: frozenset[bytes]) -> bool:
    """Whether `path` is one of `tops` or lies below one."""
    return path in tops or any(parent in tops for parent in _parents(path))


def _parents(path: bytes) -> Iterator[bytes]:
    while b"/" in path:
        path = path.rpartition(b"/")[0]
        yield path


def _leads_astray(root: bytes, path: bytes) -> bool:
    """Whether a part of the way is there and no folder: then nothing is at `path`."""
    for parent in _parents(path):
        try:
            if not stat.S_ISDIR(os.lstat(root + b"/" + parent).st_mode):
                return True
        except OSError:
            continue  # a missing part: a higher one decides
    return False
