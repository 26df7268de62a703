"""What is wrong between the pieces of work of one candidate although each file of it merged and
passed its checks.

Owns which changes are held against which, and what is read for it: files of known languages only.
An import of a file that another agent took away, and a name that is another agent's but for its
case, are conflicts of the later one; what may not work together is a warning for the gate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.git.names import fold as without_case
from orchestrator.git.names import with_folders
from orchestrator.git.objects import ObjectWriter, RawTree
from orchestrator.git.store import Store
from orchestrator.git.text import decode, encode
from orchestrator.git.values import Change, Entry
from orchestrator.merging.contribution import TIP, Conflict, ConflictKind, Misfit
from orchestrator.merging.draft import Draft
from orchestrator.merging.meeting import Work
from orchestrator.structure.batch import Edit, check_batch
from orchestrator.structure.claims import Claim, claims, may_claim
from orchestrator.structure.languages import BY_SUFFIX
from orchestrator.structure.limits import LARGEST
from orchestrator.structure.relative import Wanted, has_relative_imports, relative_imports


@dataclass(frozen=True, slots=True)
class _Party:
    """Someone whose work is in the candidate; `key` tells apart what landed since one base from
    what since another.
    """

    key: str
    agent: str
    base: str
    commit: str
    changes: Mapping[str, Change]


@dataclass(frozen=True, slots=True)
class Found:
    """Conflicts to leave their agents out for, and what is only to be told."""

    conflicts: tuple[Conflict, ...] = ()
    misfits: tuple[Misfit, ...] = ()


def look_between(
    store: Store, tip: str, works: Sequence[Work], draft: Draft, shared: Sequence[str]
) -> Found:
    """What `draft`, `works` put together on `tip`, has that is wrong and that none of its sides had."""
    landed = {work.root: work.landed for work in works if work.landed}
    parties = [_Party(f"{TIP} {base}", TIP, base, tip, changes) for base, changes in landed.items()]
    parties += [
        _Party(work.agent, work.agent, work.given.base, work.given.commit, work.side.changes)
        for work in works
    ]
    if len(parties) < 2:
        return Found()
    lacks = {
        f"{TIP} {root}": frozenset(work.agent for work in works if work.root == root)
        for root in landed
    }
    between = _Between(store, parties, lacks, draft, shared)
    claimed = tuple(between.claimed_twice())
    strict = (each for each in claimed if isinstance(each, Conflict))
    conflicts = (*between.missing(), *between.look_alikes(), *strict)
    misfits = (each for each in claimed if isinstance(each, Misfit))
    return Found(conflicts) if conflicts else Found(misfits=(*misfits, *between.misfits()))


class _Between:
    def __init__(
        self,
        store: Store,
        parties: Sequence[_Party],
        lacks: Mapping[str, frozenset[str]],
        draft: Draft,
        shared: Sequence[str],
    ) -> None:
        """`lacks` says for each key of what landed which agents began without it."""
        self._store = store
        self._lacks = lacks
        self._parties = {party.key: party for party in parties}
        self._order = {party.key: number for number, party in enumerate(parties)}
        self._draft = draft
        self._shared = shared
        self._tree = _Tree(store, draft.writer, draft.tree(), draft)

    def _are_apart(self, one: str, other: str) -> bool:
        """Whether neither knew of the other's work; what somebody built on another's is that one's
        own affair.
        """
        tips, agents = (
            [key for key in (one, other) if (key in self._lacks) is is_tip]
            for is_tip in (True, False)
        )
        if tips:
            return len(agents) == 1 and agents[0] in self._lacks[tips[0]]
        first, second = self._parties[one], self._parties[other]
        if first.base == second.base:
            return True
        return not self._store.contains(first.base, second.commit) and not self._store.contains(
            second.base, first.commit
        )

    # -- imports of what is not there any more

    def missing(self) -> Iterator[Conflict]:
        """Relative imports that their own side could resolve and the candidate cannot: the later
        agent's conflict.
        """
        gone = {
            key: [path for path, change in party.changes.items() if change.new is None]
            for key, party in self._parties.items()
        }
        if not any(gone.values()):
            return
        for key, party in self._parties.items():
            others = [other for other, paths in gone.items() if paths and other != key]
            if others:
                yield from self._missing_of(key, party, {other: gone[other] for other in others})

    def _missing_of(
        self, key: str, party: _Party, gone: Mapping[str, Sequence[str]]
    ) -> Iterator[Conflict]:

        own_tree = _Tree(self._store, self._draft.writer, self._store.tree_of(party.commit))
        for path, change in party.changes.items():
            if change.new is None or not change.new.is_file or not _is_code(path):
                continue
            own = self._store.blob(change.new.oid)
            if not has_relative_imports(path, own):
                continue
            now = relative_imports(path, self._tree.read(path) or b"")
            for wanted in relative_imports(path, own):
                if wanted in now and not wanted.is_met(self._tree) and wanted.is_met(own_tree):
                    yield from self._blamed(key, path, wanted, gone)

    def _blamed(
        self, key: str, path: str, wanted: Wanted, gone: Mapping[str, Sequence[str]]
    ) -> Iterator[Conflict]:
        for other, paths in gone.items():
            removed = next((each for each in paths if wanted.means(each)), None)
            if removed and self._are_apart(key, other):
                early, late = (
                    self._parties[each]
                    for each in sorted((key, other), key=self._order.__getitem__)
                )
                remover, importer = self._parties[other].agent, self._parties[key].agent
                text = f"{remover} removed {removed}, which {importer} imports: {wanted.shown}"
                yield Conflict(
                    path, late.agent, (early.agent,), ConflictKind.CHECKS, text, wanted.name
                )
                return

    # -- names that are one name elsewhere

    def look_alikes(self) -> Iterator[Conflict]:
        """Files and folders that two added and that a file system which ignores case takes
        for one.
        """
        seen: dict[str, dict[str, str]] = {}
        for key, party in self._parties.items():
            for path, change in party.changes.items():
                if change.old is not None or change.new is None:
                    continue
                for name in with_folders(path):
                    known = seen.setdefault(without_case(name), {})
                    known.setdefault(name, key)
                    if len(known) > 1 and (found := self._look_alike(path, name, key, known)):
                        yield found
                        break

    def _look_alike(
        self, path: str, name: str, key: str, known: Mapping[str, str]
    ) -> Conflict | None:
        for other, maker in known.items():
            in_base = (
                self._store.reader.info(f"{self._parties[key].base}:{each}")
                for each in (other, name)
            )
            if other != name and maker != key and self._are_apart(maker, key) and not all(in_base):
                early, late = (
                    self._parties[each].agent
                    for each in sorted((maker, key), key=self._order.__getitem__)
                )
                text = f"{early} and {late} added {other} and {name}, one name where a file system ignores case"
                return Conflict(path, late, (early,), ConflictKind.CHECKS, text)
        return None

    # -- what there can be one of only

    def claimed_twice(self) -> Iterator[Conflict | Misfit]:
        """What two began to claim in different files: the later one's conflict, or a warning."""
        touched = [
            (key, path, change)
            for key, party in self._parties.items()
            for path, change in party.changes.items()
            if may_claim(path) and change.new is not None and _is_file(change)
        ]
        if len({key for key, _, _ in touched}) < 2:
            return
        contents = self._store.blobs(
            {side.oid for _, _, change in touched for side in (change.old, change.new) if side}
        )
        makers: dict[Claim, list[tuple[str, str]]] = {}
        for key, path, change in touched:
            before, after = _content(contents, change.old), _content(contents, change.new)
            if after is None or not _is_looked_into(before, after):
                continue
            old = claims(path, before) if before is not None else set()
            for claim in claims(path, after) - old:
                makers.setdefault(claim, []).append((key, path))
        for claim, places in sorted(makers.items(), key=lambda each: str(each[0])):
            yield from self._claimed(claim, places)

    def _claimed(
        self, claim: Claim, places: Sequence[tuple[str, str]]
    ) -> Iterator[Conflict | Misfit]:
        ordered = sorted(places, key=lambda place: self._order[place[0]])
        for number, (late, path) in enumerate(ordered):
            for early, other in ordered[:number]:
                if early == late or other == path or not self._are_apart(early, late):
                    continue
                names = self._parties[early].agent, self._parties[late].agent
                there = self._tree.read(path), self._tree.read(other)
                if any(text is None or claim not in claims(at, text) for at, text in zip(
                    (path, other), there, strict=True
                )):  # fmt: skip
                    continue
                text = f"{names[0]} in {other} and {names[1]} in {path}: one {claim.kind}, {claim.name}, twice"
                if claim.is_strict:
                    yield Conflict(
                        path, names[1], (names[0],), ConflictKind.CHECKS, text, claim.name
                    )
                else:
                    yield Misfit("claimed twice", path, claim.name, names, text)
                return

    # -- what may not work together

    def misfits(self) -> Iterator[Misfit]:
        """By the words and the arity of what one removed or changed and another begins to use."""
        touched = [
            (key, path, change)
            for key, party in self._parties.items()
            for path, change in party.changes.items()
        ]
        known = [
            (key, path, change)
            for key, path, change in touched
            if _is_code(path) and _is_file(change)
        ]
        if len({key for key, _, _ in known}) < 2 or not any(change.old for _, _, change in known):
            return

        contents = self._store.blobs(
            {side.oid for _, _, change in known for side in (change.old, change.new) if side}
        )
        edits = [
            Edit(key, path, _content(contents, change.old), _content(contents, change.new))
            for key, path, change in known
        ]
        merged = {
            path: text for path in self._shared if (text := self._draft.content(path)) is not None
        }
        for finding in check_batch(
            [edit for edit in edits if _is_looked_into(edit.before, edit.after)], merged
        ):
            if self._are_apart(finding.agent, finding.other):
                agents = self._parties[finding.agent].agent, self._parties[finding.other].agent
                said = finding.text.replace(finding.agent, agents[0]).replace(
                    finding.other, agents[1]
                )
                yield Misfit(finding.check, finding.path, finding.symbol, agents, said)


