"""What a judge needs of git, as Protocols: files of commits to run things in, and facts about
commits.

`orchestrator.git.workspace.Workspaces` is a `Checkouts`, `orchestrator.git.store.Store` a
`Commits`. All of it is called in worker threads.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol


class Checkout(Protocol):
    """A folder that holds the files of a commit."""

    @property
    def path(self) -> Path:
        """Where the files are."""
        ...


class Checkouts(Protocol):
    """Where work trees come from."""

    def checkout(self, name: str, commit: str) -> Checkout:
        """Make the tree `name` hold exactly the files of `commit`; never called twice at once for a
        name.
        """
        ...


class Ground(Protocol):
    """What work trees need beside the files of their commit. The engine's is
    `orchestrator.executors.setup.Setup`.
    """

    def digest(self, commit: str) -> str:
        """The same for commits that need the same; called in worker threads."""
        ...

    async def put_into(self, commit: str, work_tree: Path) -> Path | None:
        """Give it to a tree of the commit; the project's own interpreter there, if it has one.

        Raises EnvironmentRefused when it cannot be made for this commit.
        """
        ...


class BareGround:
    """Trees that need nothing."""

    def digest(self, commit: str) -> str:  # noqa: ARG002
        """Nothing is needed."""
        return ""

    async def put_into(self, commit: str, work_tree: Path) -> None:
        """Nothing to do."""


class Entry(Protocol):
    """What a tree holds at a path."""

    @property
    def mode(self) -> str:
        """Git's mode, six octal digits."""
        ...

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        ...


class Changed(Protocol):
    """One path that differs between two commits; `old` is None where it is new, `new` where it is
    gone.
    """

    @property
    def old(self) -> Entry | None:
        """What was there before."""
        ...

    @property
    def new(self) -> Entry | None:
        """What is there now."""
        ...


class Commits(Protocol):
    """What is read from commits."""

    def tree_of(self, commit: str) -> str:
        """The id of the commit's tree."""
        ...

    def read(self, commit: str, path: str) -> bytes | None:
        """The bytes of a file; None where there is none."""
        ...

    def entries(self, commit: str) -> Mapping[str, Entry]:
        """Everything in the commit, by path."""
        ...

    def changes(self, base: str, commit: str) -> Mapping[str, Changed]:
        """What differs, by path."""
        ...

    def with_contents(self, commit: str, contents: Mapping[str, bytes]) -> str:
        """A commit that differs from another one in the contents of these files of it."""
        ...
