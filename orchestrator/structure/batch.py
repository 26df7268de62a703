"""What is wrong between the changes of one batch although every file of it merged and passed its
checks.

Pure. One removes or renames what another begins to use; one changes a signature and another calls
it the old way. By words and arity, not by types, so that these findings warn. What removed files
leave behind is found in `relative`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from orchestrator.structure.arity import Signature, bad_call, signatures
from orchestrator.structure.bindings import bound_names
from orchestrator.structure.blocks import SYMBOLS, Block, cut
from orchestrator.structure.languages import language_of
from orchestrator.structure.naming import text_of

_WORD = re.compile(rb"[^\W\d][\w$]*")
_CALLED = re.compile(rb"([^\W\d][\w$]*)\s*\(")
_LONGEST_HEAD = 2_000
"""Bytes before a changed line in which the definition can stand whose parameters the line belongs
to.
"""
_DEFINED = re.compile(rb"\b(?:def|class)\s+(\w+)")


@dataclass(frozen=True, slots=True)
class Edit:
    """One agent's change of one file; None for a file that was not there before or is not there
    after.
    """

    agent: str
    path: str
    before: bytes | None
    after: bytes | None


@dataclass(frozen=True, slots=True)
class BatchFinding:
    """`agent` did something to `symbol`, at `where`, that does not go with the line that `other`
    added to `path`.
    """

    check: str
    path: str
    symbol: str
    agent: str
    other: str
    text: str
    where: str = ""


def check_batch(
    edits: Sequence[Edit], merged: Mapping[str, bytes] | None = None
) -> list[BatchFinding]:
    """Every finding between two agents, in the order of `edits`, each once; all of them warn.

    `merged` holds files that several changed as they are now: what a merge brought back is not
    missing, and a line that a merge left out uses nothing.
    """
    sketches = [_Sketch.of(edit, (merged or {}).get(edit.path)) for edit in edits]
    users: dict[bytes, list[int]] = defaultdict(list)
    callers: dict[bytes, list[int]] = defaultdict(list)
    for index, sketch in enumerate(sketches):
        for word in sketch.words:
            users[word].append(index)
        for word in sketch.calls:
            callers[word].append(index)
    found: dict[BatchFinding, None] = {}
    for index, one in enumerate(sketches):
        suspected = _met(one, one.gone, users, sketches) | _met(one, one.signed, callers, sketches)
        if not suspected:
            continue
        facts = _Facts.of(one)
        for at in sorted(suspected):
            if at != index:
                found |= dict.fromkeys(_between(one.edit, facts, sketches[at]))
    return list(found)


@dataclass(slots=True)
class _Sketch:
    """What can be said of an edit without parsing it: enough to pass over most of them."""

    edit: Edit
    merged: bytes | None
    lines: list[tuple[int, bytes]] = field(default_factory=list)
    """The lines that it added, with their numbers from 1."""
    words: set[bytes] = field(default_factory=set)
    """The words in them."""
    calls: set[bytes] = field(default_factory=set)
    gone: set[bytes] = field(default_factory=set)
    """Words of lines that it removed, in none that it added: what it removed or renamed is among
    them.
    """
    signed: set[bytes] = field(default_factory=set)
    """Names of which it may have changed the parameters."""

    @classmethod
    def of(cls, edit: Edit, merged: bytes | None) -> _Sketch:
        sketch = cls(edit, merged)
        before, after = edit.before or b"", edit.after or b""
        start, end = _ends(before, after)
        removed, added = before[start : len(before) - end], after[start : len(after) - end]
        had, first = set(removed.splitlines()), after.count(b"\n", 0, start) + 1
        stands = None if merged is None else set(merged.splitlines())
        sketch.lines = [
            (number, line)
            for number, line in enumerate(added.splitlines(), first)
            if line not in had and (stands is None or line in stands)
        ]
        text = b"\n".join(line for _, line in sketch.lines)
        sketch.words = set(_WORD.findall(text))
        sketch.calls = set(_CALLED.findall(text))
        if edit.before is not None:
            gone = b"\n".join(had.difference(added.splitlines()))
            sketch.gone = {
                word for word in set(_WORD.findall(gone)) - sketch.words if len(word) > 2
            }
            if edit.after is not None:
                named = _DEFINED if edit.path.endswith((".py", ".pyi")) else _CALLED
                above = before[max(0, start - _LONGEST_HEAD) : start]
                sketch.signed = set(named.findall(above + removed))
        return sketch


def _ends(before: bytes, after: bytes) -> tuple[int, int]:
    """How many bytes at the beginning and at the end, in whole lines, are the same."""
    most = min(len(before), len(after))
    start = _same(most, lambda count: before[:count] == after[:count])
    start = before.rfind(b"\n", 0, start) + 1
    most -= start
    end = _same(most, lambda count: before[len(before) - count :] == after[len(after) - count :])
    newline = before.find(b"\n", len(before) - end)
    return start, len(before) - newline - 1 if newline != -1 and end else 0


def _same(most: int, holds: Callable[[int], bool]) -> int:
    """The largest number up to `most` for which `holds`, which holds for all below it; by
    halving.
    """
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


def _met(
    one: _Sketch,
    words: AbstractSet[bytes],
    users: Mapping[bytes, Sequence[int]],
    sketches: Sequence[_Sketch],
) -> set[int]:
    """The edits of others in whose added lines one of `words` stands."""
    return {
        index
        for word in words
        if word in users
        for index in users[word]
        if sketches[index].edit.agent != one.edit.agent
    }


@dataclass(slots=True)
class _Facts:
    """What an edit did to the symbols of its file."""

    removed: set[str]
    changed: dict[str, Signature] = field(default_factory=dict)
    reworded: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, sketch: _Sketch) -> _Facts:
        edit = sketch.edit
        before, after = _defined(edit.path, edit.before), _defined(edit.path, edit.after)
        standing = (
            after.keys()
            | _imported(edit.path, edit.after)
            | _defined(edit.path, sketch.merged).keys()
        )
        gone = {word.decode("utf-8", "surrogateescape") for word in sketch.gone}
        facts = cls({name for name in before.keys() - standing if name in gone})
        facts.reworded = {
            name for name in before.keys() & after.keys() if before[name] != after[name]
        }
        if edit.path.endswith((".py", ".pyi")):
            old, new = signatures(edit.before or b""), signatures(edit.after or b"")
            facts.changed = {
                name: new[name] for name in old.keys() & new.keys() if old[name] != new[name]
            }
        return facts


def _defined(path: str, source: bytes | None) -> dict[str, str]:
    """The simple names that a file defines, with their parameters."""
    found: dict[str, str] = {}
    for block in _blocks(path, source):
        if block.kind in SYMBOLS and block.definition is not None:
            parameters = block.definition.child_by_field_name("parameters")
            for name in block.name.split(", "):
                found[name] = " ".join(text_of(parameters).split())
    return found


def _imported(path: str, source: bytes | None) -> set[str]:
    """The names that a file imports."""
    nodes = (block.node for block in _blocks(path, source) if block.kind == "import")
    return {name for node in nodes if node is not None for name, _ in bound_names(node)}


def _blocks(path: str, source: bytes | None) -> Iterator[Block]:
    language = language_of(path)
    if language is not None and source is not None:
        yield from (block for _, block in cut(language, source)[0].walk())


def _between(edit: Edit, one: _Facts, other: _Sketch) -> Iterator[BatchFinding]:
    agents = edit.agent, other.edit.agent
    path, after = other.edit.path, other.edit.after or b""
    words = {word.decode("utf-8", "surrogateescape") for word in other.words}
    for name in sorted(
        one.removed & words - _own(edit.path, other.edit) if one.removed & words else ()
    ):
        text = f"{agents[0]} removed or renamed {name} in {edit.path}; {agents[1]} uses it in new lines"
        yield BatchFinding("removed and used", path, name, *agents, text, edit.path)
    if path.endswith((".py", ".pyi")):
        wanted = {
            name: now for name, now in one.changed.items() if name.rpartition(".")[2] in words
        }
        numbers = {number for number, _ in other.lines}
        for name, why in bad_call(after, numbers, wanted) if wanted else ():
            text = f"{agents[0]} changed the signature of {name} in {edit.path}; {agents[1]} calls it {why}"
            yield BatchFinding("old signature", path, name, *agents, text, edit.path)
    else:
        called = {word.decode("utf-8", "surrogateescape") for word in other.calls}
        for name in sorted(one.reworded & called - _Facts.of(other).reworded):
            text = f"{agents[0]} changed the parameters of {name} in {edit.path}; {agents[1]} calls it in new lines"
            yield BatchFinding("old signature", path, name, *agents, text, edit.path)


def _own(path: str, edit: Edit) -> set[str]:
    """What an edit's file defines itself; of the file at `path`, only what the edit added to it."""
    here = set(_defined(edit.path, edit.after))
    return here - _defined(edit.path, edit.before).keys() if edit.path == path else here
