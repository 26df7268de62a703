"""Whether a sandbox can be kept on this machine: each thing that it forbids is tried, in one.

A program that is installed, or a kernel that has the feature, proves nothing: containers,
distributions and settings take a sandbox away in many ways, and one that is half there is worse
than none. So a program in a box tries to get out of it, and what it says is held against what is
found outside. Owns the probes and what mends each. Which level a run has is `levels`'.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.isolation.caches import cache
from orchestrator.isolation.sandbox import Box, enclose, find

SECONDS = 20.0
INSTALL = (
    "install the package `bubblewrap`, 0.8 or newer (Debian, Ubuntu, Fedora: `bubblewrap`; "
    "Arch: `bubblewrap`), or write `isolation: worktree` for agents that you trust"
)
_NEWER = "install bubblewrap 0.8 or newer: older ones cannot keep a sandbox's own sandboxes shut"
_APPARMOR = (
    "Ubuntu lets no program make a user namespace unless a profile says so: install "
    "`apparmor-profiles`, then `ln -s /usr/share/apparmor/extra-profiles/bwrap-userns-restrict "
    "/etc/apparmor.d/ && apparmor_parser -r /etc/apparmor.d/bwrap-userns-restrict`, both as root"
)
_NAMESPACES = (
    "let users make namespaces: `sysctl kernel.unprivileged_userns_clone=1` (Debian), "
    "`sysctl user.max_user_namespaces=15000`; in a container start it with "
    "`--security-opt seccomp=unconfined --security-opt apparmor=unconfined`"
)
_PROC = (
    "a container hides parts of /proc, and the kernel then refuses a new one: start it with "
    "`--security-opt systempaths=unconfined`"
)
_HELD = "this sandbox does not hold here: write `isolation: worktree` for agents that you trust"

_TRY = r"""
import ctypes, json, os, socket, sys
want = json.loads(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)

def opens(path, flags):
    try:
        os.close(os.open(path, flags, 0o600))
    except OSError:
        return False
    return True

def reads(path):
    return os.path.lexists(path)

def same(path):
    # What stands there is written again: should it be possible, nothing is changed by it.
    try:
        with open(path, "r+") as file:
            text = file.read()
            file.seek(0)
            file.write(text)
    except OSError:
        return False
    return True

def connects(port):
    try:
        socket.create_connection(("127.0.0.1", port), 2).close()
    except OSError:
        return False
    return True

def environ():
    found = b""
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                found += file.read()
        except OSError:
            pass
    return want["secret"].encode() in found

say = {
    "write-outside": any(opens(path, os.O_WRONLY | os.O_CREAT) for path in want["outside"]),
    "other-workspace": reads(want["other"]),
    "home": [path for path in want["home"] if reads(path)],
    "processes": len([name for name in os.listdir("/proc") if name.isdecimal()]),
    "environ": environ(),
    "network": connects(want["port"]),
    "user-namespace": libc.unshare(0x10000000) == 0,
    "umount": libc.umount2(b"/proc/sys", 2) == 0,
    "core-pattern": same("/proc/sys/kernel/core_pattern"),
    "workspace": opens("/workspace/made", os.O_WRONLY | os.O_CREAT),
}
print(json.dumps(say))
"""


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing that was tried: whether it is as it has to be, what was found, and what mends it
    (empty where nothing has to be).
    """

    name: str
    ok: bool
    detail: str
    mend: str = ""


@functools.cache
def probes() -> tuple[Probe, ...]:
    """All that is needed of this machine for `strict`, tried once per process. Blocking, some
    50 ms. After the first that makes further ones senseless there are none.

    Raises EnvironmentRefused where there is no place for work trees at all.
    """
    return tuple(_probes())


def failed() -> Probe | None:
    """The first that is not as it has to be; None where `strict` can be kept."""
    return next((probe for probe in probes() if not probe.ok), None)


def told() -> str:
    """What keeps the sandbox, for people: the program and its version."""
    return probes()[0].detail


def _probes() -> Iterator[Probe]:
    program = find()
    if program is None:
        on_linux = sys.platform == "linux"
        detail = "bwrap is not on PATH" if on_linux else f"there is no sandbox for {sys.platform}"
        yield Probe("bubblewrap", ok=False, detail=detail, mend=INSTALL if on_linux else _HELD)
        return
    yield Probe("bubblewrap", ok=True, detail=_version(program))
    with contextlib.ExitStack() as ground:
        yield from _tried(program, ground)


def _version(program: Path) -> str:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return done.stdout.strip() or str(program)
    return str(program)


