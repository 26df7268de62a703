"""Every way out of a process tree that we know: nothing of it is left when the attempt ends, and
nothing when the orchestrator is killed.

Each daemon writes its heartbeat to a file of its own, so that it is found alive whatever its name,
session, parent or environment.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import anyio
import psutil
import pytest

from orchestrator.isolation import ancestry, processes
from orchestrator.isolation.processes import TAG, ProcessSpec, run_process
from tests.params import few

PRELUDE = """
import ctypes, os, signal, subprocess, sys, time

def beat(name="beat"):
    while True:
        with open(name, "a") as file:
            file.write(str(os.getpid()) + chr(10))
        time.sleep(0.03)

def daemon(then=beat):
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    then()

def deaf():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    beat()

def without_environment():
    os.execve(sys.executable, [sys.executable, "-c", BEAT], {})

def with_tag(tag):
    os.execve(sys.executable, [sys.executable, "-c", BEAT], {"ORCHESTRATE_PROCESS": tag})

def closed():
    os.closerange(0, 1024)
    beat()

def stopped():
    if os.fork():
        beat()
    os.kill(os.getpid(), signal.SIGSTOP)
    beat("stopped")

def reborn():
    # On TERM it forks and goes on as another.
    def again(*_):
        if os.fork():
            os._exit(0)
    signal.signal(signal.SIGTERM, again)
    beat()

def always_another():
    # No process of it lives longer than an instant.
    while True:
        with open("beat", "a") as file:
            file.write(str(os.getpid()) + chr(10))
        if os.fork():
            os._exit(0)
        os.setsid()

def many():
    for _ in range(40):
        if not os.fork():
            os.setsid()
            deaf()
    beat()

def of_a_daemon():
    daemon(lambda: daemon(deaf))
    time.sleep(0.5)

def renamed():
    ctypes.CDLL(None).prctl(15, b"kworker/0:1", 0, 0, 0)
    beat()

def with_a_zombie():
    if not os.fork():
        os._exit(0)
    beat()

def subreaper():
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
    daemon(deaf)
    beat()

def bound_to_nobody():
    ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
    os.chdir("/proc/self/cwd")
    os.umask(0)
    deaf()

BEAT = '''
import os, time
while True:
    with open("beat", "a") as file:
        file.write(str(os.getpid()) + chr(10))
    time.sleep(0.03)
'''
"""
KINDS = {
    "in the background": "subprocess.Popen([sys.executable, '-c', BEAT])",
    "double fork": "daemon()",
    "session of its own": "subprocess.Popen([sys.executable, '-c', BEAT], start_new_session=True)",
    "nohup": "os.environ['BEAT'] = BEAT\nos.system(f'nohup {sys.executable} -c \"$BEAT\" > out 2>&1 &')",
    "no environment": "daemon(without_environment)",
    "tag of another": "daemon(lambda: with_tag(OTHER))",
    "closed descriptors": "daemon(closed)",
    "deaf to requests": "daemon(deaf)",
    "forks when asked to end": "daemon(reborn)",
    "forks all the time": "daemon(always_another)",
    "many": "daemon(many)",
    "daemon of a daemon": "daemon(of_a_daemon)",
    "stopped": "daemon(stopped)",
    "renamed": "daemon(renamed)",
    "with a pending child": "daemon(with_a_zombie)",
    "vfork": "os.posix_spawn(sys.executable, [sys.executable, '-c', BEAT], os.environ)",
    "subreaper itself": "daemon(subreaper)",
    "bound to nobody": "daemon(bound_to_nobody)",
}


@pytest.fixture(autouse=True)
def quick_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.5)
    monkeypatch.setattr(processes, "DRAIN_SECONDS", 1.0)


def script(kind: str, *, ends: bool, other: str = "") -> str:
    """A program that has a daemon of that kind, and then ends or stays."""
    return f"""{PRELUDE}
OTHER = {other!r}
{KINDS[kind]}
while not (os.path.exists("beat") and os.path.getsize("beat")):
    time.sleep(0.01)
