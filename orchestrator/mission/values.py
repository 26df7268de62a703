"""What single values of a mission must mean beyond their shape: globs, placeholders, kinds of
backends, paths on disk.

Owns those rules and no name that refers to another place of the file (`references`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from orchestrator.mission.complaints import show
from orchestrator.mission.globs import BadGlob
from orchestrator.mission.model import (
    Agent,
    Backend,
    BriefMode,
    Claim,
    CommandCheck,
    FileProof,
    Mission,
    PytestCheck,
    SymbolProof,
)
from orchestrator.mission.placeholders import placeholders
from orchestrator.mission.scope import entry_of
from orchestrator.mission.source import Loc, Positions, Problem
from orchestrator.mission.symbols import parse_symbol
from orchestrator.mission.words import did_you_mean, listed

PLACEHOLDERS = ("brief", "brief_file", "workspace", "agent", "batch", "run", "mission_dir")
PROFILES = ("claude", "codex", "gemini", "goose", "opencode", "qwen")
"""Agents that are known by name; a test holds these against the registry."""
KINDS = ("command", "acp", "dir", "prefer", "profile")
"""Keys of which a backend has one: what kind it is."""
KINDS_OF_ANY = ("command", "acp", "dir", "profile")
KIND_OF_NAME = {
    "auto": ("prefer",),
    "recording": ("dir",),
    "command": ("command",),
    "acp": ("acp",),
    **dict.fromkeys(PROFILES, ("profile", "command", "acp")),
}  # all others choose freely
KINDS_OF_KEY = {
    "brief": ("command",),
    "env": ("command", "acp", "profile"),
    "model": ("profile",),
    "max_turns": ("profile",),
    "files": ("acp", "profile"),
}
WORD_OF_KIND = {
    "command": "a command",
    "acp": "an agent by its protocol",
    "profile": "a known agent",
}
LINE = re.compile(r":\d+$")
ABSOLUTE = re.compile(
    r"[A-Za-z]:[/\\]|~|/(?:bin|dev|etc|home|mnt|opt|private|proc|root|srv|tmp|usr|var|Users|Volumes)/"
)
"""A leading slash stands for the repository's root, as in a .gitignore; such a path is of the disk."""


def glob_problems(mission: Mission, positions: Positions) -> Iterator[Problem]:
    """Scopes, protected paths, the untracked files that workspaces are given, and what gates let be
    changed.
    """
    workspace = mission.workspace
    globs: list[tuple[Loc, str]] = []
    of_workspace = {"setup_inputs": workspace.setup_inputs, "copy": workspace.copy_}
    of_workspace |= {"link": workspace.link, "protect": workspace.protect}
    for key, patterns in of_workspace.items():
        globs += [(("workspace", key, index), pattern) for index, pattern in enumerate(patterns)]
    allowed = enumerate(mission.scope_requests.allow)
    globs += [(("scope_requests", "allow", index), pattern) for index, pattern in allowed]
    for index, batch in enumerate(mission.batches):
        for number, agent in enumerate(batch.agents):
            loc: Loc = ("batches", index, "agents", number)
            globs += [((*loc, "files", item), pattern) for item, pattern in enumerate(agent.files)]
            yield from _symbol_key_problems(agent, positions, loc)
    globs += _of_gates(mission)
    for loc, pattern in globs:
        place = positions.value(loc)
        if ABSOLUTE.match(pattern):
            yield Problem(
                place,
                f"{show(pattern)}: an absolute path is no scope",
                "paths begin at the repository's root",
            )
            continue
        try:
            entry = entry_of(pattern)
        except BadGlob as error:
            yield Problem(place, f"{show(pattern)}: {error}", error.mend)
        else:
            if loc[0] != "batches" and not entry.is_whole:
                key = next(part for part in reversed(loc) if isinstance(part, str))
                what = f"{show(pattern)}: `{key}` is about whole files"
                yield Problem(place, what, f"write `{entry.glob}`")


def _of_gates(mission: Mission) -> Iterator[tuple[Loc, str]]:
    for name, gate in mission.gates.items():
        for index, pattern in enumerate(gate.may_change):
            yield ("gates", name, "may_change", index), pattern
        for number, check in enumerate(gate.checks):
            for key in ("may_change", "may_configure"):
                for index, pattern in enumerate(getattr(check, key, ())):
                    yield ("gates", name, "checks", number, key, index), pattern


