"""Ports that nobody else is given: not another attempt, not another run, also of another user.

A port is claimed by a mark that the whole machine sees and that vanishes with its holder, and it is
given out only while nobody listens on it. Who is no orchestrator asks for no mark: so it is also
told here who listens on a port, by the kernel's own lists, as far as it shows them (Linux).
"""

from __future__ import annotations

import contextlib
import errno
import os
import random
import socket
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

from orchestrator.errors import EnvironmentRefused
from orchestrator.isolation.ancestry import descendants, stat_of

FIRST, LAST = 20_000, 31_999
"""Below what kernels take from for connections that go out, which would be in the way."""
TRIES = 500
FORWARDERS = frozenset(
    {"docker-proxy", "dockerd", "rootlessport", "conmon", "pasta", "slirp4netns", "gvproxy"}
)
"""Who listens in the place of a program in a container."""


class Holder(Enum):
    """Who listens on a port."""

    NOBODY = "nobody"
    OURS = "ours"
    OTHERS = "others"
    UNKNOWN = "unknown"
    """The kernel does not tell, or it is somebody who listens for others."""


class Port:
    """A port that is ours until it is closed; `number` is what programs listen on."""

    def __init__(self, number: int, claim: socket.socket) -> None:
        self.number = number
        self._claim = claim

    def close(self) -> None:
        """Let others have it."""
        self._claim.close()


def reserve() -> Port:
    """A port that nobody listens on and nobody else is given. Raises EnvironmentRefused."""
    for number in random.sample(
        range(FIRST, LAST + 1), TRIES
    ):  # who begins at one end meets others
        claim = _claimed(number)
        if claim is None:
            continue
        if is_free(number):
            return Port(number, claim)
        claim.close()
    raise EnvironmentRefused(
        f"no port is free for a service, of {TRIES} that were tried between {FIRST} and {LAST}",
        mend="end what listens there, or give the mission fewer `services` at once (`parallel`)",
    )


def _claimed(number: int) -> socket.socket | None:
    """The mark of a port: a name that is no file, of the network that the port is of."""
    is_linux = sys.platform == "linux"
    mark = socket.socket(socket.AF_UNIX if is_linux else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        # Elsewhere, the port of the same number that datagrams go to.
        mark.bind(f"\0orchestrate/port/{number}" if is_linux else ("127.0.0.1", number))
    except OSError:
        mark.close()
        return None
    return mark


def is_free(number: int) -> bool:
    """Whether a program could listen there now, on all addresses."""
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):  # noqa: S104 - it does not listen
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                if family is socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((address, number))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False  # else there is no such network here
    return True


def accepts(number: int) -> bool:
    """Whether somebody takes connections there. Blocking, for a second at most."""
    for address in ("127.0.0.1", "::1"):
        with contextlib.suppress(OSError), socket.create_connection((address, number), timeout=1):
            return True
    return False


def holder_of(number: int, keeper: int) -> Holder:
    """Who listens there; ours is what descends from the process `keeper`. Blocking."""
    listening = set(_listening(number))
    if not listening:
        return Holder.NOBODY
    for pid, _ in descendants(keeper):
        found = _sockets(pid)
        if found is None:
            return Holder.UNKNOWN  # of another user, in whose hands it may be
        if listening & found:
            return Holder.OURS
    names = [_name(pid) for pid in _everybody() if listening & (_sockets(pid) or set())]
    if not names or FORWARDERS.intersection(names):
        return Holder.UNKNOWN
    return Holder.OTHERS


def keeper_of(pid: int) -> int:
    """The keeper of a program that runs; zero where it is gone."""
    fields = stat_of(pid)
    return int(fields[1]) if fields else 0


def _listening(number: int) -> Iterator[str]:
    """The sockets that listen on a port."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError), Path(table).open(encoding="ascii") as file:
            next(file)
            for line in file:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == number:
                    yield f"socket:[{fields[9]}]"


def _sockets(pid: int) -> set[str] | None:
    """What a process has open; None where that is not ours to see."""
    found: set[str] = set()
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208 - a name is all that is needed
            with contextlib.suppress(FileNotFoundError):
                found.add(os.readlink(f"/proc/{pid}/fd/{name}"))  # noqa: PTH115 - not a path
    except PermissionError:
        return None
    except OSError:
        return set()  # it has ended
    return found


def _everybody() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdecimal())  # noqa: PTH208


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