time.sleep(0.1)
print("up", flush=True)
time.sleep({0 if ends else 60})
"""


def spec(folder: Path, tag: str, source: str, **more) -> ProcessSpec:
    facts = {
        "argv": (sys.executable, "-c", source),
        "cwd": folder,
        "env": {"PATH": os.environ["PATH"]},
        "timeout": 30.0,
        "log": folder / "log",
        "tag": tag,
    }
    return ProcessSpec(**{**facts, **more})


def beats(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("beat*")) if folder.exists() else 0


def require_silence(folder: Path) -> None:
    """Nobody writes there any more."""
    before = beats(folder)
    time.sleep(0.3)
    assert beats(folder) == before
    for path in [*folder.glob("beat"), *folder.glob("stopped")]:
        for pid in {int(line) for line in path.read_text().split()[-50:]}:
            if psutil.pid_exists(pid):
                assert Path(f"/proc/{pid}/cwd").resolve() != folder.resolve()


@pytest.mark.parametrize("kind", few(KINDS, most=7))
def test_is_gone_when_its_attempt_has_ended(tmp_path: Path, kind: str) -> None:
    end = anyio.run(run_process, spec(tmp_path, "t/a", script(kind, ends=True)))
    assert (end.code, end.timed_out) == (0, False), end.tail
    assert beats(tmp_path)
    require_silence(tmp_path)


ORCHESTRATOR = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    import anyio
    from orchestrator.isolation import processes
    from orchestrator.isolation.processes import ProcessSpec, run_process

    processes.GRACE_SECONDS = 0.5
    folder = Path(sys.argv[1])
    spec = ProcessSpec(argv=(sys.executable, "-c", sys.argv[2]), cwd=folder, env={}, timeout=60,
                       log=folder / "log", tag="t/a")
    anyio.run(run_process, spec, lambda line: print(line, flush=True))
    """
)


@pytest.mark.parametrize("kind", few(KINDS, most=7))
def test_is_gone_when_the_orchestrator_was_killed(tmp_path: Path, kind: str) -> None:
    source = script(kind, ends=False)
    with subprocess.Popen(
        [sys.executable, "-c", ORCHESTRATOR, tmp_path, source], stdout=subprocess.PIPE, text=True
    ) as dying:
        assert dying.stdout
        assert dying.stdout.readline() == "up\n"
        house = psutil.Process(dying.pid).children()
        dying.kill()
    assert house, "there is somebody who tidies up"
    psutil.wait_procs(house, timeout=20)
    require_silence(tmp_path)


@pytest.mark.parametrize("kind", few(KINDS, most=7))
def test_does_not_touch_another_attempt(tmp_path: Path, kind: str) -> None:
    """Both have a daemon; the end of the one leaves the other's to itself, and its program too."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()

    async def main() -> None:
        up = anyio.Event()

        async def other_attempt() -> None:
            what = spec(other, "t/other", script("double fork", ends=False))
            await run_process(what, lambda _: up.set())

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(other_attempt)
            await up.wait()
            await run_process(spec(one, "t/one", script(kind, ends=True, other="t/other")))
            require_silence(one)
            before = beats(other)
            await anyio.sleep(0.3)
            assert beats(other) > before
            tasks.cancel_scope.cancel()
        require_silence(other)

    anyio.run(main)


def test_what_a_killed_keeper_leaves_is_ended_by_the_house(tmp_path: Path) -> None:
    async def main() -> None:
        up = anyio.Event()
        ends = []

        async def attempt() -> None:
            what = spec(tmp_path, "t/a", script("deaf to requests", ends=False))
            ends.append(await run_process(what, lambda _: up.set()))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(attempt)
            await up.wait()
            daemon = psutil.Process(int((tmp_path / "beat").read_text().split()[-1]))
            keeper = daemon.parent()
            assert keeper is not None
            assert keeper.pid != os.getpid()
            keeper.kill()
        # Its end is told only when nothing of it is left.
        require_silence(tmp_path)
        assert [end.code for end in ends] == [-signal.SIGKILL]

    anyio.run(main)


def test_a_keeper_that_is_stopped_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        up = anyio.Event()

        async def stop() -> None:
            await up.wait()
            program = psutil.Process(int((tmp_path / "pid").read_text()))
            program.parent().suspend()
            (tmp_path / "go").touch()

        source = """
import os, time
open("pid", "w").write(str(os.getpid()))
print("up", flush=True)
while not os.path.exists("go"):
    time.sleep(0.01)
"""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stop)
            with anyio.fail_after(20):
                end = await run_process(spec(tmp_path, "t/a", source), lambda _: up.set())
        assert end.code == 0

    anyio.run(main)


def test_a_house_that_was_killed_is_built_again(tmp_path: Path) -> None:
    def run() -> int:
        return anyio.run(run_process, spec(tmp_path, "t/a", "print('up')")).code

    assert run() == 0
    for child in psutil.Process().children():
        if "house.main" in " ".join(child.cmdline()):
            child.kill()
            child.wait(10)
    assert run() == 0


def test_a_kernel_that_does_not_list_children(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(["sh", "-c", "sleep 60 & wait"], start_new_session=True) as shell:
        try:
            limit = time.monotonic() + 10
            while not ancestry.children(shell.pid) and time.monotonic() < limit:
                time.sleep(0.01)
            assert ancestry._children_by_scan(shell.pid) == ancestry.children(shell.pid) != []
            assert shell.pid in ancestry._children_by_scan(os.getpid())
        finally:
            os.killpg(shell.pid, signal.SIGKILL)


def test_the_tag_is_told_and_nothing_more(tmp_path: Path) -> None:
    """Agents may look at it; nobody else does."""
    source = f"import os; print(os.environ['{TAG}'])"
    assert anyio.run(run_process, spec(tmp_path, "t/a", source)).tail == "t/a\n"
