"""Landing on the user's branch: cleanly, or not at all, and with the reason."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import ExitCode
from orchestrator.git import land as land_module
from orchestrator.git.land import land
from orchestrator.git.values import LandingRefused

FILES = {"a.txt": "landed\n", "new/file": "x\n", "src/deep/c.py": None}


@pytest.fixture
def landing(user: Any, make_run: Any) -> Any:
    """A run with a result to land."""
    run = make_run(user)
    run.result = run.work(FILES)
    return run


def go(run: Any, branch: str = "main", **options: Any) -> Any:
    return land(
        run.repository, run.store, commit=run.result, branch=branch, expected=run.base, **options
    )


def untouched(run: Any) -> None:
    assert run.user("rev-parse", "main") == run.base
    assert (run.user.path / "src/deep/c.py").exists()
    assert not (run.user.path / "new/file").is_file()


def test_a_checked_out_branch_comes_forward(landing: Any) -> None:
    for name in ("post-merge", "post-checkout", "reference-transaction", "post-index-change"):
        hook = landing.user.path / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\ntouch hooked\n")
        hook.chmod(0o755)
    (landing.user.path / "untracked").write_text("mine")
    (landing.user.path / "src/b.py").write_text("my own change\n")
    answer = go(landing)
    assert not (landing.user.path / "hooked").exists()
    shutil.rmtree(landing.user.path / ".git/hooks")
    assert (answer.branch, answer.before, answer.after) == ("main", landing.base, landing.result)
    assert answer.updated_work_tree == landing.user.path
    user = landing.user
    assert user("rev-parse", "main") == landing.result
    assert user("status", "--porcelain") == " M src/b.py\n?? untracked"
    assert (user.path / "a.txt").read_text() == "landed\n"
    assert not (user.path / "src/deep").exists()
    assert user("reflog", "-1", "--format=%gs", "main") == "orchestrate: land run-1"
    assert user("fsck") == ""
    assert go(landing).updated_work_trees == ()


def test_the_objects_are_the_users_own_afterwards(landing: Any) -> None:
    go(landing)
    landing.store.close()
    shutil.rmtree(landing.root)
    assert landing.user("fsck", "--full") == ""
    landing.user("gc", "-q", "--prune=now")
    assert landing.user("show", "main:a.txt") == "landed"


@pytest.mark.parametrize("staged", [False, True])
def test_local_changes_in_the_way_are_named(landing: Any, staged: bool) -> None:
    (landing.user.path / "a.txt").write_text("mine\n")
    if staged:
        landing.user("add", "-A")
    with pytest.raises(LandingRefused, match=r"a\.txt") as caught:
        go(landing)
    assert caught.value.exit_code == ExitCode.USAGE
    assert "stash" in str(caught.value.mend)
    untouched(landing)
    assert (landing.user.path / "a.txt").read_text() == "mine\n"


def test_a_local_deletion_is_in_the_way_unless_it_is_the_same(landing: Any) -> None:
    (landing.user.path / "a.txt").unlink()
    with pytest.raises(LandingRefused, match=r"a\.txt"):
        go(landing)
    landing.user("checkout", "-q", "a.txt")
    (landing.user.path / "src/deep/c.py").unlink()
    go(landing)
    assert landing.user("status", "--porcelain") == ""


@pytest.mark.parametrize("place", ["new/file", "new", "new/file/inside"])
@pytest.mark.parametrize("ignored", [False, True])
def test_untracked_files_in_the_way_are_named(landing: Any, place: str, ignored: bool) -> None:
    if ignored:
        (landing.user.path / ".git/info").mkdir(exist_ok=True)
        (landing.user.path / ".git/info/exclude").write_text("new\n")
    path = landing.user.path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine\n")
    with pytest.raises(LandingRefused, match="new"):
        go(landing)
    assert landing.user("rev-parse", "main") == landing.base
    assert path.read_text() == "mine\n"
    assert (landing.user.path / "a.txt").read_text() == "a\n"


def test_an_interrupted_landing_is_repeated(landing: Any, monkeypatch: Any) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(land_module, "_swap", killed)
        with pytest.raises(Killed):
            go(landing)
    assert landing.user("rev-parse", "main") == landing.base
    go(landing)
    assert landing.user("status", "--porcelain") == ""
    assert landing.user("rev-parse", "main") == landing.result


def test_half_written_files_are_accepted_when_they_hold_the_result(landing: Any) -> None:
    """As after a power cut in the middle of bringing the checkout forward."""
    (landing.user.path / "a.txt").write_text("landed\n")
    (landing.user.path / "new").mkdir()
    (landing.user.path / "new/file").write_text("x\n")
    go(landing)
    assert landing.user("status", "--porcelain") == ""


def test_a_lock_that_was_left_is_named(landing: Any) -> None:
    (landing.user.path / ".git/index.lock").write_text("")
    with pytest.raises(LandingRefused) as caught:
        go(landing)
    assert "index.lock" in str(caught.value.where)
    untouched(landing)


def test_a_branch_that_moved_is_explained(landing: Any) -> None:
    landing.user.commit({"a.txt": "other\n"}, "their change")
    landing.user.commit({"x": "x\n"}, "another one")
    moved = landing.user("rev-parse", "main")
    with pytest.raises(LandingRefused, match="2 commits") as caught:
        go(landing)
    assert "their change" in caught.value.what
    assert "Both changed a.txt" in str(caught.value.mend)
    assert landing.user("rev-parse", "main") == moved


def test_a_branch_that_moved_elsewhere_is_explained(landing: Any) -> None:
    landing.user.commit({"x": "x\n"})
    with pytest.raises(LandingRefused, match="1 commit") as caught:
        go(landing)
    assert "No path was changed by both" in str(caught.value.mend)
    landing.user("checkout", "-q", "--orphan", "fresh")
    landing.user.commit({"y": "y\n"})
    landing.user("branch", "-f", "main", "fresh")
    with pytest.raises(LandingRefused, match="no longer contains"):
        go(landing)


def test_a_branch_that_moves_at_the_last_moment(landing: Any, monkeypatch: Any) -> None:
    original = land_module._swap
    landing.user("branch", "side")
    side = landing.user("commit-tree", "-p", "main", "-m", "side", "main^{tree}")

    def swap(*arguments: Any) -> None:
        landing.user("update-ref", "refs/heads/main", side)
        original(*arguments)

    monkeypatch.setattr(land_module, "_swap", swap)
    with pytest.raises(LandingRefused, match="1 commit"):
        go(landing)
    assert landing.user("rev-parse", "main") == side
    assert landing.user("status", "--porcelain") == ""
    assert (landing.user.path / "a.txt").read_text() == "a\n"


def test_a_new_branch(landing: Any) -> None:
    with pytest.raises(LandingRefused, match="no branch"):
        go(landing, "fixes")
    answer = go(landing, "fixes", create=True)
    assert (answer.before, answer.updated_work_tree) == (None, None)
    assert landing.user("rev-parse", "fixes") == landing.result
    untouched(landing)
    assert landing.user("status", "--porcelain") == ""
    go(landing, "fixes", create=True)


@pytest.mark.parametrize("name", ["-x", "a..b", "x.lock", "a b", "", "@{-1}"])
def test_a_name_that_is_no_branch(landing: Any, name: str) -> None:
    with pytest.raises(LandingRefused):
        go(landing, name, create=True)


def test_a_misspelt_branch(landing: Any) -> None:
    with pytest.raises(LandingRefused) as caught:
        go(landing, "mian")
    assert "Did you mean main?" in str(caught.value.mend)


def test_a_branch_of_a_linked_work_tree(landing: Any, tmp_path: Path) -> None:
    landing.user("worktree", "add", "-q", "-b", "topic", str(tmp_path / "linked"))
    answer = go(landing, "topic")
    assert answer.updated_work_tree == tmp_path / "linked"
    assert (tmp_path / "linked/a.txt").read_text() == "landed\n"
    assert type(landing.user)(tmp_path / "linked")("status", "--porcelain") == ""
    untouched(landing)


def test_from_a_linked_work_tree_to_the_main_one(user: Any, make_run: Any, tmp_path: Path) -> None:
    user("worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    run = make_run(type(user)(tmp_path / "linked"))
    run.result = run.work(FILES)
    assert go(run).updated_work_tree == user.path
    assert user("status", "--porcelain") == ""


def test_a_linked_work_tree_that_is_gone(landing: Any, tmp_path: Path) -> None:
    landing.user("worktree", "add", "-q", "-b", "topic", str(tmp_path / "linked"))
    shutil.rmtree(tmp_path / "linked")
    assert go(landing, "topic").updated_work_tree is None
    assert landing.user("rev-parse", "topic") == landing.result


def test_a_bare_repository(user: Any, make_run: Any, tmp_path: Path) -> None:
    user("clone", "-q", "--bare", str(user.path), str(tmp_path / "bare.git"))
    run = make_run(type(user)(tmp_path / "bare.git"))
    run.result = run.work(FILES)
    assert go(run).updated_work_tree is None
    assert run.user("show", "main:a.txt") == "landed"


def test_a_shallow_clone(user: Any, make_run: Any, tmp_path: Path) -> None:
    for number in range(3):
        user.commit({"x": f"{number}\n"})
    user("clone", "-q", "--depth=1", f"file://{user.path}", str(tmp_path / "shallow"))
    run = make_run(type(user)(tmp_path / "shallow"))
    run.result = run.work(FILES)
    go(run)
    assert run.user("status", "--porcelain") == ""
    assert run.user("fsck") == ""


def test_not_in_the_middle_of_a_merge(landing: Any) -> None:
    user = landing.user
    user("checkout", "-q", "-b", "side")
    user.commit({"src/b.py": "side\n"})
    user("checkout", "-q", "main")
    user("merge", "-q", "--no-ff", "--no-commit", "side")
    with pytest.raises(LandingRefused, match="a merge of main is underway"):
        go(landing)


def test_not_in_the_middle_of_a_rebase(landing: Any) -> None:
    user = landing.user
    user("checkout", "-q", "-b", "topic")
    user("rebase", "-q", "--exec", "false", "--root", check=False)
    with pytest.raises(LandingRefused, match="a rebase of topic is underway"):
        go(landing, "topic")


def test_not_in_the_middle_of_a_bisection(landing: Any) -> None:
    landing.user("bisect", "start")
    with pytest.raises(LandingRefused, match="a bisection of main is underway"):
        go(landing)


def test_the_users_filters_run_on_the_users_files(
    landing: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    """What a pull would write to the checkout, landing writes: line ends by the user's own
    configuration.
    """
    (tmp_path / "home").mkdir()
    (tmp_path / "home/.gitconfig").write_text("[core]\n\tautocrlf = true\n")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    go(landing)
    assert (landing.user.path / "new/file").read_bytes() == b"x\r\n"


def test_what_does_not_descend_from_the_branch_is_refused(landing: Any) -> None:
    landing.result = landing.user("commit-tree", "-m", "root", "main^{tree}")
    with pytest.raises(LandingRefused, match="does not descend"):
        go(landing)
