"""What this machine has, whatever is to be done on it: git, an interpreter, a disk, a sandbox,
agents, grammars.

Owns what is looked at and what a lack of it means. Nothing is asked of a provider and no run is
touched; what is made (the cache, the clean interpreter) is what the first run would make.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from orchestrator.engine.beside.finding import Area, Finding, refused, tried
from orchestrator.errors import EnvironmentRefused
from orchestrator.git.client import require_git
from orchestrator.git.identity import OURS
from orchestrator.git.users import users_git
from orchestrator.isolation.caches import CHOICE, MEND, cache
from orchestrator.isolation.clean_python import CleanPython
from orchestrator.isolation.disk import Disk, disk_of
from orchestrator.isolation.environment import NAMES, interpreter_on_path
from orchestrator.isolation.interpreter import refuses_environments
from orchestrator.structure.languages import BY_SUFFIX

LEAST_BYTES = 1024**3
"""Of room: a store, five work trees and what their set-up made take some of it."""
VENV = "environments"
"""The finding that says whether `python -m venv` works."""
EXTRA = "pip install 'orchestrate-missions[languages]'"
_AT_WORKTREE = (
    "agents run at `isolation: worktree`: held to their scope and ended with all that they start, "
    "but not fenced in"
)
_NO_ROOM = (
    "a run stops where nothing can be written any more, and can be resumed when there is room"
)


class Probe(Protocol):
    """One thing that a sandbox must keep, tried."""

    @property
    def name(self) -> str: ...
    @property
    def ok(self) -> bool: ...
    @property
    def detail(self) -> str: ...
    @property
    def mend(self) -> str: ...


class Agent(Protocol):
    """One agent that is known by name, as it is here."""

    @property
    def name(self) -> str: ...
    @property
    def path(self) -> str | None: ...
    @property
    def version(self) -> str: ...
    @property
    def logged_in(self) -> bool | None: ...
    @property
    def why_not(self) -> str: ...
    @property
    def mend(self) -> str: ...


def of_git() -> Iterator[Finding]:
    """Git, and what the user's own configuration of it means for what lands."""
    found = tried(Area.GIT, "git", require_git, "nothing can be done without it").needed()
    yield found
    if not found.ok:
        return
    user = users_git()
    if user.identity:
        yield Finding(Area.GIT, "identity", ok=True, detail=f"{user.identity} signs what lands")
    else:
        yield Finding(
            Area.GIT,
            "identity",
            ok=False,
            detail="the user's configuration names nobody",
            means=f"what lands is in the name of {OURS}, unless the repository or `author:` says another",
            mend="git config --global user.name … and user.email …, or `author:` in the mission",
        )
    if user.signs:
        yield Finding(
            Area.GIT,
            "signatures",
            ok=False,
            detail="commit.gpgSign is on",
            means="what lands is not signed: no key is used while nobody looks",
            mend="land on a branch of its own (`orchestrate land --branch`), and merge that with a signature",
        )


def of_python() -> Iterator[Finding]:
    """What orchestrate runs with, what runs tests, and what agents call `python`."""
    yield Finding(Area.PYTHON, "orchestrate", ok=True, detail=f"Python {platform.python_version()}")
    clean = CleanPython()
    yield tried(
        Area.PYTHON,
        "clean interpreter",
        lambda: f"{clean.told}: {clean.ready()}",
        "tests of a mission without a `.venv` or `workspace.python` cannot be run",
    ).needed()
    found = {name: interpreter_on_path(name) for name in NAMES}
    told = ", ".join(f"{name}: {path}" for name, path in found.items() if path)
    yield Finding(
        Area.PYTHON,
        "for set-ups",
        ok=True,
        detail=told or "none on PATH but the one that orchestrate stands on",
    )
    # What a set-up calls `python`, as far as it is on PATH.
    for python in [path for path in found.values() if path][:1]:
        why = refuses_environments(python)
        yield Finding(
            Area.PYTHON,
            VENV,
            ok=not why,
            detail=f"`python -m venv` {f'does not work: {why}' if why else 'works'} ({python})",
            means="a `workspace.setup` that makes a `.venv` with it fails" if why else "",
            mend="install the package `python3-venv` (Debian, Ubuntu), or use another Python or tool"
            if why
            else "",
        )