def _symbol_key_problems(agent: Agent, positions: Positions, loc: Loc) -> Iterator[Problem]:
    """`imports` and `new_symbols` say nothing where `files` names no symbol."""
    if any("::" in pattern or LINE.search(pattern) for pattern in agent.files):
        return
    for key in ("imports", "new_symbols"):
        if key in agent.model_fields_set:
            what = (
                f"`{key}` is about files of which single symbols are named, and `files` names none"
            )
            yield Problem(
                positions.key((*loc, key)),
                what,
                "take it out, or name symbols such as `src/a.py::Class`",
            )


def path_problems(mission: Mission, positions: Positions, folder: Path) -> Iterator[Problem]:
    """Paths of the mission itself that must be there before a run starts."""
    repository = mission.repository
    for key, path in (("path", repository.path), ("snapshot", repository.snapshot)):
        if path is not None and not (folder / path).is_dir():
            yield _absent(positions, ("repository", key), "folder", path)
    if repository.base is not None and repository.base.startswith("-"):
        yield Problem(
            positions.value(("repository", "base")),
            "a branch, tag or commit does not begin with `-`",
        )
    template = mission.brief_template
    if template is not None and not (folder / template).is_file():
        yield _absent(positions, ("brief_template",), "file", template)


def inner_problems(mission: Mission, positions: Positions) -> Iterator[Problem]:
    """Paths inside the repository that are no globs: they stay in it, and pass for no option of a
    program.
    """
    paths: list[tuple[Loc, str]] = []
    for name, gate in mission.gates.items():
        for index, check in enumerate(gate.checks):
            loc: Loc = ("gates", name, "checks", index)
            if isinstance(check, CommandCheck):
                paths += [((*loc, "report", item), path) for item, path in enumerate(check.report)]
            if isinstance(check, PytestCheck | CommandCheck):
                tests = {"must_turn_green": check.must_turn_green, "may_remove": check.may_remove}
                tests |= {"pytest": check.pytest} if isinstance(check, PytestCheck) else {}
                paths += [
                    ((*loc, key, item), test)
                    for key, ids in tests.items()
                    for item, test in enumerate(ids)
                ]
    for loc, claim in claims_of(mission):
        for index, proof in enumerate(claim.proof):
            if isinstance(proof, FileProof):
                paths.append(((*loc, "proof", index, "file"), proof.file))
            elif isinstance(proof, SymbolProof):
                where: Loc = (*loc, "proof", index, "symbol")
                wrong = list(_symbol_problem(proof.symbol, positions, where))
                yield from wrong
                paths += [] if wrong else [(where, proof.symbol)]
            elif isinstance(proof, str):
                paths.append(((*loc, "proof", index), proof))
    for loc, path in paths:
        parts = path.split("::")[0].split("/")
        if path.startswith("-") and "proof" not in loc:
            yield Problem(
                positions.value(loc),
                f"{show(path)}: expected a path, not an option",
                "paths and node ids alone",
            )
        elif parts[0] == "" or ".." in parts:
            what = f"{show(path)}: the path leads out of the repository"
            yield Problem(positions.value(loc), what, "paths begin at the repository's root")


def _symbol_problem(proof: str, positions: Positions, loc: Loc) -> Iterator[Problem]:
    """A symbol that proves something is one of one file."""
    path, colons, name = proof.partition("::")
    what, mend = f"{show(proof)}: expected a file and a symbol in it", "write `path::Class.method`"
    if path and colons and name and not any(sign in path for sign in "*?["):
        try:
            parse_symbol(name)
        except BadGlob as error:
            what, mend = f"{show(proof)}: {error}", error.mend or mend
        else:
            return
    yield Problem(positions.value(loc), what, mend)


def claims_of(mission: Mission) -> Iterator[tuple[Loc, Claim]]:
    """All criteria and deliverables with their places."""
    for index, batch in enumerate(mission.batches):
        for number, claim in enumerate(batch.criteria):
            yield ("batches", index, "criteria", number), claim
        for number, agent in enumerate(batch.agents):
            for item, claim in enumerate(agent.deliverables):
                yield ("batches", index, "agents", number, "deliverables", item), claim


def _absent(positions: Positions, loc: Loc, noun: str, path: str) -> Problem:
    return Problem(
        positions.value(loc),
        f"there is no {noun} {show(path)}",
        "paths are relative to the mission file",
    )


