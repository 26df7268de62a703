"""`orchestrate rollback`: what landed later is undone, newest first, and done again by a resume."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.helpers import events, git, make_user, orchestrate, runs

pytestmark = pytest.mark.integration

MISSION = """\
version: 1
name: steps
objective: Three steps, each on the one before.
repository: {path: user}
backends: {script: {command: [sh, "{mission_dir}/{agent}.sh"], brief: none}}
defaults: {isolation: worktree, backend: script, attempts: 1, timeout: 1m}
gates: {plain: {checks: [{command: [test, -s, a.txt]}], env: {PLACE: staging}}}
batches:
"""


def step(name: str, needs: str = "") -> str:
    said = f'"$ORCHESTRATE_BATCH $PLACE $(tail -n1 {name}.txt)" >> "$PLACE_LOG"'
    undo = f"shell: 'echo {said}; test ! -e \"$PLACE_LOG.no-{name}\"'"
    return (
        f"  - id: s{name}\n    gate: plain\n    rollback: {{{undo}}}\n"
        + (f"    needs: [s{needs}]\n" if needs else "")
        + f"    agents: [{{id: {name}, name: {name}, mission: Do it., files: [{name}.txt]}}]\n"
    )


@pytest.fixture
def landed(tmp_path: Path) -> Path:
    make_user(tmp_path / "user")
    log = tmp_path / "undone"
    for name in "abc":
        (tmp_path / f"{name}.sh").write_text(
            f"echo {name} >> {tmp_path}/ledger\necho new >> {name}.txt\n"
        )
    text = MISSION.replace("PLACE: staging", f"PLACE: staging, PLACE_LOG: {log}")
    (tmp_path / "steps.yaml").write_text(text + step("a") + step("b", "a") + step("c", "b"))
    orchestrate(tmp_path, "run", "steps.yaml", "--plain")
    return tmp_path


def test_later_batches_are_undone_and_can_be_done_again(landed: Path) -> None:
    before = git(landed / "user", "rev-parse", "HEAD")
    (landed / "undone.no-b").touch()
    told = orchestrate(landed, "rollback", "--to", "sa", "--plain", code=1)
    assert "rolling back batch sb failed" in told.out
    undone = (landed / "undone").read_text().splitlines()
    assert [line.split() for line in undone] == [["sc", "staging", "new"], ["sb", "staging", "new"]]
    assert "+new" in orchestrate(landed, "diff", runs(landed)[0], "sc").out, "the tip stays"

    # As far as it can be undone it is, whatever said no before.
    orchestrate(landed, "rollback", "--to", "sb", "--plain")
    orchestrate(landed, "resume", "--plain")
    (landed / "undone.no-b").unlink()
    orchestrate(landed, "rollback", "--to", "sa", "--plain")
    undone = (landed / "undone").read_text().splitlines()
    assert [line.split()[0] for line in undone] == ["sc", "sb", "sc", "sb"]
    facts = [it for it in events(landed) if it["kind"] == "rolled_back"]
    said = [(it["batch"], it["exit_code"]) for it in facts]
    assert said == [("sc", 0), ("sb", 1), ("sc", 0), ("sb", 0)], "what is undone stays so"
    assert (landed / "reports" / runs(landed)[0] / facts[0]["log"]).exists()
    status = orchestrate(landed, "status", "--json", code=1).json
    assert (status["status"], status["reason"]) == ("interrupted", "rolled back to batch sa")
    assert [batch["phase"] for batch in status["batches"]] == ["ended", "pending", "pending"]
    assert git(landed / "user", "rev-parse", "HEAD") == before

    orchestrate(landed, "resume", "--plain")
    assert (landed / "ledger").read_text().split() == ["a", "b", "c", "c", "b", "c"]
    orchestrate(landed, "land")
    assert {f"{n}.txt" for n in "abc"} <= set(git(landed / "user", "ls-files").split())


def test_what_cannot_be_rolled_back(landed: Path) -> None:
    for arguments, said in {
        (): "what landed: sa, sb, sc",
        ("--to", "gone"): "has no batch gone",
    }.items():
        assert said in orchestrate(landed, "rollback", *arguments, code=2).err
    before = orchestrate(landed, "status", "--json").json
    assert "nothing landed after sc" in orchestrate(landed, "rollback", "--to", "sc").out
    assert orchestrate(landed, "status", "--json").json == before
    assert not (landed / "undone").exists()