def _tried(program: Path, ground: contextlib.ExitStack) -> Iterator[Probe]:
    place = Path(ground.enter_context(tempfile.TemporaryDirectory(dir=cache(), prefix=".probe-")))
    workspace, home, other = place / "workspace", place / "home", place / "other"
    for folder in (workspace, home, other):
        folder.mkdir()
    (other / "file").write_text("another attempt's\n")
    listener = ground.enter_context(socket.create_server(("127.0.0.1", 0)))
    users = Path.home()
    secret = f"orchestrate-probe-{os.urandom(8).hex()}"
    outside = [str(place / "outside"), *(f"{top}/{secret}" for top in ("/usr", "/etc", "", users))]
    want = {
        "outside": outside,
        "other": str(other / "file"),
        "home": [str(path) for path in _entries(users)],
        "secret": secret,
        "port": listener.getsockname()[1],
    }
    base = getattr(sys, "_base_executable", None) or sys.executable
    argv = (base, "-I", "-S", "-c", _TRY, json.dumps(want))
    box = Box(workspace=workspace, home=home, has_network=False, program=program)
    # Of the parent's environment nothing is to be seen: this is there to be looked for.
    os.environ["ORCHESTRATE_PROBE"] = secret
    try:
        said = _run_in(box, argv)
    finally:
        del os.environ["ORCHESTRATE_PROBE"]
    if isinstance(said, str):
        yield Probe("start", ok=False, detail=said, mend=_mend(said))
        return
    yield Probe("start", ok=True, detail="a program starts in the sandbox")
    made = [path for path in outside if os.path.lexists(path)]
    for path in made:
        Path(path).unlink(missing_ok=True)
    yield from _judged(said, made, home_shown=said["home"])
    is_made = (workspace / "made").exists() and said["workspace"]
    yield _probe("writes its workspace", is_made, "the workspace can be written")


def _judged(said: dict[str, object], made: list[str], home_shown: object) -> Iterator[Probe]:
    """What the program in the box says that it could do."""
    processes = said["processes"]
    few = isinstance(processes, int) and processes <= _MOST_PROCESSES
    shown = ", ".join(map(str, home_shown))[:200] if isinstance(home_shown, list) else ""
    for name, is_kept, what in (
        ("write outside the workspace", not said["write-outside"] and not made, "was refused"),
        ("read another attempt's workspace", not said["other-workspace"], "is not there"),
        ("read the user's home", not home_shown, shown or "is not there"),
        ("write /proc/sys/kernel/core_pattern", not said["core-pattern"], "was refused"),
        ("umount /proc/sys", not said["umount"], "was refused"),
        ("make a user namespace", not said["user-namespace"], "was refused"),
        ("see processes outside", few, f"{processes} processes, its own"),
        ("see the environment outside", not said["environ"], "is not there"),
        ("reach the network at `none`", not said["network"], "was refused"),
    ):
        yield _probe(name, is_kept, what)


_MOST_PROCESSES = 4


def _probe(name: str, is_kept: object, what: str) -> Probe:
    if is_kept:
        return Probe(name, ok=True, detail=what)
    return Probe(
        name, ok=False, detail="it could be done" if what.startswith("was") else what, mend=_HELD
    )


def _entries(home: Path) -> Iterator[Path]:
    """What is in the user's home and is not what an interpreter that is installed there needs."""
    from orchestrator.isolation.programs import needed_by

    base = getattr(sys, "_base_executable", None) or sys.executable
    path = os.environ.get("PATH", os.defpath)
    needed = [
        Path(os.path.normpath(place))
        for program in (base, "python", "python3", "node", "git")
        for place in needed_by(program, path)
    ]
    with contextlib.suppress(OSError):
        for entry in list(home.iterdir())[:200]:
            if not any(
                place.is_relative_to(entry) or entry.is_relative_to(place) for place in needed
            ):
                yield entry


def _run_in(box: Box, argv: tuple[str, ...]) -> dict[str, object] | str:
    """What the program in the box says; or why there is none."""
    reading, writing = os.pipe()
    env = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}
    try:
        command, environment = enclose(box, argv, env, box.workspace, writing)
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=environment,
            pass_fds=(writing,),
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    finally:
        os.close(writing)
        os.close(reading)
    said: dict[str, object] | None = None
    with contextlib.suppress(ValueError):
        said = json.loads(done.stdout)
    if said is None:
        return (done.stderr.strip() or f"bwrap ended with {done.returncode}").splitlines()[-1]
    return said


_MENDS: tuple[tuple[Callable[[str], bool], str], ...] = (
    (lambda said: "nknown option" in said, _NEWER),
    (lambda said: "uid map" in said or "RTM_NEWADDR" in said, _APPARMOR),
    (lambda said: "roc" in said and "mount" in said, _PROC),
    (lambda said: "namespace" in said or "permitted" in said, _NAMESPACES),
)


def _mend(said: str) -> str:
    """What mends a box that does not start, by what bubblewrap says."""
    return next((mend for applies, mend in _MENDS if applies(said)), _NAMESPACES)
