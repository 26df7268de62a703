"""Data files cut at the entries of their maps, so that only those that both sides changed at one
point are read, merged by key and written again.

Owns where to cut JSON, YAML and TOML, which is plain to see in files as people and tools write
them; of any other there are no cuts. What stands between two cuts is text: it is kept as it is
written, whatever its layout. Pure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.structure.keyed import Clash
from orchestrator.structure.order import merge_order
from orchestrator.structure.threeway import merge

ByKey = Callable[[str, str, str], str]

_DEEPEST = 16
"""Maps in one another that are cut; what lies deeper is read."""
_JSON_HEAD = re.compile(r'([^\n]*\{\n)([ \t]+)"')
_JSON_TAIL = re.compile(r"\n[ \t]*\}\n?\Z")
_KEY = r"""(?:"[^"\n]*"|'[^'\n]*'|[^\s#\-?\[\]{},&*!|>%@`"'][^\n#"']*?)"""
_YAML_ENTRY = re.compile(rf"( *){_KEY}:(?:[ ][^\n]*)?(?:\n|\Z)")
_YAML_OPENING = re.compile(rf" *{_KEY}:\n")
_YAML_UNCLEAR = re.compile(r"^(?:---|\.\.\.|%|\?)|(?:^|[\s\[{,])[&*!]\S|\t", re.MULTILINE)
_NAMED = re.compile(rf"({_KEY})[ ]*:")
_TOML_TABLE = re.compile(r"\[{1,2}[^\[\],=\n]+\]{1,2}[ \t]*(?:#.*)?\n")


@dataclass(frozen=True, slots=True)
class Cut:
    """A text: `head`, entries with `between` them, and `tail`."""

    head: str
    entries: list[str]
    tail: str
    between: str = ""

    def around(self, entries: Sequence[str]) -> str:
        """The text with other entries."""
        return f"{self.head}{self.between.join(entries)}{self.tail}"


Cutting = Callable[[str], Cut | None]


def merge_entries(  # noqa: PLR0917  (how it is cut and merged, and three texts)
    cut: Cutting, by_key: ByKey, base: str, left: str, right: str, depth: int = 0
) -> str:
    """The texts merged: `by_key` where both changed entries that touch. Raises what that raises,
    and Clash where what comes of it cannot be put together.
    """
    was, ours, theirs = (cut(text) for text in (base, left, right))
    if was is None or ours is None or theirs is None or depth > _DEEPEST:
        return by_key(base, left, right)
    if len({(each.head, each.tail, each.between) for each in (was, ours, theirs)}) > 1:
        return by_key(base, left, right)

    def entries_of(old: Sequence[str], one: Sequence[str], other: Sequence[str]) -> list[str]:
        merged = cut(by_key(*(was.around(run) for run in (old, one, other))))
        if merged is None or (merged.head, merged.tail) != (was.head, was.tail):
            raise Clash("", "both changed it, and its layout could not be kept")
        return merged.entries

    def inside(old: str, one: str, other: str) -> str:
        (entry,) = entries_of([old], [one], [other])
        return entry

    def entry(old: str | None, one: str, other: str) -> str:
        if old is None:  # added by both, differently
            raise Clash("", "both changed it, and a key would be there twice")
        return merge_entries(cut, inside, old, one, other, depth + 1)

    def settle(old: Sequence[str], one: Sequence[str], other: Sequence[str]) -> Sequence[str]:
        runs = [{_name(text): text for text in run} for run in (old, one, other)]
        if [*map(len, runs)] != [*map(len, (old, one, other))]:
            return entries_of(old, one, other)
        return _by_name(runs[0], runs[1], runs[2], entry)

    entries = merge(was.entries, ours.entries, theirs.entries, settle)
    if entries is None or _has_twice(entries) > max(
        map(_has_twice, (ours.entries, theirs.entries))
    ):
        raise Clash("", "both changed it, and a key would be there twice")
    return was.around(entries)


def _by_name(
    was: Mapping[str, str],
    ours: Mapping[str, str],
    theirs: Mapping[str, str],
    entry: Callable[[str | None, str, str], str],
) -> list[str]:
    """The entries of three runs by their names; what both sides changed is made by `entry`."""
    names = list(was), list(ours), list(theirs)
    merged: dict[str, str] = {}
    for name in dict.fromkeys([*names[0], *names[1], *names[2]]):
        old, one, other = was.get(name), ours.get(name), theirs.get(name)
        if one in (old, other):
            text = other
        elif other == old:
            text = one
        elif one is None or other is None:
            raise Clash(name, "removed by one, changed by the other")
        else:
            text = entry(old, one, other)
        if text is not None:
            merged[name] = text
    return [merged[name] for name in merge_order(*names, merged.keys())]


def _name(entry: str) -> str:
    """What tells an entry from others: its key, or the table that it is; not the comments above."""
    line = next((line for line in entry.split("\n") if _is_said(line)), "").strip()
    if _TOML_TABLE.fullmatch(f"{line}\n"):
        return line
    found = _NAMED.match(line)
    return found[1] if found else ""


def _has_twice(entries: Sequence[str]) -> bool:
    names = Counter(name for name in map(_name, entries) if name and not name.startswith("[["))
    return any(count > 1 for count in names.values())


def cut_json(text: str) -> Cut | None:
    """An object whose members stand on lines of their own, all indented alike; what its value is a
    member of may stand before it.
    """
    head, tail = _JSON_HEAD.match(text), _JSON_TAIL.search(text)
    if head is None or tail is None or head.end() >= tail.start():
        return None
    start = f'{head[2]}"'
    first, *others = text[head.end() : tail.start()].split(f",\n{start}")
    return Cut(head[1], [start + each for each in (first, *others)], tail[0], ",\n")


def cut_yaml(text: str) -> Cut | None:
    """A map whose keys stand on lines of their own; it may be the value of one that stands before
    it. None where tags, aliases or several documents may say more than one entry does.
    """
    if _YAML_UNCLEAR.search(text):
        return None
    lines = text.splitlines(keepends=True)
    opening = next((i for i, line in enumerate(lines) if _is_said(line)), len(lines))
    head = ""
    if opening < len(lines) and _YAML_OPENING.fullmatch(lines[opening]):
        depth = _indentation(lines[opening])
        below = [_indentation(line) for line in lines[opening + 1 :] if _is_said(line)]
        if below and min(below) > depth:
            head, lines = "".join(lines[: opening + 1]), lines[opening + 1 :]
    first = next((line for line in lines if _is_said(line)), "")
    entries: list[str] = []
    pending: list[str] = []  # comments and empty lines belong to what follows
    current: list[str] = []
    for line in lines:
        found = _YAML_ENTRY.match(line)
        if found and len(found[1]) == _indentation(first):
            entries += ["".join(current)] if current else []
            current, pending = [*pending, line], []
        elif not _is_said(line):
            pending.append(line)
        elif current and (
            _indentation(line) > _indentation(first) or line.lstrip().startswith("-")
        ):
            current += [*pending, line]
            pending = []
        else:
            return None
    entries += ["".join([*current, *pending])] if current else []
    return Cut(head, entries, "") if entries and text.endswith("\n") else None


def cut_toml(text: str) -> Cut | None:
    """The keys before the first table, and each table with the space and comments above it."""
    if '"""' in text or "'''" in text or not text.endswith("\n"):
        return None
    entries: list[list[str]] = [[]]
    pending: list[str] = []
    for line in text.splitlines(keepends=True):
        if _TOML_TABLE.fullmatch(line):
            entries.append([*pending, line])
            pending = []
        elif line.startswith("#") or not line.strip():
            pending.append(line)
        else:
            entries[-1] += [*pending, line]
            pending = []
    entries[-1] += pending
    return Cut("", ["".join(entry) for entry in entries if entry], "")


def _is_said(line: str) -> bool:
    text = line.strip()
    return bool(text) and not text.startswith("#")


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
