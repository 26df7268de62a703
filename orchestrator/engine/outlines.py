"""Which symbols the files have that scopes speak of: read from the commit that a run begins with.

Owns the choice of what is read and parsed, which is little: files of which an entry names a symbol
or a line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from orchestrator.mission.scope import Scope
from orchestrator.mission.symbols import Outline
from orchestrator.structure.languages import language_of
from orchestrator.structure.symbols import outline


def outlines_of(
    scopes: Iterable[Scope],
    paths: Sequence[str],
    read: Callable[[str], bytes | None],
    *,
    lines_only: bool = False,
) -> dict[str, Outline | None]:
    """The outlines of those of `paths` of which a scope names symbols or lines (or lines alone).

    None stands for a language that is not known, also where it is an entry's own path and there is
    no such file.
    """
    found: dict[str, Outline | None] = {}
    for entry in (entry for scope in scopes for entry in scope.entries):
        if entry.is_whole or (lines_only and entry.line is None):
            continue
        if language_of(entry.glob) is None:
            found[entry.glob.removeprefix("/")] = None
        for path in entry.matches(paths):
            if path not in found:
                found[path] = outline(path, read(path) or b"")
    return found
