"""`land`, `clean` and `record`, on real runs over a user's real repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.journal.lock import owned
from tests.cli.helpers import MISSIONS, events, git, make_mission, orchestrate, runs

pytestmark = pytest.mark.integration


def heads(root: Path) -> str:
    return git(root / "user", "for-each-ref", "refs/heads")


def tip_of(root: Path) -> str:
    """The commit of the newest landing in the run."""
    return [event["commit"] for event in events(root) if event["kind"] == "batch_landed"][-1]


def test_a_run_leaves_the_user_alone_and_land_brings_the_tested_commit(landed: Path) -> None:
    user = landed / "user"
    assert git(user, "rev-list", "--count", "main") == "1"
    assert git(user, "status", "--porcelain") == ""
    tip = tip_of(landed)
    told = orchestrate(landed, "land").out
    assert tip[:12] in told
    assert git(user, "rev-parse", "main") == tip
    assert git(user, "status", "--porcelain") == "", (
        "the work tree that is checked out was brought forward"
    )
    assert {(user / f"{name}.txt").read_text() for name in "abc"} == {"as it was\nchanged\n"}
    assert events(landed)[-1]["kind"] == "target_landed"
    orchestrate(landed, "land")
    assert git(user, "rev-parse", "main") == tip, "landing what has landed changes nothing"


def test_landing_over_somebodys_changes_is_refused(landed: Path) -> None:
    user, before = landed / "user", heads(landed)
    (user / "a.txt").write_text("precious\n")
    done = orchestrate(landed, "land", code=None)
    assert done.code in {2, 4}
    assert "a.txt" in done.err
    assert heads(landed) == before
    assert (user / "a.txt").read_text() == "precious\n"
    git(user, "checkout", "-q", "a.txt")
    orchestrate(landed, "land")
    assert git(user, "status", "--porcelain") == ""


@pytest.mark.slow
def test_changes_that_are_not_in_the_way_are_kept(landed: Path) -> None:
    user = landed / "user"
    (user / "notes.txt").write_text("untracked\n")
    orchestrate(landed, "land")
    assert git(user, "status", "--porcelain") == "?? notes.txt"


def test_an_untracked_file_in_the_way_is_not_overwritten(tmp_path: Path) -> None:
    mission = make_mission(tmp_path)
    (tmp_path / "a.sh").write_text("echo changed >> a.txt; echo new > new.txt\n")
    mission.write_text(mission.read_text().replace("files: [a.txt]", "files: [a.txt, new.txt]"))
    orchestrate(tmp_path, "run", mission)
    (tmp_path / "user" / "new.txt").write_text("precious\n")
    before = heads(tmp_path)
    done = orchestrate(tmp_path, "land", code=None)
    assert done.code in {2, 4}
    assert "new.txt" in done.err
    assert (heads(tmp_path), (tmp_path / "user" / "new.txt").read_text()) == (before, "precious\n")


def test_a_base_that_moved_is_explained(landed: Path) -> None:
    user = landed / "user"
    (user / "a.txt").write_text("somebody was quicker\n")
    git(user, "commit", "-q", "-am", "Be quicker")
    before = heads(landed)
    done = orchestrate(landed, "land", code=None)
    assert done.code in {1, 2, 4}
    assert "moved on since the run started, by 1 commit" in done.err
    assert "Be quicker" in done.err
    assert "Both changed a.txt" in done.err
    assert heads(landed) == before
    orchestrate(landed, "land", "--branch", "repair/small")
    assert "refs/heads/repair/small" in heads(landed)
    assert git(user, "rev-parse", "repair/small") == tip_of(landed)


@pytest.mark.slow
def test_a_name_that_no_branch_can_have(landed: Path) -> None:
    done = orchestrate(landed, "land", "--branch=--force", code=None)
    assert done.code in {2, 4}
    assert "branch" in done.err


def test_run_with_land(tmp_path: Path) -> None:
    orchestrate(tmp_path, "run", make_mission(tmp_path), "--land")
    assert git(tmp_path / "user", "rev-parse", "main") == tip_of(tmp_path)
    assert git(tmp_path / "user", "status", "--porcelain") == ""


@pytest.mark.slow
def test_what_is_proven_can_be_landed_in_part(tmp_path: Path) -> None:
    mission = make_mission(tmp_path)
    (tmp_path / "b.sh").write_text("exit 1\n")
    orchestrate(tmp_path, "run", mission, "--land", code=1)
    assert git(tmp_path / "user", "rev-list", "--count", "main") == "1", (
        "--land is for what is whole"
    )
    orchestrate(tmp_path, "land", code=2)
    orchestrate(tmp_path, "land", "--partial")
    assert (tmp_path / "user" / "a.txt").read_text() == "as it was\nchanged\n"
    assert (tmp_path / "user" / "b.txt").read_text() == "as it was\n"


def test_clean_after_landing_leaves_nothing_but_the_report(landed: Path) -> None:
    run = runs(landed)[0]
    assert git(landed / "user", "for-each-ref", "refs/orchestrate") != "", "the one ref of a run"
    assert "not landed on a branch of yours" in orchestrate(landed, "clean", code=2).err
    assert (landed / "workspaces" / run).is_dir()
    orchestrate(landed, "land")
    assert "cleaned" in orchestrate(landed, "clean").out
    assert not (landed / "workspaces" / run).exists()
    assert git(landed / "user", "for-each-ref", "refs/orchestrate") == ""
    git(landed / "user", "fsck", "--strict")
    assert "already clean" in orchestrate(landed, "clean").out
    assert (landed / "reports" / run / "report.md").is_file()
    orchestrate(landed, "status")
    assert "did a" in orchestrate(landed, "logs", run, "a").out
    for verb in (["diff"], ["resume", run, "--agent", "a"], ["record", run, "rec"]):
        done = orchestrate(landed, *verb, code=None)
        assert done.code in {0, 2, 4}, done
        assert "fault" not in done.err


def test_work_that_is_not_landed_can_be_salvaged_as_a_bundle(landed: Path) -> None:
    run = runs(landed)[0]
    tip = tip_of(landed)
    told = orchestrate(landed, "clean", run, "--salvage").out
    bundle = landed / "reports" / run / "work.bundle"
    assert str(bundle) in told
    assert not (landed / "workspaces" / run).exists()
    git(
        landed / "user",
        "fetch",
        "-q",
        str(bundle),
        f"refs/heads/orchestrate/{run}:refs/heads/salvaged",
    )
    assert git(landed / "user", "rev-parse", "salvaged") == tip
    refs = git(landed / "user", "bundle", "list-heads", str(bundle))
    assert f"refs/orchestrate/{run}/a/1" in refs, "each agent's work too"


def test_work_that_is_not_landed_can_be_given_up(landed: Path) -> None:
    orchestrate(landed, "clean", "--discard")
    assert not (landed / "workspaces" / runs(landed)[0]).exists()
    assert not list((landed / "reports").glob("*/*.bundle"))
    assert git(landed / "user", "rev-list", "--count", "main") == "1"


@pytest.mark.slow
def test_clean_says_what_it_would_do_and_does_it_only_then(tmp_path: Path) -> None:
    orchestrate(tmp_path, "run", make_mission(tmp_path))
    run = runs(tmp_path)[0]
    workspaces = (tmp_path / "workspaces" / run).resolve()
    told = orchestrate(tmp_path, "clean", "--dry-run").out
    assert f"{run}: would be refused: it has work that is proven but not landed" in told
    told = orchestrate(tmp_path, "clean", "--dry-run", "--salvage").out
    assert "would remove" in told
    assert "after its work is kept as a bundle" in told
    assert workspaces.is_dir()
    orchestrate(tmp_path, "clean", "--discard")
    assert not workspaces.exists()
    assert orchestrate(tmp_path, "clean", "--dry-run", run).out == f"{run}: already clean\n"


def test_clean_takes_snapshots_on_which_nothing_was_landed(tmp_path: Path) -> None:
    orchestrate(tmp_path, "run", MISSIONS / "hello.yaml")
    orchestrate(tmp_path, "clean", "--discard")
    assert not (tmp_path / "workspaces" / "snapshots" / "hello").exists()
    orchestrate(tmp_path, "run", MISSIONS / "hello.yaml")
    orchestrate(tmp_path, "land")
    orchestrate(tmp_path, "clean")
    hello = tmp_path / "workspaces" / "snapshots" / "hello"
    assert "nobody to greet" in (hello / "hello.py").read_text(), "what was landed is the user's"


@pytest.mark.slow
def test_a_recording_of_a_run_replays_to_the_same_tree(landed: Path) -> None:
    orchestrate(landed, "record", runs(landed)[0], "rec")
    replay = landed / "replay.yaml"
    text = (landed / "small.yaml").read_text().replace("name: small", "name: replay")
    line = next(line for line in text.splitlines() if "script: {command" in line)
    replay.write_text(text.replace(line, "  script: {dir: rec}"))
    told = orchestrate(landed, "run", replay).out
    assert "replay" in told
    trees = [
        git(
            landed / "workspaces" / run / "store.git",
            "rev-parse",
            f"refs/heads/orchestrate/{run}^{{tree}}",
        )
        for run in runs(landed)
    ]
    assert len(set(trees)) == 1


def test_two_at_one_run(landed: Path) -> None:
    """Whoever holds the run keeps all others out, and says so."""
    folder = landed / "reports" / runs(landed)[0]
    with owned(folder, "the run", "wait"):
        for verb in (["resume", folder.name, "--agent", "a"], ["land"], ["clean"]):
            done = orchestrate(landed, *verb, code=4)
            assert "already being worked on by another process" in done.err
        orchestrate(landed, "status")
        orchestrate(landed, "report")
