"""Branches of a user's repository, merged without any run: by example, on real repositories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import UsageError
from orchestrator.git.repository import Repository
from orchestrator.git.values import LandingRefused
from orchestrator.merging.branches import BranchMerge, Fate, merge_branches

SHELF = "class Shelf:\n    def put(self, thing):\n        self.things.append(thing)\n"
COUNT = "\n    def count(self):\n        return len(self.things)\n"
CLEAR = "\n    def clear(self):\n        self.things.clear()\n"


@pytest.fixture
def user(make_repo: Any) -> Any:
    return make_repo({"shelf.py": SHELF, "a.txt": "a\n", "b.txt": "b\n"})


def branch(user: Any, name: str, tree: Any, start: str = "main") -> str:
    user("checkout", "-q", "-b", name, start)
    commit = user.commit(tree, name)
    user("checkout", "-q", "main")
    return str(commit)


def merge(user: Any, base: str, *sides: str, **options: Any) -> BranchMerge:
    return merge_branches(Repository.discover(user.path), base, sides, **options)


def fates(done: BranchMerge) -> dict[str, str]:
    return {side.name: str(side.fate) for side in done.sides}


def state_of(user: Any) -> str:
    """Every ref and object of the repository, and what its checkout looks like."""
    objects = user("cat-file", "--batch-all-objects", "--batch-check")
    return f"{user('for-each-ref')}\n{objects}\n{user('status', '--porcelain')}\n{user('rev-parse', 'HEAD')}"


def test_branches_are_merged_and_nothing_is_written(user: Any) -> None:
    branch(user, "count", {"shelf.py": SHELF + COUNT})
    branch(user, "clear", {"shelf.py": SHELF + CLEAR, "a.txt": "A\n"})
    before = state_of(user)
    done = merge(user, "main", "count", "clear")
    assert fates(done) == {"count": "merged", "clear": "merged"}
    assert [(side.files, side.shared) for side in done.sides] == [(1, 1), (2, 1)]
    assert done.is_clean
    assert state_of(user) == before
    assert merge(user, "main", "count", "clear").result == done.result


def test_a_branch_gets_the_result(user: Any) -> None:
    sides = [
        branch(user, "count", {"shelf.py": SHELF + COUNT}),
        branch(user, "clear", {"shelf.py": SHELF + CLEAR}),
    ]
    main = user("rev-parse", "main")
    done = merge(user, "main", "count", "clear", into="both")
    assert done.landed is not None
    assert done.result.commit == user("rev-parse", "both")
    assert user("rev-parse", "both^@").split() == [main, *sides]
    text = user("show", "both:shelf.py")
    assert "def count" in text
    assert "def clear" in text
    assert user("log", "-1", "--format=%s", "both") == "Merge count and clear into main"
    assert user("rev-parse", "main") == main
    assert user("status", "--porcelain") == ""
    assert user("fsck", "--strict") == ""
    assert merge(user, "main", "count", "clear", into="both").result == done.result  # asked again


def test_a_branch_at_the_base_moves_on(user: Any) -> None:
    branch(user, "one", {"a.txt": "1\n"})
    branch(user, "two", {"b.txt": "2\n"})
    user("branch", "next", "main")
    done = merge(user, "main", "one", "two", into="next")
    assert done.landed is not None
    assert done.landed.before == user("rev-parse", "main")
    assert user("rev-parse", "next") == done.result.commit


def test_a_conflict_keeps_the_branch_from_being_written(user: Any) -> None:
    branch(user, "insert", {"shelf.py": SHELF.replace("append(", "insert(0, ")})
    branch(
        user,
        "extend",
        {"shelf.py": SHELF.replace("append(thing)", "extend([thing])"), "a.txt": "A\n"},
    )
    done = merge(user, "main", "insert", "extend", into="both")
    assert fates(done) == {"insert": "merged", "extend": "conflicted"}
    [conflict] = done.result.conflicts
    assert (conflict.path, conflict.symbol, conflict.others) == (
        "shelf.py",
        "Shelf.put",
        ("insert",),
    )
    assert done.landed is None
    assert "both" not in user("branch", "--format=%(refname:short)").split()
    partial = merge(user, "main", "insert", "extend", into="both", partial=True)
    assert partial.landed is not None
    assert user("rev-parse", "both^@").split() == [
        user("rev-parse", "main"),
        user("rev-parse", "insert"),
    ]
    assert user("log", "-1", "--format=%s", "both") == "Merge insert into main"
    assert user("show", "both:a.txt") == "a"


@pytest.mark.parametrize(
    ("first", "second"), [("left", "right"), ("right", "left"), ("both", "left")]
)
def test_branches_may_be_called_as_the_merger_calls_its_sides(
    user: Any, first: str, second: str
) -> None:
    branch(user, first, {"b.txt": "1\n"})
    branch(user, second, {"b.txt": "2\n"})
    [conflict] = merge(user, "main", first, second).result.conflicts
    assert conflict.text == f"{first} and {second} both changed the same lines"


def test_the_base_moved_on_since_a_branch_was_made(user: Any) -> None:
    start = user("rev-parse", "main")
    branch(user, "early", {"a.txt": "early\n"})
    user.commit({"b.txt": "main went on\n", "c.txt": "c\n"}, "on")
    branch(user, "late", {"c.txt": "late\n"})
    done = merge(user, "main", "early", "late", into="all")
    assert [side.since for side in done.sides] == [start, user("rev-parse", "main")]
    shown = [user("show", f"all:{name}.txt") for name in "abc"]
    assert shown == ["early", "main went on", "late"]


def test_one_branch_is_merged_with_what_the_base_got_since(user: Any) -> None:
    branch(user, "early", {"a.txt": "early\n"})
    user.commit({"a.txt": "main went on\n"}, "on")
    [conflict] = merge(user, "main", "early").result.conflicts
    assert conflict.others == ("main",)
    assert conflict.text == "main and early both changed the same lines"


def test_what_others_contain_is_not_merged_twice(user: Any) -> None:
    branch(user, "one", {"a.txt": "1\n"})
    branch(user, "more", {"a.txt": "1 and more\n"}, "one")
    branch(user, "other", {"b.txt": "2\n"})
    user("branch", "same", "other")
    user("branch", "old", "main")
    done = merge(user, "main", "one", "more", "other", "same", "old", into="all")
    assert {side.name: side.within for side in done.sides if side.fate is Fate.CONTAINED} == {
        "one": "more",
        "same": "other",
        "old": "main",
    }
    assert user("rev-parse", "all^@").split() == [
        user("rev-parse", name) for name in ("main", "more", "other")
    ]
    assert user("show", "all:a.txt") == "1 and more"


def test_nothing_new(user: Any) -> None:
    user("branch", "old", "main")
    user("branch", "older", "main")
    done = merge(user, "main", "old", "older", into="x")
    assert (done.result.commit, done.landed, done.is_clean) == (None, None, True)


def cross(user: Any) -> None:
    """Two branches, each merged into the other at once."""
    branch(user, "one", {"a.txt": "1\n"})
    branch(user, "two", {"b.txt": "2\n"})
    for name, other in (("x", "two"), ("y", "one")):
        user("checkout", "-q", "-b", name, "one" if name == "x" else "two")
        user("merge", "-q", "--no-edit", other)
    user("checkout", "-q", "main")


def test_one_side_and_histories_that_cross(user: Any) -> None:
    cross(user)
    alone = merge(user, "main", "one", into="alone-result")
    assert fates(alone) == {"one": "merged"}
    assert user("show", "alone-result:a.txt") == "1"
    for name, path in (("x", "c.txt"), ("y", "d.txt")):
        user("checkout", "-q", name)
        user.commit({path: f"{name}\n", "shelf.py": SHELF + (COUNT if name == "x" else CLEAR)})
    user("checkout", "-q", "main")
    done = merge(user, "x", "one", "y", into="crossed")
    assert fates(done) == {"one": "contained", "y": "merged"}
    shown = [user("show", f"crossed:{name}.txt") for name in "abcd"]
    assert shown == ["1", "2", "x", "y"]
    assert "def count" in user("show", "crossed:shelf.py")
    assert "def clear" in user("show", "crossed:shelf.py")
    assert user("rev-parse", "crossed^@").split() == [
        user("rev-parse", name) for name in ("x", "y")
    ]


def test_bases_that_do_not_agree_are_merged_as_git_does(user: Any) -> None:
    branch(user, "one", {"a.txt": "1\n"})
    branch(user, "two", {"a.txt": "2\n"})
    for name, start, other in (("x", "one", "two"), ("y", "two", "one")):
        user("checkout", "-q", "-b", name, start)
        user("merge", "-q", "-s", "ours", "--no-edit", other)
        user.commit({"a.txt": "settled\n", f"{name}.txt": "new\n"}, name)
    user("checkout", "-q", "main")
    merge(user, "x", "y", into="crossed")
    assert user("show", "crossed:a.txt") == "settled"
    assert user("show", "crossed:y.txt") == "new"


@pytest.mark.parametrize("is_moved", [False, True], ids=["still", "moved"])
def test_what_two_sides_were_built_on_is_merged_once(user: Any, *, is_moved: bool) -> None:
    branch(user, "first", {"p.txt": "1\n2\n3\n"})
    branch(user, "prepared", {"p.txt": "1\n2\n3\n4\n5\n", "b.txt": "prepared\n"}, "first")
    branch(user, "one", {"p.txt": "one\n2\n3\n4\n5\n", "b.txt": "one\n"}, "prepared")
    branch(user, "two", {"p.txt": "1\n2\n3\n4\ntwo\n"}, "prepared")
    if is_moved:
        user.commit({"c.txt": "main went on\n"}, "on")
    done = merge(user, "main", "one", "two", into="both")
    assert fates(done) == {"one": "merged", "two": "merged"}
    assert user("show", "both:p.txt").split() == ["one", "2", "3", "4", "two"]
    assert user("show", "both:b.txt") == "one"
    assert [side.since for side in done.sides][1] == user("rev-parse", "prepared")
    stacked = merge(user, "main", "prepared", "one", "two")
    assert fates(stacked) == {"prepared": "contained", "one": "merged", "two": "merged"}
    assert stacked.result.tree == done.result.tree


def test_who_is_left_out_takes_nothing_along_that_another_was_built_on(user: Any) -> None:
    branch(user, "prepared", {"p.txt": "p\n"})
    branch(user, "one", {"a.txt": "one\n", "p.txt": "p of one\n"}, "prepared")
    branch(user, "two", {"b.txt": "two\n"}, "prepared")
    user.commit({"a.txt": "main went on\n"}, "on")
    done = merge(user, "main", "one", "two", into="some", partial=True)
    assert fates(done) == {"one": "conflicted", "two": "merged"}
    assert [user("show", f"some:{name}.txt") for name in "abp"] == ["main went on", "two", "p"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["main", "one", "one"], "one is named more than once"),
        (["one", "one", "two"], "one is named more than once"),
        (["main", "one", "oen"], "no such branch, tag or commit: oen"),
        (["mian", "one", "two"], "no such branch, tag or commit: mian"),
        (["main", "one", "alone"], "alone and main have no commit in common"),
        (["main", "one", "two:a.txt"], "no such branch, tag or commit: two:a.txt"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_merged(user: Any, asked: list[str], said: str) -> None:
    cross(user)
    user("checkout", "-q", "--orphan", "alone")
    user.commit({"z.txt": "z\n"})
    user("checkout", "-q", "main")
    before = state_of(user)
    with pytest.raises(UsageError, match=said) as error:
        merge(user, *asked, into="new")
    assert error.value.mend
    assert state_of(user) == before


def test_branches_that_cannot_be_written(user: Any, tmp_path: Path) -> None:
    branch(user, "one", {"a.txt": "1\n"})
    branch(user, "two", {"b.txt": "2\n"})
    branch(user, "taken", {"b.txt": "3\n"})
    user("worktree", "add", "-q", str(tmp_path / "tree"), "-b", "elsewhere", "main")
    before = state_of(user)
    for name, said in (
        ("main", "main is checked out"),
        ("elsewhere", "elsewhere is checked out"),
        ("taken", "taken is there already"),
    ):
        with pytest.raises(UsageError, match=said):
            merge(user, "main", "one", "two", into=name)
    for name in ("a..b", "-x", "a b", ""):
        with pytest.raises(LandingRefused, match="cannot be the name of a branch"):
            merge(user, "main", "one", "two", into=name)
    assert state_of(user) == before


def submodule(user: Any, name: str, number: int) -> None:
    """A branch on which the submodule is at another commit, which nobody has here."""
    user("checkout", "-q", "-b", name, "main")
    user("update-index", "--add", "--cacheinfo", f"160000,{number:040x},sub")
    user("commit", "-q", "-m", name)
    user("checkout", "-q", "main")


def test_submodules(user: Any) -> None:
    submodule(user, "start", 1)
    user("merge", "-q", "start")
    for name, number in (("two", 2), ("three", 3), ("two-too", 2)):
        submodule(user, name, number)
    branch(user, "other", {"a.txt": "A\n"})
    done = merge(user, "main", "two", "other", "two-too", "three", into="all", partial=True)
    assert fates(done) == {
        "two": "merged",
        "other": "merged",
        "two-too": "merged",
        "three": "conflicted",
    }
    [conflict] = done.result.conflicts
    assert (conflict.path, str(conflict.kind)) == ("sub", "submodule")
    assert conflict.text == "two, two-too and three do not agree on the commit of the submodule"
    assert user("ls-tree", "all", "sub").split()[:3] == ["160000", "commit", f"{2:040x}"]


def test_a_file_where_another_branch_has_a_folder(user: Any) -> None:
    branch(user, "folder", {"new/x": "x\n"})
    branch(user, "file", {"new": "x\n"})
    for sides in (("folder", "file"), ("file", "folder")):
        done = merge(user, "main", *sides)
        assert [conflict.path for conflict in done.result.conflicts] == ["new"]
        assert done.result.conflicts[0].others == (sides[0],)


def test_what_the_tree_says_of_merging_does_not_decide(user: Any) -> None:
    """Neither the union of all lines nor a driver of somebody's own."""
    user.commit({".gitattributes": "*.txt merge=union\n*.py merge=mine\n"})
    user("config", "merge.mine.driver", "true")
    branch(user, "one", {"a.txt": "1\n", "shelf.py": SHELF.replace("append", "one")})
    branch(user, "two", {"a.txt": "2\n", "shelf.py": SHELF.replace("append", "two")})
    assert {conflict.path for conflict in merge(user, "main", "one", "two").result.conflicts} == {
        "a.txt",
        "shelf.py",
    }
