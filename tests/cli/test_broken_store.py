"""A run whose store was left broken goes on, twice; and a gate reads no file that an agent forged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.helpers import events, git, make_mission, orchestrate, runs
from tests.params import few

pytestmark = pytest.mark.integration

Damage = Callable[[Path, str], None]


def empty_tip(store: Path, run: str) -> None:
    (store / "refs/heads/orchestrate" / run).write_bytes(b"")


def packed_garbage(store: Path, run: str) -> None:
    (store / "packed-refs").write_bytes(b"\0\xff garbage")


def nothing_guarded(store: Path, run: str) -> None:
    for name in ("config", "HEAD", "orchestrate/guarded/config"):
        (store / name).write_bytes(b"")


def all_loose_objects_emptied(store: Path, run: str) -> None:
    for place in (store / "objects").glob("??/*"):
        place.chmod(0o600)
        place.write_bytes(b"")


def no_agents_refs(store: Path, run: str) -> None:
    for place in (store / "refs/orchestrate" / run).rglob("*"):
        if place.is_file():
            place.write_bytes(b"\n")


def no_objects(store: Path, run: str) -> None:
    (store / "objects").rename(store / "objects-that-were")


@pytest.mark.parametrize(
    "damage",
    few(
        [
            no_objects,
            empty_tip,
            packed_garbage,
            nothing_guarded,
            all_loose_objects_emptied,
            no_agents_refs,
        ]
    ),
)
def test_a_resume_goes_on_and_so_does_the_next(landed: Path, damage: Damage) -> None:
    run, user = runs(landed)[0], landed / "user"
    store = (landed / "workspaces" / run).resolve() / "store.git"
    damage(store, run)
    orchestrate(landed, "resume", run, "--agent", "c")
    damage(store, run)
    orchestrate(landed, "resume", run, "--agent", "b")
    damage(store, run)
    if damage is no_objects:
        orchestrate(landed, "resume", run, "--agent", "b")
    orchestrate(landed, "land")
    assert {(user / f"{name}.txt").read_text() for name in "abc"} == {"as it was\nchanged\n"}
    git(user, "fsck", "--strict")
    assert "cleaned" in orchestrate(landed, "clean").out


FORGE = """\
import pathlib, subprocess, sys, zlib
git = lambda *a: subprocess.run(["git", *a], capture_output=True, text=True, check=True).stdout.strip()
store = pathlib.Path(git("rev-parse", "--path-format=absolute", "--git-common-dir"))
oid = git("rev-parse", "HEAD:check.sh")
place = store / "objects" / oid[:2] / oid[2:]
place.parent.mkdir(exist_ok=True)
place.write_bytes(zlib.compress(b"blob 7\\0exit 0\\n"))
pathlib.Path("a.txt").write_text("nothing is mended\\n")
"""


def test_a_gate_cannot_be_forged_in_the_store(tmp_path: Path) -> None:
    mission = make_mission(tmp_path)
    user = tmp_path / "user"
    (user / "check.sh").write_text("grep -q mended-for-good a.txt\n")
    git(user, "add", "-A")
    git(user, "commit", "-q", "-m", "Check")
    (tmp_path / "forge.py").write_text(FORGE)
    (tmp_path / "a.sh").write_text(f'python3 "{tmp_path}/forge.py"\n')
    text = mission.read_text().replace("[test, -s, a.txt]", "[sh, check.sh]")
    mission.write_text(text)
    orchestrate(tmp_path, "run", mission, code=1)
    assert not [e for e in events(tmp_path) if e["kind"] == "batch_landed"], "the gate was red"
