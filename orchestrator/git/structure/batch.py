"""What is wrong between the changes of one batch although every file of it merged and passed its checks.

Pure. One removes or renames what another begins to use; one changes a signature and another calls it the old way; one
removes the module that another imports. By words and arity, not by types: findings warn, and a missing module blocks.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import permutations

from orchestrator.git.structure.arity import Signature, bad_call, signatures
from orchestrator.git.structure.blocks import SYMBOLS, cut
from orchestrator.git.structure.languages import language_of
from orchestrator.git.structure.naming import text_of


@dataclass(frozen=True, slots=True)
class Edit:
    """One agent's change of one file; None for a file that was not there before or is not there after."""

    agent: str
    path: str
    before: bytes | None
    after: bytes | None


@dataclass(frozen=True, slots=True)
class BatchFinding:
    """`agent` did something to `symbol` that does not go with the line that `other` added to `path`."""

    check: str
    path: str
    symbol: str
    agent: str
    other: str
    text: str
    blocks: bool = False


def check_batch(edits: Sequence[Edit]) -> list[BatchFinding]:
    """Every finding between two agents, in the order of `edits`, each once."""
    facts = [_Facts.of(edit) for edit in edits]
    found: dict[BatchFinding, None] = {}
    for one, other in permutations(facts, 2):
        if one.edit.agent != other.edit.agent:
            found |= dict.fromkeys(_between(one, other))
    return list(found)


@dataclass(slots=True)
class _Facts:
    edit: Edit
    removed: set[str] = field(default_factory=set)
    defined: set[str] = field(default_factory=set)
    changed: dict[str, Signature] = field(default_factory=dict)
    reworded: set[str] = field(default_factory=set)
    added_lines: list[tuple[int, str]] = field(default_factory=list)
    added_words: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, edit: Edit) -> _Facts:
        facts = cls(edit)
        before, after = _names(edit.path, edit.before), _names(edit.path, edit.after)
        facts.removed = {name for name in before.keys() - after.keys() if len(name) > 2}
        facts.defined = set(after.keys() - before.keys())
        facts.reworded = {name for name in before.keys() & after.keys() if before[name] != after[name]}
        if edit.path.endswith((".py", ".pyi")):
            old, new = signatures(edit.before or b""), signatures(edit.after or b"")
            facts.changed = {name: new[name] for name in old.keys() & new.keys() if old[name] != new[name]}
        had = set((edit.before or b"").splitlines())
        for number, raw in enumerate((edit.after or b"").splitlines(), 1):
            if raw not in had:
                facts.added_lines.append((number, raw.decode("utf-8", "surrogateescape")))
        for _, line in facts.added_lines:
            facts.added_words |= set(re.findall(r"[^\W\d][\w$]*", line))
        return facts


def _names(path: str, source: bytes | None) -> dict[str, str]:
    """The simple names that a file defines, with their parameters."""
    language = language_of(path)
    if language is None or source is None:
        return {}
    root, _ = cut(language, source)
    found: dict[str, str] = {}
    for _, block in root.walk():
        if block.kind in SYMBOLS and block.definition is not None:
            parameters = block.definition.child_by_field_name("parameters")
            for name in block.name.split(", "):
                found[name] = " ".join(text_of(parameters).split())
    return found


def _between(one: _Facts, other: _Facts) -> Iterator[BatchFinding]:
    agents = one.edit.agent, other.edit.agent
    path = other.edit.path
    for name in sorted(one.removed & other.added_words - other.defined):
        text = f"{agents[0]} removed or renamed {name} in {one.edit.path}; {agents[1]} uses it in new lines"
        yield BatchFinding("removed and used", path, name, *agents, text)
    if path.endswith((".py", ".pyi")):
        numbers = {number for number, _ in other.added_lines}
        wanted = {name: now for name, now in one.changed.items() if name.rpartition(".")[2] in other.added_words}
        for name, why in bad_call(other.edit.after or b"", numbers, wanted) if wanted else ():
            text = f"{agents[0]} changed the signature of {name} in {one.edit.path}; {agents[1]} calls it {why}"
            yield BatchFinding("old signature", path, name, *agents, text)
    else:
        called = {name for _, line in other.added_lines for name in re.findall(r"([\w$]+)\s*\(", line)}
        for name in sorted(one.reworded & called - other.reworded):
            text = f"{agents[0]} changed the parameters of {name} in {one.edit.path}; {agents[1]} calls it in new lines"
            yield BatchFinding("old signature", path, name, *agents, text)
    if one.edit.after is None and one.edit.before is not None:
        for _, line in other.added_lines:
            if one.edit.path in _resolved(path, line):
                text = f"{agents[0]} removed {one.edit.path}; {agents[1]} imports it in {path}"
                yield BatchFinding("import of nothing", path, one.edit.path, *agents, text, blocks=True)


def _resolved(path: str, line: str) -> set[str]:
    """The files that a line with a relative import may mean."""
    folder = posixpath.dirname(path)
    found = re.match(r"\s*from\s+(\.+)([\w.]*)\s+import\s+(.*)", line)
    if found:
        for _ in found[1][1:]:
            folder = posixpath.dirname(folder)
        module = posixpath.join(folder, *found[2].split(".")) if found[2] else folder
        names = [module, *(posixpath.join(module, name) for name in re.findall(r"\w+", found[3]))]
        return {f"{name}{end}" for name in names for end in (".py", "/__init__.py")}
    quoted = re.search(r"""(?:from|import|require\()\s*["'](\.[^"']*)["']""", line)
    if quoted:
        name = posixpath.normpath(posixpath.join(folder, quoted[1]))
        stems = {name, re.sub(r"\.[cm]?jsx?$", "", name)}
        ends = ("", ".ts", ".tsx", ".js", ".jsx", ".mjs", "/index.ts", "/index.tsx", "/index.js")
        return {f"{stem}{end}" for stem in stems for end in ends}
    return set()
