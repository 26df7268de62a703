"""`orchestrate` commands as real processes that need not read the program's modules anew.

Reading them takes a third of a second of a processor, many times what most commands of a test take
otherwise. So each process that runs tests keeps one that has read them, and has it split off one for
every command: a child of the test's own process like any other, with arguments, folder, environment
and streams of its own, which goes through the program's front door. What is about the start itself
(streams, what is imported when) starts the installed program instead.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import functools
import gc
import importlib
import io
import json
import os
import pkgutil
import platform
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
PROGRAM = Path(sys.executable).with_name("orchestrate")
CLONE_PARENT, CLONE = 0x8000, {"x86_64": 56, "aarch64": 220}
LENGTH = struct.Struct("!I")
"""Of a request, before it."""


class Program(subprocess.Popen[Any]):
    """`orchestrate` with some arguments: the same as Popen where that is given the program, but for
    the time that it takes.
    """

    def __init__(self, arguments: Sequence[str], **how: Any) -> None:
        super().__init__([str(PROGRAM), *arguments], **how)

    def _execute_child(self, *given: Any) -> None:
        # As CPython 3.11 to 3.13 hand them over; of the pipes the child has every second end.
        argv, cwd, env, pipes = given[0], given[5], given[6], given[10:16]
        theirs = (pipes[0], pipes[3], pipes[5])
        streams = [fd if fd != -1 else own for own, fd in enumerate(theirs)]
        self.pid = _server().split(argv, str(cwd or Path.cwd()), env or os.environ, streams)
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]


def run_program(
    arguments: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: float,
    stdin: str | None = None,
) -> tuple[int, str, str]:
    """Run a command to its end: its exit code, and what it said on either stream."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    if stdin is not None:
        streams["stdin"] = subprocess.PIPE
    with Program(arguments, cwd=cwd, env=env, text=True, **streams) as process:
        try:
            out, err = process.communicate(stdin, timeout=timeout)
        except BaseException:
            process.kill()
            raise
    return process.returncode, out, err


class _Server:
    """The process that has read the modules, as its parent sees it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                cwd=PROJECT,
                pass_fds=[theirs.fileno()],
            )
        self._socket = ours

    def split(
        self, argv: Sequence[str], cwd: str, env: Mapping[str, str], streams: Sequence[int]
    ) -> int:
        """The process id of a new child of this process."""
        request = json.dumps({"argv": list(argv), "cwd": cwd, "env": dict(env)}).encode()
        passed = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", streams))
        self._socket.sendmsg([LENGTH.pack(len(request))], [passed])
        self._socket.sendall(request)
        return LENGTH.unpack(_exactly(self._socket, LENGTH.size))[0]


@functools.cache
def _server() -> _Server:
    return _Server()


def _exactly(source: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = source.recv(size - len(found))
        if not part:
            raise EOFError
        found += part
    return found


# -- the other side


def _serve(requests: socket.socket) -> dict[str, Any]:
    """Split off processes until nobody asks any more; what comes back is the request that a new
    process is to carry out.
    """
    split = _splitting()
    while True:
        try:
            size, passed, *_ = requests.recvmsg(LENGTH.size, 64)
            if not size:
                sys.exit()
            request = json.loads(_exactly(requests, LENGTH.unpack(size)[0]))
        except (EOFError, ConnectionError):
            sys.exit()
        fds = array.array("i")
        for _, _, data in passed:
            fds.frombytes(data)
        pid = split()
        if pid == 0:
            requests.close()
            return {**request, "streams": list(fds)}
        requests.sendall(LENGTH.pack(pid))
        for fd in fds:
            os.close(fd)


def _splitting() -> Any:
    """`fork`, but that the new process is a child of our parent."""
    python = ctypes.pythonapi
    call = ctypes.PyDLL(None).syscall
    number = CLONE[platform.machine()]

    def split() -> int:
        python.PyOS_BeforeFork()
        pid: int = call(number, CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0)
        if pid == 0:
            python.PyOS_AfterFork_Child()
        else:
            python.PyOS_AfterFork_Parent()
        return pid

    return split


def _read_modules() -> None:
    import pydantic

    import orchestrator

    for module in pkgutil.walk_packages(orchestrator.__path__, "orchestrator."):
        if ".plugin" not in module.name:
            importlib.import_module(module.name)
    todo = [pydantic.BaseModel]
    while todo:
        model = todo.pop()
        todo += model.__subclasses__()
        if model.__module__.startswith("orchestrator."):
            model.model_rebuild()


def _become(request: dict[str, Any]) -> None:
    """Be a process that has just been started."""
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    for own, fd in enumerate(request["streams"]):
        os.dup2(fd, own)
    os.closerange(3, 4096)
    tempfile.tempdir = None
    # As an interpreter makes them in the C locale.
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0)), "utf-8", "surrogateescape")
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(io.FileIO(1, "w")),
        "utf-8",
        "surrogateescape",
        line_buffering=os.isatty(1),
    )
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(io.FileIO(2, "w")), "utf-8", "backslashreplace", line_buffering=True
    )
    sys.argv = request["argv"]


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests = socket.socket(fileno=int(sys.argv[1]))
    sys.path[0] = str(PROGRAM.parent)
    from orchestrator.cli.main import main

    _read_modules()
    gc.freeze()
    request = _serve(requests)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _become(request)
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())


if __name__ == "__main__":
    _main()
