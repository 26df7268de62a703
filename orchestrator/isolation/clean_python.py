"""The clean interpreter: what runs a project's tests where the project has no environment of its own.

A virtual environment on the Python that orchestrate's own stands on, in which pytest, with what
pytest needs, can be imported and nothing else of ours: a project that is called as one of our
dependencies, or that is installed beside us, is not to be tested in place of the candidate. It is
made once for each user, base interpreter and installed pytest, without a network, in the user's
cache.

Agents are shown it and may have changed it, so a judge takes it for what it is only when it is byte
for byte what we are installed with; what is not is made anew, in a folder that then takes the
place of the other one. Owns that folder. Which interpreter a gate uses is not known here.
"""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import os
import py_compile
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import metadata
from pathlib import Path

from orchestrator.errors import EnvironmentRefused
from orchestrator.isolation.caches import cache

LAYOUT = 1
"""Changes whenever the same pytest would be laid out in another way."""
RUNNER = "pytest"
MARK = "orchestrate = clean interpreter"
"""A line of `pyvenv.cfg`, which is ignored there."""
_TRIES = 5
"""Against another process that puts its own in place meanwhile."""

_Stamps = dict[str, tuple[int, ...]]


class CleanPython:
    """The clean interpreter of this user; `folder` is where it stands (by default in the user's
    cache). May be used by many threads.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._chosen = folder
        self._lock = threading.Lock()
        self._trusted: _Stamps | None = None

    @cached_property
    def told(self) -> str:
        """What it is, for people, and with which pytest."""
        version = ".".join(map(str, sys.version_info[:3]))
        return f"clean {sys.implementation.name} {version} with pytest {metadata.version(RUNNER)}"

    def place(self) -> Path:
        """Its path; made if absent, and not looked at otherwise. Raises EnvironmentRefused."""
        if not self._python.exists():
            return self.ready()
        return self._python

    def ready(self) -> Path:
        """Its path, with nothing in it but what we have put there. Raises EnvironmentRefused."""
        with self._lock:
            for _ in range(_TRIES):
                if self._is_trusted():
                    return self._python
                self._make()
        raise EnvironmentRefused(
            "the interpreter that runs tests is changed again and again by somebody",
            where=str(self._prefix),
            mend="end what writes there, or name an interpreter: `workspace.python`",
        )

    @cached_property
    def _prefix(self) -> Path:
        told = (LAYOUT, sys.version, sys.prefix, str(_base()), metadata.version(RUNNER))
        key = hashlib.sha256(repr(told).encode()).hexdigest()[:12]
        return (self._chosen or cache()) / f"python-{key}"

    @property
    def _python(self) -> Path:
        return self._prefix / "bin" / "python"

    @property
    def _site(self) -> Path:
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self._prefix / "lib" / version / "site-packages"

    @cached_property
    def _texts(self) -> Mapping[str, bytes]:
        """What is in it beside packages and links, by its path relative to it."""
        version = ".".join(map(str, sys.version_info[:3]))
        lines = (
            f"home = {_base().parent}",
            "include-system-site-packages = false",
            f"version = {version}",
            f"executable = {_base()}",
            MARK,
        )
        return {"pyvenv.cfg": "".join(f"{line}\n" for line in lines).encode()}

    @cached_property
    def _links(self) -> Mapping[str, str]:
        names = ("python3", f"python3.{sys.version_info.minor}")
        return {"bin/python": str(_base()), **{f"bin/{name}": "python" for name in names}}

    @cached_property
    def _packages(self) -> Mapping[str, Path]:
        """Where each file of pytest and of what it needs is installed, by its path in the
        environment.
        """
        site = str(self._site.relative_to(self._prefix))
        return {f"{site}/{path}": source for path, source in _installed(RUNNER)}

    def _is_trusted(self) -> bool:
        """Whether it is what was found to be ours, and untouched since; else it is looked at."""
        stamps = _stamps(self._prefix)
        if stamps and stamps == self._trusted:
            return True
        is_ours = bool(stamps) and self._is_ours(stamps)
        self._trusted = stamps if is_ours else None
        return is_ours

    def _is_ours(self, stamps: _Stamps) -> bool:
        """Whether every file is as it should be, and there is none beside them."""
        if stamps.keys() != {*self._texts, *self._links, *self._packages}:
            return False
        try:
            return (
                all(str((self._prefix / path).readlink()) == to for path, to in self._links.items())
                and all(_holds(self._prefix / path, text) for path, text in self._texts.items())
                and all(
                    _holds(self._prefix / path, source.read_bytes())
                    for path, source in self._packages.items()
                )
                and _stamps(self._prefix) == stamps
            )
        except OSError:
            return False

    def _make(self) -> None:
        try:
            self._prefix.parent.mkdir(parents=True, exist_ok=True)
            fresh = Path(tempfile.mkdtemp(dir=self._prefix.parent, prefix=".python-"))
            try:
                self._fill(fresh)
                _put_in_place(fresh, self._prefix)
            finally:
                _remove(fresh)
        except OSError as error:
            raise EnvironmentRefused(
                f"the interpreter that runs tests cannot be made: {error.strerror or error}",
                where=str(self._prefix),
                mend="make room, or name an interpreter that can import pytest: `workspace.python`",
            ) from error

    def _fill(self, folder: Path) -> None:
        for path, text in self._texts.items():
            (folder / path).write_bytes(text)
        for path, source in self._packages.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)  # bytecode is believed by the time of its source
        (folder / "bin").mkdir()
        for path, to in self._links.items():
            (folder / path).symlink_to(to)
        for inside, folders, files in os.walk(folder):
            for name in files:
                if not Path(inside, name).is_symlink():
                    Path(inside, name).chmod(0o444)
            for name in folders:
                Path(inside, name).chmod(0o555)


def is_clean(python: Path) -> bool:
    """Whether an interpreter is a clean one, into which nothing may be installed."""
    try:
        return MARK in (python.parent.parent / "pyvenv.cfg").read_text("utf-8", "replace")
    except OSError:
        return False


def _base() -> Path:
    """The interpreter that orchestrate's own environment stands on."""
    return Path(os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable))


