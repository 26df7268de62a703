"""`land --reprove`: the branch moved while the run worked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.helpers import events, git, make_mission, orchestrate

pytestmark = pytest.mark.integration

CHECK = """\
test -s a.txt || exit 1
! test -e forbidden || ! grep -q changed a.txt || exit 1
test ! -e {root}/intruder || sh {root}/intruder
"""


@pytest.fixture
def proven(tmp_path: Path) -> Path:
    """A root with a run in which everything landed; its gate is red where the work meets a file
    `forbidden`, and runs the script `intruder` of the root if there is one.
    """
    mission = make_mission(tmp_path)
    (tmp_path / "check.sh").write_text(CHECK.format(root=tmp_path))
    mission.write_text(
        mission.read_text().replace("[test, -s, a.txt]", f'[sh, "{tmp_path}/check.sh"]')
    )
    orchestrate(tmp_path, "run", mission)
    return tmp_path


def move(root: Path, name: str, text: str) -> str:
    """Somebody commits a file on main; the commit."""
    user = root / "user"
    (user / name).write_text(text)
    git(user, "add", name)
    git(user, "commit", "-q", "-m", f"Write {name}")
    return git(user, "rev-parse", "HEAD")


def test_a_branch_that_moved_is_merged_proven_and_landed(proven: Path) -> None:
    user, theirs = proven / "user", move(proven, "d.txt", "somebody else's\n")
    refused = orchestrate(proven, "land", code=2)
    assert "--reprove" in refused.err, "the command that goes on is named"
    assert git(user, "rev-parse", "main") == theirs
    command = refused.err.partition("`orchestrate ")[2].partition("`")[0].split()
    told = orchestrate(proven, *command)
    assert "proven there" in told.out
    assert "on the candidate" in told.err or "passed" in told.out, "the gate was asked"
    commit, tip = git(user, "rev-parse", "main"), events(proven)[-1]["tip"]
    assert git(user, "rev-parse", "main^1", "main^2").split() == [theirs, tip]
    assert events(proven)[-1]["commit"] == commit
    assert [(user / f"{name}.txt").read_text() for name in "ad"] == [
        "as it was\nchanged\n",
        "somebody else's\n",
    ]
    assert git(user, "status", "--porcelain") == ""
    assert "already" in orchestrate(proven, "land").out, "what is there is not landed again"
    assert "already" in orchestrate(proven, "land", "--reprove").out
    assert git(user, "rev-parse", "main") == commit
    assert "cleaned" in orchestrate(proven, "clean").out, "its work is on a branch of the user's"


def test_what_does_not_pass_on_the_new_tip_does_not_land(proven: Path) -> None:
    """The work passed on its own base; together with what came meanwhile it does not."""
    user, theirs = proven / "user", move(proven, "forbidden", "x\n")
    told = orchestrate(proven, "land", "--reprove", code=1)
    assert "nothing was moved: the gates did not pass" in told.out
    assert "command-1" in told.out, "what was found is told"
    assert (git(user, "rev-parse", "main"), git(user, "status", "--porcelain")) == (theirs, "")
    assert events(proven)[-1]["kind"] == "run_ended"


def test_what_contradicts_does_not_land_and_is_named(proven: Path) -> None:
    user, theirs = proven / "user", move(proven, "a.txt", "rewritten by somebody\n")
    told = orchestrate(proven, "land", "--reprove", code=1)
    assert "conflict: a.txt" in told.out
    assert "nothing was moved" in told.out
    assert (git(user, "rev-parse", "main"), git(user, "status", "--porcelain")) == (theirs, "")


def test_a_branch_that_moves_while_it_is_proven_is_not_overwritten(proven: Path) -> None:
    user = proven / "user"
    move(proven, "d.txt", "somebody else's\n")
    (proven / "intruder").write_text(
        f'rm "{proven}/intruder"\n'
        f"GIT_AUTHOR_NAME=U GIT_AUTHOR_EMAIL=u@example.invalid GIT_COMMITTER_NAME=U "
        f"GIT_COMMITTER_EMAIL=u@example.invalid git -C {user} commit -q --allow-empty -m Later\n"
    )
    done = orchestrate(proven, "land", "--reprove", code=2)
    assert "moved on" in done.err
    assert "Later" in done.err
    assert "--reprove" in done.err
    assert git(user, "log", "-1", "--format=%s", "main") == "Later"
    assert git(user, "status", "--porcelain") == ""
    assert "proven there" in orchestrate(proven, "land", "--reprove").out, "and now it lands"
    assert (user / "a.txt").read_text() == "as it was\nchanged\n"


def test_a_run_whose_batches_have_no_gate_proves_nothing(tmp_path: Path) -> None:
    mission = make_mission(tmp_path)
    text = mission.read_text().replace("    gate: GATE\n", "").replace("    gate: plain\n", "")
    mission.write_text(text)
    orchestrate(tmp_path, "run", mission, code=None)
    theirs = move(tmp_path, "d.txt", "x\n")
    done = orchestrate(tmp_path, "land", "--reprove", "--partial", code=2)
    assert "nothing can be proven" in done.err
    assert git(tmp_path / "user", "rev-parse", "main") == theirs