def of_disk(root: Path) -> Iterator[Finding]:
    """The folder of work trees and that of reports."""
    try:
        place = cache()
    except EnvironmentRefused as error:
        yield refused(Area.DISK, "cache", error, "there is nowhere to work").needed()
    else:
        yield from _of_folder("cache", disk_of(place), f"set {CHOICE} to a folder with more room")
    yield from _of_folder("reports", disk_of(root / "reports"), "choose another --root")


def _of_folder(name: str, disk: Disk, mend: str) -> Iterator[Finding]:
    kind = f" on {disk.file_system}" if disk.file_system else ""
    told = f"{disk.folder}{kind}, {_bytes(disk.free)} free"
    is_cache = name == "cache"
    if disk.refusal:
        means = "nothing can be kept there"
        detail = f"{told}, cannot be written: {disk.refusal}"
        mend = MEND if is_cache else mend
    elif disk.free < LEAST_BYTES:
        means, detail = _NO_ROOM, told
        mend = f"make room, or {mend}"
    else:
        means, detail, mend = "", told, ""
    yield Finding(Area.DISK, name, not means, detail, means, mend, is_needed=True)
    if means or not is_cache:
        return
    yield Finding(
        Area.DISK,
        "copies",
        ok=disk.clones,
        detail="files are cloned (reflink)" if disk.clones else "files are copied byte by byte",
        means=""
        if disk.clones
        else "what `workspace.setup` makes takes its room once for each work tree",
        mend="" if disk.clones else f"a cache on Btrfs or XFS: set {CHOICE}",
    )
    if disk.folds:
        yield Finding(
            Area.DISK,
            "names",
            ok=False,
            detail="`A` and `a` are one name there",
            means="a repository that holds both cannot be checked out",
            mend=f"set {CHOICE} to a folder on a file system that tells them apart",
        )


def of_sandbox(probes: Sequence[Probe]) -> Iterator[Finding]:
    """Whether `strict` can be kept: in one line if so, else by all that cannot."""
    failed = [probe for probe in probes if not probe.ok]
    if probes and not failed:
        what = f"`strict` can be kept: {probes[0].detail}; {len(probes)} probes hold"
        yield Finding(Area.SANDBOX, "strict", ok=True, detail=what)
    for probe in failed:
        yield Finding(
            Area.SANDBOX,
            probe.name,
            ok=False,
            detail=probe.detail,
            means=_AT_WORKTREE,
            mend=probe.mend,
        )


def of_agents(agents: Sequence[Agent]) -> Iterator[Finding]:
    """Those that missions may name without a command."""
    for agent in agents:
        means = f"missions cannot say `backend: {agent.name}` here"
        if agent.path is None or agent.why_not:
            yield Finding(
                Area.AGENTS,
                agent.name,
                ok=False,
                detail=agent.why_not,
                means=means,
                mend=agent.mend,
            )
        else:
            login = {
                True: "logged in",
                False: "not logged in",
                None: "whether it is logged in is not known",
            }
            told = (
                f"{agent.version or 'of no known version'}, {login[agent.logged_in]}: {agent.path}"
            )
            yield Finding(Area.AGENTS, agent.name, ok=True, detail=told)


def of_languages() -> Iterator[Finding]:
    """Languages whose files are merged by what they mean."""
    known = {language.name: language for language in BY_SUFFIX.values()}
    for name, language in known.items():
        ends = " ".join(end for end, it in BY_SUFFIX.items() if it.name == name)
        if language.installed:
            yield Finding(Area.LANGUAGES, name, ok=True, detail=ends)
        else:
            yield Finding(
                Area.LANGUAGES,
                name,
                ok=False,
                detail=f"the grammar of {ends} is not installed",
                means="such files are merged line by line, and scopes cannot name symbols in them",
                mend=EXTRA,
            )


def _bytes(number: int) -> str:
    size, units = float(number), ["B", "KiB", "MiB", "GiB", "TiB"]
    while size >= 1024 and units[1:]:
        size /= 1024
        units.pop(0)
    return f"{size:.0f} {units[0]}" if size >= 10 or units[0] == "B" else f"{size:.1f} {units[0]}"
