"""One three-way merge of whole trees by ``git merge-tree``, and its answer as values.

Owns the reading of what git says about a conflict. Which trees are merged, and why git is asked at
all, is decided in `integrate`.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.git.store import Store
from orchestrator.git.text import decode
from orchestrator.git.values import GITLINK, SYMLINK, Entry
from orchestrator.merging.contribution import ConflictKind

_KINDS = (  # git's short words, which its documentation promises to keep; the first that fits
    ("binary", ConflictKind.BINARY),
    ("submodule", ConflictKind.SUBMODULE),
    ("file/directory", ConflictKind.FILE_DIRECTORY),
    ("directory rename", ConflictKind.DIRECTORY_RENAME),
    ("rename/rename", ConflictKind.RENAME_RENAME),
    ("rename involved in collision", ConflictKind.RENAME_COLLISION),
    ("rename/delete", ConflictKind.RENAME_DELETE),
    ("modify/delete", ConflictKind.MODIFY_DELETE),
    ("distinct modes", ConflictKind.MODE),
    ("distinct types", ConflictKind.MODE),
    ("contents", ConflictKind.CONTENT),
    ("content", ConflictKind.CONTENT),
)


@dataclass(frozen=True, slots=True)
class Clash:
    """One conflict as git found it: the path it is about, all paths it involves, and git's
    sentence.
    """

    path: str
    kind: ConflictKind
    paths: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Merged:
    """`tree` holds conflict markers where there are clashes. `stages` are base, ours and theirs of
    each such path.
    """

    tree: str
    clashes: tuple[Clash, ...]
    stages: dict[str, tuple[Entry | None, Entry | None, Entry | None]]


def merge_trees(store: Store, ours: str, theirs: str) -> Merged:
    """Merge two commits as ``git merge`` would; their one common parent is the base."""
    command = ("merge-tree", "--write-tree", "-z", "--messages", ours, theirs)
    answer = store.git.run(*command, check=False)
    if answer.status not in {0, 1}:
        raise store.git.failure(command, answer)
    fields = answer.stdout.split(b"\0")
    tree = fields[0].decode()
    if answer.status == 0:
        return Merged(tree, (), {})
    stages, at = _stages(fields)
    clashes = _clashes(fields, at, stages)
    named = {path for clash in clashes for path in clash.paths}
    for path in stages:
        if path not in named:
            clashes.append(Clash(path, ConflictKind.OTHER, (path,), f"CONFLICT in {path}"))
    if not clashes:
        clashes.append(
            Clash(".", ConflictKind.OTHER, (".",), "git found a conflict and did not say where")
        )
    return Merged(tree, tuple(sorted(clashes, key=lambda clash: clash.path)), stages)


_Stages = dict[str, tuple[Entry | None, Entry | None, Entry | None]]


def _stages(fields: list[bytes]) -> tuple[_Stages, int]:
    found: dict[str, list[Entry | None]] = {}
    at = 1
    while at < len(fields) and fields[at]:
        about, _, path = fields[at].partition(b"\t")
        mode, oid, stage = about.decode().split(" ")
        found.setdefault(decode(path), [None, None, None])[int(stage) - 1] = Entry(mode, oid)
        at += 1
    return {path: (three[0], three[1], three[2]) for path, three in found.items()}, at + 1


def _clashes(fields: list[bytes], at: int, stages: _Stages) -> list[Clash]:
    found: dict[str, Clash] = {}
    while (
        at < len(fields) and fields[at].isdigit()
    ):  # after conflicts of submodules comes free advice
        count = int(fields[at])
        paths = tuple(decode(path) for path in fields[at + 1 : at + 1 + count])
        kind, text = decode(fields[at + 1 + count]), decode(fields[at + 2 + count]).strip()
        at += count + 3
        if not kind.startswith("CONFLICT"):
            continue
        clash = Clash(paths[0], _kind(kind, stages.get(paths[0])), paths, text)
        known = found.get(clash.path)
        if known is None or (
            known.kind is ConflictKind.CONTENT and clash.kind is not ConflictKind.CONTENT
        ):
            found[clash.path] = clash
    return list(found.values())


def _kind(
    words: str, stages: tuple[Entry | None, Entry | None, Entry | None] | None
) -> ConflictKind:
    kind = next((kind for word, kind in _KINDS if word in words), ConflictKind.OTHER)
    if kind is ConflictKind.CONTENT and stages is not None:
        modes = {entry.mode for entry in stages if entry is not None}
        if GITLINK in modes:
            return ConflictKind.SUBMODULE
        if SYMLINK in modes:
            return ConflictKind.SYMLINK
        if stages[0] is None:
            return ConflictKind.ADD_ADD
    return kind
