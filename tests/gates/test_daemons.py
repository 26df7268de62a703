"""What a test leaves running does not outlive the gate that ran the test."""

from __future__ import annotations

import time
from pathlib import Path

import anyio
import pytest

from orchestrator.gates.subject import Subject
from orchestrator.mission.model import Gate
from tests.gates.helpers import Bench

TEST = """
import os, signal, sys, time

BEATS = {beats!r}
BEAT = '''
import sys, time
while True:
    with open(sys.argv[1], "a") as file:
        file.write("x")
    time.sleep(0.02)
'''

def test_leaves_a_daemon():
    if not os.fork():
        os.setsid()
        if os.fork():
            os._exit(0)
        {escape}
        os.execve(sys.executable, [sys.executable, "-c", BEAT, BEATS], {env})
    while not os.path.exists(BEATS):
        time.sleep(0.01)
"""
ESCAPES = {
    "plain": ("pass", "os.environ"),
    "deaf": ("signal.signal(signal.SIGTERM, signal.SIG_IGN)", "os.environ"),
    "without environment": ("pass", "{}"),
    "of another run, as it says": ("pass", "{'ORCHESTRATE_PROCESS': 'another'}"),
}


@pytest.mark.parametrize("escape", ESCAPES)
@pytest.mark.parametrize("kind", ["pytest", "command"])
def test_a_daemon_of_a_test_is_ended_with_its_gate(
    bench: Bench, tmp_path: Path, kind: str, escape: str
) -> None:
    beats = tmp_path / "beats"
    source = TEST.format(beats=str(beats), escape=ESCAPES[escape][0], env=ESCAPES[escape][1])
    base = bench.commit({"tests/test_a.py": source})
    check = {"pytest": "tests"} if kind == "pytest" else {"command": "python -m pytest -q tests"}
    subject = Subject(gate="core", checks=Gate.model_validate({"checks": [check]}).checks)

    async def run() -> bool:
        judge = bench.judge()
        try:
            return (await judge.judge(subject, candidate=base, base=base)).is_passed
        finally:
            await judge.aclose()

    assert anyio.run(run)
    before = beats.stat().st_size
    assert before
    time.sleep(0.3)
    assert beats.stat().st_size == before
