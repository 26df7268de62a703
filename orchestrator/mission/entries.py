"""Entries of a scope that name symbols or lines, held against the files of the base.

Owns what can be wrong with one of them and how to mend it. What cannot be right stops a run before
it starts (`Miss` with `is_wrong`); what may be a new symbol is worth a warning. It parses nothing:
outlines are handed in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator import DISTRIBUTION
from orchestrator.mission.scope import Entry, Scope
from orchestrator.mission.symbols import Outline, SymbolPattern
from orchestrator.mission.words import nearest

EXTRAS = (".go", ".java", ".rs")


@dataclass(frozen=True, slots=True)
class Miss:
    """An entry that does not hit what it names: a sentence, and the mend."""

    entry: Entry
    text: str
    mend: str
    is_wrong: bool = False


def misses(
    scope: Scope, files: Sequence[str], outlines: Mapping[str, Outline | None]
) -> Iterator[Miss]:
    """What is to be said of the entries that mean less than a file, in their order.

    `files` are the paths of the base that the scope matches. `outlines` has an outline for each of
    them that an entry with a symbol or line matches, and None for those whose language is not
    known, be they in the base or not.
    """
    for entry in scope.entries:
        if entry.is_whole:
            continue
        found = entry.matches(files)
        foreign = [
            path
            for path in (*found, entry.glob.removeprefix("/"))
            if outlines.get(path, entry) is None
        ]
        if foreign:
            text = (
                f"`{entry.text}`: the symbols of {foreign[0]} cannot be told, for want of a grammar"
            )
            more = (
                f"; `pip install {DISTRIBUTION}[languages]` adds it"
                if foreign[0].endswith(EXTRAS)
                else ""
            )
            yield Miss(entry, text, f"name the whole file{more}", is_wrong=True)
        elif not found:
            yield _absent(entry)
        elif whole := next((path for path in found if scope.rule(path) is None), None):
            text = f"`{entry.text}` says nothing: another entry gives it all of {whole}"
            yield Miss(entry, text, "narrow the other entry, or take this one out")
        else:
            yield from _in_files(entry, found, outlines)


def _absent(entry: Entry) -> Miss:
    text = f"`{entry.text}`: there is no such file in the base"
    if entry.line is not None:
        return Miss(entry, text, "check the path; a line is one of the run's base", is_wrong=True)
    return Miss(entry, text, "check the path (case counts); a new file is named without symbols")


def _in_files(
    entry: Entry, found: Sequence[str], outlines: Mapping[str, Outline | None]
) -> Iterator[Miss]:
    known = {path: outline for path in found if (outline := outlines.get(path)) is not None}
    for path, outline in known.items():
        if outline.errors:
            where = f"{outline.errors} places" if outline.errors > 1 else "one place"
            text = f"`{entry.text}`: {path} does not parse in {where}, so a symbol may not be found"
            yield Miss(entry, text, "name the whole file, or mend it first")
    if entry.line is not None:
        yield from _line(entry, entry.line, known)
    elif entry.symbol and not any(outline.covered(entry.symbol) for outline in known.values()):
        names = [name for outline in known.values() for name in outline.names]
        close = _nearest(entry.symbol, names)
        mend = f"did you mean `{entry.glob}::{close}`? " if close else ""
        yield Miss(
            entry,
            f"`{entry.text}` is no symbol of the base",
            f"{mend}A symbol that is yet to be made may be named too",
        )


def _line(entry: Entry, line: int, known: Mapping[str, Outline]) -> Iterator[Miss]:
    if len(known) > 1:
        paths = list(known)
        text = f"`{entry.text}`: which one of {paths[0]} and {paths[1]}?"
        yield Miss(entry, text, f"write such as `/{paths[0]}:{line}`", is_wrong=True)
        return
    for path, outline in known.items():
        if line > outline.lines:
            text = f"`{entry.text}`: {path} has {outline.lines} lines in the base"
            yield Miss(entry, text, "name a line of the symbol that is meant", is_wrong=True)
        elif entry.symbol is None:
            text = f"`{entry.text}`: no symbol holds that line of {path} in the base"
            yield Miss(
                entry,
                text,
                "name a line inside a function or class, or the whole file",
                is_wrong=True,
            )


def _nearest(symbol: SymbolPattern, names: Sequence[str]) -> str | None:
    """The name that was probably meant: by all of it, or by its last part, which may stand in
    another class.
    """
    by_last = {name.rpartition(".")[2]: name for name in reversed(names)}
    last = symbol.text.rpartition(".")[2]
    return (
        by_last.get(last)
        or nearest(symbol.text, names)
        or by_last.get(nearest(last, by_last) or "")
    )
