"""Git of agents, set-ups and gates does not search above what is theirs, wherever that stands."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from orchestrator.isolation.environment import clean_environment


def finds_a_repository(place: Path, env: dict[str, str]) -> bool:
    done = subprocess.run(
        ["git", "rev-parse", "--show-toplevel"],
        cwd=place,
        env=env,
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def test_no_repository_is_found_above_a_home_or_a_work_tree(tmp_path: Path) -> None:
    """As with a run of an earlier version, which stands in the checkout."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    home = tmp_path / "workspaces" / "r" / "homes" / "a-1"
    tree = tmp_path / "workspaces" / "r" / "a-1"
    env = clean_environment(home)
    places = [
        home,
        Path(env["TMPDIR"]) / "pytest-of-me" / "test_0",
        tree / "src",
        tree,
        tree.parent,
    ]
    for place in places:
        place.mkdir(parents=True, exist_ok=True)
        assert finds_a_repository(place, dict(os.environ)), "there is one to be found"
        assert not finds_a_repository(place, env), place


def test_the_repository_of_a_work_tree_is_found_in_it(tmp_path: Path) -> None:
    env = clean_environment(tmp_path / "r" / "homes" / "a-1")
    tree = tmp_path / "r" / "a-1"
    subprocess.run(["git", "init", "-q", tree], check=True)
    (tree / "src" / "deep").mkdir(parents=True)
    assert finds_a_repository(tree / "src" / "deep", env)
