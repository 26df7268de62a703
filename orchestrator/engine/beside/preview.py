"""What a plan is held against before anything starts: the paths of the base, and the symbols that
scopes name there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.engine.outlines import outlines_of
from orchestrator.engine.workshop import open_repository
from orchestrator.errors import UsageError
from orchestrator.git.objects import reading
from orchestrator.git.repository import Repository
from orchestrator.git.unfilled import unfilled
from orchestrator.inspection import Findings, inspect
from orchestrator.mission.loading import LoadedMission
from orchestrator.mission.model import Mission, Overlap
from orchestrator.mission.model import Repository as RepositoryRequest
from orchestrator.mission.paths import Paths
from orchestrator.mission.scope import Scope
from orchestrator.mission.symbols import Outline
from orchestrator.plan import Plan, make_plan

_SYMBOL = re.compile(r"::|:\d+$")
"""What an entry of a scope holds that means less than a file; no other does."""

MOST_NAMED = 5

Read = Callable[[str], bytes | None]
Base = tuple[tuple[str, ...], Read]


@dataclass(frozen=True, slots=True)
class Preview:
    """A plan whose lines are bound to symbols of the base, what was found out about it, and the
    symbols there.
    """

    plan: Plan
    findings: Findings
    outlines: dict[str, Outline | None] = field(default_factory=dict)
    inside: str = ""
    """Of the repository, the folder that the mission's `path` names; empty for all of it."""


def preview(loaded: LoadedMission) -> Preview:
    """The plan of a mission, held against the base that it would start from now."""
    refuse_unfilled(loaded)
    plan = make_plan(loaded.mission)
    with base_of(loaded.mission.repository, loaded.path.resolve().parent) as (listed, read):
        paths = Paths(listed)
        scopes = (agent.scope for agent in plan.agents)
        outlines = outlines_of(scopes, paths, read) if _names_symbols(loaded.mission) else {}
        found = inspect(plan, paths, outlines, read, _of_tests(paths, read))
    return Preview(plan.resolved(outlines), found, outlines, _inside(loaded))


def _of_tests(paths: Sequence[str], read: Callable[[str], bytes | None]) -> Callable[[str], bool]:
    """Whether a path of the base belongs to the tests, as its gates will see it."""
    from orchestrator.gates.observing.test_side import layout_of  # a run's start needs none of it

    layout = layout_of(paths, read)
    return lambda path: layout.is_test_side(path, read(path))


def _inside(loaded: LoadedMission) -> str:
    request = loaded.mission.repository
    if request.snapshot is not None:
        return ""
    named = (loaded.path.resolve().parent / (request.path or ".")).resolve()
    top = Repository.discover(named).work_tree
    inside = (
        named.relative_to(top.resolve()).as_posix()
        if top and request.path and named.is_relative_to(top.resolve())
        else "."
    )
    return "" if inside == "." else inside


def refuse_what_cannot_be(loaded: LoadedMission) -> None:
    """Raise UsageError for overlaps that the mission refuses, for symbols that cannot be, and for
    what the base only points to.
    """
    mission = loaded.mission
    refuse_unfilled(loaded)
    policies = (mission.defaults.overlap, *(batch.overlap for batch in mission.batches))
    if Overlap.REFUSE in policies or _names_symbols(mission):
        preview(loaded).findings.raise_if_refused()


def refuse_unfilled(loaded: LoadedMission) -> None:
    """Raise UsageError where the base has submodules or files in LFS that work trees would lack, and
    the mission does not say that they are not needed.
    """
    request, wanted = loaded.mission.repository, loaded.mission.workspace
    if request.snapshot is not None:
        return
    repository = Repository.discover(loaded.path.resolve().parent / (request.path or "."))
    found = unfilled(repository, repository.resolve(request.base or "HEAD"))
    waived = Scope(wanted.unfilled)
    links = [path for path in found.submodules if not waived.allows(path)]
    empty = [path for path in links if not _is_copied(repository, wanted.copy_, path)]
    if empty:
        raise UsageError(
            f"submodules that would be empty in work trees: {_named(empty)}",
            where=str(loaded.path),
            mend=f"fill it (git submodule update --init {empty[0]}) and name it in "
            f"`workspace.copy`, or in `workspace.unfilled` if nobody needs it",
        )
    pointers = [path for path in found.pointers if not waived.allows(path)]
    if pointers:
        raise UsageError(
            f"files in Git LFS of which work trees would have only pointers: {_named(pointers)}",
            where=str(loaded.path),
            mend="name them in `workspace.unfilled` (globs) if neither agents nor gates need them; "
            "filling them is not supported yet",
        )


def _is_copied(repository: Repository, copied: Sequence[str], path: str) -> bool:
    """Whether `copy` brings something of the submodule at `path` along."""
    top = repository.work_tree
    if top is None or not any(place.name != ".git" for place in (top / path).glob("*")):
        return False
    wholes = {found for glob in copied for found in top.glob(glob.strip("/"))}
    return bool(wholes & {top / path, *(top / path).parents})


def _named(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - MOST_NAMED} more" if len(paths) > MOST_NAMED else ""
    return ", ".join(paths[:MOST_NAMED]) + more


def refuse_without_branch(loaded: LoadedMission, root: Path) -> None:
    """Raise UsageError where the run's base will be no branch that could be landed on."""
    if open_repository(loaded.mission, loaded.path.resolve().parent, root).branch is None:
        raise UsageError(
            "the base is not a branch, so nothing can be landed on it", mend="leave --land out"
        )


def _names_symbols(mission: Mission) -> bool:
    files = (
        pattern for batch in mission.batches for agent in batch.agents for pattern in agent.files
    )
    return any(_SYMBOL.search(pattern) for pattern in files)


@contextmanager
def base_of(request: RepositoryRequest, folder: Path) -> Iterator[Base]:
    """All paths of the commit, or of the plain files, that a mission in `folder` would start from,
    and what reads one of them.
    """
    if request.snapshot is not None:
        root = folder / request.snapshot
        yield tuple(_files(root)), lambda path: _bytes_of(root / path)
        return
    repository = Repository.discover(folder / (request.path or "."))
    commit = repository.resolve(request.base or "HEAD")
    with reading(repository.git, commit) as read:
        yield repository.paths(commit), read


def _bytes_of(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _files(root: Path) -> list[str]:
    return sorted(
        str((Path(folder) / name).relative_to(root))
        for folder, _, names in os.walk(root)
        for name in names
        if ".git" not in Path(folder).parts and "__pycache__" not in Path(folder).parts
    )
