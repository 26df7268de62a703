"""The sandbox: how a command becomes one that runs boxed in, with bubblewrap, on Linux.

In the box there is the system, read-only; the workspace, at one path that is the same for every
attempt (agents take a conversation up by folder); a private home; a private `/tmp` of limited size;
and what the program is named, read-only. Nothing else of the machine is there: no home of the
user's, no other workspace, no process of anybody else's. Owns what the box looks like. That it can
be kept here is `preflight`'s to find out; how it is watched is `boxed`'s.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.isolation import doorway
from orchestrator.isolation.programs import is_narrow, needed_by

PROGRAM = "bwrap"
WORKSPACE = "/workspace"
HOME = "/home/agent"
TEMPORARY = "/tmp"  # noqa: S108 - the box's own
BRIEFS = "/run/orchestrate"
TEMPORARY_BYTES = 1024**3
"""What fits into the private `/tmp`, and into `/dev/shm`; both take memory."""

_SYSTEM = ("/usr", "/opt", "/etc", "/nix/store", "/gnu/store", "/run/current-system")
_MERGED = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_INTERPRETERS = ("python", "python3", "node", "git")
_MOST_LINKS = 20
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_NOT_NAMED = ("HOME", "TMPDIR", "PATH", "GIT_CEILING_DIRECTORIES")
_FENCE = (
    *("--unshare-all", "--unshare-user", "--disable-userns", "--cap-drop", "ALL"),
    *("--die-with-parent", "--new-session", "--hostname", "workspace"),
)


LACKING = (
    "; in its sandbox it finds its workspace, the system, and what its command, variables and "
    "`defaults.readable` name: name what it lacks there, or write `isolation: worktree`"
)
"""What a mission's author is told where a program may have failed for want of something outside.
Which that is, and whether it exists, is not told: the next attempt reads it too.
"""
_LACKS = (
    *("No such file", "not found", "No module named", "Cannot find module"),
    *("Read-only file system", "Network is unreachable", "Temporary failure in name resolution"),
)


def lacks_something(said: str) -> bool:
    """Whether the end of a program's output reads as if something was not there."""
    return any(words in said for words in _LACKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A place for one program: what of this machine is in it.

    `workspace` and `home` are writable, at `WORKSPACE` and `HOME`; `temporary` is what the home's
    environment calls its temporary folder, which is the box's own. `readable` is shown where it
    is, read-only; `brief` at a path of its own. With `stands_in_place` the workspace is seen at
    its own path as well: what a set-up installed in it names that path. With `keeps_paths`
    everything is where it is outside, and there alone. Memory and `disk`, what may be written, are in bytes.
    """

    workspace: Path
    home: Path
    temporary: Path | None = None
    readable: tuple[Path, ...] = ()
    brief: Path | None = None
    has_network: bool = True
    hosts: tuple[str, ...] = ()
    """What it reaches without a network, through a proxy of its own; see `proxy`."""
    stands_in_place: bool = False
    keeps_paths: bool = False
    memory: int | None = None
    disk: int | None = None
    processes: int | None = None
    user: int | None = None
    """The number that its user has in it, who is ours; by default the same as outside."""
    program: Path | None = None
    """What makes the box; by default what `find` finds now."""

    def paths(self) -> dict[str, str]:
        """Where what has a path of its own in the box is outside of it, and where inside."""
        if self.keeps_paths:
            return {}
        found = {str(self.workspace): WORKSPACE, str(self.home): HOME}
        if self.temporary is not None:
            found[str(self.temporary)] = TEMPORARY
        if self.brief is not None:
            found[str(self.brief)] = f"{BRIEFS}/{self.brief.name}"
        return found


def find() -> Path | None:
    """The program that makes the box; None where it is not installed."""
    if sys.platform != "linux":
        return None
    found = shutil.which(PROGRAM)
    return Path(found) if found else None


def enclose(
    box: Box,
    argv: Sequence[str],
    env: Mapping[str, str],
    cwd: Path,
    status: int,
    *,
    gate: int = -1,
    door: int = -1,
) -> tuple[tuple[str, ...], dict[str, str]]:
    """The command that runs `argv` in the box, in the folder `cwd`, and its environment.

    All name paths as they are outside. The box tells on the descriptor `status` how it went, and waits
    until it reads something from `gate`, if there is one, before anything runs in it; on `door` it
    hands out the port at which it asks for its hosts. It is
    given its environment as it is started: what it would take out itself could still be read.
    """
    bubblewrap = box.program or find() or Path(PROGRAM)
    inside = _Translation(box.paths())
    named = [*_named(argv, env), *box.readable]
    if door >= 0:
        named.append(Path(doorway.__file__))
    places = _shown(box, [*named, *_programs(argv, env)])
    if door >= 0:
        argv = (_base(), "-I", "-S", doorway.__file__, str(door), _no_proxy(box.hosts), *argv)
    command = (
        *(str(bubblewrap), *_FENCE, *(("--share-net",) if box.has_network else ())),
        *(("--uid", str(box.user), "--gid", str(box.user)) if box.user is not None else ()),
        *("--json-status-fd", str(status), *(("--block-fd", str(gate)) if gate >= 0 else ())),
        *(*_system(), *_own(), *_readable(places)),
        *_writable(box),
        *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", inside(str(cwd)), "--"),
        *(inside(part) for part in argv),
    )
    if not box.has_network:  # what is to be said to the user's proxy is not for those who cannot
        env = {name: value for name, value in env.items() if name.lower() not in _PROXIES}
    ceiling = {} if box.keeps_paths else {"GIT_CEILING_DIRECTORIES": "/"}
    return command, {**{name: inside(value) for name, value in env.items()}, **ceiling}


class _Translation:
    """Texts that name paths as they are outside, with those of the inside."""

    def __init__(self, paths: Mapping[str, str]) -> None:
        self._paths = paths
        self._longest_first = sorted(paths, key=len, reverse=True)

    def __call__(self, text: str, at: int = 0) -> str:
        # No expression: one for the paths of each attempt takes longer to make than all its uses.
        while at < len(self._longest_first) and self._longest_first[at] not in text:
            at += 1
        if at == len(self._longest_first):
            return text
        path = self._longest_first[at]
        first, *others = text.split(path)
        runs = [first]
        for other in others:
            if _GOES_ON.match(other):
                runs[-1] += path + other
            else:
                runs.append(other)
        return self._paths[path].join(self(run, at + 1) for run in runs)


_GOES_ON = re.compile(r"[\w.-]")
"""What follows a path that is the beginning of another name."""


def _system() -> Iterator[str]:
    for place in map(Path, _SYSTEM):
        if place.is_dir():
            yield from ("--ro-bind", str(place), str(place))
    for place in map(Path, _MERGED):
        if place.is_symlink():
            yield from ("--symlink", str(place.readlink()), str(place))
        elif place.is_dir():
            yield from ("--ro-bind", str(place), str(place))
    for secret, is_folder in _secrets():
        if is_folder:
            yield from ("--size", "4096", "--tmpfs", secret)
        else:
            yield from ("--ro-bind", os.devnull, secret)


@functools.lru_cache
def _secrets() -> tuple[tuple[str, bool], ...]:
    """What of the system's settings is not for everybody. In the box root has no rights beyond its
    own, and these files are root's own.
    """
    if os.geteuid() != 0:
        return ()
    found: list[tuple[str, bool]] = []
    for where, folders, names in os.walk("/etc"):
        for name in list(folders):
            status = os.lstat(f"{where}/{name}")
            if stat.S_ISDIR(status.st_mode) and not status.st_mode & stat.S_IXOTH:
                folders.remove(name)
                found.append((f"{where}/{name}", True))
        for name in names:
            status = os.lstat(f"{where}/{name}")
            if stat.S_ISREG(status.st_mode) and not status.st_mode & stat.S_IROTH:
                found.append((f"{where}/{name}", False))
    return tuple(found)


def _own() -> Iterator[str]:
    size = ("--size", str(TEMPORARY_BYTES))
    yield from ("--dev", "/dev", "--perms", "1777", *size, "--tmpfs", "/dev/shm")  # noqa: S108 - the box's own
    yield from ("--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys")
    yield from ("--perms", "1777", *size, "--tmpfs", TEMPORARY)
    yield from ("--perms", "0755", "--dir", "/home", "--perms", "0755", "--dir", "/run")
    names = Path(os.path.realpath("/etc/resolv.conf"))
    if not str(names).startswith("/etc/") and names.is_file():
        yield from ("--ro-bind", str(names), str(names))


def _writable(box: Box) -> Iterator[str]:
    if box.keeps_paths:
        for place in filter(None, (box.workspace, box.home, box.temporary)):
            yield from ("--bind", str(place), str(place))
        return
    yield from ("--bind", str(box.workspace), WORKSPACE, "--bind", str(box.home), HOME)
    if box.stands_in_place:
        yield from ("--bind", str(box.workspace), str(box.workspace))
    if box.brief is not None:
        yield from ("--ro-bind", str(box.brief), f"{BRIEFS}/{box.brief.name}")


def _readable(places: Iterable[Path]) -> Iterator[str]:
    for place in places:
        if place.is_symlink():
            yield from ("--symlink", str(place.readlink()), str(place))
        else:
            yield from ("--ro-bind", str(place), str(place))


def _named(argv: Sequence[str], env: Mapping[str, str]) -> Iterator[Path]:
    """What the command and its variables name: a whole argument, what follows its `=`, a whole
    value, or the entries of one that lists paths.
    """
    words = [word for part in argv for word in (part, part.partition("=")[2])]
    for name, value in env.items():
        if name not in _NOT_NAMED:
            words += value.split(os.pathsep) if value.startswith("/") else [value]
    for word in words:
        if (
            word.startswith("/")
            and "\n" not in word
            and len(word) < os.pathconf("/", "PC_PATH_MAX")
        ):
            place = Path(os.path.normpath(word))
            if os.path.lexists(place) and is_narrow(place):
                yield place


def _programs(argv: Sequence[str], env: Mapping[str, str]) -> Iterator[Path]:
    path = env.get("PATH", os.defpath)
    for program in (argv[0], *_INTERPRETERS, _base()):
        yield from needed_by(program, path)


def _no_proxy(hosts: Iterable[str]) -> str:
    """What of its own loopback the program reaches itself: all names of it, but those by which the
    machine's is meant.
    """
    named = {host.partition(":")[0] for host in hosts}
    return ",".join(name for name in _LOOPBACK if name not in named)


def _base() -> str:
    """The interpreter that orchestrate's own stands on."""
    return getattr(sys, "_base_executable", None) or sys.executable


def _shown(box: Box, wanted: Iterable[Path]) -> list[Path]:
    """The places to show, each once and after those that hold it, with what links lead to; not what
    is there anyway.
    """
    # Compared as texts: most of what is wanted is the system's, and every start waits for this.
    there = tuple(f"{place}/" for place in (*_SYSTEM, *_MERGED, box.workspace, box.home))
    found: dict[str, Path] = {}
    for place in dict.fromkeys(wanted):
        if f"{place}/".startswith(there) and not place.is_symlink():
            continue
        for step in _steps(place):
            text = f"{step}/"
            if text.startswith(there) or text in found or f"{box.workspace}/".startswith(text):
                continue
            if is_narrow(step):
                found[text] = step
    shown: list[Path] = []
    folders: tuple[str, ...] = ()
    for text in sorted(found, key=lambda text: text.count("/")):
        if not text.startswith(folders):
            shown.append(found[text])
            folders += () if found[text].is_symlink() else (text,)
    return shown


def _steps(place: Path) -> Iterator[Path]:
    """A place and, where it is a link, all that this leads over to."""
    last = Path(os.path.realpath(place))
    for _ in range(_MOST_LINKS):
        yield place
        if not place.is_symlink():
            break
        place = Path(os.path.normpath(place.parent / place.readlink()))
    if last.exists():
        yield last
