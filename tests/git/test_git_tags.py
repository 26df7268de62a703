"""`git describe` in a run's work trees, as at home."""

from __future__ import annotations

from typing import Any

import pytest

from tests.repositories import RealGit


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize("user_deletes", [False, True])
def test_describe_says_what_it_says_at_home(
    user: Any, make_run: Any, private: bool, user_deletes: bool
) -> None:
    user("tag", "-a", "-m", "one", "v1.0")
    user("tag", "light/wéight")
    user.commit({"more": "1"})
    user("tag", "-a", "-m", "aside", "v9.9", user("commit-tree", "-m", "x", "HEAD^{tree}"))
    expected = user("describe")
    assert expected.startswith("v1.0-1-g")
    run = make_run(user, private=private)
    if user_deletes:
        user("tag", "-d", "v1.0")
        user("-c", "gc.reflogExpire=now", "gc", "-q", "--prune=now")
    workspace = run.workspaces.provision("a-1", run.base)
    there = RealGit(workspace.path)
    assert there("describe") == expected
    assert there("tag").splitlines() == ["light/wéight", "v1.0"]  # not v9.9, which is elsewhere
    there("fsck", "--strict")
    there("commit", "-q", "--allow-empty", "-m", "x")
    there("tag", "-a", "-m", "mine", "v2")
    assert there("describe") == "v2"
    assert run.store.tip() == run.base


def test_a_damaged_tag_of_the_user_is_no_obstacle(user: Any, make_run: Any) -> None:
    (user.path / ".git/refs/tags").mkdir(exist_ok=True)
    (user.path / ".git/refs/tags/broken").write_text("1" * 40 + "\n")
    run = make_run(user)
    assert run.git("tag") == ""
    assert run.store.tip() == run.base
