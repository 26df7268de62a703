"""How lines of a record leave a test process, whatever its tests do to that process.
PYTEST_DONT_REWRITE

Owns the chain, the bytes, and who may ask for a line. All that a line takes (an encoder, a hash,
the system's calls, frames) is bound when the record is opened, before anything of the project is
loaded: tests that replace `json.dumps` or `os.write`, or delete `sys._getframe`, change nothing
here. Where tests close the descriptor, or all of them, the judge is called again by its name.
Standard library only; Python 3.8 and newer.
"""

from __future__ import annotations

import _socket
import fcntl
import hashlib
import json.encoder
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Write = Callable[[str, "dict[str, Any]"], None]

CHAIN_LENGTH = 16
HIGH = 700
"""From here on descriptors are looked for: `os.closerange(3, 256)` is a habit of test suites."""
MANY_CHARACTERS = 100_000
"""Of ids in one line; a line that is too long is not read."""


def next_link(chain: str, body: str) -> str:
    """The chain's value at a line, from its value at the line before."""
    return hashlib.sha256((chain + body).encode()).hexdigest()[:CHAIN_LENGTH]


def in_lines(ids: Iterable[str]) -> Iterable[list[str]]:
    """Ids in portions of which each is short enough for a line."""
    portion: list[str] = []
    size = 0
    for test_id in ids:
        portion.append(test_id)
        size += len(test_id) + 4
        if size > MANY_CHARACTERS:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def open_line(fd: int, chain: str, again: str, named: Callable[[str], str]) -> Write:
    """What writes lines to a descriptor, and to the socket `again` once that is closed.

    `named` tells the files whose code should not run when a line is asked for, by what to call
    them (empty: code of this file may run). Where some does, the line says so after its facts; a
    line of no kind is written only if it says so.
    """
    getpid, getframe, strangers = os.getpid, sys._getframe, who_asks(named)  # noqa: SLF001  (who asks is in the stack alone)
    fstat, write_bytes, duplicate = os.fstat, os.write, fcntl.fcntl
    call, family, kind_of_socket = _socket.socket, _socket.AF_UNIX, _socket.SOCK_STREAM
    above, close = fcntl.F_DUPFD_CLOEXEC, os.close
    sha256, encode = hashlib.sha256, encoder()
    process, told = getpid(), set()
    count, address = 0, ("\0" + again).encode()

    def out_of_the_way(given: int) -> int:
        try:
            high = duplicate(given, above, HIGH)
        except (OSError, ValueError):  # as few descriptors as that are allowed
            return given
        close(given)
        return high

    def identity(given: int) -> tuple[int, int]:
        status = fstat(given)
        return status.st_dev, status.st_ino

    fd = out_of_the_way(fd)
    ours = identity(fd)

    def write(kind: str, facts: dict[str, Any]) -> None:
        nonlocal fd, ours, chain, count
        # A forked child comes here too when an exception passes through it; it has nothing to
        # report.
        if fd < 0 or getpid() != process:
            return
        askers = [name for name in strangers(getframe(1)) if name not in told]
        if not (kind or askers):
            return
        told.update(askers)
        count += 1
        body = encode([count, kind, facts, askers] if askers else [count, kind, facts])
        chain = sha256((chain + body).encode()).hexdigest()[:CHAIN_LENGTH]
        data = (chain + " " + body + "\n").encode()
        for is_last in (False, True):
            try:
                # A test may have closed our descriptor and got its number for a file of its own.
                while data and identity(fd) == ours:
                    data = data[write_bytes(fd, data) :]
                if not data:
                    return
            except OSError:
                pass
            if not is_last:
                try:
                    caller = call(family, kind_of_socket)
                    caller.connect(address)
                    fd = out_of_the_way(caller.detach())
                    ours = identity(fd)
                except OSError:
                    break
        fd = -1  # the record stays without an end, which is what the judge then sees

    return write


def who_asks(named: Callable[[str], str]) -> Callable[[Any], list[str]]:
    """What tells of a frame whose code, of that which `named` has a name for, is running there."""
    get_ident, get = threading.get_ident, dict.get
    thread = get_ident()
    known: dict[str, str] = {}
    clean: dict[int, object] = {}  # by number, and kept, so that no other one can get it

    def names_of(frame: Any) -> list[str]:
        code = frame.f_code.co_filename
        place = get(frame.f_globals, "__file__")  # what code says of itself can be forged
        if code[:1] == "<" and (place or code[:7] == "<frozen"):
            code = place
        found = []
        for path in (code, place):
            if path.__class__ is str:
                name = get(known, path)
                if name is None:
                    name = known[path] = path if path[:1] == "<" else named(path)
                if name:
                    found.append(name)
        return found

    def strangers(frame: Any) -> list[str]:
        found = [] if get_ident() == thread else ["another thread"]
        while frame is not None:
            code = frame.f_code
            if get(clean, id(code)) is not code:
                names = names_of(frame)
                if not names:
                    clean[id(code)] = code
                found += [name for name in names if name not in found]
            frame = frame.f_back
        return found

    return strangers


def encoder() -> Callable[[Any], str]:
    """What `json.dumps` does for texts, numbers, lists and dicts, by nothing of Python's that can
    be replaced later.
    """
    quoted = json.encoder.encode_basestring_ascii

    def encode(value: Any) -> str:
        if value is None or value is True or value is False:
            return {None: "null", True: "true", False: "false"}[value]
        kind = type(value)
        if kind is str:
            return quoted(value)
        if kind is int or (kind is float and value - value == 0):
            return repr(value)
        if kind is dict:
            pairs = [quoted(key) + ": " + encode(item) for key, item in value.items()]
            return "{" + ", ".join(pairs) + "}"
        if kind is list or kind is tuple:
            return "[" + ", ".join([encode(item) for item in value]) + "]"
        return encode(str(value))

    return encode
