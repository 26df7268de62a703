"""Files that hold data: requirements by package, JSON, YAML and TOML by key.

Owns reading, merging and writing them so that what nobody touched stays as it was written. A layout
that would not survive the writing is a conflict; two values for one key are a conflict.
"""

from __future__ import annotations

import io
import json
import re
import tomllib
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TypeVar

import tomlkit
import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from tomlkit.exceptions import TOMLKitError

from orchestrator.structure.entries import (
    ByKey,
    Cutting,
    cut_json,
    cut_toml,
    cut_yaml,
    merge_entries,
)
from orchestrator.structure.folded import Conflict, Folded
from orchestrator.structure.keyed import GONE, Clash, Value, bounded, merge_values
from orchestrator.structure.limits import LARGEST
from orchestrator.structure.order import kept, merge_order
from orchestrator.structure.settings import REQUIREMENTS

_COMMENT = re.compile(r"(?:^|(?<=\s))#.*\S", re.MULTILINE)
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
Key = TypeVar("Key", bound=Hashable)
_LARGEST = {"json": 2_500_000, "toml": 200_000, "yaml": 60_000, "yml": 60_000}
"""Letters from which what touches is not merged by key: its reader and writer take many seconds for
more.
"""


def merge_data(path: str, base: bytes, left: bytes, right: bytes) -> Folded:
    """Merge by key what is known to have keys; anything else is a conflict."""
    how = _how(path)
    if how is None:
        return Folded(conflicts=[Conflict("", "both changed the same lines")])
    try:
        texts = [side.decode("utf-8") for side in (base, left, right)]
        text = _merged(path, how, texts[0], texts[1], texts[2])
    except Clash as clash:
        return Folded(conflicts=[Conflict(clash.place, clash.reason)])
    except (ValueError, TOMLKitError, YAMLError) as error:
        return Folded(
            conflicts=[Conflict("", f"cannot be read: {' '.join(str(error).split())[:200]}")]
        )
    return Folded(text.encode("utf-8"), notes=["merged by key"])


def _merged(path: str, how: ByKey, base: str, left: str, right: str) -> str:
    """By the entries that touch, where that can be; else by all of them. Raises what `how` does."""
    ending = path.rpartition(".")[2].lower()

    def by_key(was: str, one: str, other: str) -> str:
        if max(map(len, (was, one, other))) > _LARGEST.get(ending, LARGEST):
            raise Clash("", "both changed the same lines, and it is too large to be merged by key")
        return how(was, one, other)

    cut = None if REQUIREMENTS.search(path) else _CUTS.get(ending)
    if cut is None:
        return by_key(base, left, right)
    try:
        return merge_entries(cut, by_key, base, left, right)
    except (Clash, ValueError, TOMLKitError, YAMLError):
        return by_key(base, left, right)  # what moved is seen in all of it alone


def fault_of(path: str, source: bytes) -> str | None:
    """Why a data file cannot be read, a key that is there twice included; None for good ones and
    other files.
    """
    read = _READERS.get(path.rpartition(".")[2].lower())
    if read is None:
        return None
    try:
        read(source.decode("utf-8-sig"))
    except (ValueError, TOMLKitError, YAMLError, yaml.YAMLError) as error:
        return " ".join(str(error).split())[:200]
    except RecursionError:
        return "it is nested too deeply"
    return None


def _how(path: str) -> Callable[[str, str, str], str] | None:
    if REQUIREMENTS.search(path):
        return _merge_requirements
    return _MERGERS.get(path.rpartition(".")[2].lower())


def _merge_requirements(base: str, left: str, right: str) -> str:
    sides = [_requirements(side) for side in (base, left, right)]
    was, ours, theirs = sides
    keys = list(was), list(ours), list(theirs)
    keep = kept(*keys)
    lines = {}
    for key in dict.fromkeys([*keys[0], *keys[1], *keys[2]]):
        value = merge_values(was.get(key, GONE), ours.get(key, GONE), theirs.get(key, GONE), key)
        keep.discard(key)
        if value is not GONE:
            keep.add(key)
            lines[key] = value
    return "".join(f"{lines[key]}\n" for key in merge_order(*keys, keep))


def _requirements(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    text = text.replace("\\\n", "\\\0")
    for line in text.splitlines():
        match = _REQUIREMENT.match(line)
        marker = line.partition(";")[2].strip() if ";" in line else ""
        key = (
            re.sub(r"[-_.]+", "-", match[1]).lower() + (f"; {marker}" if marker else "")
            if match
            else line.strip()
        )
        while key in found:
            key += " "
        found[key] = line.replace("\0", "\n")
    return found


def _pairs(pairs: Iterable[tuple[Key, Value]]) -> dict[Key, Value]:
    found: dict[Key, Value] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} is there twice")
        found[key] = value
    return found


def _read_json(text: str) -> Value:
    return json.loads(text, object_pairs_hook=_pairs) if text.strip() else {}


class _Number(str):
    """A number as it is written: what JSON's reader makes of it may not be what is there."""

    __slots__ = ()


_INDENTED = re.compile(r"[\[{]\n([ \t]*)")
_NUMBER = re.compile(r'"\\u0000(-?[0-9][0-9.eE+-]*)"')


def _json_of(value: Value, indent: int | str | None, *, escape: bool) -> str:
    return _NUMBER.sub(r"\1", json.dumps(value, indent=indent, ensure_ascii=escape))


