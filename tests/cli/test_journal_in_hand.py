"""A journal that somebody else has in hand while a run goes on, and what landed got out without
it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.journal.own_file import KEPT
from tests.cli.helpers import git, kinds, ledger, make_mission, orchestrate, runs
from tests.params import few

pytestmark = pytest.mark.integration

DISTURBANCES = {
    "removed": 'rm "$J"',
    "cut short": ': > "$J"',
    "wrote into": 'echo "a line of mine" >> "$J"',
    "replaced": 'cp "$J" "$J.mine"; mv "$J.mine" "$J"',
    "hard link": 'ln "$J" "$J.mine"',
    "wrote over": 'printf X | dd of="$J" bs=1 seek=40 conv=notrunc 2> /dev/null',
}


def disturbed(root: Path, how: str, agent: str = "b") -> Path:
    """A run in which one agent has done `how` to the journal, after the first batch landed."""
    mission = make_mission(root)
    script = root / f"{agent}.sh"
    find = f'for J in "{root}"/reports/*/journal.jsonl; do {how}; done'
    # Once: the run that is resumed is left alone.
    script.write_text(
        f'{script.read_text()}\nif [ ! -e "{root}/once" ]; then touch "{root}/once"\n{find}\nfi\n'
    )
    return mission


@pytest.mark.parametrize("what", few(DISTURBANCES))
def test_a_run_stops_with_what_happened_and_goes_on_from_the_copy(
    tmp_path: Path, what: str
) -> None:
    done = orchestrate(tmp_path, "run", disturbed(tmp_path, DISTURBANCES[what]), "--plain", code=4)
    assert "somebody else" in done.err
    assert what in done.err
    assert "--from-store" in done.err
    report = tmp_path / "reports" / runs_left(tmp_path)[0]
    assert str(report / KEPT) in done.err, "the copy of what was written is named"
    (report / "journal.jsonl.mine").unlink(missing_ok=True)
    (report / KEPT).rename(report / "journal.jsonl")
    orchestrate(tmp_path, "resume")
    assert kinds(tmp_path)[-1] == "run_ended"
    assert ledger(tmp_path).count("a") == 1, "what had landed was not done again"
    orchestrate(tmp_path, "land")
    assert (tmp_path / "user" / "c.txt").read_text() == "as it was\nchanged\n"


def runs_left(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "reports").glob("2*"))


@pytest.mark.parametrize("what", few(["removed", "cut short", "wrote over"]))
def test_what_landed_is_got_out_without_the_journal(tmp_path: Path, what: str) -> None:
    orchestrate(tmp_path, "run", disturbed(tmp_path, DISTURBANCES[what]), "--plain", code=4)
    run = runs_left(tmp_path)[0]
    (tmp_path / "reports" / run / KEPT).unlink()
    for verb in ("resume", "land", "status"):
        done = orchestrate(tmp_path, verb, code=4)
        assert f"land {run} --from-store" in done.err, verb
    main = git(tmp_path / "user", "rev-parse", "main")
    told = orchestrate(tmp_path, "land", "--from-store").out
    assert f"orchestrate/{run} is now" in told
    assert "no journal vouches for it" in told
    assert git(tmp_path / "user", "show", f"orchestrate/{run}:a.txt") == "as it was\nchanged"
    assert git(tmp_path / "user", "rev-parse", "main") == main, "no branch that was there moved"
    assert (
        "there is a branch main"
        in orchestrate(tmp_path, "land", run, "--from-store", "--branch", "main", code=2).err
    )
    assert "is now" in orchestrate(tmp_path, "land", run, "--from-store").out, "again, the same"


def test_the_readable_part_of_a_journal_vouches_for_what_it_tells(landed: Path) -> None:
    """Damage after the last landing: what landed had been tested, and that is said."""
    path = landed / "reports" / runs(landed)[0] / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-20] + b"x\n" + b"y\n")
    assert "--from-store" in orchestrate(landed, "land", code=4).err
    assert "its gate passed (second)" in orchestrate(landed, "land", "--from-store").out


def test_a_missing_head_is_said_and_no_landing_is_taken_back_for_it(landed: Path) -> None:
    """Records cut off at a boundary and the head gone: nobody can see that something is missing but
    by the store.
    """
    run = runs(landed)[0]
    report, store = landed / "reports" / run, landed / "workspaces" / run / "store.git"
    tip = git(store, "rev-parse", f"refs/heads/orchestrate/{run}")
    (report / "journal.head").unlink()
    assert "journal.head is missing" in orchestrate(landed, "status").err
    lines = (report / "journal.jsonl").read_bytes().splitlines(keepends=True)
    cut = next(
        n for n, line in enumerate(lines) if b"landing_started" in line and b"second" in line
    )
    (report / "journal.jsonl").write_bytes(b"".join(lines[:cut]))
    for _ in range(2):  # what the first resume writes must not make the second believe
        done = orchestrate(landed, "resume", code=4)
        assert "journal.head is missing" in done.err
        assert "does not tell of" in done.err
        assert git(store, "rev-parse", f"refs/heads/orchestrate/{run}") == tip
    assert tip[:12] in orchestrate(landed, "land", "--from-store").out


def test_a_missing_head_alone_stops_nothing(landed: Path) -> None:
    run = runs(landed)[0]
    (landed / "reports" / run / "journal.head").unlink()
    told = orchestrate(landed, "resume", run, "--agent", "c", "--plain").out
    assert "the journal: journal.head is missing" in told
    assert "journal.head" not in orchestrate(landed, "status").err, "it has one again"
    orchestrate(landed, "land")
