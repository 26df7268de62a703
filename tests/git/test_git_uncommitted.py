"""What is not committed, taken without a trace; commits that differ from others in a few contents;
common history.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import UsageError
from orchestrator.git.repository import Repository
from orchestrator.git.uncommitted import commit_uncommitted, count_uncommitted


def everything(path: Path) -> dict[str, bytes]:
    return {
        str(p): p.read_bytes()
        for p in sorted(path.rglob("*"))
        if p.is_file() and not p.is_symlink()
    }


def test_all_that_stands_there_is_taken_and_nothing_is_touched(user: Any, run: Any) -> None:
    user("config", "filter.loud.clean", "tr a-z A-Z")
    (user.path / ".git" / "info" / "attributes").write_text("loud.txt filter=loud\n")
    (user.path / ".git" / "info" / "exclude").write_text("secret\n")
    (user.path / ".gitignore").write_text("*.log\n")
    (user.path / "a.txt").write_text("staged\n")
    user("add", "a.txt")
    (user.path / "a.txt").write_text("and changed again\n")
    (user.path / "src" / "b.py").unlink()
    (user.path / "new \n name").write_bytes(b"\0new")
    (user.path / "loud.txt").write_text("quiet\n")
    for ignored in ("secret", "x.log"):
        (user.path / ignored).write_text("ignored\n")
    (user.path / "run.sh").write_text("#!/bin/sh\n")
    (user.path / "run.sh").chmod(0o755)
    (user.path / "link").symlink_to("a.txt")
    before = everything(user.path)
    repository = Repository.discover(user.path)
    assert count_uncommitted(repository) == 7
    commit = commit_uncommitted(repository, run.store)
    assert everything(user.path) == before
    store = run.store
    assert store.parents(commit) == (run.base,)
    assert set(store.paths(commit)) == {
        *(".gitignore", "a.txt", "src/deep/c.py", "new \n name", "loud.txt", "run.sh", "link")
    }
    assert store.read(commit, "a.txt") == b"and changed again\n"
    assert store.read(commit, "loud.txt") == b"QUIET\n", "as the user's own git would commit it"
    assert store.entries(commit)["run.sh"].mode == "100755"
    assert store.fsck() == []
    assert not user("cat-file", "-t", commit, check=False), "the commit is the store's alone"
    assert not (store.private / "uncommitted.index").exists()


def test_a_clean_checkout_is_its_commit(user: Any, run: Any) -> None:
    repository = Repository.discover(user.path)
    assert count_uncommitted(repository) == 0
    assert commit_uncommitted(repository, run.store) == run.base


def test_what_a_sparse_checkout_leaves_out_is_not_taken_for_removed(user: Any, run: Any) -> None:
    user("sparse-checkout", "set", "--no-cone", "/a.txt")
    assert not (user.path / "src").exists()
    (user.path / "a.txt").write_text("changed\n")
    repository = Repository.discover(user.path)
    commit = commit_uncommitted(repository, run.store)
    assert set(run.store.paths(commit)) == {"a.txt", "src/b.py", "src/deep/c.py"}


def test_a_checkout_without_an_index_and_one_in_a_conflict(user: Any, run: Any) -> None:
    (user.path / ".git" / "index").unlink()
    (user.path / "a.txt").write_text("changed\n")
    repository = Repository.discover(user.path)
    assert run.store.read(commit_uncommitted(repository, run.store), "a.txt") == b"changed\n"
    user("add", "-A")
    user("commit", "-q", "-m", "ours")
    user("checkout", "-q", "-b", "other", "HEAD~1")
    user.commit({"a.txt": "theirs\n"})
    user("merge", "main", check=False)
    commit = commit_uncommitted(repository, run.store)
    assert b"<<<<<<<" in (run.store.read(commit, "a.txt") or b"")


def test_a_bare_repository_has_nothing_uncommitted(user: Any, run: Any, tmp_path: Path) -> None:
    user("clone", "-q", "--bare", ".", str(tmp_path / "bare"))
    bare = Repository.discover(tmp_path / "bare")
    assert count_uncommitted(bare) == 0
    with pytest.raises(UsageError, match="no work tree"):
        commit_uncommitted(bare, run.store)


@pytest.mark.parametrize("number", [1, 40])
def test_other_contents_give_the_same_commit_for_the_same(run: Any, number: int) -> None:
    names = [f"folder/{n}.txt" for n in range(number)]
    commit = run.work(dict.fromkeys(names, "as it was\n"))
    contents = {name: f"{name} is new\n".encode() for name in names}
    made = run.store.with_contents(commit, contents)
    assert made == run.store.with_contents(commit, contents)
    assert set(run.store.changes(commit, made)) == set(names)
    assert run.store.read(made, names[-1]) == contents[names[-1]]
    assert run.store.parents(made) == (commit,)
    fewer = run.store.with_contents(commit, {names[0]: None, "other/x.txt": b"x"})
    assert set(run.store.changes(commit, fewer)) == {names[0], "other/x.txt"}
    assert run.store.read(fewer, names[0]) is None
    assert run.store.fsck() == []


def test_the_newest_common_commit(user: Any) -> None:
    begin = user("rev-parse", "HEAD")
    user("checkout", "-q", "-b", "side")
    side = user.commit({"x": "x"})
    user("checkout", "-q", "main")
    main = user.commit({"y": "y"})
    user("checkout", "-q", "--orphan", "alone")
    alone = user.commit({"z": "z"})
    repository = Repository.discover(user.path)
    assert repository.merge_base(side, main) == begin
    assert repository.merge_base(side, begin) == begin
    assert repository.merge_base(side, alone) is None