def _merge_json(base: str, left: str, right: str) -> str:
    def number(text: str) -> _Number:
        return _Number(f"\0{text}")

    def read(text: str) -> Value:
        if "\\u0000" in text or not text.strip():
            return _read_json(text)
        return json.loads(text, object_pairs_hook=_pairs, parse_float=number, parse_int=number)

    was, one, other = (read(side) for side in (base, left, right))
    merged = merge_values(was, one, other, "")
    layouts = [_layout_of(value, text) for value, text in ((one, left), (other, right))]
    if layouts[0] is None or layouts[1] is None:
        raise Clash("", "both changed it, and its layout could not be kept")
    indent, escape = layouts[0] if one else layouts[1]
    return _json_of(merged, indent, escape=escape) + "\n"


def _layout_of(value: Value, text: str) -> tuple[int | str | None, bool] | None:
    """The indentation, and whether it escapes, by which a value is written as the text; None if it
    is written in some other way, which would change what nobody touched.
    """
    space = _INDENTED.match(text)
    found = space[1] if space else ""
    indent: int | str | None = found if "\t" in found else len(found) or None
    for each in (indent,) if space else (None, 2):
        for escape in (False, True) if "\\u" in text else (False,):
            if _json_of(value, each, escape=escape) == text.rstrip("\n"):
                return each, escape
    return None


def _merge_toml(base: str, left: str, right: str) -> str:
    was, one, other = (tomlkit.parse(side) for side in (base, left, right))
    merged = merge_values(was.unwrap(), one.unwrap(), other.unwrap(), "")
    _apply(one, other, merged)
    text = tomlkit.dumps(one)
    if tomlkit.parse(text).unwrap() != merged:
        raise Clash("", "both changed it, and its layout could not be kept")
    return _with_comments(text, base, left, right)


def _merge_yaml(base: str, left: str, right: str) -> str:
    plain = YAML(typ="safe", pure=True)
    was, one, theirs_read = (bounded(plain.load(side) or {}) for side in (base, left, right))
    merged = merge_values(was, one, theirs_read, "")
    for ours, theirs in ((left, right), (right, left)):
        for sequence, offset in ((2, 0), (4, 2)):
            writer = YAML(typ="rt", pure=True)
            writer.preserve_quotes = True
            writer.width = 1_000_000
            writer.indent(mapping=2, sequence=sequence, offset=offset)
            document, other = writer.load(ours), writer.load(theirs) or {}
            if _dumped(writer, document) != ours:
                continue
            _apply(document, other, merged)
            text = _dumped(writer, document)
            if plain.load(text) == merged:
                return _with_comments(text, base, left, right)
    raise Clash("", "both changed it, and its layout could not be kept")


def _with_comments(text: str, base: str, left: str, right: str) -> str:
    """The text, if the comments that the sides added are in it: they are beside the keys, and not
    merged by them.
    """
    there, had = set(_COMMENT.findall(text)), set(_COMMENT.findall(base))
    for side in (left, right):
        lost = set(_COMMENT.findall(side)) - had - there
        if lost:
            raise Clash("", f"both changed it, and a comment would be lost: {min(lost)[:80]}")
    return text


def _dumped(writer: YAML, document: Value) -> str:
    stream = io.StringIO()
    writer.dump(document, stream)
    return stream.getvalue()


def _apply(document: Value, source: Value, merged: Value) -> None:
    """Make `document` say what `merged` says, taking the layout of what is new from `source` where
    it says the same.
    """
    for key in list(document):
        if key not in merged:
            del document[key]
    for key, value in merged.items():
        if key in document and document[key] == value:
            continue
        if key in document and isinstance(value, Mapping) and isinstance(document[key], Mapping):
            _apply(document[key], source.get(key, {}), value)
        elif key in document and isinstance(value, list) and isinstance(document[key], list):
            _apply_list(document[key], value)
        else:
            document[key] = source[key] if key in source and source[key] == value else value


def _apply_list(entries: Value, merged: list[Value]) -> None:
    for index in range(len(entries) - 1, -1, -1):
        if entries[index] not in merged:
            del entries[index]
    for index, value in enumerate(merged):
        if index >= len(entries) or entries[index] != value:
            entries.insert(index, value)


def _check_yaml(text: str) -> None:
    """Raise yaml.YAMLError for what is no YAML, ValueError for a key that is there twice. Reads
    several documents.
    """
    known: set[int] = set()
    waiting = list(yaml.compose_all(text, Loader=_LOADER))
    while waiting:
        node = waiting.pop()
        if not isinstance(node, yaml.CollectionNode) or id(node) in known:
            continue
        known.add(id(node))
        for child in node.value:
            waiting += child if isinstance(child, tuple) else (child,)
        if isinstance(node, yaml.MappingNode):
            _pairs((key.value, None) for key, _ in node.value if isinstance(key, yaml.ScalarNode))


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_READERS: dict[str, Callable[[str], Value]] = {
    "json": _read_json,
    "toml": tomllib.loads,
    "yaml": _check_yaml,
    "yml": _check_yaml,
}
_CUTS: dict[str, Cutting] = {
    "json": cut_json,
    "toml": cut_toml,
    "yaml": cut_yaml,
    "yml": cut_yaml,
}
_MERGERS: dict[str, Callable[[str, str, str], str]] = {
    "json": _merge_json,
    "toml": _merge_toml,
    "yaml": _merge_yaml,
    "yml": _merge_yaml,
}
