"""What a program outside of the system's own folders needs to be read so that it starts.

Interpreters and agents are often installed in the user's home (pyenv, uv, nvm, `~/.local/bin`), of
which a sandbox shows nothing. So a program is followed from link to link, to the folder that it is
installed in, and to the interpreter that its first line names. Owns which paths these are; who
shows them is `sandbox`'s.
"""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

_MANAGERS = frozenset(
    (".pyenv", ".asdf", ".nvm", ".volta", ".rbenv", ".nodenv", ".rustup", ".fnm", "mise", "fnm")
)
"""Folders of programs that install interpreters: their starters look around in them."""
_MODULES = "node_modules"
_SHARED = (
    *("/home", "/root", "/var", "/var/tmp", "/tmp", "/run"),  # noqa: S108 - never shown as a whole
    *("/proc", "/sys", "/dev", "/mnt", "/media", "/srv"),
)
_MOST_HOPS = 20
_LINE_BYTES = 256


def needed_by(program: str | Path, path: str) -> Iterator[Path]:
    """Files, folders and links that the program needs, itself first; `path` is the PATH that it is
    looked up in. Nothing for one that is not there.
    """
    yield from _needed(program, path, set())


def _needed(program: str | Path, path: str, seen: set[Path]) -> Iterator[Path]:
    found = shutil.which(os.fspath(program), path=path)
    if found is None or not Path(found).is_absolute():
        return
    place = Path(found)
    if place in seen:
        return
    status = os.lstat(place)
    places, interpreters = _followed(found, status.st_ino, status.st_mtime_ns)
    seen.add(place)
    yield from places
    for interpreter in interpreters:
        yield from _needed(interpreter, path, seen)


@functools.lru_cache(maxsize=256)  # every attempt asks for the same interpreters
def _followed(program: str, inode: int, changed: int) -> tuple[tuple[Path, ...], tuple[str, ...]]:  # noqa: ARG001 - another file of that name is followed anew
    """What a program and its links need, and the interpreters that its first line names."""
    place, places, seen = Path(program), list[Path](), set[Path]()
    for _ in range(_MOST_HOPS):
        if place in seen:
            return tuple(places), ()
        seen.add(place)
        places += _installed(place)
        if not place.is_symlink():
            break
        place = Path(os.path.normpath(place.parent / place.readlink()))
    return tuple(places), tuple(_first_line(place))


def _installed(place: Path) -> Iterator[Path]:
    """A program, and the folder that was installed together with it."""
    yield place
    for folder in place.parents:
        if folder.name in _MANAGERS:
            yield folder
            return
    modules = [folder for folder in place.parents if folder.name == _MODULES]
    if modules:
        yield modules[-1]
        return
    prefix = place.parent.parent
    if place.parent.name == "bin" and is_narrow(prefix):
        yield prefix


def is_narrow(folder: Path) -> bool:
    """Whether a folder may be shown as a whole: it is not one that holds everything of somebody."""
    return os.path.realpath(folder) not in _wide(os.path.expanduser("~"))  # noqa: PTH111 - a text


@functools.lru_cache
def _wide(users: str) -> frozenset[str]:
    home = Path(os.path.realpath(users))
    homes = (home, home / ".local", home / ".config", home / ".cache", *home.parents)
    return frozenset((*map(str, homes), *_SHARED))


def _first_line(place: Path) -> Iterator[str]:
    """The interpreter that a script names; with `env`, the program that this is asked for too."""
    try:
        with place.open("rb") as file:
            line = file.readline(_LINE_BYTES)
    except OSError:
        return
    if not line.startswith(b"#!"):
        return
    words = os.fsdecode(line[2:]).split()
    yield from words[:1]
    if words and Path(words[0]).name == "env":
        yield from [word for word in words[1:] if not word.startswith("-") and "=" not in word][:1]
