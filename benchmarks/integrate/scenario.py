"""What is integrated: a repository of many files, and agents' commits on it, made with `git
fast-import`.

Each agent adds a file of its own; some also change one file that all share, each at a line of its
own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SHARED = "shared.py"
PER_FOLDER = 50
WHEN = 1_750_000_000

ENVIRONMENT = {
    **{
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GIT_", "ORCHESTRATE_"))
    },
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "bench",
    "GIT_AUTHOR_EMAIL": "bench@localhost",
    "GIT_COMMITTER_NAME": "bench",
    "GIT_COMMITTER_EMAIL": "bench@localhost",
    "GIT_MERGE_AUTOEDIT": "no",
    "LC_ALL": "C",
}


@dataclass(frozen=True)
class Scenario:
    """`agents` on `files` files; the first `editors` of them also edit the shared file."""

    agents: int
    files: int
    editors: int = 0

    @property
    def names(self) -> list[str]:
        return [f"agent-{number:04d}" for number in range(self.agents)]


def make_repository(folder: Path, scenario: Scenario) -> None:
    """The base as one pack, as a clone has it, and the agents' commits as loose objects, as a
    capture leaves them.
    """
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "config", "gc.auto", "0")
    git(folder, "config", "fastimport.unpackLimit", "1")
    git(folder, "fast-import", "--quiet", input="".join(_base(scenario)).encode())
    git(folder, "config", "fastimport.unpackLimit", "1000000")
    git(folder, "fast-import", "--quiet", input="".join(_agents(scenario)).encode())
    git(folder, "checkout", "--quiet", "main")


def _base(scenario: Scenario) -> Iterator[str]:
    yield _commit("refs/heads/main", "base", "")
    for number in range(scenario.files - 1):
        body = "".join(
            f"\n\ndef function_{n}(value):\n    return value + {number} + {n}\n" for n in range(12)
        )
        yield _file(f"{_folder(number)}/module_{number:05d}.py", f'"""Module {number}."""\n{body}')
    yield _file(SHARED, "".join(_shared(scenario)))


def _agents(scenario: Scenario) -> Iterator[str]:
    lines = _shared(scenario)
    for number, name in enumerate(scenario.names):
        yield _commit(f"refs/heads/{name}", name, "from refs/heads/main^0\n")
        # An agent's file stands beside others, all over the repository.
        folder = _folder(number * (scenario.files - 1) // scenario.agents)
        yield _file(
            f"{folder}/{name.replace('-', '_')}.py",
            f'"""What {name} made."""\n\nVALUE = {number}\n',
        )
        if number < scenario.editors:
            edited = lines.copy()
            edited[4 * number + 1] = f"    return {number} + 1\n"
            yield _file(SHARED, "".join(edited))


def _shared(scenario: Scenario) -> list[str]:
    """Four lines for each editor: a function, and what stands between it and the next."""
    count = max(scenario.editors, 1)
    return [
        line
        for n in range(count)
        for line in (f"def shared_{n}():\n", f"    return {n}\n", "\n", "\n")
    ]


def _folder(number: int) -> str:
    return f"src/package_{number // PER_FOLDER:03d}"


def _commit(ref: str, message: str, origin: str) -> str:
    person = f"bench <bench@localhost> {WHEN} +0000"
    return f"commit {ref}\nauthor {person}\ncommitter {person}\ndata {len(message)}\n{message}\n{origin}"


def _file(path: str, content: str) -> str:
    return f"M 100644 inline {path}\ndata {len(content.encode())}\n{content}\n"


def copy(template: Path, place: Path) -> Path:
    """A copy for one run, made while nobody is timed, with the disk at rest."""
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(template, place, symlinks=True)
    git(place, "update-index", "--refresh", "-q")
    os.sync()
    return place


def git(folder: Path, *arguments: str, input: bytes | None = None, check: bool = True) -> str:
    """One git process; what it printed."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        input=input,
        capture_output=True,
        check=False,
    )
    if check and done.returncode:
        raise SystemExit(
            f"git {' '.join(arguments[:3])} exited with {done.returncode}:\n{done.stderr.decode()[-2000:]}"
        )
    return done.stdout.decode().strip()
