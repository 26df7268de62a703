"""What a candidate changes in the files that a command decides by, and what such a file holds when
that is undone.

Owns the changes of scripts, of configuration, and of tables in files that hold more: of
`package.json` the scripts, of `pyproject.toml` what a linter is told, while dependencies stay the
candidate's. Which files those are is `mission.deciders`'. Pure but for the commits that it reads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from orchestrator.gates.observing.sources import Commits
from orchestrator.mission.deciders import Decider, Read, deciders

Put = tuple[str, bytes | None]
"""A path, and what it holds when it is put back (None: nothing at all)."""


def put_back_for(
    argv: Sequence[str],
    commits: Commits,
    base: str,
    commit: str,
    is_allowed: Callable[[str], bool],
) -> Iterator[Put]:
    """What of the files that a command decides by is not as on the base, as it is put back.

    A configuration that is new in the candidate is taken out; a program that is new decides
    nothing that was decided before, and stays.
    """
    changed = commits.changes(base, commit)
    if not changed:
        return
    there = frozenset(commits.entries(base))
    for decider in deciders(argv, there, lambda path: commits.read(base, path)):
        if decider.path in changed and not is_allowed(decider.path):
            before, after = commits.read(base, decider.path), commits.read(commit, decider.path)
            content = undone(decider, before, after)
            if content != after:
                yield decider.path, content
    new = {path for path, change in changed.items() if change.old is None}
    if new:
        read = _first(
            lambda path: commits.read(base, path), lambda path: commits.read(commit, path)
        )
        for decider in deciders(argv, there | new, read):
            if decider.path in new and not decider.is_program and not is_allowed(decider.path):
                yield decider.path, None


def undone(decider: Decider, before: bytes | None, after: bytes | None) -> bytes | None:
    """What a file holds with what decides in it as it was before, and all else as it is after."""
    if not decider.parts or before is None or after is None:
        return before
    name = decider.path.rpartition("/")[2]
    try:
        if name.endswith(".json"):
            return _of_json(decider.parts, before, after)
        if name.endswith(".toml"):
            return _of_toml(decider.parts, before, after)
    except (ValueError, TOMLKitError, AttributeError, TypeError):
        return before  # what cannot be read cannot be taken apart
    return _of_sections(decider.parts, before, after)


def _first(one: Read, other: Read) -> Read:
    def read(path: str) -> bytes | None:
        found = one(path)
        return other(path) if found is None else found

    return read


def _of_json(parts: Sequence[str], before: bytes, after: bytes) -> bytes:
    then, now = json.loads(before), json.loads(after)
    if all(then.get(part) == now.get(part) for part in parts):
        return after
    for part in parts:
        now.pop(part, None)
        if part in then:
            now[part] = then[part]
    return (json.dumps(now, indent=2, ensure_ascii=False) + "\n").encode()


def _of_toml(parts: Sequence[str], before: bytes, after: bytes) -> bytes:
    then, now = tomlkit.parse(before), tomlkit.parse(after)
    is_changed = False
    for part in parts:
        *above, last = part.split(".")
        old, new = _table(then.unwrap(), above).get(last), _table(now.unwrap(), above).get(last)
        if old == new:
            continue
        is_changed = True
        table: Any = now
        for name in above:
            table = table.setdefault(name, tomlkit.table(is_super_table=True))
        table.pop(last, None)
        if old is not None:
            table[last] = old
    return tomlkit.dumps(now).encode() if is_changed else after


def _table(document: Mapping[str, Any], above: Sequence[str]) -> dict[str, Any]:
    for name in above:
        document = document.get(name, {})
    return dict(document)


def _of_sections(parts: Sequence[str], before: bytes, after: bytes) -> bytes:
    then, now = (content.decode("utf-8", "surrogateescape") for content in (before, after))
    for part in parts:
        # A section with its header and those below it: `[mypy]`, `[mypy-x]`.
        pattern = rf"^\[{re.escape(part)}[^\]\n]*\][^\n]*\n?.*?(?=^\[|\Z)"
        old, new = (
            "".join(re.findall(pattern, text, re.MULTILINE | re.DOTALL)) for text in (then, now)
        )
        if old.split() != new.split():
            rest = re.sub(pattern, "", now, flags=re.MULTILINE | re.DOTALL)
            now = f"{rest.rstrip()}\n\n{old}"
    return now.encode("utf-8", "surrogateescape")
