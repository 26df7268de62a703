"""What differs between two commits or trees, remembered: nothing that is named by its content ever
changes.

Owns the asking of ``git diff-tree`` without a look for renames, for one pair or for many with one
process. A capture knows what it changed and says so here, so that merging hundreds of captures need
not read them all again.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from orchestrator.git.client import Git
from orchestrator.git.objects import ObjectReader
from orchestrator.git.values import Changes, CommitMissing, parse_raw_diff, parse_raw_diffs

DIFF_TREE = ("diff-tree", "-r", "-z", "--no-renames", "--no-abbrev", "--ignore-submodules=none")
_MOST = 4096


class Differences:
    """By (base, commit), ids of commits or trees; the oldest are forgotten. For many threads."""

    def __init__(self, git: Git, reader: ObjectReader) -> None:
        self._git = git
        self._reader = reader
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], Changes] = {}

    def between(self, base: str, commit: str) -> Changes:
        """The changes of one pair."""
        known = self._known.get((base, commit))
        if known is None:
            known = parse_raw_diff(self._git.run(*DIFF_TREE, "--raw", base, commit, "--").stdout)
            self.remember(base, commit, known)
        return known

    def of_all(self, pairs: Sequence[tuple[str, str]]) -> list[Changes]:
        """The changes of many pairs of commits. Raises CommitMissing for a commit that is gone."""
        known = {pair: changes for pair in pairs if (changes := self._known.get(pair)) is not None}
        if missing := self._reader.missing(list(dict.fromkeys(commit for _, commit in known))):
            raise CommitMissing(missing[0])
        unknown = [pair for pair in dict.fromkeys(pairs) if pair not in known]
        if unknown:
            asked = "".join(f"{commit} {base}\n" for base, commit in unknown).encode()
            answer = self._git.run(*DIFF_TREE, "--raw", "--stdin", "--always", input=asked)
            found_out = parse_raw_diffs(answer.stdout, [commit for _, commit in unknown])
            for pair, changes in zip(unknown, found_out, strict=True):
                known[pair] = changes
                self.remember(*pair, changes)
        return [known[pair] for pair in pairs]

    def remember(self, base: str, commit: str, changes: Changes) -> None:
        """Keep what somebody found out in another way."""
        with self._lock:
            if len(self._known) >= _MOST:
                del self._known[next(iter(self._known))]
            self._known[base, commit] = changes
