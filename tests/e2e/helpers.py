"""What the end-to-end tests share: the command line as a real process, the journal and git read
from outside.

Nothing here asks the code under test what happened: journals are read as JSON lines, repositories
through plain git.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from tests.ready import PROJECT, Program

MISSIONS = PROJECT / "missions"
PATIENCE = 120.0
"""Seconds that anything may take before a test gives up on it; never what a test expects it to
take.
"""

Event = dict[str, Any]


def eventually(
    what: str, condition: Callable[[], object], patience: float = PATIENCE, pause: float = 0.01
) -> None:
    """Wait until `condition` holds; fail, saying `what` was waited for, when it never does."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"waited {patience:g} s in vain until {what}"
        time.sleep(pause)


def environment(**extra: str) -> dict[str, str]:
    """The environment of commands: the machine's, without what could change what git or orchestrate
    do.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GIT_", "ORCHESTRATE_"))
    }
    return (
        kept
        | {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "NO_COLOR": "1",
            "LC_ALL": "C",
        }
        | extra
    )


class Git:
    """Plain git in one folder, with a fixed identity, that never refreshes an index by itself."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(
        self, *arguments: str, check: bool = True, env: Mapping[str, str] | None = None
    ) -> str:
        identity = {
            f"GIT_{role}_{what}": value
            for role in ("AUTHOR", "COMMITTER")
            for what, value in {
                "NAME": "U",
                "EMAIL": "u@example.invalid",
                "DATE": "1750000000 +0000",
            }.items()
        }
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env=environment(GIT_OPTIONAL_LOCKS="0", **identity, **(env or {})),
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0 or not check, f"git {arguments}: {done.stdout}{done.stderr}"
        return done.stdout.rstrip("\n")

    def refs(self) -> list[str]:
        """All refs with what they point to."""
        return self("for-each-ref", "--format=%(refname) %(objectname)").splitlines()

    def fsck(self) -> None:
        """Fail unless every object is there and whole, and nothing is left half done."""
        self("fsck", "--full", "--strict", "--no-dangling")
        git_dir = Path(self("rev-parse", "--absolute-git-dir"))
        # What stands in git's way; a killed process's half-made spare work tree does not.
        locks = [
            *git_dir.glob("*.lock"),
            *(git_dir / "refs").rglob("*.lock"),
            *(git_dir / "objects").rglob("*.lock"),
        ]
        assert not locks

    def tree(self, commit: str = "HEAD") -> str:
        """The id of a commit's tree."""
        return self("rev-parse", f"{commit}^{{tree}}")


def make_repository(path: Path, files: Mapping[str, str]) -> Git:
    """A user's repository with one commit of `files` on main."""
    write(path, files)
    git = Git(path)
    git("init", "--quiet", "--initial-branch=main")
    git("add", "--all")
    git("commit", "--quiet", "--message", "base")
    return git


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Put files below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


