"""What a commit only points to: submodules, and files that Git LFS keeps elsewhere.

A work tree that git fills for a run has an empty folder in place of the one, and three lines of
text in place of the other. Owns finding them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestrator.git.repository import Repository
from orchestrator.git.text import decode

_GITLINK = re.compile(rb"(?:^|\0)160000 commit [0-9a-f]+\t([^\0]+)")
_ATTRIBUTES = re.compile(rb"\t((?:[^\0]*/)?\.gitattributes)\0")
_POINTER = "^version https://git-lfs[.]github[.]com/spec/v1$"


@dataclass(frozen=True, slots=True)
class Unfilled:
    """Paths in the commit, in git's order."""

    submodules: tuple[str, ...] = ()
    pointers: tuple[str, ...] = ()
    """Files of which the commit has no more than where LFS has them."""


def unfilled(repository: Repository, commit: str) -> Unfilled:
    """What `commit` does not hold itself."""
    listing = repository.git.run("ls-tree", "-r", "-z", "--full-tree", commit).stdout
    links = tuple(decode(match[1]) for match in _GITLINK.finditer(listing))
    attributes = (decode(match[1]) for match in _ATTRIBUTES.finditer(listing))
    if not any(b"filter=lfs" in (repository.read(commit, path) or b"") for path in attributes):
        return Unfilled(links)
    # exit 1: nothing found
    found = repository.git.run("grep", "-l", "-z", "-e", _POINTER, commit, check=False)
    pointers = tuple(field.removeprefix(f"{commit}:") for field in found.fields)
    return Unfilled(links, pointers)
