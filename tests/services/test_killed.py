"""An orchestrator that is killed leaves no service behind, however it was doing."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.services.helpers import PYTHON, living

VISITS = """
import sys
from pathlib import Path
import anyio
from tests.services.helpers import Bench, SERVES

async def visit():
    daemon = ["sh", "-c", "(setsid sleep 600 &) ; exec sleep 600"]
    bench = Bench(
        Path(sys.argv[1]),
        web={"command": SERVES, "needs": "daemon"},
        daemon={"command": daemon, "stop": "INT", "grace": 1},
        late={"command": ["sleep", "600"], "ready": {"log": "never"}, "needs": "web"},
    )
    async with bench.services.beside([sys.argv[2]], bench.guest()):
        print("all are there", flush=True)
        await anyio.sleep(600)

anyio.run(visit)
"""


@pytest.mark.parametrize("phase", ["web", "late"])
def test_nothing_is_left(tmp_path: Path, phase: str) -> None:
    root = str(Path(__file__).parents[2])
    killed = subprocess.Popen(
        [sys.executable, "-c", VISITS, str(tmp_path), phase],
        cwd=root,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert killed.stdout is not None
    if phase == "web":
        assert killed.stdout.readline() == "all are there\n"
    else:
        wait_for(lambda: sum("sleep 600" in it for it in living(tmp_path)) >= 3)
    assert any(f"{PYTHON} -u -m http.server" in it for it in living(tmp_path))
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    wait_for(lambda: living(tmp_path) == [])


def wait_for(what: Callable[[], bool]) -> None:
    limit = time.monotonic() + 30
    while not what():
        assert time.monotonic() < limit
        time.sleep(0.05)
