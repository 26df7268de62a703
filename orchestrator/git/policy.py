"""What an agent's work may not contain, whatever its scope: the rules of taking over.

Owns the closed list of problems and the checks on a captured tree. Only what the agent changed
counts, never what its base already had. What the work tree holds that git would not even store is
found by `capture`, in the same terms.
"""

from __future__ import annotations

from orchestrator.git.captured import Limits, Problem, ProblemKind
from orchestrator.git.names import collisions, escapes, is_gitmodules, why_insane
from orchestrator.git.store import Store
from orchestrator.git.text import decode
from orchestrator.git.values import GITLINK, SYMLINK, Changes


def judge(store: Store, base: str, tree: str, changes: Changes, limits: Limits) -> list[Problem]:
    """The problems of a captured tree, in the order of their paths."""
    problems: list[Problem] = []
    total = 0
    for path, change in changes.items():
        if is_gitmodules(path):
            problems.append(
                _problem(
                    path, ProblemKind.SUBMODULE_CONFIGURATION, "it says where submodules come from"
                )
            )
        if change.new is None:
            continue
        if change.old is None and (why := why_insane(path)):
            problems.append(_problem(path, ProblemKind.INSANE_PATH, why))
        if change.new.mode == GITLINK:
            problems.append(
                _problem(path, ProblemKind.NESTED_REPOSITORY, "a repository inside the work tree")
            )
            continue
        size = (store.reader.info(change.new.oid) or ("", "", 0))[2]
        total += size
        if size > limits.file_bytes:
            problems.append(too_large(path, size, limits))
    if total > limits.total_bytes:
        text = f"{total} bytes were added or changed, {limits.total_bytes} are allowed"
        problems.append(_problem(".", ProblemKind.TOTAL_TOO_LARGE, text))
    problems += _symlinks(store, base, tree, changes)
    problems += _case(store, base, changes)
    return problems


def too_large(path: str, size: int, limits: Limits) -> Problem:
    """The finding for one file over the limit."""
    text = f"{size} bytes, {limits.file_bytes} are allowed in one file"
    return _problem(path, ProblemKind.FILE_TOO_LARGE, text)


def _symlinks(store: Store, base: str, tree: str, changes: Changes) -> list[Problem]:
    """Links that lead out. A changed link can turn an old one round, so all are followed if any
    changed.
    """
    if not any(
        entry and entry.mode == SYMLINK
        for change in changes.values()
        for entry in (change.old, change.new)
    ):
        return []
    links = _links(store, tree)
    old = _links(store, base)
    return [
        _problem(path, ProblemKind.SYMLINK_ESCAPES, f"it points to {target}, out of the tree")
        for path, target in links.items()
        if escapes(path, links) and not (old.get(path) == target and escapes(path, old))
    ]


def _links(store: Store, tree: str) -> dict[str, str]:
    entries = store.entries(tree).items()
    return {path: decode(store.blob(entry.oid)) for path, entry in entries if entry.mode == SYMLINK}


def _case(store: Store, base: str, changes: Changes) -> list[Problem]:
    added = [path for path, change in changes.items() if change.old is None]
    if not added:
        return []

    def stands(name: str) -> bool:
        """Whether something of the base is still there: a file, or a folder with a file in it."""
        entries, below = store.entries(base), f"{name}/"
        names = [name] if name in entries else [path for path in entries if path.startswith(below)]
        return any(path not in changes or changes[path].new is not None for path in names)

    return [
        _problem(
            path,
            ProblemKind.CASE_COLLISION,
            f"it is {other} on a file system that ignores case or Unicode form",
        )
        for path, other in collisions(added, store.folded_names(base), stands).items()
    ]


def _problem(path: str, kind: ProblemKind, text: str) -> Problem:
    return Problem(path, kind, text)
