"""What a plan says about files, as entries of a scope.

`` `a.py` (Name class) `` is the symbol where the base has just one of that name; a path without a
folder is anchored to the root; what names no path is left to a person, marked as such.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.importing.draft import Said, ScopeLine
from orchestrator.mission.globs import BadGlob
from orchestrator.mission.scope import entry_of
from orchestrator.structure.symbols import outline

_TICKED = re.compile(r"`([^`]+)`")
_BARE = re.compile(
    r"(?<![\w/`])(/?(?:[\w.*\[\]-]+/)*(?:[\w*-]+\.[A-Za-z]\w{0,9}|\*\*)(?:::?[\w.*]+)?)(?![\w/])"
)
_ENDING = re.compile(
    r"\.(?:py|pyi|js|jsx|ts|tsx|mjs|go|rs|java|kt|rb|c|h|cc|cpp|cs|php|sh|sql|md|rst|txt|xml|html?|css|scss"
    r"|json|ya?ml|toml|ini|cfg|conf|env|lock|proto|tf|j2|csv)(?=$|:)"
)
_FOLDER = re.compile(r"(?<![\w/`])((?:[\w.-]+/)+(?:\*\*)?)(?![\w])")
_SYMBOL = re.compile(
    r"\b(?:the\s+)?(?:(?P<before>[A-Za-z_$][\w.$]*)(?:\(\))?\s+(?:class|method|function|def)"
    r"|(?:class|method|function)\s+(?P<after>[A-Za-z_$][\w.$]*))\b"
)


@dataclass(frozen=True, slots=True)
class Base:
    """The repository that a plan is about: its paths, and what reads one of them."""

    paths: tuple[str, ...] = ()
    read: Callable[[str], bytes | None] = lambda _: None


def read_files(said: Said, base: Base) -> list[ScopeLine]:
    """The entries of one line about files; one that is a TODO where it names none."""
    named = _TICKED.findall(said.text) or _BARE.findall(said.text) or _FOLDER.findall(said.text)
    named = [name for name in named if "/" in name or _ENDING.search(name) or name in base.paths]
    if not named:
        return [ScopeLine(said, todo=f"name the files meant by: {said.text}")]
    remark = said.text
    for name in named:
        remark = remark.replace(f"`{name}`", "").replace(name, "")
    remark = remark.strip(" ,;:-–—&()")
    return [_entry(said, name.strip(), remark, base) for name in named]


def _entry(said: Said, name: str, remark: str, base: Base) -> ScopeLine:
    path = name.removeprefix("./")
    if "/" not in path.rstrip("/"):
        path = f"/{path}"
    symbol = _SYMBOL.search(remark) if "::" not in path else None
    wanted = (symbol["before"] or symbol["after"]) if symbol else ""
    if symbol and wanted:
        found = _symbols(path.removeprefix("/"), wanted, base)
        if len(found) == 1:
            left = remark.replace(symbol[0], "").strip(" ,;:-()")
            return _checked(said, f"{path}::{found[0]}", left, base)
        why = f"it has {len(found)} of that name" if found else "it is not found there"
        todo = f"narrow {path} to `{path}::{wanted}`, as the plan says; {why}"
        return _checked(said, path, remark, base, todo)
    return _checked(said, path, remark, base)


def _checked(said: Said, entry: str, remark: str, base: Base, todo: str = "") -> ScopeLine:
    try:
        read = entry_of(entry)
    except BadGlob as error:
        return ScopeLine(said, remark=remark, todo=f"write as a scope: {said.text} ({error})")
    if read.line is not None and base.paths:
        path = read.glob.removeprefix("/")
        source = base.read(path) if path in base.paths else None
        known = outline(path, source) if source is not None else None
        if known is None or known.at(read.line) is None:
            todo = f"no symbol stands at line {read.line} of {path}: narrow it to the symbol meant"
            return ScopeLine(said, read.glob, remark, todo)
    return ScopeLine(said, entry, remark, todo)


def _symbols(path: str, wanted: str, base: Base) -> list[str]:
    """The symbols of a file of the base that a name can mean: by all of its path, or its end."""
    source = base.read(path) if path in base.paths else None
    known = outline(path, source) if source is not None else None
    parts = tuple(wanted.split("."))
    paths = {symbol.path for symbol in known.symbols} if known else set()
    return sorted(".".join(path) for path in paths if path[-len(parts) :] == parts)
