"""`workspace.link`: what is too much to be copied into every work tree, copied once.

A link to the user's own folder would let an agent empty it. So a run has a copy of its own, two in
fact: one that attempts see, and one for gates and set-ups, so that no agent can change what judges
it. Owns the copies and what holds for them: before a work tree is given one, it is held against
what was copied, and made anew where anything was touched. The user's folder is read once.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from orchestrator.errors import EnvironmentRefused
from orchestrator.executors.stamps import Stamps, stamps, walk
from orchestrator.git.folder import remove_tree

FOLDER = ".linked"
"""Beside the work trees; no work tree is called so."""
MOST_BYTES = 8 * 1024**3
_COPY = ("cp", "-aH", "--reflink=auto", "--")


class Linked:
    """The linked paths of one run; `source` is the user's work tree. May be used by many
    threads.
    """

    def __init__(self, source: Path, paths: Sequence[str]) -> None:
        self._source, self._paths = source, tuple(paths)
        self._lock = threading.Lock()
        self._stamps: dict[Path, Stamps] = {}
        self._digest: str | None = None

    def digest(self) -> str:
        """The same as long as the user's folders are what they were when they were read."""
        with self._lock:
            if self._digest is None:
                self._digest = _digest_of([self._source / path for path in self._paths])
            return self._digest

    def put_into(self, work_tree: Path, audience: str) -> None:
        """Link what is not there yet to the copy of this audience, beside the work tree."""
        for path in self._paths:
            target = work_tree / path
            if os.path.lexists(target):
                continue
            copy = work_tree.parent / FOLDER / audience / path
            with self._lock:
                self._make_sure(path, copy)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(copy)

    def _make_sure(self, path: str, copy: Path) -> None:
        known = self._stamps.get(copy)
        if known is not None and stamps(copy) == known:
            return
        # By an earlier process, or touched: nothing is known of it.
        _require_modest(self._source / path, path)
        copy.parent.mkdir(parents=True, exist_ok=True)
        fresh = copy.with_name(f".{copy.name}.fresh")
        remove_tree(fresh)
        done = subprocess.run(
            [*_COPY, self._source / path, fresh],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise EnvironmentRefused(
                f"workspace.link: {path} cannot be copied: {said[-1] if said else 'cp failed'}",
                where=str(self._source / path),
                mend="make room, or mend what cannot be read there",
            )
        # Whoever has a link to it is without it for no longer than two renames take.
        gone = copy.with_name(f".{copy.name}.gone")
        remove_tree(gone)
        if os.path.lexists(copy):
            copy.rename(gone)
        fresh.rename(copy)
        remove_tree(gone)
        self._stamps[copy] = stamps(copy)
        self._digest = None  # of what has been copied just now


def _require_modest(source: Path, path: str) -> None:
    if sum(status.st_size for _, status in walk(source)) > MOST_BYTES:
        raise EnvironmentRefused(
            f"workspace.link: {path} has more than {MOST_BYTES // 1024**3} GiB, of which every run "
            "would make a copy",
            where=str(source),
            mend="link only what is needed of it, or name its place in a variable (`env:`)",
        )


def _digest_of(sources: Sequence[Path]) -> str:
    """Of what has been changed when: to read all of a folder of modules takes longer than tests."""
    told = hashlib.sha256()
    for source in sources:
        told.update(os.fsencode(f"{source}\0"))
        for where, facts in sorted(stamps(source).items()):
            told.update(os.fsencode(f"{where}\0{facts}\0"))
    return told.hexdigest()
