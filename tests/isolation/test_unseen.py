"""What programs that orchestrate starts can read of orchestrate under `/proc`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import pytest

from orchestrator.git.client import Git

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc elsewhere")

LOOK = """
    import os
    pid, found = os.getpid(), []
    while pid > 1:
        try:
            found.append(open(f"/proc/{pid}/environ", "rb").read().count(b"hunter2-of-mine"))
        except OSError:
            found.append(0)
        pid = int(open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[1])
        if pid == int(os.environ["STOP"]):
            break
    print(sum(found), len(found))
"""
PROGRAM = """
    import ctypes, os, subprocess, sys, time
    from pathlib import Path
    import anyio
    from orchestrator.isolation.processes import ProcessSpec, run_process

    assert os.environ["MY_TOKEN"] == os.getenvb(b"MY_TOKEN").decode() == "hunter2-of-mine"
    # What it starts without a word has it, as before.
    script = "import os; print(os.environ['MY_TOKEN'], len(os.environ))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["hunter2-of-mine", str(len(os.environ))], done.stdout
    spec = ProcessSpec(
        argv=(sys.executable, "-c", sys.argv[1]),
        cwd=Path.cwd(),
        env={"PATH": os.environ["PATH"], "STOP": str(os.getppid())},
        timeout=30,
        log=Path("x.log"),
        tag="x",
    )
    print(anyio.run(run_process, spec).tail)
    assert os.environ["MY_TOKEN"] == os.getenvb(b"MY_TOKEN").decode() == "hunter2-of-mine"
    script = "import os; print(os.environ['MY_TOKEN'], len(os.environ))"
    again = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == again.stdout, again.stdout
    libc = ctypes.CDLL(None)
    libc.getenv.restype = ctypes.c_char_p
    assert libc.getenv(b"ODD") == b"a=b\\nc"
"""


@pytest.mark.parametrize("is_hidden", [True, False])
def test_no_program_finds_the_environment_of_those_above_it(
    tmp_path: Path, is_hidden: bool
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", dedent(PROGRAM), dedent(LOOK)],
        cwd=tmp_path,
        env={**os.environ, "MY_TOKEN": "hunter2-of-mine", "EMPTY": "", "ODD": "a=b\nc"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found, looked_at = map(int, done.stdout.split())
    assert looked_at >= 4  # itself, its keeper, the house, orchestrate
    assert found == 0


def test_git_is_started_without_what_it_does_not_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", "hunter2-of-mine")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    waiting = Git(cwd=tmp_path).spawn("hash-object", "--stdin", stdin=subprocess.PIPE)
    with waiting:
        told, limit = b"", time.monotonic() + 10
        while b"GIT_" not in told and time.monotonic() < limit:  # it may not be git yet
            told = Path(f"/proc/{waiting.pid}/environ").read_bytes()
    assert b"hunter2" not in told
    assert f"PATH={os.environ['PATH']}".encode() in told
    assert b"LC_ALL=C\0" in told
