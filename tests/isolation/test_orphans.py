"""Hundreds of attempts whose orchestrator is killed in every phase of theirs: nothing of them is
left, at either level, though nobody resumes.

Every process of an attempt has a mark in its command line, whatever became of its parent, session
and environment. One program forks the orchestrators, five attempts each, so that a kill is cheap.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.isolation.boxes import has_sandbox

ROUNDS = 51
FIVE = 5
ORCHESTRATORS = """
import json, os, random, signal, sys, time
from pathlib import Path
import anyio
from orchestrator.isolation.processes import ProcessSpec, run_process
from tests.isolation.boxes import box_in

folder, strict, mark = Path(sys.argv[1]), sys.argv[2] == "strict", os.environ["MARK"]
rounds, five = map(int, sys.argv[3:])
deaf = f"setsid sh -c \\"trap '' TERM HUP INT; sleep {mark}; :\\""
DAEMONS = f"({deaf} &) ; (env -i {deaf} >&- 2>&- &) ; sleep {mark} & "
STAYS = DAEMONS + f"echo up; sleep {mark}"
ENDS = DAEMONS + "sleep 0.1; echo up"

async def attempts(number, program, telling):
    async def one(name):
        box = box_in(folder / f"{number}-{name}")
        spec = ProcessSpec(argv=("sh", "-c", program), cwd=box.workspace, env={"PATH": os.environ["PATH"]},
                           timeout=60, grace=0.3, log=folder / f"{number}-{name}.log", tag="t/a",
                           box=box if strict else None)
        up = []
        await run_process(spec, lambda _: up or (up.append(1), os.write(telling, b"u")))
        os.write(telling, b"e")
    async with anyio.create_task_group() as tasks:
        for name in range(five):
            tasks.start_soon(one, name)
    await anyio.sleep(60)  # it goes on with other things when they have ended

chance = random.Random(12)
killed = dict.fromkeys(("starting", "running", "ending"), 0)
for number in range(rounds):
    phase = list(killed)[number % 3]
    hearing, telling = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(hearing)
        anyio.run(attempts, number, ENDS if phase == "ending" else STAYS, telling)
        os._exit(1)
    os.close(telling)
    heard = b""
    while phase != "starting" and heard.count(b"u") < five:
        more = os.read(hearing, 1)
        assert more, "it ended by itself"
        heard += more
    time.sleep(chance.uniform(0, 0.25 if phase == "starting" else 0.06))
    os.kill(pid, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL, phase
    os.close(hearing)
    killed[phase] += five
print(json.dumps(killed))
"""


def marked(mark: str) -> list[str]:
    """The command lines of living processes that have it."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = place.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has ended
            continue
        if mark in line:
            found.append(line)
    return found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc elsewhere")
@pytest.mark.parametrize("level", ["strict", "worktree"])
def test_no_attempt_of_a_killed_orchestrator_is_left(level: str, tmp_path: Path) -> None:
    if level == "strict" and not has_sandbox():
        return
    mark = f"86{time.time_ns() % 10**9:09}"
    most = 0
    with subprocess.Popen(
        [sys.executable, "-c", ORCHESTRATORS, tmp_path, level, str(ROUNDS), str(FIVE)],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "MARK": mark, "PYTHONPATH": str(Path.cwd())},
        stdout=subprocess.PIPE,
        text=True,
    ) as killing:
        while killing.poll() is None:
            most = max(most, len(marked(mark)))
            time.sleep(0.2)
        assert killing.stdout
        said = killing.stdout.read()
    assert killing.returncode == 0
    killed = json.loads(said)
    assert killed == dict.fromkeys(("starting", "running", "ending"), ROUNDS // 3 * FIVE)
    assert most >= FIVE, "they were there, and were seen"
    limit = time.monotonic() + 20
    while marked(mark) and time.monotonic() < limit:
        time.sleep(0.1)
    assert marked(mark) == []
