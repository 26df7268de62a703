"""Work that does not merge, laid over the others' all the same: git's conflict markers where the
two clash.

Owns what somebody finds who is to resolve a conflict, and how to tell whether the markers are gone
again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.git.client import Git, GitError
from orchestrator.git.store import Store
from orchestrator.merging.contribution import ConflictKind, Contribution
from orchestrator.merging.merge_tree import Clash, Merged, merge_trees
from orchestrator.merging.sides import merged_mode
from orchestrator.structure.merge import merge_file

BEFORE = "before"
"""The label of the version that both sides began with."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """By path the mode and the bytes to put there, or None for what is to go; and where there are
    markers in them.
    """

    files: dict[str, tuple[str, bytes] | None]
    marked: tuple[str, ...]
    labels: tuple[str, str]


def lay_over(store: Store, onto: str, work: Contribution, labels: tuple[str, str]) -> Overlay:
    """What the agent's work changes in the commit `onto`. `labels` name the two sides in the
    markers.

    What is not lines (binary files, links, a file where there is a folder, removals of what the
    other changed) stays as it is in `onto`. The same for the same input, so that it need not be
    kept.
    """
    store.harden()
    writer = store.writer()
    tree = store.tree_of(onto)
    ours = writer.commit(tree, [work.base], "ours", 0)
    theirs = writer.commit(store.tree_of(work.commit), [work.base], "theirs", 0)
    writer.flush()
    merged = merge_trees(store, ours, theirs)
    put: dict[str, tuple[str, bytes] | None] = {}
    marked: list[str] = []
    kept: set[str] = set()
    for clash in merged.clashes:
        text = _text(store, merged, clash, labels)
        if text is None:
            kept |= {
                path
                for name in clash.paths
                for path in (name, f"{name}~{ours}", f"{name}~{theirs}")
            }
        else:
            mode, content, is_marked = text
            put[clash.path] = mode, content
            marked += [clash.path] if is_marked else []
    for path, change in store.changes(tree, merged.tree).items():
        if (
            path not in put
            and path not in kept
            and (change.new is None or not change.new.mode.startswith("16"))
        ):
            put[path] = (change.new.mode, store.blob(change.new.oid)) if change.new else None
    return Overlay(put, tuple(marked), labels)


def has_markers(content: bytes, labels: Sequence[str]) -> bool:
    """Whether a line that begins or ends a conflict is still there."""
    ours, theirs = labels
    fences = {
        f"<<<<<<< {ours}".encode(),
        f"||||||| {BEFORE}".encode(),
        f">>>>>>> {theirs}".encode(),
    }
    return any(line.rstrip(b"\r\n") in fences for line in content.split(b"\n"))


def _text(
    store: Store, merged: Merged, clash: Clash, labels: tuple[str, str]
) -> tuple[str, bytes, bool] | None:
    """Mode and content for a clash of texts, and whether it has markers; None for any other
    clash.
    """
    base, ours, theirs = merged.stages.get(clash.path, (None, None, None))
    if clash.kind not in {ConflictKind.CONTENT, ConflictKind.ADD_ADD} or not (ours and theirs):
        return None
    if not all(side is None or side.is_file for side in (base, ours, theirs)):
        return None
    was, left, right = (store.blob(side.oid) if side else b"" for side in (base, ours, theirs))
    if b"\0" in was + left + right:
        return None
    mode = merged_mode(base, ours, theirs) or ours.mode
    solved = merge_file(clash.path, was if base else None, left, right).content
    if solved is not None:
        return mode, solved, False
    text = _with_markers(was, left, right, labels)
    return mode, text, has_markers(text, labels)


def _with_markers(base: bytes, left: bytes, right: bytes, labels: tuple[str, str]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="orchestrate-markers-") as folder:
        for name, content in (("left", left), ("base", base), ("right", right)):
            Path(folder, name).write_bytes(content)
        named = ("-L", labels[0], "-L", BEFORE, "-L", labels[1])
        command = ("merge-file", "-p", "-q", "--diff3", *named, "left", "base", "right")
        answer = Git(cwd=Path(folder)).run(*command, check=False)
    if not 0 <= answer.status < 128:
        raise GitError("merge-file", answer.status, answer.stderr)
    return answer.stdout