def backend_problems(mission: Mission, positions: Positions, folder: Path) -> Iterator[Problem]:
    """Each backend is of one kind, with what that kind needs and nothing else."""
    for name, backend in mission.backends.items():
        loc: Loc = ("backends", name)
        said = [key for key in KINDS if key in backend.model_fields_set]
        if name in PROFILES and "profile" not in said and not said:
            said = ["profile"]  # an entry that says more of an agent that is known by its name
        allowed = KIND_OF_NAME.get(name, KINDS_OF_ANY)
        if strange := next((key for key in said if key not in allowed), None):
            what = f"the backend `{name}` takes no `{strange}`"
            yield Problem(
                positions.key((*loc, strange)), what, f"it takes {listed(allowed, last=' or ')}"
            )
        elif not said:
            what = f"the backend `{name}` says nothing to do"
            yield Problem(positions.key(loc), what, f"add {listed(allowed, last=' or ')}")
        elif len(said) > 1:
            what = f"the backend `{name}` has {listed(said, last=' and ')}"
            yield Problem(
                positions.key((*loc, said[1])),
                what,
                "a backend is a command, a known agent or a recording: make two of it",
            )
        else:
            yield from _kind_problems(said[0], name, backend, positions, folder)


def _kind_problems(
    kind: str, name: str, backend: Backend, positions: Positions, folder: Path
) -> Iterator[Problem]:
    """What belongs to another kind, and what is wrong with its own."""
    loc: Loc = ("backends", name)
    for key, kinds in KINDS_OF_KEY.items():
        if key in backend.model_fields_set and kind not in kinds:
            of = listed((WORD_OF_KIND[of] for of in kinds), last=" or ").replace("`", "")
            what = f"`{key}` says something about {of}, and the backend `{name}` is none"
            yield Problem(positions.key((*loc, key)), what, "take it out")
    match kind:
        case "command":
            yield from _command_problems(backend, positions, loc)
        case "profile" | "acp":
            yield from _profile_problems(name, backend, positions)
        case _:
            yield from _other_problems(name, backend, positions, folder)


def _profile_problems(name: str, backend: Backend, positions: Positions) -> Iterator[Problem]:
    """A known agent, or one by its protocol."""
    loc: Loc = ("backends", name)
    if backend.profile is not None and backend.profile not in PROFILES:
        what = f"there is no profile `{backend.profile}`"
        mend = did_you_mean(backend.profile, PROFILES, noun="profile")
        yield Problem(positions.value((*loc, "profile")), what, mend)
    for where in backend.files:
        if where.startswith(("/", "~")) or ".." in Path(where).parts or not where.strip("./"):
            what = f"{show(where)} is no place in an agent's home"
            yield Problem(
                positions.key((*loc, "files")), what, "write it relative to the home: `.claude/x`"
            )


def _other_problems(
    name: str, backend: Backend, positions: Positions, folder: Path
) -> Iterator[Problem]:
    """A recording, or `auto`."""
    loc: Loc = ("backends", name)
    if backend.dir is not None and not (folder / backend.dir).is_dir():
        yield _absent(positions, (*loc, "dir"), "recording", backend.dir)
    if backend.dir is None and (name in backend.prefer or not backend.prefer):
        what = "prefers itself" if backend.prefer else "prefers nothing"
        mend = "name the backends to try, in their order"
        yield Problem(positions.value((*loc, "prefer")), f"the backend `{name}` {what}", mend)


def _command_problems(backend: Backend, positions: Positions, loc: Loc) -> Iterator[Problem]:
    assert backend.command is not None
    used: set[str] = set()
    for index, argument in enumerate(backend.command.argv):
        # A command that was written as one text has one place.
        place = positions.value(
            (*loc, "command", "shell") if backend.command.is_shell else (*loc, "command", index)
        )
        try:
            names = placeholders(argument)
        except ValueError as error:
            yield Problem(
                place, f"{show(argument)}: {error}", "write `{{` for `{`, and `}}` for `}`"
            )
            continue
        used.update(names)
        for name in names:
            if name not in PLACEHOLDERS:
                what = f"unknown placeholder `{{{name}}}`"
                mend = did_you_mean(name, PLACEHOLDERS, noun="placeholder")
                yield Problem(place, what, f"{mend} (a literal brace is doubled)")
    if "brief" not in backend.model_fields_set:
        return
    given = sorted(used & {"brief", "brief_file"})
    place = positions.value((*loc, "brief"))
    match backend.brief:
        case BriefMode.ARGUMENT if "brief" not in used:
            what, mend = (
                "`brief: argument`, but the command has no `{brief}`",
                "add `{brief}` to its arguments",
            )
        case BriefMode.FILE if "brief_file" not in used:
            what, mend = (
                "`brief: file`, but the command has no `{brief_file}`",
                "add `{brief_file}` to its arguments",
            )
        case BriefMode.NONE | BriefMode.STDIN if given:
            what = f"`brief: {backend.brief}`, but the command has `{{{given[0]}}}`"
            mend = "take one of the two out"
        case _:
            return
    yield Problem(place, what, mend)
