"""Which of pytest's settings count for a run, read as pytest reads them.

Owns where pytest looks for its settings, which file it takes, and what stands in that. A file that
pytest passes over says nothing, whatever is in it; an empty ``pytest.ini`` is taken, and hides the
settings of every other file. Pure: it reads bytes that it is given.

The order and the conditions are those of `_pytest.config.findpaths.locate_config`.
"""

from __future__ import annotations

import posixpath
import shlex
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from iniconfig import IniConfig, ParseError

Read = Callable[[str], bytes | None]
"""The bytes of a path, or None where there is no such file."""

OWN = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini")
NAMES = (*OWN, "pyproject.toml", "tox.ini", "setup.cfg")
SECTIONS = {"setup.cfg": "tool:pytest"}
HARMLESS = frozenset({"markers"})
"""What may differ without any outcome being another."""
UNREADABLE: Mapping[str, object] = {"<unreadable>": True}
PYTHON_FILES = ("test_*.py", "*_test.py")


@dataclass(frozen=True, slots=True)
class Settings:
    """The file that pytest takes (empty: none) and what it says there, by key."""

    path: str = ""
    values: Mapping[str, object] = field(default_factory=dict)

    def listed(self, key: str) -> tuple[str, ...]:
        """A value that is a list, or a text that is split as pytest would."""
        match self.values.get(key):
            case str() as text:
                try:
                    return tuple(shlex.split(text, comments=True))
                except ValueError:
                    return tuple(text.split())
            case [*items]:
                return tuple(str(item) for item in items)
        return ()

    @property
    def python_files(self) -> tuple[str, ...]:
        """What modules of tests are called."""
        return self.listed("python_files") or PYTHON_FILES

    @property
    def plugins(self) -> tuple[str, ...]:
        """The modules that the options of every run load as plug-ins."""
        return tuple(_plugins(self.listed("addopts")))

    def differences(self, other: Settings) -> list[str]:
        """The keys that are told apart by more than what changes no outcome; `(file)` where they
        are the same in another folder, from which paths in them would be read.
        """
        keys = {
            key
            for key in {*self.values, *other.values} - HARMLESS
            if self.values.get(key) != other.values.get(key)
        }
        if not keys and posixpath.dirname(self.path) != posixpath.dirname(other.path):
            keys = {"(file)"}
        return sorted(keys)


def effective(read: Read, arguments: Iterable[str]) -> Settings:
    """The settings of a run of these paths, which are relative to the tree as the result is.

    A path that is not a file's counts as a folder.
    """
    folder = _common(path if read(path) is None else posixpath.dirname(path) for path in arguments)
    while True:
        for name in NAMES:
            path = posixpath.join(folder, name)
            content = read(path)
            found = None if content is None else load(path, content)
            if found is not None:
                return Settings(path, found)
        if not folder:
            return Settings()
        folder = posixpath.dirname(folder)


def load(path: str, content: bytes) -> Mapping[str, object] | None:
    """What a file says to pytest; None where pytest passes it over. One that cannot be read is
    taken, and pytest says what is wrong with it.
    """
    name = posixpath.basename(path)
    text = content.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    if name.endswith(".toml"):
        return _from_toml(name, text)
    try:
        sections = IniConfig(path, data=text).sections
    except ParseError:
        return UNREADABLE
    section = SECTIONS.get(name, "pytest")
    if section in sections:
        return dict(sections[section])
    return {} if name in OWN else None


def _from_toml(name: str, text: str) -> Mapping[str, object] | None:
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return UNREADABLE
    if name in OWN:
        table: Any = document.get("pytest", {})
        return table if isinstance(table, dict) else UNREADABLE
    tool = document.get("tool", {})
    table = tool.get("pytest") if isinstance(tool, dict) else None
    if not isinstance(table, dict):
        return None
    inner = table.get("ini_options", {})
    own = {key: value for key, value in table.items() if key != "ini_options"}
    return {**own, **(inner if isinstance(inner, dict) else {})}


def _common(folders: Iterable[str]) -> str:
    """The folder that all of these are in; empty: the root."""
    parts = [[part for part in folder.split("/") if part not in ("", ".")] for folder in folders]
    if not parts:
        return ""
    return posixpath.commonpath([f"/{'/'.join(each)}" for each in parts]).lstrip("/")


def _plugins(options: Iterable[str]) -> Iterator[str]:
    is_next = False
    for option in options:
        name = option if is_next else option[2:] if option.startswith("-p") else ""
        is_next = option == "-p"
        if name and not name.startswith("no:"):
            yield name
