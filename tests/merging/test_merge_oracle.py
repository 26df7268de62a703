"""Integration against its oracle: real ``git merge`` of the agents, one after the other, in a real
work tree.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.git.repository import Repository
from orchestrator.git.store import Store
from orchestrator.merging.contribution import Contribution, Integration
from orchestrator.merging.integrate import integrate

File = tuple[str, bytes]
Model = dict[str, File]

WHEN = 1_750_000_000
FOLDERS = ("", "d/", "e/", "d/sub/", "f/g/", "x.txt/")
NAMES = ("x.txt", "y.txt", "z", "q q\n\"'é", "d", "-n")
PATHS = tuple(folder + name for folder in FOLDERS for name in NAMES)


def body(seed: int, edits: Sequence[int] = ()) -> bytes:
    """Twelve lines that are the seed's own, some edited; similar enough to be recognised after a
    rename.
    """
    lines = [f"line {number} of file {seed}" for number in range(12)]
    for edit in edits:
        lines[edit % 12] += f" edited {edit}"
    return "".join(f"{line}\n" for line in lines).encode()


contents = st.one_of(
    st.tuples(st.integers(0, 5), st.lists(st.integers(0, 30), max_size=2)).map(
        lambda pair: body(*pair)
    ),
    st.just(b""),
    st.integers(0, 2).map(lambda number: b"\0binary %d\n" % number * 20),
)
files = st.one_of(
    st.tuples(st.just("100644"), contents),
    st.tuples(st.sampled_from(["100644", "100755"]), contents),
    st.tuples(st.just("120000"), st.sampled_from([b"x.txt", b"d/y.txt"])),
)
models = st.dictionaries(st.sampled_from(PATHS), files, min_size=2, max_size=10)
ops = st.one_of(
    st.tuples(st.just("edit"), st.integers(0, 20), st.integers(0, 30)),
    st.tuples(st.just("edit"), st.integers(0, 20), st.integers(0, 30)),
    st.tuples(st.just("insert"), st.integers(0, 20), st.integers(0, 30)),
    st.tuples(st.just("cut"), st.integers(0, 20), st.integers(0, 30)),
    st.tuples(st.just("put"), st.sampled_from(PATHS), files),
    st.tuples(st.just("delete"), st.integers(0, 20), st.none()),
    st.tuples(st.just("rename"), st.integers(0, 20), st.sampled_from(PATHS)),
    st.tuples(
        st.just("folder"),
        st.sampled_from(FOLDERS[1:]),
        st.sampled_from((*FOLDERS, "new/", "d/new/")),
    ),
    st.tuples(st.just("mode"), st.integers(0, 20), st.none()),
)
changes = st.lists(ops, min_size=1, max_size=4)
agents = st.lists(st.tuples(changes, st.booleans()), min_size=2, max_size=5)


def put(model: Model, path: str, file: File) -> None:
    """Put a file, and away with what it cannot stand beside."""
    for other in list(model):
        if other.startswith(f"{path}/") or path.startswith(f"{other}/"):
            del model[other]
    model[path] = file


def reworked(content: bytes, verb: str, number: int) -> bytes:
    """The file with a line changed, put in (there may be one like it elsewhere) or taken out; its
    end may be bare.
    """
    lines = content.split(b"\n")
    at = number % max(1, len(lines) - 1)
    if verb == "edit":
        lines[at] += b" changed %d" % number
    elif verb == "insert":
        lines.insert(at, b"line like others" if number % 3 else b"line %d" % number)
    else:
        del lines[at]
        if number % 7 == 0 and lines and not lines[-1]:
            lines.pop()
    return b"\n".join(lines)


def apply(model: Model, todo: Sequence[tuple[str, Any, Any]]) -> Model:
    """The model after some operations."""
    new = dict(model)
    for verb, one, two in todo:
        if verb == "put":
            put(new, one, two)
            continue
        if verb == "folder":
            moved = {path: new.pop(path) for path in list(new) if path.startswith(one)}
            for path, file in moved.items():
                put(new, two + path.removeprefix(one), file)
            continue
        if not new:
            continue
        path = sorted(new)[one % len(new)]
        mode, content = new[path]
        if verb in {"edit", "insert", "cut"}:
            if mode != "120000" and content.startswith(b"line"):
                new[path] = (mode, reworked(content, verb, two))
        elif verb == "delete":
            del new[path]
        elif verb == "rename":
            del new[path]
            put(new, two, (mode, content))
        elif verb == "mode" and mode != "120000":
            new[path] = ("100755" if mode == "100644" else "100644", content)
    return new


@dataclass
class Arena:
    """One repository for all examples, and a store that borrows from it."""

    git: Any
    store: Store
    marks: Any

    def commit(self, model: Model, parent: str | None) -> str:
        ref = (
            f"refs/test/{next(self.marks)}"  # in the message too: no two agents hand in one commit
        )
        header = b"commit %s\ncommitter C <c@example.org> %d +0000\ndata %d\n%s\n"
        lines = [header % (ref.encode(), WHEN, len(ref), ref.encode())]
        if parent:
            lines.append(b"from %s\n" % parent.encode())
        lines.append(b"deleteall\n")
        for path, (mode, content) in sorted(model.items()):
            name = (
                path.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
            )
            lines.append(
                b'M %s inline "%s"\ndata %d\n%s\n' % (mode.encode(), name, len(content), content)
            )
        self.git("fast-import", "--quiet", stdin=b"".join(lines))
        return str(self.git("rev-parse", ref))

    def merge_one_by_one(self, tip: str, work: Sequence[Contribution]) -> tuple[str, list[str]]:
        """The oracle: the tree and the agents that git could merge."""
        self.git("checkout", "-q", "-f", "--detach", tip)
        self.git("clean", "-q", "-ffdx")
        merged = []
        for one in work:
            done = self.git.raw(
                "merge", "-q", "--no-edit", "--no-ff", "-m", one.agent, one.commit, check=False
            )
            if done.returncode == 0:
                merged.append(one.agent)
            else:
                assert b"CONFLICT" in done.stdout, done
                self.git("reset", "-q", "--hard")
                self.git("clean", "-q", "-ffdx")
        return str(self.git("rev-parse", "HEAD^{tree}")), merged


@pytest.fixture
def arena(make_repo: Any, tmp_path: Path) -> Any:
    git = make_repo({"first": "first\n"})
    repository = Repository.discover(git.path)
    store = Store.create(
        tmp_path / "arena" / "store.git", repository, repository.resolve("HEAD"), "arena"
    )
    yield Arena(git, store, itertools.count())
    store.close()


def check(
    arena: Arena, model: Model, drift: Sequence[Any], plans: Sequence[tuple[Any, bool]]
) -> Integration:
    old = arena.commit(model, None)
    moved = apply(model, drift)
    tip = arena.commit(moved, old) if drift else old
    work = []
    for number, (todo, on_old) in enumerate(plans):
        base, start = (old, model) if on_old else (tip, moved)
        work.append(Contribution(f"agent-{number}", base, arena.commit(apply(start, todo), base)))
    tree, merged = arena.merge_one_by_one(tip, work)
    answer = integrate(arena.store, tip, work, message="candidate\n", when=WHEN)
    assert list(answer.merged) == merged, answer.conflicts
    assert answer.tree == tree
    left_out = {conflict.agent for conflict in answer.conflicts}
    assert left_out == {one.agent for one in work} - set(merged)
    for conflict in answer.conflicts:
        assert conflict.path
        assert conflict.others
        assert conflict.agent not in conflict.others
    if merged:
        assert answer.commit is not None
        assert arena.store.tree_of(answer.commit) == tree
        assert arena.store.parents(answer.commit)[0] == tip
    else:
        assert answer.commit is None
    return answer


relaxed = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "derandomize": True,
    "database": None,
}


@settings(max_examples=60, **relaxed)
@given(model=models, drift=st.one_of(st.just([]), changes), plans=agents)
def test_same_as_git_merge_one_by_one(arena: Arena, model: Model, drift: Any, plans: Any) -> None:
    check(arena, model, drift, plans)


@pytest.mark.slow
@settings(max_examples=200, **relaxed)
@given(model=models, drift=st.one_of(st.just([]), changes), plans=agents)
def test_same_as_git_merge_one_by_one_at_length(
    arena: Arena, model: Model, drift: Any, plans: Any
) -> None:
    check(arena, model, drift, plans)


moves = st.lists(
    st.one_of(
        st.tuples(
            st.just("folder"),
            st.sampled_from(FOLDERS[1:]),
            st.sampled_from((*FOLDERS, "new/", "d/new/")),
        ),
        st.tuples(st.just("rename"), st.integers(0, 20), st.sampled_from(PATHS)),
        st.tuples(st.just("put"), st.sampled_from(PATHS), files),
    ),
    min_size=1,
    max_size=3,
)


@pytest.mark.slow
@settings(max_examples=60, **relaxed)
@given(
    model=models,
    drift=st.one_of(st.just([]), moves),
    plans=st.lists(st.tuples(moves, st.booleans()), min_size=2, max_size=4),
)
def test_same_as_git_where_everything_moves(
    arena: Arena, model: Model, drift: Any, plans: Any
) -> None:
    check(arena, model, drift, plans)


@pytest.mark.slow
@settings(max_examples=200, **relaxed)
@given(
    model=models,
    drift=st.one_of(st.just([]), moves),
    plans=st.lists(st.tuples(moves, st.booleans()), min_size=2, max_size=4),
)
def test_same_as_git_where_everything_moves_at_length(
    arena: Arena, model: Model, drift: Any, plans: Any
) -> None:
    check(arena, model, drift, plans)
