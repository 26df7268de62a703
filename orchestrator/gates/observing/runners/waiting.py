"""A test process that is started before there is something to test.

To start an interpreter and import pytest takes longer than many a gate's tests. So that nobody
waits for it, it is done while agents are at work: the process then waits on its standard input for
the tree and the tests, of which it knows nothing before. It runs once. When its starter dies, its
input ends, and so does it.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.gates.observing.plugin import orchestrate_record
from orchestrator.isolation.processes import Kept, ProcessSpec, end_process, start_process
from orchestrator.isolation.sandbox import Box

PLUGIN = Path(orchestrate_record.__file__)
ENVIRONMENT = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


@dataclass(slots=True)
class Waiting:
    """The process, its record's socket (both ends, the writing one as the process knows it), its
    secret, its tag.
    """

    process: Kept
    reading: int
    writing: int
    token: str
    tag: str
    python: Path
    """The interpreter that it is."""

    @property
    def is_alive(self) -> bool:
        """Whether it still waits."""
        return self.process.is_running

    def close(self) -> None:
        """Let go of the socket."""
        os.close(self.reading)
        os.close(self.writing)

    async def end(self) -> None:
        """End a process that is not needed any more."""
        try:
            await end_process(self.process)
        finally:
            self.close()


async def start_waiting(
    folder: Path, env: Mapping[str, str], tag: str, python: Path, box: Box | None = None
) -> Waiting:
    """Start one, with `folder` (any but a tree of tests) as its current folder. Raises NotStarted.

    One in a box is for the tree of that box alone.
    """
    token = secrets.token_hex(16)
    ours, theirs = socket.socketpair()  # a pipe could be opened again by its name in /proc
    reading, writing = ours.detach(), theirs.detach()
    try:
        os.set_blocking(reading, False)
        spec = ProcessSpec(
            argv=(str(python), "-S", str(PLUGIN)),
            cwd=folder,
            env={**env, **ENVIRONMENT},
            timeout=0,
            log=Path(os.devnull),
            tag=f"{tag}/{token[:8]}",
            stdin=b"",
            pass_fds=(writing,),
            box=box,
        )
        process = await start_process(spec)
    except BaseException:
        os.close(reading)
        os.close(writing)
        raise
    return Waiting(process, reading, writing, token, spec.tag, python)
