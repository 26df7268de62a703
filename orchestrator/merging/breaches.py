"""Holding captured work against its scope: which paths, and which symbols in them, an agent changed
and may not.

Owns the reading of what is compared; the rules are in `mission.scope` for paths and in
`structure.scoping` for symbols.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from orchestrator.git.captured import Capture
from orchestrator.git.store import Store
from orchestrator.git.values import Change
from orchestrator.journal.facts import Breach
from orchestrator.mission.scope import Scope, SymbolRule, breaches
from orchestrator.structure.scoping import outside


def breaches_of(
    store: Store, capture: Capture, scope: Scope, protect: Scope, granted: Collection[str] = ()
) -> tuple[Breach, ...]:
    """All that stands against a captured commit, path by path: out of scope, protected, or refused
    by the capture. Files that were `granted` are in scope, all of each.
    """
    refused = {
        breach.path: breach.reason
        for breach in breaches(capture.changes, scope, protect)
        if breach.reason == "protected" or breach.path not in granted
    }
    found: list[Breach] = []
    for path, change in capture.changes.items():
        if path in refused:
            found.append(Breach(path=path, reason=refused[path]))
        elif path in granted:
            continue
        elif scope.has_symbols and (rule := scope.rule(path)) is not None:
            found += _in_file(store, path, change, rule)
    found += [
        Breach(path=problem.path, reason=problem.text)
        for problem in capture.problems
        if problem.blocking
    ]
    return tuple(found)


def _in_file(store: Store, path: str, change: Change, rule: SymbolRule) -> Iterator[Breach]:
    old, new = change.old, change.new
    if (new and not new.is_file) or (old and not old.is_file):
        yield Breach(
            path=path,
            reason="it is, or was, no regular file, and only symbols in it may be changed",
        )
        return
    if old and new and old.mode != new.mode:
        yield Breach(path=path, reason=f"its mode was changed from {old.mode} to {new.mode}")
    before, after = (store.blob(entry.oid) if entry else None for entry in (old, new))

    for one in outside(path, before, after, rule):
        yield Breach(path=path, reason=one.text, symbol=one.symbol, line=one.line)
