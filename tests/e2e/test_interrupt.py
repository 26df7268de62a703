"""Stops from outside: signals, a second orchestrator, a full disk. Each leaves a run that can be
resumed.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.helpers import (
    Bench,
    Git,
    check_story,
    ended,
    ending,
    eventually,
    make_repository,
    write,
)

pytestmark = pytest.mark.integration

MISSION = """\
version: 1
name: patient
objective: Wait until told to go on.
repository: {path: ../user}
backends:
  script: {command: [sh, "{mission_dir}/{agent}.sh", "{mission_dir}", "{workspace}"], brief: none}
defaults: {isolation: worktree, backend: script, timeout: 10m}
gates: {green: {checks: [{command: [sh, -c, "test -s quick && test -s slow"]}]}}
batches:
  - id: first
    agents:
      - {id: quick, name: Quick, mission: Be quick., files: [quick]}
      - {id: slow, name: Slow, mission: Be slow., files: [slow]}
    gate: green
  - id: second
    needs: [first]
    agents: [{id: last, name: Last, mission: Be last., files: [last]}]
"""
BEGIN = 'echo "$(basename "$2") begin" >> "$1/ledger"\n'
SCRIPTS = {
    "quick.sh": f"{BEGIN}echo quick > quick\n",
    # It has children of both kinds.
    "slow.sh": f"{BEGIN}echo half > slow\nsleep 900 &\nsetsid sleep 900 &\n"
    'while ! test -e "$1/go"; do sleep 0.05; done\necho slow > slow\n',
    "last.sh": f"{BEGIN}echo last > last\n",
}


class Waiting:
    """A run whose quick agent has delivered and whose slow one waits to be told."""

    def __init__(self, folder: Path, root: Path | None = None, *, stubborn: bool = False) -> None:
        self.user = make_repository(folder / "user", {"file": "base\n"})
        write(folder / "mission", {"mission.yaml": MISSION, **SCRIPTS})
        if stubborn:
            write(folder / "mission", {"slow.sh": f"trap '' TERM INT\n{SCRIPTS['slow.sh']}"})
        self.mission = folder / "mission" / "mission.yaml"
        self.bench = Bench(root or folder / "root")
        self.process = self.bench.start("run", self.mission, "--plain")

    def reach(self) -> None:
        """Wait until it is where the tests want it."""
        eventually(
            "one agent has delivered and one is at work",
            lambda: (
                self.process.popen.poll() is not None
                or (ended(self.bench, "first") == [("quick", 1)] and self.ledger["slow-1 begin"])
            ),
        )
        assert self.process.popen.poll() is None, self.process.text

    @property
    def ledger(self) -> Counter[str]:
        """Which attempts really began."""
        path = self.mission.parent / "ledger"
        return Counter(path.read_text(encoding="utf-8").splitlines() if path.exists() else ())

    def go(self) -> None:
        """Tell the slow agent, also in its next attempt, to come to its end."""
        (self.mission.parent / "go").touch()

    def check_resumed(self) -> None:
        """After a resume that exited with 0: the slow agent ran again, the quick one did not, and
        all of it landed.
        """
        check_story(self.bench.events())
        assert self.ledger == Counter(
            ["quick-1 begin", "slow-1 begin", "slow-2 begin", "last-1 begin"]
        )
        assert ended(self.bench, "first") == [("quick", 1), ("slow", 2)]
        store = self.bench.store
        assert store("ls-tree", "-r", "--name-only", self.bench.tip).split() == [
            "file",
            "last",
            "quick",
            "slow",
        ]
        assert store("show", f"{self.bench.tip}:slow") == "slow"
        store.fsck()
        self.user.fsck()
        assert self.user("status", "--porcelain") == ""
        self.bench.run("clean", "--discard")
        self.bench.require_no_leftovers()


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Waiting]:
    made = Waiting(tmp_path)
    with ending(made.process):
        made.reach()
        yield made


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_stops_cleanly_and_the_run_goes_on_later(
    waiting: Waiting, number: signal.Signals
) -> None:
    waiting.process.popen.send_signal(number)
    assert waiting.process.wait() == 130, waiting.process.text
    assert f"orchestrate resume {waiting.bench.run_id}" in waiting.process.text
    assert "Traceback" not in waiting.process.text
    waiting.bench.require_no_leftovers()
    (stopped,) = waiting.bench.events("run_interrupted")
    assert number.name in stopped["reason"]
    (interrupted,) = waiting.bench.events("attempt_interrupted")
    assert interrupted["agent"] == "slow"
    assert waiting.bench.store("show", f"{interrupted['salvaged']}:slow") == "half"
    summary = waiting.bench.summary()
    assert (summary["status"], summary["exit_code"]) == ("interrupted", None)
    assert "resume" in (waiting.bench.report / "report.md").read_text(encoding="utf-8")
    waiting.go()
    waiting.bench.run("resume", "--plain")
    waiting.check_resumed()


@pytest.mark.slow
def test_agent_that_will_not_stop_is_ended(tmp_path: Path) -> None:
    waiting = Waiting(tmp_path, stubborn=True)
    with ending(waiting.process):
        waiting.reach()
        waiting.process.popen.send_signal(signal.SIGINT)
        assert waiting.process.wait() == 130, waiting.process.text
        waiting.bench.require_no_leftovers()
        waiting.go()
        waiting.bench.run("resume", "--plain")
        waiting.check_resumed()


def test_second_signal_while_stopping_changes_nothing(waiting: Waiting) -> None:
    for _ in range(3):
        waiting.process.popen.send_signal(signal.SIGINT)
    assert waiting.process.wait() == 130, waiting.process.text
    waiting.bench.require_no_leftovers()
    waiting.go()
    waiting.bench.run("resume", "--plain")
    waiting.check_resumed()


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_killed_orchestrator_leaves_nobody_though_nobody_resumes(
    tmp_path: Path, stubborn: bool
) -> None:
    made = Waiting(tmp_path, stubborn=stubborn)
    with ending(made.process):
        made.reach()
        assert made.bench.leftovers()
        assert made.process.kill()
        made.bench.require_no_leftovers()
        made.go()
        made.bench.run("resume", "--plain")
        made.check_resumed()


def test_unfinished_run_is_not_cleaned_away(waiting: Waiting) -> None:
    waiting.process.popen.send_signal(signal.SIGINT)
    assert waiting.process.wait() == 130
    assert "can be resumed" in waiting.bench.run("clean", code=2)
    waiting.go()
    waiting.bench.run("resume", "--plain")
    waiting.check_resumed()


def test_second_orchestrator_is_refused(waiting: Waiting) -> None:
    before = (waiting.bench.report / "journal.jsonl").read_bytes()
    for arguments in (("resume", "--plain"), ("land",), ("clean", "--discard")):
        told = waiting.bench.run(*arguments, code=4)
        assert waiting.bench.run_id in told
        assert "another process" in told
        assert "Traceback" not in told
    assert (waiting.bench.report / "journal.jsonl").read_bytes() == before
    assert waiting.process.popen.poll() is None
    waiting.go()
    assert waiting.process.wait() == 0, waiting.process.text
    assert waiting.ledger == Counter(["quick-1 begin", "slow-1 begin", "last-1 begin"])
    assert waiting.bench.run("resume", "--plain") is not None
    waiting.bench.run("clean", "--discard")
    waiting.bench.require_no_leftovers()


def test_run_of_the_same_name_elsewhere_is_left_alone(tmp_path: Path) -> None:
    """Two begun in one second have one id; what resumes or cleans up after one must not end the
    agents of the other.
    """
    for number in range(10):
        ours, theirs = Waiting(tmp_path / f"ours{number}"), Waiting(tmp_path / f"theirs{number}")
        with ending(ours.process), ending(theirs.process):
            ours.reach()
            theirs.reach()
            if ours.bench.run_id != theirs.bench.run_id:
                continue
            ours.process.kill()
            ours.go()
            ours.bench.run("resume", "--plain")
            ours.check_resumed()
            theirs.go()
            assert theirs.process.wait() == 0, theirs.process.text
            assert theirs.ledger == Counter(["quick-1 begin", "slow-1 begin", "last-1 begin"])
            return
    raise AssertionError("no two of twenty runs began in the same second")


def test_full_disk_stops_clearly_and_the_run_goes_on_when_there_is_room(tmp_path: Path) -> None:
    disk = _small_disk(tmp_path / "disk")
    try:
        made = Waiting(tmp_path, root=disk / "root")
        with ending(made.process):
            made.reach()
            _fill(disk / "filler")
            made.go()
            code = made.process.wait()
            assert code == 4, f"{code}: {made.process.text}"
            assert "make room" in made.process.text.lower()
            assert "Traceback" not in made.process.text
            made.bench.require_no_leftovers()
            (disk / "filler").unlink()
            made.bench.run("resume", "--plain")
            check_story(made.bench.events())
            assert made.ledger["quick-1 begin"] == made.ledger["last-1 begin"] == 1
            assert Git(made.bench.store.path)("show", f"{made.bench.tip}:slow") == "slow"
            made.bench.store.fsck()
            made.user.fsck()
            made.bench.run("clean", "--discard")
    finally:
        subprocess.run(["umount", "--lazy", disk], check=False, capture_output=True)


def test_a_disk_that_is_full_before_anything_began_is_told_so(tmp_path: Path) -> None:
    user = make_repository(tmp_path / "user", {"file": "base\n"})
    write(tmp_path / "mission", {"mission.yaml": MISSION, **SCRIPTS})
    before = user.refs()
    disk = _small_disk(tmp_path / "disk")
    try:
        bench = Bench(disk / "root")
        bench._outputs = tmp_path  # what it prints has room
        for free in (0, 4096, 12_288, 65_536, 400_000):
            _fill(disk / "filler")
            with (disk / "filler").open("r+b") as filler:
                filler.truncate(max(0, (disk / "filler").stat().st_size - free))
            process = bench.start("run", tmp_path / "mission" / "mission.yaml", "--plain")
            code = process.wait()
            if bench.has_begun:
                break
            assert code == 4, f"{free} bytes free: {code}: {process.text}"
            assert "run the mission again" in process.text, process.text
            assert "resume" not in process.text, process.text
            assert user.refs() == before
            (disk / "filler").unlink()
            assert not [*(bench.root / "reports").glob("*/*")]
    finally:
        subprocess.run(["umount", "--lazy", disk], check=False, capture_output=True)


def _small_disk(path: Path) -> Path:
    """A file system of a few megabytes; skips where none can be mounted."""
    path.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", path],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    return path


def _fill(path: Path) -> None:
    """Take all the room there is."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while file.write(b"\0" * size) == size:
                    pass
            except OSError:
                continue