def _installed(name: str) -> Iterator[tuple[str, Path]]:
    """The files of a distribution and of all that it needs, with their bytecode: the path below
    `site-packages`, and where it is.
    """
    from packaging.requirements import Requirement  # pytest needs it, so it is there

    todo, seen = [name], set[str]()
    while todo:
        wanted = todo.pop().lower().replace("_", "-")
        if wanted in seen:
            continue
        seen.add(wanted)
        try:
            found = metadata.distribution(wanted)
        except metadata.PackageNotFoundError:
            continue  # pytest says so itself when it cannot do without
        for line in found.requires or ():
            need = Requirement(line)
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                todo.append(need.name)
        folder = str(found.locate_file(""))
        for path in _recorded(found):
            name, parts = path.rpartition("/")[2], path.split("/")
            if path.startswith("/") or ".." in parts or "__pycache__" in parts:
                continue  # programs stand elsewhere, and have our interpreter in them
            if path.endswith(".pth") or name in ("RECORD", "direct_url.json", "INSTALLER"):
                continue
            source = Path(folder, path)
            if not source.is_file():
                continue
            yield path, source
            if path.endswith(".py") and (compiled := _compiled(source)) is not None:
                yield "/".join((*parts[:-1], "__pycache__", compiled.name)), compiled


def _recorded(distribution: metadata.Distribution) -> list[str]:
    """The paths of its files; read here where they are in the usual place, which is ten times
    quicker.
    """
    if record := distribution.read_text("RECORD"):
        return [row[0] for row in csv.reader(record.splitlines()) if row]
    return [str(path) for path in distribution.files or ()]


def _compiled(source: Path) -> Path | None:
    """The bytecode of an installed module, made where installing has made none."""
    compiled = Path(importlib.util.cache_from_source(str(source)))
    if not compiled.is_file():
        try:
            py_compile.compile(str(source), doraise=True)
        except (OSError, py_compile.PyCompileError):
            return None  # it may be that nobody can write there: then each test process compiles it
    return compiled if compiled.is_file() else None


def _holds(path: Path, content: bytes) -> bool:
    return not path.is_symlink() and path.read_bytes() == content


def _stamps(top: Path) -> _Stamps:
    """Everything in a folder but folders, with what cannot be changed without being seen."""
    found: _Stamps = {}
    todo, below = [str(top)], len(str(top)) + 1
    while todo:
        folder = todo.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
                        continue
                    status = entry.stat(follow_symlinks=False)
                    found[entry.path[below:]] = (
                        status.st_ino,
                        status.st_mode,
                        status.st_size,
                        status.st_mtime_ns,
                        status.st_ctime_ns,
                    )
        except OSError:
            continue  # went away, or may not be read: then it is not as it was either
    return found


def _put_in_place(fresh: Path, place: Path) -> None:
    """Let `fresh` be what is at `place`; whoever uses what was there has it for as long as they
    need.
    """
    fresh.chmod(0o755)
    if os.path.lexists(place):
        gone = Path(tempfile.mkdtemp(dir=place.parent, prefix=".python-"))
        place.rename(gone / "was")
        _remove(gone)
    try:
        fresh.rename(place)
    except OSError:
        if not place.is_dir():
            raise  # else another process was quicker; what it made is looked at like any other


def _remove(folder: Path) -> None:
    """Remove a folder of ours, of which parts may only be read."""
    if not folder.is_dir():
        return
    for inside, folders, _ in os.walk(folder):
        for name in folders:
            if not Path(inside, name).is_symlink():
                Path(inside, name).chmod(0o755)
    shutil.rmtree(folder, ignore_errors=True)
