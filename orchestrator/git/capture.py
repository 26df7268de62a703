"""Taking over what an agent left in its work tree, as one commit on its base.

Owns the way from files on disk to a checked commit in the store. It uses the store's git directory
and a private index made when the work tree was filled; the workspace's own ``.git`` is never read,
so nothing an agent did to it matters: what is committed, staged, loose or on another branch is
captured alike, because only the files are looked at.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.git.caches import cache_of
from orchestrator.git.captured import Capture, Limits, Problem, ProblemKind
from orchestrator.git.client import Git, GitError, Result
from orchestrator.git.folder import (
    DEEPEST,
    LONGEST,
    Manifest,
    is_too_deep,
    open_all,
    remove_tree,
    walk,
)
from orchestrator.git.index_file import is_whole
from orchestrator.git.left_out import ignored_of, is_below, sort_out
from orchestrator.git.names import is_dotgit
from orchestrator.git.policy import judge, too_large
from orchestrator.git.quick_capture import Edits, plain_edits
from orchestrator.git.store import Store
from orchestrator.git.text import decode, encode
from orchestrator.git.values import GITLINK, Changes

_INVALID = re.compile(r"invalid path '(.*)'\n", re.DOTALL)
_MOST_RETRIES = 20
_MOST_NAMED = 200
"""A flood of findings says no more than its beginning."""
_NAMED_PARTS = 4
"""How much of a path that is too deep is told."""

_RAW_CONFIGURATION = "[core]\n\trepositoryformatversion = {version}\n\tbare = true\n{extension}"
_RAW_ATTRIBUTES = "* -text -ident -working-tree-encoding -filter\n"


@dataclass(frozen=True, slots=True)
class Taking:
    """What one capture is of: the work tree, its base, and the index that described it when it was
    filled.
    """

    path: Path
    base: str
    index: Path
    scratch: Path
    manifest: Manifest | None = None
    """What we know of the files, where this process filled the work tree."""


def capture(
    store: Store,
    taking: Taking,
    *,
    message: str,
    when: int | None = None,
    author: tuple[str, str] | None = None,
    exclude: Sequence[str] = (),
    limits: Limits | None = None,
) -> Capture:
    """Commit the work tree of `taking` on its base, with what is wrong with it; see
    `Workspaces.capture`.
    """
    limits = limits or Limits()
    store.harden()
    if taking.path.is_symlink() or not taking.path.is_dir():
        text = "the work tree itself was removed or replaced; nothing was captured"
        gone = Problem(".", ProblemKind.WORK_TREE_GONE, text)
        return Capture(taking.base, store.tree_of(taking.base), taking.base, {}, (gone,))
    if not is_whole(taking.index, store.object_format):
        remove_tree(taking.index)  # a power cut, or somebody who wrote into it: it is made again
    edits = _plain(store, taking, exclude, limits) if author is None else None
    if edits is not None:
        commit = taking.base
        if edits.changes:
            date = store.time_of(taking.base) if when is None else when
            commit = edits.writer.commit(edits.tree, [taking.base], message, date)
            edits.writer.write_loose()
            store.learn(taking.base, commit, edits.changes)
        found = judge(store, taking.base, edits.tree, edits.changes, limits)
        return Capture(commit, edits.tree, taking.base, edits.changes, tuple(found))
    remove_tree(taking.scratch)
    taking.scratch.mkdir(parents=True)
    try:
        git = _private_git(store, taking)
        look = _look(store, taking, limits, exclude)
        problems, left_out = _leave_out(store, taking, git, look, exclude)
        problems += _add(store, taking, git, left_out)
        tree = git.run("write-tree").text
        changes = {} if tree == store.tree_of(taking.base) else store.changes(taking.base, tree)
        problems += judge(store, taking.base, tree, changes, limits)
        problems += _hidden(store, taking, git, look, changes, exclude)
    finally:
        remove_tree(taking.scratch)
    commit = taking.base
    if changes:
        commit = _commit(store, tree, taking.base, message, when, author)
        store.learn(taking.base, commit, changes)
    return Capture(commit, tree, taking.base, changes, tuple(problems))


def _plain(store: Store, taking: Taking, exclude: Sequence[str], limits: Limits) -> Edits | None:
    if taking.manifest is None or not taking.index.is_file():
        return None
    git = Git(store.path, taking.path, taking.index)
    return plain_edits(
        store,
        taking.path,
        taking.base,
        taking.manifest,
        exclude=exclude,
        largest=limits.file_bytes,
        ignored=lambda paths: ignored_of(git, paths),
    )


def _private_git(store: Store, taking: Taking) -> Git:
    """Git on the store and this work tree, with a copy of the index that was made when it was
    filled.
    """
    index = taking.scratch / "index"
    # the index need not survive a power cut, the objects must
    git = Git(store.path, taking.path, index, configuration=(("core.fsync", "all,-index"),))
    if taking.index.is_file():
        shutil.copy2(
            taking.index, index
        )  # with its time: git tells by it which entries to read again
    else:
        git.run("read-tree", taking.base)
    return git


def _commit(  # noqa: PLR0917  (a commit's parts)
    store: Store,
    tree: str,
    base: str,
    message: str,
    when: int | None,
    author: tuple[str, str] | None,
) -> str:
    date = f"@{store.time_of(base) if when is None else when} +0000"  # "@": small numbers are times too
    env = {**store.identity.environment, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    if author is not None:
        env |= {"GIT_AUTHOR_NAME": author[0], "GIT_AUTHOR_EMAIL": author[1]}
    return store.git.run(
        "commit-tree", "-p", base, "-F", "-", tree, input=encode(message), env=env
    ).text


# -- what git would skip, choke on or reach into


@dataclass(frozen=True, slots=True)
class _Look:
    """What a walk over the work tree found: problems, every .gitignore, and submodules that hold
    files.
    """

    problems: list[Problem]
    gitignores: list[str]
    submodules: list[str]
    caches: dict[str, None]
    """Nobody's work; whole where the base tracks nothing in them."""
    deep: list[bytes]
    """Folders that nothing looks into, so far below others are they."""


