"""What a hostile agent tries, by real programs: at `strict` none of it does anything, and what
`worktree` does not stop is said by name.

Where no sandbox can be kept, the same tests hold that one is refused, with what mends it.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.isolation.boxes import PYTHON, box_in, has_sandbox, run

LOOT = "loot"
"""Where an attack puts what it got hold of; in the workspace, whence it would be taken over."""

PRELUDE = f"""
import ctypes, os, shutil, signal, socket, subprocess, sys, time
def loot(data):
    with open({LOOT!r}, "ab") as file:
        file.write(data if isinstance(data, bytes) else str(data).encode())
libc = ctypes.CDLL(None, use_errno=True)
"""

WORKTREE_LETS = {
    "overwrites a file outside": "open({victim!r}, 'w').write('mine')",
    "removes a folder outside": "shutil.rmtree({folder!r})",
    "writes through a link": "os.symlink({victim!r}, 'link'); open('link', 'w').write('mine')",
    "hard link to a file outside": "os.link({victim!r}, 'same'); open('same', 'w').write('mine')",
    "changes rights outside": "os.chmod({victim!r}, 0o777)",
    "changes times outside": "os.utime({victim!r}, (1, 1))",
    "adds to a folder outside": "open({folder!r} + '/new', 'w').close()",
    "reads a file outside": "loot(open({victim!r}, 'rb').read())",
    "reads by a path upward": "loot(open(os.path.relpath({victim!r}), 'rb').read())",
    "finds it in another's root": "[loot(open(f'/proc/{{p}}/root' + {victim!r}, 'rb').read())"
    " for p in os.listdir('/proc') if p == '{pid}']",
    "ends a process outside": "os.kill({pid}, signal.SIGKILL)",
    "stops a process outside": "os.kill({pid}, signal.SIGSTOP)",
    "reads a command line outside": "loot(open('/proc/{pid}/cmdline', 'rb').read())",
    "reads an environment outside": "loot(open('/proc/{pid}/environ', 'rb').read())",
    "reaches a port of the machine": "socket.create_connection(('127.0.0.1', {port}), 2); loot('in')",
    "reaches an abstract socket": "s = socket.socket(socket.AF_UNIX); s.connect({abstract!r}); loot('in')",
    "reaches a socket in a folder": "s = socket.socket(socket.AF_UNIX); s.connect({socket!r}); loot('in')",
}
"""Attacks that work without a sandbox, each as a line of Python. README names them."""

NO_LEVEL_LETS = {
    "writes core_pattern": "libc.umount2(b'/proc/sys', 2); loot(open('/proc/sys/kernel/core_pattern', 'r+').read())",
    "makes a user namespace": "assert libc.unshare(0x10000000) == 0; loot('in')",
    "mounts": "assert libc.mount(b'none', b'/tmp', b'tmpfs', 0, None) == 0; loot('in')",
    "remounts for writing": "assert libc.mount(b'', b'/usr', b'', 0x1020, None) == 0; loot('in')",
    "makes a device": "os.mknod('disk', 0o60600, os.makedev(8, 0)); loot('in')",
    "writes the system": "open('/usr/bin/mine', 'w').close(); loot('in')",
    "writes the settings": "open('/etc/mine', 'w').close(); loot('in')",
    "writes the root of the box": "open('/mine', 'w').close(); loot('in')",
    "reads passwords": "loot(open('/etc/shadow', 'rb').read())",
    "has descriptors": "[loot(os.readlink(f'/proc/self/fd/{{n}}')) for n in range(3, 300)"
    " if os.path.lexists(f'/proc/self/fd/{{n}}')]",
    "looks into init": "loot([l for l in open('/proc/1/environ').read().split('\\0') if 'SECRET' in l] or 1 / 0)",
    "becomes root": "os.setuid(0) if os.getuid() else 1 / 0; loot('in')",
    "has rights": "loot(int([l for l in open('/proc/self/status') if 'CapEff' in l][0].split()[1], 16) or 1 / 0)",
    "changes the host's name": "socket.sethostname('mine'); loot('in')",
    "kills everybody": "os.kill(-1, 0); os.kill(1, signal.SIGKILL); time.sleep(0.1); loot('in')",
}
"""Attacks on the box itself; tried at `strict` alone, since without one they would do harm."""


@dataclass(frozen=True)
class World:
    """What is outside of the box, to be left as it is."""

    folder: Path
    victim: Path
    process: subprocess.Popen[bytes]
    port: int
    sockets: tuple[str, Path]

    def line(self, attack: str) -> str:
        return attack.format(
            victim=str(self.victim),
            folder=str(self.folder),
            pid=self.process.pid,
            port=self.port,
            abstract=self.sockets[0],
            socket=str(self.sockets[1]),
        )

    def seen(self) -> object:
        """All of it that could be harmed."""
        alive = psutil.Process(self.process.pid).status() if self.process.poll() is None else "gone"
        files = {}
        for path in sorted(self.folder.rglob("*")) if self.folder.is_dir() else ():
            status = path.lstat()
            content = path.read_bytes() if path.is_file() else b""
            files[path.name] = (content, status.st_mode, status.st_mtime)
        return files, "stopped" if alive == psutil.STATUS_STOPPED else alive == "gone"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    folder = tmp_path / "outside"
    folder.mkdir()
    victim = folder / "victim.txt"
    victim.write_text("the user's\n")
    abstract = f"\0orchestrate-{os.getpid()}-{tmp_path.name}"
    path = tmp_path / "s"
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as unnamed,
        socket.socket(socket.AF_UNIX) as named,
        subprocess.Popen(
            ["sleep", "60"], env={"SECRET": "a secret", "PATH": os.defpath}
        ) as process,
    ):
        unnamed.bind(abstract)
        unnamed.listen()
        named.bind(str(path))
        named.listen()
        yield World(folder, victim, process, server.getsockname()[1], (abstract, path))
        process.kill()


def attack(world: World, tmp_path: Path, line: str, *, strict: bool) -> bool:
    """Whether an attack did anything."""
    box = box_in(tmp_path / f"attempt-{strict}")
    before = world.seen()
    program = f"{PRELUDE}\nif True:\n    {world.line(line)}\n"
    run(box, PYTHON, "-c", program, strict=strict)
    loot = box.workspace / LOOT
    return world.seen() != before or (loot.exists() and loot.read_bytes() != b"")


@pytest.mark.parametrize("name", WORKTREE_LETS)
def test_what_a_work_tree_lets_a_sandbox_does_not(name: str, world: World, tmp_path: Path) -> None:
    line = WORKTREE_LETS[name]
    if has_sandbox():
        assert not attack(world, tmp_path, line, strict=True), name
    assert attack(world, tmp_path, line, strict=False), f"a work tree stops it: {name}"


@pytest.mark.parametrize("name", NO_LEVEL_LETS)
def test_the_box_itself_holds(name: str, world: World, tmp_path: Path) -> None:
    if has_sandbox():
        assert not attack(world, tmp_path, NO_LEVEL_LETS[name], strict=True), name


def test_an_attack_that_does_something_is_seen(world: World, tmp_path: Path) -> None:
    """So that the tests above can fail."""
    if has_sandbox():
        assert attack(world, tmp_path, "loot('in')", strict=True)
        assert not attack(world, tmp_path / "2", "open('mine', 'w').close()", strict=True)


DAEMONS = {
    "in a session of its own": "if os.fork() == 0: os.setsid(); beat()",
    "forked twice": "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: beat()\n    os._exit(0)",
    "deaf": "if os.fork() == 0:\n    [signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)]\n    beat()",
    "a hundred": "for _ in range(100):\n    if os.fork() == 0: os.setsid(); beat()",
    "stopped": "if os.fork() == 0: os.kill(os.getpid(), signal.SIGSTOP); beat()",
}


@pytest.mark.parametrize("name", DAEMONS)
@pytest.mark.parametrize("strict", [True, False], ids=["strict", "worktree"])
def test_no_daemon_is_left(name: str, strict: bool, tmp_path: Path) -> None:
    """At either level, and also none that does not stand below the program any more."""
    if strict and not has_sandbox():
        return
    box = box_in(tmp_path)
    beat = (
        "def beat():\n    while True:\n        open('beat', 'a').write('.'); time.sleep(0.02)\n"
        "        if not os.path.exists('go'): time.sleep(0.05)\n"
    )
    run(box, PYTHON, "-c", f"{PRELUDE}\n{beat}\n{DAEMONS[name]}\ntime.sleep(0.2)", strict=strict)
    told = box.workspace / "beat"
    size = told.stat().st_size if told.exists() else 0
    time.sleep(0.3)
    assert (told.stat().st_size if told.exists() else 0) == size
    assert size > 0 or name == "stopped"
