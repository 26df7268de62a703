"""The candidate: the work of many agents on top of the tip, put together in the object store
without a work tree.

Owns the story: fold the agents' work in their order, check what came of it, and where something is
wrong go over it again step by step, to know whom to leave out. How one agent's work is taken in is
`fold`'s, what is wrong between files `interplay`'s. An agent is in the candidate with all of its
work or not at all, and then with a conflict that says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from orchestrator.git.store import Store
from orchestrator.git.values import Changes
from orchestrator.merging.contribution import TIP, Conflict, Contribution, Integration, Misfit, Note
from orchestrator.merging.fold import Fold
from orchestrator.merging.hunks import Hunks, hunks_between
from orchestrator.merging.interplay import look_between
from orchestrator.merging.meeting import Work
from orchestrator.merging.sides import Side

__all__ = ["TIP", "Conflict", "Contribution", "Integration", "Misfit", "Note", "integrate"]


def integrate(
    store: Store, tip: str, contributions: Sequence[Contribution], *, message: str, when: int
) -> Integration:
    """Fold `contributions` onto `tip` in their order; `when` dates the candidate, in seconds since
    1970, UTC.

    The candidate is one commit with `message`; its parents are the tip and the commits that were
    merged. Work that was begun on top of others' work, as that of a second attempt, comes after
    those others.
    """
    store.harden()
    store.remove_false_objects()
    works = _works(store, tip, _in_order(store, tip, contributions))
    hunks = _hunks(store, tip, works)
    careful: set[str] = set()
    refused: dict[str, list[Conflict]] = {}
    while True:
        fold = Fold(store, tip, hunks, careful)
        conflicts: list[Conflict] = []
        merged: list[Work] = []
        for work in works:
            found = refused.get(work.agent) or fold.add(work)
            conflicts += found
            if not found:
                merged.append(work)
        if faults := fold.faults():
            careful.update(faults)
            continue
        between = look_between(store, tip, merged, fold.draft, tuple(fold.shared()))
        if not between.conflicts:
            break
        for conflict in between.conflicts:
            refused.setdefault(conflict.agent, []).append(conflict)
    if not merged:
        return Integration(None, store.tree_of(tip), (), tuple(conflicts))
    given = [work.given for work in merged]
    parents = dict.fromkeys([tip, *(each.commit for each in given if each.commit != each.base)])
    tree = fold.draft.tree()
    commit = fold.draft.writer.commit(tree, list(parents), message, when)
    fold.draft.writer.flush()
    store.learn(tip, commit, fold.draft.changes())
    agents = {work.agent for work in merged}
    names = tuple(each.agent for each in contributions if each.agent in agents)
    return Integration(commit, tree, names, tuple(conflicts), tuple(fold.notes), between.misfits)


def _in_order(store: Store, tip: str, contributions: Sequence[Contribution]) -> list[Contribution]:
    """The contributions, each after those that its base was made of."""
    bases = {work.base for work in contributions} - {tip}
    commits = {work.commit for work in contributions}
    made_of = {base: commits & set(store.parents(base)) for base in bases}
    ordered: list[Contribution] = []
    waiting = list(contributions)
    while waiting:
        still = {work.commit for work in waiting}
        late = [work for work in waiting if made_of.get(work.base, set()) & still]
        ordered += [work for work in waiting if not made_of.get(work.base, set()) & still]
        waiting = late
    return ordered


def _works(store: Store, tip: str, contributions: Sequence[Contribution]) -> list[Work]:
    """What each changed and what it did not know of, found out with at most one process."""
    bases = sorted({work.base for work in contributions} - {tip})
    roots = {base: _root(store, tip, base) for base in bases}
    pairs = [(work.base, work.commit) for work in contributions]
    pairs += [(base, tip) for base in bases] + [(root, tip) for root in roots.values()]
    differences = store.differences.of_all(pairs)
    known = dict(zip(pairs, differences, strict=True))
    drifts = {base: Side.of(known[base, tip]) for base in bases}
    nothing: Changes = {}
    return [
        Work(
            work,
            Side.of(changes),
            drifts.get(work.base, Side()),
            root := roots.get(work.base, tip),
            nothing if root == tip else known[root, tip],
        )
        for work, changes in zip(contributions, differences, strict=False)
    ]


def _root(store: Store, tip: str, base: str) -> str:
    """The newest commit below `base` that the tip has too."""
    if store.contains(tip, base):
        return base
    first = store.parents(base)[0]
    return first if store.contains(tip, first) else store.git.run("merge-base", tip, base).text


def _hunks(store: Store, tip: str, works: Sequence[Work]) -> Hunks:
    """The lines that changed in files that several changed."""
    touched = Counter(path for work in works for path in _edited(work.side.changes))
    drifted = {path for work in works for path in work.drift.changes}
    paths = [path for path, count in touched.items() if count > 1 or path in drifted]
    if not paths:
        return {}
    shared = set(paths)
    pairs = [
        (work.given.base, work.given.commit) for work in works if shared & work.side.changes.keys()
    ]
    pairs += [(base, tip) for base in dict.fromkeys(base for base, _ in pairs) if base != tip]
    return hunks_between(store, pairs, paths)


def _edited(changes: Changes) -> Iterator[str]:
    """Files that were there before and are there still."""
    return (path for path, change in changes.items() if change.old and change.new)
