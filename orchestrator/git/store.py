"""The run's own repository: its objects, its refs, and everything that is read from commits.

Owns ``store.git`` from creation to close. It borrows the user's objects (alternates) and never
writes to them. It does not know work trees (`workspace`), merging (`integrate`) or the user's
branches (`land`). One process at a time works on a store; the caller holds the run's lock. Within
it, all methods may be called from many threads.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from orchestrator.errors import EnvironmentRefused, OrchestrateError, UsageError
from orchestrator.git.client import Git
from orchestrator.git.differences import DIFF_TREE, Differences
from orchestrator.git.identity import OURS, Identity
from orchestrator.git.line_counts import LARGEST, line_counts
from orchestrator.git.mending import ObjectCheck, is_run_of, mend_refs, open_up
from orchestrator.git.names import folded
from orchestrator.git.objects import ObjectReader, ObjectWriter
from orchestrator.git.ref_writer import RefWriter
from orchestrator.git.repository import Repository
from orchestrator.git.store_files import GUARDED, build, guard, is_whole, sweep, sync_folder
from orchestrator.git.text import decode, encode
from orchestrator.git.values import FILE, Change, Changes, Entry, RefMoved
from orchestrator.git.whole_files import read_or_none, replace_file

_PATCH = (
    "--binary",
    "--full-index",
    "--no-renames",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--ignore-submodules=none",
)
_TREES = re.compile(rb"^([0-9a-f]{40,64} [0-9a-f]{40,64})\n", re.MULTILINE)
_MANY = 30
"""From here on one pack costs less than as many files."""


class Store:
    """A run's repository. Make one with `create` or `open`, and `close` it."""

    def __init__(self, path: Path, run: str) -> None:
        self.path = path
        self.run = run
        self.git = Git(git_dir=path, cwd=path)
        self.private = path / "orchestrate"
        self.reader = ObjectReader(self.git)
        self._refs = RefWriter(self.git)
        self._guard_lock = threading.Lock()
        self._guarded: dict[str, bytes | None] = {
            name: read_or_none(self.private / "guarded" / name) for name in GUARDED
        }
        self.differences = Differences(self.git, self.reader)
        self._base_of: dict[str, str] = {}
        self._known_names = functools.lru_cache(maxsize=4)(
            lambda commit: folded(self.entries(commit))
        )
        self._known_entries = functools.lru_cache(maxsize=4)(self._find_entries)
        self.object_format = "sha256" if b"sha256" in (self._guarded["config"] or b"") else "sha1"
        self.lacks_objects = False
        """Whether some had to be removed when it was opened: then a commit may be here in part."""
        self._check = ObjectCheck(path, self.object_format)

    @classmethod
    def create(
        cls, path: Path, source: Repository, base: str, run: str, identity: Identity = OURS
    ) -> Store:
        """The store of `run` at `path`, its tip at the commit `base` of `source`; an existing one
        is opened as it is. `identity` makes the commits of a new one.

        It appears under its name only when it is complete, so a kill at any point leaves nothing to
        mend.
        """
        if path.exists() and not (path / "objects").is_dir():  # nothing of it can be used
            path.rename(path.with_name(f"{path.name}.broken-{os.urandom(4).hex()}"))
        if not path.exists():
            if source.promisor:
                raise UsageError(
                    "the target is a partial clone: objects that it lacks cannot be borrowed",
                    where=str(source.work_tree or source.common_dir),
                    mend="Fetch them first: git fetch --refetch --no-filter, then unset remote.<name>.promisor.",
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{path.name}.partial")
            if partial.exists():
                shutil.rmtree(partial)
            build(partial, source, base, run, identity)
            partial.rename(path)
            sync_folder(path.parent)
            return cls(path, run)
        open_up(path)
        guard(path, source, identity)
        return cls.open(path, run, tip=base)

    @classmethod
    def open(cls, path: Path, run: str, *, tip: str | None = None) -> Store:
        """The existing store of `run`, swept of what a killed process left, and mended of what a
        power cut or an agent did to it; the caller holds the run's lock. `tip` is where a tip that
        cannot be read is put.
        """
        if not (path / "objects").is_dir():
            raise EnvironmentRefused(
                "the run's store is missing or damaged",
                where=str(path),
                mend="Move it away, then resume: what landed is brought from beside the journal.",
            )
        if not is_run_of(path, run):
            raise UsageError(f"this store does not belong to the run {run}", where=str(path))
        open_up(path)
        sweep(path)
        mend_refs(path, run)
        store = cls(path, run)
        if not is_whole(store._guarded["config"] or b""):
            raise EnvironmentRefused(
                "the configuration of the run's store is damaged",
                where=str(path / "config"),
                mend=f"`orchestrate resume {run}` writes it again.",
            )
        store.harden()
        store.lacks_objects = bool(store.remove_false_objects())
        if store.lacks_objects:
            store._forget_what_is_torn(tip)
        if store.ref(store.tip_name) is None:
            found = tip if tip and store.has(tip) else store._newest_landing()
            if found is None:
                store.close()
                raise EnvironmentRefused(
                    "the tip of the run's store is gone, and nothing tells where it was",
                    where=f"{path}: {store.tip_name}",
                    mend=f"`orchestrate resume {run}` puts it where the journal says.",
                )
            store.set_ref(store.tip_name, found, old=None)
        return store

    def _forget_what_is_torn(self, since: str | None) -> None:
        """Remove refs to what is not all here: git would take nothing in beside them."""
        for name, oid in self.refs("refs").items():
            if not self.is_whole([oid], since=since):
                self.delete_ref(name)

    def _newest_landing(self) -> str | None:
        """The landing that contains all others."""
        found = list(self.refs(f"refs/orchestrate/{self.run}/landed").values())
        return next(
            (one for one in found if all(self.contains(one, other) for other in found)), None
        )

    def remove_false_objects(self) -> list[str]:
        """Remove objects of the store that are not what their names say, as somebody may have put
        them there in place of the user's; their names. Cheap where little is new.
        """
        with self._guard_lock:
            false = self._check.remove_false()
        if false:
            self.reader.close()  # so that it looks again
        return false

    @functools.cached_property
    def identity(self) -> Identity:
        """Who makes the run's commits."""
        known = read_or_none(self.path / "orchestrate" / "guarded" / "config") or b""
        return Identity.of_configuration(known.decode("utf-8", "replace")) or OURS

    # -- what commits hold

    def tip(self) -> str:
        """The newest landed commit of the run."""
        tip = self.ref(self.tip_name)
        if tip is None:
            raise OrchestrateError("the run's tip is gone", where=f"{self.path}: {self.tip_name}")
        return tip

    @property
    def tip_name(self) -> str:
        """The full name of the tip's ref."""
        return f"refs/heads/orchestrate/{self.run}"

    def tree_of(self, commit: str) -> str:
        """The id of the commit's tree."""
        found = self.reader.info(f"{commit}^{{tree}}")
        if found is None:
            raise UsageError(f"no such commit: {commit}", where=str(self.path))
        return found[0]

    def parents(self, commit: str) -> tuple[str, ...]:
        """The ids of the commit's parents."""
        return tuple(
            line.split(" ")[1] for line in self._headers(commit) if line.startswith("parent ")
        )

    def time_of(self, commit: str) -> int:
        """When the commit was made by its committer, in seconds since 1970, UTC."""
        line = next(line for line in self._headers(commit) if line.startswith("committer "))
        return int(line.rsplit(" ", 2)[1])

    def subject_of(self, commit: str) -> str:
        """The first line of the commit's message."""
        answer = self.reader.contents(commit)
        message = decode(answer[1]).partition("\n\n")[2] if answer else ""
        return message.partition("\n")[0]

    def read(self, commit: str, path: str) -> bytes | None:
        """The bytes of the file (of a symlink: its target) at `path`, or None where there is no
        such thing.
        """
        if path.startswith(("./", "../")) or path in {"", ".", ".."}:
            return None  # git would resolve these against a work tree, and die for want of one
        answer = self.reader.contents(f"{commit}:{path}")
        return answer[1] if answer and answer[0] == "blob" else None

    def blob(self, oid: str) -> bytes:
        """The bytes of a blob by its id."""
        answer = self.reader.contents(oid)
        if answer is None:
            raise OrchestrateError(f"the object {oid} is missing", where=str(self.path))
        return answer[1]

    def size(self, oid: str) -> int:
        """How many bytes a blob has."""
        found = self.reader.info(oid)
        if found is None:
            raise OrchestrateError(f"the object {oid} is missing", where=str(self.path))
        return found[2]

    def blobs(self, oids: Iterable[str]) -> dict[str, bytes]:
        """The bytes of many blobs by their ids."""
        asked = list(oids)
        answers = zip(asked, self.reader.contents_of(asked), strict=True)
        return {oid: answer[1] if answer else self.blob(oid) for oid, answer in answers}

    def paths(self, commit: str) -> tuple[str, ...]:
        """Every path in the commit, in git's order."""
        return tuple(self.entries(commit))

    def entries(self, commit: str) -> dict[str, Entry]:
        """Everything in the commit or tree by its path, in git's order. Not to be modified: it is
        shared.
        """
        return self._known_entries(commit)

    def changes(self, base: str, commit: str) -> Changes:
        """What differs between two commits or trees, without looking for renames. Not to be
        modified: it is shared.
        """
        return self.differences.between(base, commit)

    def learn(self, base: str, commit: str, changes: Changes) -> None:
        """Take note of what a commit that was just made changes on its base, so that git need not
        be asked.
        """
        self.differences.remember(base, commit, changes)
        self._base_of[commit] = base

    def folded_names(self, commit: str) -> dict[str, str]:
        """`names.folded` of every path in the commit. Not to be modified: it is shared."""
        return self._known_names(commit)

    def _find_entries(self, commit: str) -> dict[str, Entry]:
        base = self._base_of.get(commit)
        if base is None:
            return self._ls_tree(commit)
        changes = self.changes(base, commit)
        found = {path: entry for path, entry in self.entries(base).items() if path not in changes}
        found |= {path: change.new for path, change in changes.items() if change.new is not None}
        return {path: found[path] for path in sorted(found, key=encode)}

    def _ls_tree(self, commit: str) -> dict[str, Entry]:
        found: dict[str, Entry] = {}
        for row in self.git.run("ls-tree", "-r", "-z", "--full-tree", commit).fields:
            about, _, path = row.partition("\t")
            mode, _, oid = about.split(" ")
            found[path] = Entry(mode, oid)
        return found

    def renames(self, base: str, commit: str) -> dict[str, str]:
        """New to old path of the files that git takes as renamed between two commits or trees."""
        options = (
            "diff-tree",
            "-r",
            "-z",
            "-M",
            "--diff-filter=R",
            "--name-status",
            base,
            commit,
            "--",
        )
        fields = self.git.run(*options).fields
        return {fields[at + 2]: fields[at + 1] for at in range(0, len(fields) - 2, 3)}

    def diff(self, base: str, commit: str, paths: Sequence[str] = ()) -> bytes:
        """A patch that ``git apply`` accepts, binary files included; of `paths` (taken literally)
        only, if given.
        """
        return self.git.run("diff", *_PATCH, base, commit, "--", *paths).stdout

    def diffs(self, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
        """The patch of each pair of commits, made by one process."""
        by_trees: dict[str, list[tuple[str, str]]] = {}
        for pair in pairs:
            by_trees.setdefault(" ".join(map(self.tree_of, pair)), []).append(pair)
        asked = "".join(f"{trees}\n" for trees in by_trees).encode()
        options = ("diff-tree", "--stdin", "-r", "-p", *_PATCH)
        answer = self.git.run(*options, input=asked).stdout if by_trees else b""
        # A line of a patch begins with a sign or a word; no other is two ids.
        parts = _TREES.split(answer)
        told = dict(zip(parts[1::2], parts[2::2], strict=True))
        return {
            pair: told.get(trees.encode(), b"")
            for trees, group in by_trees.items()
            for pair in group
        }

    def numstat(self, base: str, commit: str) -> list[tuple[str, int | None, int | None]]:
        """Path, lines added, lines removed; None and None for a binary file."""
        counts = {
            path: self._line_counts(change) for path, change in self.changes(base, commit).items()
        }
        if all(counts.values()):
            return [(path, *count) for path, count in counts.items() if count]
        rows: list[tuple[str, int | None, int | None]] = []
        for field in self.git.run(*DIFF_TREE, "--numstat", base, commit, "--").fields:
            added, removed, path = field.split("\t", 2)
            rows.append((path, None, None) if added == "-" else (path, int(added), int(removed)))
        return rows

    def _line_counts(self, change: Change) -> tuple[int, int] | None:
        sides = (change.old, change.new)
        if any(side and (not side.is_file or self._size(side.oid) > LARGEST) for side in sides):
            return None
        old, new = [self.blob(side.oid) if side else b"" for side in sides]
        return line_counts(old, new)

    def _size(self, oid: str) -> int:
        found = self.reader.info(oid)
        return found[2] if found else 0

    def contains(self, commit: str, ancestor: str) -> bool:
        """Whether `ancestor` is `commit` or in its history."""
        answer = self.git.run("merge-base", "--is-ancestor", ancestor, commit, check=False)
        if answer.status > 1:
            raise self.git.failure(("merge-base", "--is-ancestor", ancestor, commit), answer)
        return answer.status == 0

    def history(self, base: str, commit: str, *, first_parent: bool = True) -> list[str]:
        """The commits after `base` up to `commit`, newest first."""
        options = ("--first-parent",) if first_parent else ()
        return self.git.run("rev-list", *options, f"{base}..{commit}", "--").text.splitlines()

    # -- refs

    def ref(self, name: str) -> str | None:
        """What the ref holds, or None."""
        answer = self.git.run("show-ref", "--verify", "--hash", "--", name, check=False)
        return answer.text or None if answer.status == 0 else None

    def refs(self, prefix: str) -> dict[str, str]:
        """Name to id of every ref below `prefix`, which is cut at slashes."""
        lines = self.git.run(
            "for-each-ref", "--format=%(objectname) %(refname)", "--", prefix
        ).text.splitlines()
        return {name: oid for oid, _, name in (line.partition(" ") for line in lines)}

    def set_ref(self, name: str, new: str, *, old: str | None) -> None:
        """Move the ref to `new` if it holds `old`: empty or zeros for "must not exist", None for
        "whatever it is".
        """
        if old is None and self._refs.set(name, new):
            return
        expected = () if old is None else (old if old.strip("0") else "0" * len(new),)
        answer = self.git.run("update-ref", "--no-deref", "--", name, new, *expected, check=False)
        if answer.status != 0:
            self._raise_moved(name, old, answer.stderr)
            raise self.git.failure(("update-ref", name, new, *expected), answer)

    def delete_ref(self, name: str, *, old: str | None = None) -> None:
        """Remove the ref if it holds `old` (None: whatever it holds); nothing happens where there
        is none.
        """
        expected = () if old is None else (old,)
        answer = self.git.run("update-ref", "--no-deref", "-d", "--", name, *expected, check=False)
        if answer.status != 0:
            self._raise_moved(name, old, answer.stderr)
            raise self.git.failure(("update-ref", "-d", name, *expected), answer)

    def _raise_moved(self, name: str, old: str | None, stderr: str) -> None:
        if old is not None and "cannot lock ref" in stderr:
            found = self.ref(name)
            if (found or "") != old.strip("0") and found != old:
                raise RefMoved(name, old if old.strip("0") else None, found)

    # -- upkeep

    def with_contents(self, commit: str, contents: Mapping[str, bytes | None]) -> str:
        """A commit on `commit` in which these files hold these bytes, or (None) are gone; the same
        for the same. No ref names it.
        """
        writer = self.writer()
        there = self.entries(commit)
        changes = {
            path: Entry(there[path].mode if path in there else FILE, writer.blob(content))
            if content is not None
            else None
            for path, content in contents.items()
        }
        tree = writer.splice(self.tree_of(commit), changes)
        made = writer.commit(tree, [commit], "Changed for a look at it", self.time_of(commit))
        if len(contents) < _MANY:
            writer.write_loose()
        else:
            writer.flush()
        return made

    def writer(self) -> ObjectWriter:
        """A new writer of trees and commits, for one thread."""
        return ObjectWriter(self.git, self.reader, self.object_format, self.identity)

    def harden(self) -> None:
        """Put back what an agent in a linked work tree may have changed: configuration, attributes,
        alternates.
        """
        with self._guard_lock:
            for name, content in self._guarded.items():
                path = self.path / name
                if read_or_none(path) == content:
                    continue
                if content is None:
                    path.unlink()
                else:
                    replace_file(path, content)

    def has(self, commit: str) -> bool:
        """Whether the commit is here."""
        return self.reader.info(f"{commit}^{{commit}}") is not None

    def is_whole(self, commits: Iterable[str], *, since: str | None) -> bool:
        """Whether all is here that the commits have beyond `since` (None: altogether)."""
        left_out = [f"^{since}"] if since else []
        wanted = "".join(f"{oid}\n" for oid in (*commits, *left_out)).encode()
        options = ("--objects", "--quiet", "--stdin")
        return self.git.run("rev-list", *options, input=wanted, check=False).status == 0

    def has_all(self, commit: str, *, since: str) -> bool:
        """Whether the commit is here, with all that it has beyond `since` where that is in
        doubt.
        """
        return self.has(commit) and (not self.lacks_objects or self.is_whole([commit], since=since))

    def fsck(self) -> list[str]:
        """What git finds wrong here, nothing being good."""
        answer = self.git.run(
            "fsck", "--full", "--no-dangling", "--no-progress", "--no-reflogs", check=False
        )
        lines = [*decode(answer.stdout).splitlines(), *answer.stderr.splitlines()]
        return [line for line in lines if not line.startswith(("notice:", "dangling"))]

    def close(self) -> None:
        """End the helper processes."""
        self.reader.close()
        self._refs.close()

    def _headers(self, commit: str) -> list[str]:
        answer = self.reader.contents(f"{commit}^{{commit}}")
        if answer is None:
            raise UsageError(f"no such commit: {commit}", where=str(self.path))
        return decode(answer[1]).partition("\n\n")[0].splitlines()
