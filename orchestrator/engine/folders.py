"""Where a run's files are: `reports/<run>` is durable, `workspaces/<run>` is disposable."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of one run under `root`, the folder in which `orchestrate` was started."""

    root: Path
    run: str

    @property
    def report(self) -> Path:
        """Journal, logs, briefs, evidence, reports."""
        return self.root / "reports" / self.run

    @property
    def workspaces(self) -> Path:
        """The run's store and work trees."""
        return self.root / "workspaces" / self.run

    @property
    def store(self) -> Path:
        return self.workspaces / "store.git"

    @property
    def homes(self) -> Path:
        """Private home folders of attempts and judges."""
        return self.workspaces / "homes"

    @property
    def logs(self) -> Path:
        return self.report / "logs"

    @property
    def briefs(self) -> Path:
        return self.report / "briefs"

    @property
    def evidence(self) -> Path:
        return self.report / "evidence"

    @property
    def approvals(self) -> Path:
        """Where `orchestrate approve` leaves a sign-off for the process that owns the run."""
        return self.report / "approvals"


def durable(root: Path) -> Path:
    """`reports/` under `root`, made if absent."""
    return _ignored(root / "reports")


def disposable(root: Path) -> Path:
    """`workspaces/` under `root`, made if absent."""
    return _ignored(root / "workspaces")


def _ignored(folder: Path) -> Path:
    """Made so that the user's `git status` says nothing of it, should `root` be in a repository."""
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    return folder


def tag_of(folders: Folders, name: str = "") -> str:
    """What every process of an attempt, or of the run's gates, is marked with; no other run has the
    same.
    """
    return f"{folders.workspaces.resolve()}/{name}"
