"""Small projects to look at: plain folders for the runners, a real repository with its store for
the judge.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import anyio

from orchestrator.gates.judge import Judge
from orchestrator.gates.observing.bare_ground import BareGround
from orchestrator.gates.observing.observation import Observation, RecordState, TestSeen
from orchestrator.gates.observing.runners import RUNNERS, Place
from orchestrator.git.repository import Repository
from orchestrator.git.store import Store
from orchestrator.git.workspace import Workspaces
from orchestrator.isolation.clean_python import CleanPython
from orchestrator.isolation.environment import clean_environment
from orchestrator.isolation.seal import Seal
from orchestrator.journal.facts import TestOutcome
from orchestrator.mission.model import Check, CommandCheck, MetricCheck
from orchestrator.services.services import Services

Files = Mapping[str, str]
CLEAN = CleanPython()
"""Looked at once for all tests of a process."""

SUITE = """
    import sys, unittest

    class TestIt(unittest.TestCase):
        def test_it(self):
            pass
"""


def write(folder: Path, files: Files) -> None:
    """Put files into a folder, dedented."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(content))


def look(
    folder: Path,
    check: Check,
    files: Files,
    *,
    timeout: float = 60.0,
    counted: list[object] | None = None,
    python: Path | None = None,
) -> Observation:
    """Carry out a check on a plain folder of these files."""
    root, scratch = folder / "tree", folder / "scratch"
    for made in (root, scratch):
        if made.exists():
            shutil.rmtree(made)
        made.mkdir(parents=True)
    write(root, files)
    log = folder / "check.log"
    log.unlink(missing_ok=True)
    place = Place(
        root=root,
        scratch=scratch,
        env={**clean_environment(scratch), "PYTHONDONTWRITEBYTECODE": "1"},
        timeout=timeout,
        log=log,
        tag=f"test-{folder.name}",
        python=python or Path(sys.executable),
        on_count=lambda *numbers: counted.append(numbers) if counted is not None else None,
    )
    return anyio.run(RUNNERS[type(check)], check, place)


def python(script: str, **more: object) -> CommandCheck:
    """A command check that runs a Python script."""
    return CommandCheck.model_validate(
        {"command": [sys.executable, "-c", textwrap.dedent(script)], **more}
    )


def printing(text: str, *, value: str, require: str = ">= 95", code: int = 0) -> MetricCheck:
    """A metric check on a program that prints `text`."""
    script = f"import sys; sys.stdout.write({text!r}); sys.exit({code})"
    return MetricCheck.model_validate(
        {"metric": [sys.executable, "-c", script], "value": value, "require": require}
    )


def seen(exit_code: int | None = None, /, **tests: str) -> Observation:
    """An observation of tests by outcome, ending as pytest would; ``a__x`` stands for
    ``a.py::x``.
    """
    named = {
        name.replace("__", ".py::"): TestSeen(outcome=TestOutcome(outcome))
        for name, outcome in tests.items()
    }
    code = (
        int(any(outcome in ("failed", "error") for outcome in tests.values()))
        if exit_code is None
        else exit_code
    )
    return Observation(
        kind="pytest", record=RecordState.COMPLETE, exit_code=code, reported_exit=code, tests=named
    )


class Bench:
    """A repository with commits, and a judge over it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = folder / "source"
        self.runs = folder / "runs.txt"
        self.tag = str(folder)  # two runs of these tests at once do not end each other's processes
        self.source.mkdir()
        self._git("init", "-q", "-b", "main")
        write(self.source, {"README.md": "a project\n"})
        self._commit()
        self._store: Store | None = None

    def _git(self, *arguments: str) -> str:
        identity = (
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.invalid",
            "-c",
            "commit.gpgsign=false",
        )
        done = subprocess.run(
            ["git", *identity, *arguments],
            cwd=self.source,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def _commit(self) -> str:
        self._git("add", "-A")
        self._git("commit", "-q", "--allow-empty", "-m", "work")
        return self._git("rev-parse", "HEAD")

    def commit(self, files: Files, remove: tuple[str, ...] = ()) -> str:
        """A commit of these files on top of the last one."""
        write(self.source, files)
        for name in remove:
            (self.source / name).unlink()
        return self._commit()

    def go_to(self, commit: str) -> None:
        """Let the next commit follow on this one."""
        self._git("reset", "-q", "--hard", commit)
        self._git("clean", "-q", "-fdx")

    def judge(
        self,
        parallel: int = 1,
        protect: tuple[str, ...] = (),
        *,
        is_equipped: bool = False,
        services: Services | None = None,
    ) -> Judge:
        """A judge that knows nothing but what is on disk; with `is_equipped` tests can import what
        these can, such as plug-ins of pytest.
        """
        if self._store is None:
            repository = Repository.discover(self.source)
            base = repository.resolve("HEAD")
            self._store = Store.create(self.folder / "run" / "store.git", repository, base, "r1")
        return Judge(
            checkouts=Workspaces(self._store, self.folder / "run"),
            commits=self._store,
            reports=self.folder / "reports",
            home=self.folder / "homes",
            tag=self.tag,
            protect=protect,
            ground=BareGround(Path(sys.executable) if is_equipped else None, CLEAN),
            parallel=parallel,
            seal=Seal.kept_in(self.folder / "seal"),
            services=services,
        )

    def counting(self) -> dict[str, str]:
        """A conftest that counts the runs of pytest, outside of the tree."""
        return {"conftest.py": f"open({str(self.runs)!r}, 'a').write('x')\n"}

    @property
    def count(self) -> int:
        """How often pytest ran."""
        return len(self.runs.read_text()) if self.runs.exists() else 0

    def close(self) -> None:
        """End the helper process of the store."""
        if self._store is not None:
            self._store.close()
