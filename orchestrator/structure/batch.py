"""What is wrong between the changes of one batch although every file of it merged and passed its
checks.

Pure. One removes or renames what another begins to use; one changes a signature and another calls
it the old way. Words and arity find where to look, `uses` says what a name means where it stands;
types are not known, so that these findings warn. What removed files leave behind is found in
`relative`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from tree_sitter import Node

from orchestrator.structure.arity import Signature, signatures
from orchestrator.structure.bindings import bound_names
from orchestrator.structure.blocks import SYMBOLS, Block, cut
from orchestrator.structure.kinds import Kind, attributes, kinds, misuse
from orchestrator.structure.languages import language_of
from orchestrator.structure.python_uses import python_uses
from orchestrator.structure.script_uses import script_signature, script_uses
from orchestrator.structure.uses import PYTHON, SCRIPTS, Use, module_of

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
    made = {module_of(edit.path) for edit in edits if edit.after is not None}
    found: dict[BatchFinding, None] = {}
    for index, one in enumerate(sketches):
        # What was a property is not called.
        signed = users if b"property" in (one.edit.before or b"") else callers
        suspected = _met(one, one.gone, users, sketches) | _met(one, one.signed, signed, sketches)
        if not suspected:
            continue
        facts = _Facts.of(one)
        facts.is_gone = one.edit.after is None and module_of(one.edit.path) not in made
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
            if edit.after is None:  # by the last part of its name others import it
                sketch.gone.update(part.encode() for part in module_of(edit.path)[-1:])
            else:
                named = _DEFINED if edit.path.endswith((".py", ".pyi")) else _CALLED
                above = before[max(0, start - _LONGEST_HEAD) : start]
                below = before[len(before) - end :][:_LONGEST_HEAD]  # what a decorator stands on
                sketch.signed = set(named.findall(above + removed + b"\n" + below))
        return sketch

    def uses(self, definer: str) -> list[Use]:
        """What its lines use; of the file at `definer`, if it is this very one, not what the edit
        added to it.
        """
        path, after = self.edit.path, self.edit.after or b""
        numbers = {number for number, _ in self.lines}
        mine: set[str] = set()
        if path == definer:
            mine = _defined(path, after).keys() - _defined(path, self.edit.before).keys()
        if path.endswith(PYTHON):
            return python_uses(path, after, numbers, mine)
        return script_uses(path, after, numbers, mine) if path.endswith(SCRIPTS) else []


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
    """What an edit did to the symbols of its file, by their qualified names."""

    removed: set[str]
    changed: dict[str, tuple[Signature, Signature]] = field(default_factory=dict)
    """What could be passed before, and what can be now."""
    kinds: dict[str, tuple[Kind, Kind]] = field(default_factory=dict)
    passed_on: set[str] = field(default_factory=set)
    """Names that it imported, and that others could have from it."""
    is_gone: bool = False

    @classmethod
    def of(cls, sketch: _Sketch) -> _Facts:
        edit = sketch.edit
        before, after = _defined(edit.path, edit.before), _defined(edit.path, edit.after)
        standing = {
            *_simple(after),
            *_imported(edit.path, edit.after),
            *_simple(_defined(edit.path, sketch.merged)),
        }
        gone = {word.decode("utf-8", "surrogateescape") for word in sketch.gone}
        names = {name for name in before if name not in after and _last(name) in gone - standing}
        passed_on = _imported(edit.path, edit.before) & gone - standing - set(before)
        facts = cls({name for name in names if name.rpartition(".")[0] not in names})
        facts.passed_on = passed_on if edit.path.endswith(PYTHON) else set()
        is_python = edit.path.endswith(PYTHON)
        if is_python:
            was, now = kinds(edit.before or b""), kinds(edit.after or b"")
            facts.kinds = {
                name: (was[name], now[name])
                for name in was.keys() & now.keys()
                if was[name] != now[name]
            }
            old, new = signatures(edit.before or b""), signatures(edit.after or b"")
        else:
            old, new = _parameters(edit.path, before), _parameters(edit.path, after)
        facts.changed = {
            name: (old[name], new[name])
            for name in old.keys() & new.keys()
            if old[name] != new[name]
        }
        return facts


def _simple(names: Iterable[str]) -> set[str]:
    return {_last(name) for name in names}


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _defined(path: str, source: bytes | None) -> dict[str, Node | None]:
    """The qualified names that a file defines, with the nodes of their parameters."""
    found: dict[str, Node | None] = {}
    for qualified, block in _blocks(path, source):
        if block.kind in SYMBOLS and block.definition is not None:
            above = re.sub(r"@\w+", "", qualified).rpartition(".")[0]
            parameters = block.definition.child_by_field_name("parameters")
            for name in block.name.split(", "):
                found[f"{above}.{name}" if above else name] = parameters
    if path.endswith(PYTHON):
        found |= dict.fromkeys(attributes(source or b"") - found.keys())
    return found


def _parameters(path: str, defined: Mapping[str, Node | None]) -> dict[str, Signature]:
    """What can be passed to the functions of a script; of other languages nothing is known."""
    if not path.endswith(SCRIPTS):
        return {}
    return {
        name: script_signature(parameters)
        for name, parameters in defined.items()
        if parameters is not None
    }


def _imported(path: str, source: bytes | None) -> set[str]:
    """The names that a file imports."""
    nodes = (block.node for _, block in _blocks(path, source) if block.kind == "import")
    return {name for node in nodes if node is not None for name, _ in bound_names(node)}


def _blocks(path: str, source: bytes | None) -> Iterator[tuple[str, Block]]:
    language = language_of(path)
    if language is not None and source is not None:
        yield from cut(language, source)[0].walk()


def _between(edit: Edit, one: _Facts, other: _Sketch) -> Iterator[BatchFinding]:
    agents = edit.agent, other.edit.agent
    path, found = other.edit.path, other.uses(edit.path)
    for name in sorted(one.removed):
        if any(use.means(edit.path, name) for use in found):
            text = f"{agents[0]} removed or renamed {name} in {edit.path}; {agents[1]} uses it in new lines"
            yield BatchFinding("removed and used", path, name, *agents, text, edit.path)
    for name, (old, new) in sorted(one.changed.items()):
        calls = [
            use.call for use in found if use.call and use.means(edit.path, name, is_whole=True)
        ]
        whys = [
            new.misfit(call) or old.moved(call, new) for call in calls if old.misfit(call) is None
        ]
        if why := next(filter(None, whys), None):
            text = f"{agents[0]} changed the signature of {name} in {edit.path}; {agents[1]} calls it {why}"
            yield BatchFinding("old signature", path, name, *agents, text, edit.path)
    for name, (kind, now) in sorted(one.kinds.items()):
        ways = (
            misuse(kind, now, use.call)
            for use in found
            if use.means(edit.path, name, is_whole=True)
        )
        if why := next(filter(None, ways), None):
            text = f"{agents[0]} made {name} in {edit.path} {now}; {agents[1]} {why}"
            yield BatchFinding("used as before", path, name, *agents, text, edit.path)
    for name in sorted(one.passed_on):
        if any(use.is_known and use.means(edit.path, name) for use in found):
            text = f"{agents[0]} removed the import of {name} from {edit.path}; {agents[1]} takes it from there"
            yield BatchFinding("removed and used", path, name, *agents, text, edit.path)
    if one.is_gone and not one.removed and any(use.imports(edit.path) for use in found):
        text = f"{agents[0]} removed {edit.path}; {agents[1]} imports it"
        yield BatchFinding("removed and used", path, edit.path, *agents, text, edit.path)
