"""A mission with a set-up: agents and gates work with what it makes, nobody lands it, and a failure
stops the run.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.helpers import Bench, make_repository, write

pytestmark = pytest.mark.integration

PYTEST = Path(pytest.__file__).parents[1]
MISSION = """\
version: 1
name: site
objective: Set the rate.
repository: {path: ../user}
backends:
  script: {command: [sh, "{mission_dir}/{agent}.sh"], brief: none}
defaults: {isolation: worktree, backend: script, timeout: 1m, attempts: 1}
workspace:
  setup:
    - python -m venv --without-pip .venv
    - [.venv/bin/python, install.py]
  setup_inputs: install.py
gates:
  green: {checks: [{pytest: tests, must_turn_green: tests/test_it.py}]}
batches:
  - id: only
    agents:
      - {id: one, name: One, mission: Set it., files: [rate.cfg]}
      - {id: two, name: Two, mission: Set it., files: [more.cfg]}
    gate: green
"""
INSTALL = f"""\
import pathlib, sysconfig
site = pathlib.Path(sysconfig.get_path("purelib"))
(site / "runner.pth").write_text({str(PYTEST)!r})
(site / "tools.py").write_text("NAME = 'tools'")
"""
TESTS = """\
import sys, os, tools
def test_rate():
    assert open("rate.cfg").read() == open("more.cfg").read() == "tools\\n"
    assert sys.prefix == os.path.join(os.getcwd(), ".venv")
"""
AGENT = '.venv/bin/python -c "import tools, sys; print(tools.NAME)" > {name}.cfg\n'


def place(folder: Path, install: str = INSTALL) -> tuple[Bench, Path]:
    """A user's repository that needs a set-up, and a mission for it."""
    make_repository(folder / "user", {"install.py": install, "tests/test_it.py": TESTS})
    write(
        folder / "mission",
        {
            "mission.yaml": MISSION,
            "one.sh": AGENT.format(name="rate"),
            "two.sh": AGENT.format(name="more"),
        },
    )
    return Bench(folder / "root"), folder / "mission" / "mission.yaml"


def test_agents_and_gates_have_what_the_setup_made(tmp_path: Path) -> None:
    bench, mission = place(tmp_path)
    lines = bench.run("run", mission, "--plain")
    (made,) = bench.events("setup_made")
    assert " - - set up in " in lines
    assert bench.summary()["times"]["setup"] == made["seconds"] > 0
    assert "| Set-up | " in (bench.report / "report.md").read_text()
    assert bench.store("ls-tree", "-r", "--name-only", bench.tip).splitlines() == [
        "install.py",
        "more.cfg",
        "rate.cfg",
        "tests/test_it.py",
    ]
    assert [path.name for path in (bench.report / "logs").glob("setup-*.log")]
    again = Bench(tmp_path / "root")
    assert len(list((again.root / "workspaces" / ".setup").iterdir())) == 1


def test_a_setup_that_fails_on_the_base_stops_the_run_and_is_named(tmp_path: Path) -> None:
    bench, mission = place(tmp_path, "raise SystemExit('the index is out of reach')\n")
    told = bench.run("run", mission, code=4)
    assert (
        "workspace.setup: `.venv/bin/python install.py` ended with exit 1: the index is out of reach"
        in told
    )
    [log] = (bench.report / "logs").glob("setup-*.log")
    assert str(log) in told.replace("\n", "") or log.name in told
    kinds = [
        json.loads(line)["event"]["kind"]
        for line in (bench.report / "journal.jsonl").read_text().splitlines()
    ]
    assert "agent_landed" not in kinds