class Process:
    """One `orchestrate` command at work; its output goes to a file, which no orphan can keep
    anybody waiting for.
    """

    def __init__(self, arguments: Sequence[str], output: Path) -> None:
        self.arguments = tuple(arguments)
        self.output = output
        with output.open("wb") as file:
            self.popen = Program(
                arguments,
                cwd=output.parent,
                # Beside the root, so that what belongs to it is known by its name.
                env=environment(ORCHESTRATE_CACHE=f"{output.parent}-cache"),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    @property
    def text(self) -> str:
        """What it has printed."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    def wait(self, patience: float = PATIENCE) -> int:
        """Its exit code."""
        try:
            return self.popen.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill_everything()
            raise AssertionError(
                f"orchestrate {self.arguments} has not ended in {patience:g} s:\n{self.text}"
            ) from None

    def kill(self) -> bool:
        """`kill -9` of this process alone; whether it was still there to be killed."""
        was_there = self.popen.poll() is None
        self.popen.kill()
        return self.popen.wait(PATIENCE) == -signal.SIGKILL and was_there

    def kill_everything(self) -> bool:
        """`kill -9` of this process and all that it started; whether it was still there to be
        killed.
        """
        if self.popen.poll() is not None:
            return False
        with contextlib.suppress(psutil.Error):
            self.popen.send_signal(signal.SIGSTOP)  # so that nothing is started while we look
            for child in psutil.Process(self.popen.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    child.kill()
        return self.kill()


class Bench:
    """One root folder (`reports/`, `workspaces/`) and the commands that are typed there."""

    def __init__(self, root: Path, outputs: Path | None = None) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self._outputs = outputs or root.with_name(f"{root.name}-output")
        self._outputs.mkdir(exist_ok=True)
        self._count = 0

    def start(self, *arguments: str | Path) -> Process:
        """Start `orchestrate …` with this root."""
        self._count += 1
        return Process(
            [*map(str, arguments), "--root", str(self.root)],
            self._outputs / f"{self._count:03}.txt",
        )

    def run(self, *arguments: str | Path, code: int | None = 0, patience: float = PATIENCE) -> str:
        """Run `orchestrate …` to its end; fails unless its exit code is `code` (None: any). Returns
        its output.
        """
        process = self.start(*arguments)
        found = process.wait(patience)
        assert code is None or found == code, (
            f"orchestrate {process.arguments} exited with {found}:\n{process.text}"
        )
        return process.text

    @property
    def run_id(self) -> str:
        """The one run of this root that has begun."""
        journals = (self.root / "reports").glob("*/journal.jsonl")
        (run,) = (path.parent.name for path in journals if b"\n" in path.read_bytes())
        return run

    @property
    def cache(self) -> Path:
        """Where the folders are that `workspaces/` leads to."""
        return Path(f"{self._outputs}-cache")

    @property
    def has_begun(self) -> bool:
        """Whether a run's first fact is written."""
        return bool(self.events())

    @property
    def report(self) -> Path:
        return self.root / "reports" / self.run_id

    @property
    def store(self) -> Git:
        """The run's own repository."""
        return Git(self.root / "workspaces" / self.run_id / "store.git")

    @property
    def tip(self) -> str:
        """What the run's branch points to."""
        return self.store("rev-parse", f"refs/heads/orchestrate/{self.run_id}")

    def events(self, kind: str | None = None) -> list[Event]:
        """The journal's events so far, all or of one kind; a line that is still being written is
        left out.
        """
        found: list[Event] = []
        for path in (self.root / "reports").glob("*/journal.jsonl"):
            for line in path.read_bytes().split(b"\n")[:-1]:
                with contextlib.suppress(json.JSONDecodeError):
                    found.append(json.loads(line)["event"])
        return [event for event in found if kind is None or event["kind"] == kind]

    def summary(self) -> dict[str, Any]:
        """`report.json`."""
        return json.loads((self.report / "report.json").read_text(encoding="utf-8"))

    def leftovers(self) -> list[str]:
        """Processes that belong to this root: by their home, their folder or what they were started
        with.
        """
        found = []
        for process in psutil.process_iter():
            if process.pid == os.getpid():
                continue
            with contextlib.suppress(psutil.Error, OSError):
                told = [*process.environ().values(), process.cwd(), *process.cmdline()]
                if any(str(self.root) in text for text in told):
                    found.append(f"{process.pid} {process.status()} {process.cmdline()}")
        return found

    def require_no_leftovers(self) -> None:
        """Fail unless all of the root's processes end by themselves now."""
        eventually(
            f"nothing of {self.root} runs any more: {self.leftovers()}",
            lambda: not self.leftovers(),
            20.0,
        )


def ended(bench: Bench, batch: str) -> list[tuple[str, int]]:
    """Attempts of a batch whose end is recorded."""
    return [
        (e["agent"], e["attempt"]) for e in bench.events("attempt_ended") if e["batch"] == batch
    ]


def check_story(events: Sequence[Event]) -> None:
    """What holds for every journal, however often its orchestrator was killed: nothing that ended
    is done again.
    """
    started: set[tuple[str, int]] = set()
    closed: set[tuple[str, int]] = set()
    delivered: set[str] = set()
    racer: dict[tuple[str, int], int] = {}
    raced: set[tuple[str, int]] = set()
    landed: set[str] = set()
    tip = events[0]["base"]
    for event in events:
        match event["kind"]:
            case "attempt_started":
                key = (event["agent"], event["attempt"])
                assert key not in started, f"{key} was started twice"
                assert event["agent"] not in delivered, (
                    f"{key} was started though {event['agent']} had delivered"
                )
                assert event["agent"] not in landed, (
                    f"{key} was started after {event['agent']} had landed"
                )
                racer[key] = event.get("racer", 0)
                assert (event["agent"], racer[key]) not in raced, f"{key}: its racer had ended"
                started.add(key)
            case "attempt_ended" | "attempt_interrupted":
                key = (event["agent"], event["attempt"])
                assert key in started - closed, f"{key} {event['kind']} though it was not at work"
                closed.add(key)
                is_good = event.get("outcome", "") in (None, "no_change_needed")
                if event["kind"] == "attempt_ended" and racer[key]:
                    raced.add((event["agent"], racer[key]))
                elif event["kind"] == "attempt_ended" and is_good:
                    delivered.add(event["agent"])
            case "race_decided":
                raced = {key for key in raced if key[0] != event["agent"]}
                if event["outcome"] is None:
                    delivered.add(event["agent"])
            case "agents_returned":
                delivered -= {item["agent"] for item in event["returns"]}
            case "batch_landed":
                agents = {*event["agents"], *event["unchanged"]}
                assert not landed & agents, f"{landed & agents} landed twice"
                assert event["before"] == tip
                landed |= agents
                tip = event["commit"]
    assert started == closed, f"nobody knows what became of {started - closed}"


def first_parents(store: Git, base: str, tip: str) -> list[str]:
    """The commits from `base` (left out) to `tip`, oldest first, along the landings."""
    return store("rev-list", "--first-parent", "--reverse", f"{base}..{tip}").splitlines()


@contextlib.contextmanager
def ending(process: Process) -> Iterator[Process]:
    """Leave nothing of `process` behind when a test fails half-way."""
    try:
        yield process
    finally:
        process.kill_everything()
