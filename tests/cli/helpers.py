"""The command line as people and scripts use it: a real process, its output, its exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.ready import PROJECT, Program, run_program

MISSIONS = PROJECT / "missions"
PATIENCE = 60.0


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GIT_", "ORCHESTRATE_"))
    }
    return kept | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "NO_COLOR": "1",
        "COLUMNS": "120",
    }


def orchestrate(root: Path, *arguments: str | Path, code: int | None = 0) -> Done:
    """One command, in the folder `root`; fails unless it exits with `code` (None: whatever it
    is).
    """
    found = Done(
        *run_program(list(map(str, arguments)), cwd=root, env=environment(), timeout=PATIENCE)
    )
    assert "Traceback" not in found.err, found.err
    assert code is None or found.code == code, f"{arguments}: {found}"
    return found


def start(root: Path, *arguments: str | Path) -> subprocess.Popen[str]:
    """A command that goes on in the background; its output is not looked at."""
    with (root / "background.log").open("a") as log:
        return Program(
            list(map(str, arguments)), cwd=root, env=environment(), stdout=log, stderr=log
        )


def stop(process: subprocess.Popen[str], number: signal.Signals = signal.SIGINT) -> int:
    process.send_signal(number)
    return process.wait(PATIENCE)


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def runs(root: Path) -> list[str]:
    return sorted(path.parent.name for path in (root / "reports").glob("*/journal.jsonl"))


def events(root: Path, run: str | None = None) -> list[dict[str, Any]]:
    """A run's events, read as JSON lines and in no other way."""
    path = root / "reports" / (run or runs(root)[-1]) / "journal.jsonl"
    return (
        [json.loads(line)["event"] for line in path.read_text().splitlines()]
        if path.exists()
        else []
    )


def kinds(root: Path) -> list[str]:
    return (
        [event["kind"] for event in events(root)]
        if (root / "reports").exists() and runs(root)
        else []
    )


def git(folder: Path, *arguments: str) -> str:
    identity = {"GIT_AUTHOR_NAME": "U", "GIT_AUTHOR_EMAIL": "u@example.invalid"}
    identity |= {"GIT_COMMITTER_NAME": "U", "GIT_COMMITTER_EMAIL": "u@example.invalid"}
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=environment() | identity,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def make_user(folder: Path) -> Path:
    """A user's repository with three files on the branch `main`, which is checked out."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    for name in ("a.txt", "b.txt", "c.txt"):
        (folder / name).write_text("as it was\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "Begin")
    return folder


MISSION = """\
version: 1
name: small
objective: Change two files.
repository: {path: user}
backends:
  script: {command: [sh, "{mission_dir}/{agent}.sh"], brief: none}
defaults: {isolation: worktree, backend: script, attempts: 1, timeout: 1m}
gates:
  plain: {checks: [{command: [test, -s, a.txt]}]}
  signed: {checks: [{approval: Looks good, name: sign-off}]}
batches:
  - id: first
    agents:
      - {id: a, name: A, mission: Change a., files: [a.txt]}
    gate: GATE
  - id: second
    needs: [first]
    agents:
      - {id: b, name: B, mission: Change b., files: [b.txt]}
      - {id: c, name: C, mission: Change c., files: [c.txt]}
    gate: plain
"""


def make_mission(root: Path, gate: str = "plain") -> Path:
    """Two batches over a user's repository; each agent counts how often it ran, outside of all
    repositories.
    """
    root.mkdir(parents=True, exist_ok=True)
    make_user(root / "user")
    for name in "abc":
        (root / f"{name}.sh").write_text(
            f'echo {name} >> "{root}/ledger"\necho changed >> {name}.txt\necho did {name}\n'
        )
    path = root / "small.yaml"
    path.write_text(MISSION.replace("GATE", gate))
    return path


def ledger(root: Path) -> list[str]:
    """Which agents ran, in order."""
    path = root / "ledger"
    return path.read_text().split() if path.exists() else []
