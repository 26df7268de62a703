"""What a judge needs of git, as Protocols: files of commits to run things in, and facts about
commits.

`orchestrator.git.workspace.Workspaces` is a `Checkouts`, `orchestrator.git.store.Store` a
`Commits`. All of it is called in worker threads.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from orchestrator.isolation.interpreter import Interpreter


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
    """What work trees need beside the files of their commit, and what runs their tests. The
    engine's is `orchestrator.executors.setup.Setup`.
    """

    @property
    def identity(self) -> str:
        """What is known without a tree of the interpreter that runs tests. Blocking."""
        ...

    def follows(self, path: str) -> bool:
        """Whether a change of this path has what trees are given made anew."""
        ...

    async def digest(self, commit: str, *, is_made: bool = False) -> str | None:
        """Of everything that a tree of this commit is given, and of what runs its tests; None
        where that is not made yet, and may not be made for it (`is_made`).

        Raises EnvironmentRefused when it cannot be made for this commit.
        """
        ...

    def in_advance(self) -> Interpreter | None:
        """The interpreter, where it is known without a tree. Blocking; raises EnvironmentRefused."""
        ...

    async def put_into(self, commit: str, work_tree: Path) -> Interpreter:
        """Give it to a tree of the commit; the interpreter that runs its tests.

        Raises EnvironmentRefused when it cannot be made for this commit.
        """
        ...

    async def brought(self, base: str, commit: str, may_change: tuple[str, ...]) -> tuple[str, ...]:
        """What runs before any test because of what the commit is given, and would not for the
        base; nothing where only files among `may_change` (globs) make the difference.

        Raises EnvironmentRefused.
        """
        ...

    async def take_from(self, work_tree: Path) -> None:
        """Keep it for whoever has this tree next."""
        ...


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

    def with_contents(self, commit: str, contents: Mapping[str, bytes | None]) -> str:
        """A commit that differs from another one in what these files hold; None: there is none."""
        ...
