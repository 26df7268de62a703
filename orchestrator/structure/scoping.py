"""Whether a changed file stays within the symbols that an agent was given, and if not, where it
goes beyond them.

Pure but for the parsers. Both versions are cut into blocks, what the rule allows is set aside, and
all else must have stayed as it was (`comparison`). So whatever an agent writes into its own
symbols, no byte of the others can change unseen. What counts for nothing: blank lines between
blocks, and whether the last line has an end.
"""

from __future__ import annotations

from functools import lru_cache

from orchestrator.mission.scope import SymbolRule
from orchestrator.structure.blocks import Block, cut
from orchestrator.structure.comparison import LINE_ENDS, Comparison, Outside
from orchestrator.structure.languages import Language, language_of
from orchestrator.structure.lines import BOM

MOST = 50
"""Changes of one file that are named; a file that was formatted anew has hundreds."""


def outside(
    path: str, before: bytes | None, after: bytes | None, rule: SymbolRule
) -> tuple[Outside, ...]:
    """What of the change from `before` to `after` the rule does not allow, by line. None stands for
    no file.
    """
    if before == after:
        return ()
    if after is None:
        return (Outside("", 0, "the file was removed"),)
    language = language_of(path)
    if language is None:
        return (Outside("", 0, "its symbols cannot be told apart, for want of a grammar"),)
    try:
        found = _compared(path, language, before, after, rule)
    except RecursionError:
        return (Outside("", 0, "it is nested too deeply for its symbols to be told apart"),)
    rest = len(found) - MOST
    more = [Outside("", 0, f"{rest} more changes outside of the scope")] if rest > 0 else []
    return (*found[:MOST], *more)


def _compared(
    path: str, language: Language, before: bytes | None, after: bytes, rule: SymbolRule
) -> list[Outside]:
    old, old_errors = _cut_before(path, _plain(before or b""))
    source = _plain(after)
    new, errors = cut(language, source)
    comparison = Comparison(language, rule, old.text, source)
    comparison.compare(old if before is not None else None, new, ())
    found = sorted(comparison.found, key=lambda one: (one.line, one.symbol))
    ends = [one for one in found if one.text == LINE_ENDS]
    if len(ends) > 1:
        found = [
            Outside("", ends[0].line, LINE_ENDS),
            *(one for one in found if one.text != LINE_ENDS),
        ]
    if before is not None and before.startswith(BOM) != after.startswith(BOM):
        found.insert(0, Outside("", 1, "its byte order mark was changed"))
    if errors > old_errors:
        found.insert(0, Outside("", _first_error(new), "it does not parse any more"))
    return found


def _plain(source: bytes) -> bytes:
    """Without a byte order mark, and with an end to its last line: what comes after it is not a
    change of it.
    """
    source = source.removeprefix(BOM)
    if source and not source.endswith(b"\n"):
        source += b"\r\n" if source.count(b"\r\n") == source.count(b"\n") > 0 else b"\n"
    return source


@lru_cache(maxsize=8)
def _cut_before(path: str, source: bytes) -> tuple[Block, int]:
    """The old version, which the agents of a batch have in common."""
    language = language_of(path)
    assert language is not None, "only asked for files of a known language"
    return cut(language, source)


def _first_error(root: Block) -> int:
    """The line, from 1, of the first place that does not parse."""
    node = root.node
    while node is not None:
        inner = next((child for child in node.children if child.has_error), None)
        if inner is None:
            return node.start_point.row + 1
        node = inner
    return 0
