"""Real repositories for the tests of the git layer: fixed dates, no configuration of the machine,
no network.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from orchestrator.git.repository import Repository
from orchestrator.git.store import Store
from orchestrator.git.workspace import Workspaces

WHEN = 1_750_000_000

Tree = Mapping[str, str | bytes | None]


class RealGit:
    """git for the tests themselves, apart from the code under test."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(
        self, *arguments: str, check: bool = True, stdin: bytes | None = None, **env: str
    ) -> str:
        return (
            self.raw(*arguments, check=check, stdin=stdin, **env)
            .stdout.decode("utf-8", "surrogateescape")
            .rstrip("\n")
        )

    def raw(
        self, *arguments: str, check: bool = True, stdin: bytes | None = None, **env: str
    ) -> subprocess.CompletedProcess[bytes]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        clean |= {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_AUTHOR_NAME": "A",
            "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_NAME": "C",
            "GIT_COMMITTER_EMAIL": "c@example.org",
            "GIT_AUTHOR_DATE": f"{WHEN} +0000",
            "GIT_COMMITTER_DATE": f"{WHEN} +0000",
            "LC_ALL": "C",
            **env,
        }
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env=clean,
            input=stdin,
            capture_output=True,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"git {arguments}: {done.stderr.decode(errors='replace')}")
        return done

    def commit(self, tree: Tree, message: str = "work") -> str:
        """Write (None: remove) the files and commit all; the id."""
        write(self.path, tree)
        self("add", "-A", "-f")
        self("commit", "-q", "--allow-empty", "-m", message)
        return self("rev-parse", "HEAD")


def write(root: Path, tree: Tree) -> None:
    """Put files below `root`; None removes."""
    for name, content in tree.items():
        path = root / name
        if content is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.fixture
def make_repo(tmp_path: Path) -> Callable[..., RealGit]:
    """Make a user's repository called `name` with one commit of `files`."""

    def make(files: Tree | None = None, name: str = "user", *options: str) -> RealGit:
        path = tmp_path / name
        path.mkdir(parents=True)
        git = RealGit(path)
        git("init", "-q", "-b", "main", *options)
        git("config", "user.name", "user")
        git("config", "user.email", "user@example.org")
        git.commit(
            files
            if files is not None
            else {"a.txt": "a\n", "src/b.py": "b = 1\n", "src/deep/c.py": "c = 1\n"}
        )
        return git

    return make


@pytest.fixture
def user(make_repo: Callable[..., RealGit]) -> RealGit:
    """A small repository of the user."""
    return make_repo()


class Run:
    """A run on a user's repository: store, workspaces, base."""

    def __init__(self, user: RealGit, root: Path, *, private: bool = False) -> None:
        self.user = user
        self.root = root
        self.repository = Repository.discover(user.path)
        self.base = self.repository.resolve("HEAD")
        self.repository.pin("run-1", self.base)
        self.store = Store.create(root / "store.git", self.repository, self.base, "run-1")
        self.workspaces = Workspaces(self.store, root, private=private)
        self.git = RealGit(self.store.path)

    def work(self, files: Tree, *, base: str | None = None, name: str = "scratch-1") -> str:
        """The captured commit of somebody who wrote `files` on `base`."""
        workspace = self.workspaces.provision(name, base or self.base)
        write(workspace.path, files)
        commit = self.workspaces.capture(workspace, message=f"{name}\n", when=WHEN).commit
        self.workspaces.release(workspace)
        return commit


@pytest.fixture
def make_run(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """Start a run on a repository."""
    runs: list[Run] = []

    def make(user: RealGit, name: str = "run-1", *, private: bool = False) -> Run:
        runs.append(Run(user, tmp_path / "workspaces" / name, private=private))
        return runs[-1]

    yield make
    for run in runs:
        run.store.close()


@pytest.fixture
def run(user: RealGit, make_run: Callable[..., Run]) -> Run:
    """A run on the small repository."""
    return make_run(user)
