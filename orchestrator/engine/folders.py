"""Where a run's files are: `reports/<run>` is durable, what `workspaces/<run>` leads to is
disposable.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from orchestrator.engine.places import make_place, owned_folder, place_of, remove_place


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
        """The run's store and work trees: a folder outside of any checkout."""
        return place_of(self.root, self.run)

    @property
    def store(self) -> Path:
        return self.workspaces / "store.git"

    @property
    def trees(self) -> Path:
        """The work trees. Programs that follow links into folders pass by one with such a name."""
        return self.workspaces / ".trees"

    @property
    def homes(self) -> Path:
        """Private home folders of attempts and judges."""
        return self.trees / "homes"

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
    def landed(self) -> Path:
        """What landed, a bundle for each landing."""
        return self.report / "landed"

    @property
    def approvals(self) -> Path:
        """Where `orchestrate approve` leaves a sign-off for the process that owns the run."""
        return self.report / "approvals"

    @property
    def answers(self) -> Path:
        """Where `orchestrate channel answer` leaves one, likewise."""
        return self.report / "answers"


def durable(root: Path) -> Path:
    """`reports/` under `root`, made if absent."""
    return owned_folder(root / "reports")


def make_workspaces(folders: Folders) -> None:
    """The folder of the run's store and work trees, made if absent, and the link that leads there."""
    make_place(folders.root, folders.run)


def remove_workspaces(folders: Folders) -> None:
    """Remove the run's store and work trees, and the link that leads there."""
    remove_place(folders.root, folders.run)


def snapshots(root: Path) -> Path:
    """Where repositories are that were made of plain files."""
    return place_of(root, "snapshots")


def make_snapshots(root: Path) -> Path:
    """The same, made if absent."""
    return make_place(root, "snapshots")


def setups(root: Path) -> Path:
    """Where is kept what set-ups made. Programs that follow links pass by one with such a name."""
    return place_of(root, ".setup")


def make_setups(root: Path) -> Path:
    """The same, made if absent."""
    return make_place(root, ".setup")


def tag_of(folders: Folders, name: str = "") -> str:
    """What every process of an attempt, or of the run's gates, is marked with; no other run has the
    same.
    """
    return f"{folders.workspaces}/{name}"
