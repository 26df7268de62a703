"""Limits that the kernel keeps: control groups, where they are ours to make.

A group holds one box, for memory and for the number of processes. Both kinds of hierarchy are
known: version 1, and version 2 where the group above hands these two on. Where neither may be made
there is none, and `boxed` looks itself. Owns the folders of the groups, also those that a killed
orchestrator left: a group is named after the process that made it.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_MEMORY, _PIDS = "memory", "pids"
_PREFIX = "orchestrate-"
_NAME = re.compile(rf"{_PREFIX}(\d+)-\d+")
_numbers = itertools.count()
_gone: set[Path] = set()
"""Groups of this process that were not empty yet when they were to be removed."""


@dataclass(frozen=True, slots=True)
class Group:
    """One group: its folder for memory and its folder for processes, which are one in version 2."""

    memory: Path
    processes: Path
    is_unified: bool

    def admit(self, pid: int) -> bool:
        """Put a process in, and all that it will start; whether that could be done."""
        try:
            for folder in self._folders():
                (folder / "cgroup.procs").write_text(str(pid))
        except OSError:
            return False
        return True

    def ran_out_of_memory(self) -> bool:
        """Whether the kernel has ended one of its processes for want of memory."""
        name = "memory.events" if self.is_unified else "memory.oom_control"
        return _count(self.memory / name, "oom_kill") > 0

    def ran_out_of_processes(self) -> bool:
        """Whether the kernel has refused it one more process."""
        return _count(self.processes / "pids.events", "max") > 0

    def remove(self) -> None:
        """When all of its processes are gone; if they are not quite, with the next that is made."""
        _gone.update(self._folders())
        _sweep()

    def _folders(self) -> dict[Path, None]:
        return {self.memory: None, self.processes: None}


def make(memory: int, processes: int | None) -> Group | None:
    """A group that may take so many bytes and have so many processes at once; None where there is
    none to be had.
    """
    _sweep()
    places = _places()
    if places is None:
        return None
    above, is_unified = places
    for folder in dict.fromkeys(above):
        _sweep_others(folder)
    name = f"{_PREFIX}{os.getpid()}-{next(_numbers)}"
    group = Group(above[0] / name, above[1] / name, is_unified)
    made: list[Path] = []
    try:
        for folder in dict.fromkeys((group.memory, group.processes)):
            folder.mkdir()
            made.append(folder)
        limit = "memory.max" if is_unified else "memory.limit_in_bytes"
        (group.memory / limit).write_text(str(memory))
        for swap in ("memory.swap.max", "memory.memsw.limit_in_bytes"):
            if (group.memory / swap).exists():
                (group.memory / swap).write_text("0" if is_unified else str(memory))
        # The init of the box is one of them.
        (group.processes / "pids.max").write_text(str(processes + 1) if processes else "max")
    except OSError:
        _gone.update(made)
        _sweep()
        return None
    return group


def _places() -> tuple[tuple[Path, Path], bool] | None:
    """The folders in which groups may be made, for memory and processes; and whether that is
    version 2.
    """
    own = _own_groups()
    mounts = dict(_mounts())
    first = [_below(mounts.get(kind), own.get(kind)) for kind in (_MEMORY, _PIDS)]
    if first[0] and first[1]:
        return (first[0], first[1]), False
    unified = _below(mounts.get(""), own.get(""))
    if unified is None:
        return None
    above = unified.parent  # a group that has processes hands nothing on
    with contextlib.suppress(OSError):  # no such file: nothing is handed on
        if {_MEMORY, _PIDS} <= set((above / "cgroup.subtree_control").read_text().split()):
            return (above, above), True
    return None


def _own_groups() -> dict[str, str]:
    """The groups that this process is in, by controller; version 2 has the empty one."""
    found = {}
    with contextlib.suppress(OSError):  # a kernel without groups
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            found.update(dict.fromkeys(controllers.split(","), path))
    return found


def _mounts() -> Iterator[tuple[str, tuple[str, Path]]]:
    """Where controllers are mounted: which group is there, and the folder."""
    with contextlib.suppress(OSError, ValueError):  # no groups that we could find
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            before, _, after = line.partition(" - ")
            root, place = before.split()[3:5]
            kind, _, options = after.split(" ", 2)
            if kind == "cgroup2":
                yield "", (root, Path(place))
            elif kind == "cgroup":
                for controller in {_MEMORY, _PIDS} & set(options.split(",")):
                    yield controller, (root, Path(place))


def _below(mount: tuple[str, Path] | None, group: str | None) -> Path | None:
    """The folder of a group; None where it cannot be seen from here."""
    if mount is None or group is None:
        return None
    root, place = mount
    if not f"{group}/".startswith(f"{root.rstrip('/')}/"):
        return None
    folder = place / group[len(root.rstrip("/")) :].strip("/")
    return folder if folder.is_dir() else None


def _sweep() -> None:
    for folder in list(_gone):
        with contextlib.suppress(OSError):  # not empty yet; it is tried again with the next
            folder.rmdir()
        if not folder.exists():
            _gone.discard(folder)


def _sweep_others(above: Path) -> None:
    """Remove what a killed orchestrator left; what still has processes cannot be removed."""
    with contextlib.suppress(OSError):  # not to be listed: no group can be made there either
        for entry in os.scandir(above):
            found = _NAME.fullmatch(entry.name)
            if found and not Path(f"/proc/{found[1]}").exists():
                with contextlib.suppress(OSError):  # processes are in it, or another was quicker
                    Path(entry.path).rmdir()


def _count(file: Path, key: str) -> int:
    with contextlib.suppress(OSError, ValueError):  # an older kernel does not count it
        for line in file.read_text().splitlines():
            name, _, number = line.partition(" ")
            if name == key:
                return int(number)
    return 0