def _look(store: Store, taking: Taking, limits: Limits, exclude: Sequence[str]) -> _Look:
    look = _Look([], [], [], {}, [])
    entries = store.entries(taking.base)
    tracked: set[bytes | None] | None = None
    submodules = [encode(path) + b"/" for path, entry in entries.items() if entry.mode == GITLINK]
    for item in walk(taking.path, skip=frozenset(encode(path) for path in exclude)):
        mode = item.status.st_mode
        name = item.path.rpartition(b"/")[2]
        if (cache := cache_of(item.path)) and decode(item.path) not in entries:
            if tracked is None:
                tracked = {cache_of(encode(path)) for path in entries}
            if cache not in tracked:
                look.caches[decode(cache)] = None
            elif not stat.S_ISDIR(mode):
                look.caches[decode(item.path)] = None
            continue
        if submodules and any(item.path.startswith(folder) for folder in submodules):
            look.submodules.append(
                next(decode(folder[:-1]) for folder in submodules if item.path.startswith(folder))
            )
        elif stat.S_ISDIR(mode) and is_too_deep(item.path):
            look.deep.append(item.path)
        elif not (stat.S_ISDIR(mode) or stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
            text = "a FIFO, socket or device; it was not opened"
            look.problems.append(Problem(decode(item.path), ProblemKind.SPECIAL_FILE, text))
        elif name[:1] in (b".", b"g", b"G") and is_dotgit(decode(name)):
            look.problems.append(_repository(decode(item.path), name))
        elif name == b".gitignore":
            look.gitignores.append(decode(item.path))
        elif stat.S_ISREG(mode) and item.status.st_size > limits.file_bytes:
            known = store.reader.info(f"{taking.base}:{decode(item.path)}")
            if known is None or known[2] <= limits.file_bytes:
                look.problems.append(too_large(decode(item.path), item.status.st_size, limits))
    return look


def _repository(path: str, name: bytes) -> Problem:
    if name != b".git":
        text = "its name is taken for .git by git or by another file system"
        return Problem(path, ProblemKind.INSANE_PATH, text)
    text = "a repository inside the work tree; nothing in it was captured"
    return Problem(path.rpartition("/")[0], ProblemKind.NESTED_REPOSITORY, text)


def _leave_out(
    store: Store, taking: Taking, git: Git, look: _Look, exclude: Sequence[str]
) -> tuple[list[Problem], list[str]]:
    """The problems of `look` that are not ignored files, and the paths that git must not be
    shown. What git could not get through is taken away.
    """
    problems = look.problems + _cut_off(taking, git, look.deep)
    if problems:
        ignored = ignored_of(git, [encode(problem.path) for problem in problems])
        problems = [problem for problem in problems if encode(problem.path) not in ignored]
    left_out = [*exclude, *look.caches, *(problem.path for problem in problems)]
    left_out += [
        path for path, entry in store.entries(taking.base).items() if entry.mode == GITLINK
    ]
    text = "a submodule was filled; nothing in it was captured"
    problems = _cut(problems)
    for path in dict.fromkeys(look.submodules):
        problems.append(Problem(path, ProblemKind.SUBMODULE_CONTENT, text, blocking=False))
    return problems, left_out


def _cut_off(taking: Taking, git: Git, folders: list[bytes]) -> list[Problem]:
    """Remove folders that are too deep for anyone, but ignored ones, into which nobody looks."""
    deep = sorted(set(folders) - (ignored_of(git, folders) if folders else set()))
    text = (
        f"folders are nested more than {DEEPEST} deep, or their path has more than {LONGEST} bytes"
    )
    for folder in deep:
        remove_tree(taking.path / os.fsdecode(folder))
    tops = dict.fromkeys(b"/".join(folder.split(b"/")[:_NAMED_PARTS]) for folder in deep)
    return [Problem(decode(top), ProblemKind.TOO_DEEP, text) for top in tops]


# -- taking the rest


def _add(store: Store, taking: Taking, git: Git, left_out: list[str]) -> list[Problem]:
    """``git add -A`` but for `left_out`; what it cannot take is named and left out as well."""
    problems: list[Problem] = []
    opened = False
    answer = _try_add(store, taking, git, left_out)
    for _ in range(_MOST_RETRIES):
        if answer.status == 0:
            return problems
        invalid = _INVALID.search(answer.stderr)
        if invalid and invalid[1] not in left_out:
            problems.append(
                Problem(
                    invalid[1],
                    ProblemKind.INSANE_PATH,
                    "git refuses this path or this kind of link",
                )
            )
            left_out = [*left_out, invalid[1]]
        elif "Permission denied" in answer.stderr and not opened:
            open_all(taking.path)
            opened = True
        else:
            break
        answer = _try_add(store, taking, git, left_out)
    failure = git.failure(("add", "-A"), answer)
    if not isinstance(failure, GitError):
        raise failure
    # such as a `working-tree-encoding` that a file does not have: take the bytes as they are, and
    # say so
    raw = replace(git, git_dir=_raw_repository(store, taking))
    objects = {"GIT_OBJECT_DIRECTORY": str(store.path / "objects")}
    second = _try_add(store, taking, raw, left_out, env=objects)
    if second.status != 0:
        raise raw.failure(("add", "-A"), second)
    said = (answer.stderr.strip().splitlines() or ["it failed"])[-1]
    text = f"git cannot store a file as .gitattributes asks: {said}"
    return [*problems, Problem(".gitattributes", ProblemKind.NOT_STORABLE, text)]


def _try_add(
    store: Store,
    taking: Taking,
    git: Git,
    left_out: list[str],
    env: dict[str, str] | None = None,
) -> Result:
    sorted_out = sort_out(git, taking.path, left_out)
    specs = sorted_out.pathspecs
    options = ("--pathspec-from-file=-", "--pathspec-file-nul") if specs else ()
    magic = {"GIT_LITERAL_PATHSPECS": "0"} if specs else {}
    answer = git.run("add", "-A", *options, input=specs, env={**(env or {}), **magic}, check=False)
    if answer.status == 0:
        sorted_out.put_back(git, store.entries(taking.base))
    return answer


def _raw_repository(store: Store, taking: Taking) -> Path:
    """A git directory whose own attributes overrule those of the tree; the objects still go to the
    store.
    """
    path = taking.scratch / "raw.git"
    for folder in ("info", "objects", "refs"):
        (path / folder).mkdir(parents=True)
    sha256 = store.object_format == "sha256"
    extension = "[extensions]\n\tobjectFormat = sha256\n" if sha256 else ""
    (path / "config").write_text(
        _RAW_CONFIGURATION.format(version=1 if sha256 else 0, extension=extension)
    )
    (path / "info" / "attributes").write_text(_RAW_ATTRIBUTES)
    (path / "HEAD").write_text("ref: refs/heads/none\n")
    return path


# -- what an edited .gitignore hides


def _hidden(  # noqa: PLR0917  (what a capture knows)
    store: Store,
    taking: Taking,
    git: Git,
    look: _Look,
    changes: Changes,
    exclude: Sequence[str],
) -> list[Problem]:
    """Files that are ignored now but would not be by the rules of the base; they are not in the
    capture.
    """
    entries = store.entries(taking.base)
    edited = {path for path in look.gitignores if path in changes or path not in entries}
    edited |= {
        path
        for path, change in changes.items()
        if path.endswith(".gitignore") and change.new is None
    }
    if not edited:
        return []
    listing = git.run("ls-files", "-z", "--others", "--ignored", "--exclude-standard").stdout
    ours = frozenset(encode(path) for path in (*exclude, *look.caches))
    now = [path for path in listing.split(b"\0") if path and not is_below(path, ours)]
    if not now:
        return []
    rules = taking.scratch / "rules"
    rules.mkdir()
    for path, entry in entries.items():
        if path.rpartition("/")[2] == ".gitignore" and entry.is_file:
            (rules / path).parent.mkdir(parents=True, exist_ok=True)
            (rules / path).write_bytes(store.blob(entry.oid))
    before = Git(store.path, rules, taking.scratch / "no-index")
    known = ignored_of(before, now, "--no-index")
    return _cut(_named([path for path in now if path not in known], edited))


def _named(hidden: list[bytes], edited: set[str]) -> list[Problem]:
    """One warning a file; a folder that hides itself with a .gitignore of its own, as caches do,
    gets one for all.
    """
    itself = {path.removesuffix(".gitignore") for path in edited if encode(path) in set(hidden)} - {
        ""
    }
    found: dict[str, Problem] = {}
    for raw in hidden:
        path = decode(raw)
        named = next((folder for folder in itself if path.startswith(folder)), path)
        text = "ignored since .gitignore was edited, so not captured"
        found.setdefault(
            named, Problem(named, ProblemKind.HIDDEN_BY_GITIGNORE, text, blocking=False)
        )
    return list(found.values())


def _cut(problems: list[Problem]) -> list[Problem]:
    return problems[:_MOST_NAMED]