class _Tree:
    """A tree that may be pending in a writer."""

    def __init__(
        self, store: Store, writer: ObjectWriter, tree: str, draft: Draft | None = None
    ) -> None:
        """`draft` has the bytes of what is pending."""
        self._store, self._writer, self._tree, self._draft = store, writer, tree, draft

    def names(self, folder: str) -> frozenset[str]:
        return frozenset(decode(name) for name in self._level(folder))

    def read(self, path: str) -> bytes | None:
        if self._draft is not None and (put := self._draft.content(path)) is not None:
            return put
        folder, _, name = path.rpartition("/")
        mode, oid = self._level(folder).get(encode(name), (b"", b""))
        return self._store.blob(oid.hex()) if mode.startswith(b"100") else None

    def _level(self, folder: str) -> RawTree:
        level = self._writer.level(self._tree)
        for part in folder.split("/") if folder else ():
            mode, oid = level.get(encode(part), (b"", b""))
            if mode != b"40000":
                return {}
            level = self._writer.level(oid.hex())
        return level


def _is_code(path: str) -> bool:

    return f".{path.rpartition('.')[2].lower()}" in BY_SUFFIX


def _is_file(change: Change) -> bool:
    return all(side is None or side.is_file for side in (change.old, change.new))


def _content(contents: Mapping[str, bytes], entry: Entry | None) -> bytes | None:
    return contents[entry.oid] if entry else None


def _is_looked_into(*versions: bytes | None) -> bool:
    return all(
        version is None or (len(version) <= LARGEST and b"\0" not in version)
        for version in versions
    )
