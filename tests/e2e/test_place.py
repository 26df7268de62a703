"""A gate that cannot run here accuses nobody: the run stops, says what is missing once, and goes on
when that has been mended.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.helpers import Bench, check_story, make_repository, write

pytestmark = pytest.mark.integration

MISSION = """\
version: 1
name: place
objective: Add rightly.
repository: {{path: ../user}}
backends: {{script: {{command: [sh, "{{mission_dir}}/agent.sh"], brief: stdin}}}}
defaults: {{isolation: worktree, backend: script, timeout: 1m, attempts: 2}}
gates: {{t: {{checks: [{check}]}}}}
batches:
  - id: b
    gate: t
    agents:
      - {{id: a, name: A, mission: Mend add., files: [{files}]{more}}}
"""
FILES = {
    "calc.py": "def add(a, b):\n    return a - b\n",
    "tests/test_calc.py": "import calc\n\ndef test_add():\n    assert calc.add(2, 2) == 4\n",
}
MEND = "sed -i 's/a - b/a + b/' calc.py\n"


def bench_of(
    folder: Path,
    files: Mapping[str, str],
    *,
    agent: str = MEND,
    check: str = "{pytest: tests}",
    scope: str = "calc.py",
    more: str = "",
) -> Bench:
    make_repository(folder / "user", {**FILES, **files})
    mission = MISSION.format(check=check, files=scope, more=more)
    write(folder / "mission", {"mission.yaml": mission, "agent.sh": agent})
    return Bench(folder / "root")


def run(bench: Bench, code: int) -> str:
    return bench.run("run", bench.root.parent / "mission" / "mission.yaml", "--plain", code=code)


def test_it_is_said_once_and_nobody_is_blamed(tmp_path: Path) -> None:
    needy = {"tests/test_calc.py": "import not_here\n" + FILES["tests/test_calc.py"]}
    adds = "printf 'import not_here\\ndef test(): pass\\n' > tests/test_new.py\n"
    bench = bench_of(tmp_path, needy, agent=MEND + adds, scope="calc.py, tests/test_new.py")
    told = run(bench, code=4)
    line = "tests/test_calc.py: No module named 'not_here'"
    assert told.count(line) == 1
    assert "workspace.setup" in told
    check_story(bench.events())
    assert len(bench.events("attempt_started")) == 1
    assert not bench.events("agents_returned")
    (stop,) = bench.events("run_interrupted")
    assert [(fault["gate"], fault["check"], fault["line"]) for fault in stop["faults"]] == [
        ("t", "pytest-1", line)
    ]
    summary = bench.summary()
    assert summary["status"] == "interrupted"
    assert [a["outcome"] for b in summary["batches"] for a in b["agents"]] == [None]
    assert [i["subject"] for i in summary["recommendation"]["items"] if i["kind"] == "place"] == [
        "t"
    ]
    report = (bench.report / "report.md").read_text(encoding="utf-8")
    assert report.count("not_here") == 1
    assert "nobody's fault" in report
    bench.require_no_leftovers()


def test_agents_at_work_are_stopped_and_what_they_made_is_kept(tmp_path: Path) -> None:
    needy = {"tests/test_calc.py": "import not_here\n"}
    bench = bench_of(tmp_path, needy, agent=f"{MEND}sleep 50\n")
    began = time.monotonic()
    run(bench, code=4)
    assert time.monotonic() - began < 40
    (stopped,) = bench.events("attempt_interrupted")
    assert "a + b" in bench.store("show", f"{stopped['salvaged']}:calc.py")
    bench.require_no_leftovers()


def test_it_goes_on_when_it_has_been_mended(tmp_path: Path) -> None:
    tool = tmp_path / "bin" / "checker"
    check = f'{{command: [sh, -c, "{tool}"]}}'
    bench = bench_of(tmp_path, {}, check=check)
    assert f"{tool}: not found" in run(bench, code=4)
    again = bench.run("resume", "--plain", code=4)
    assert "started attempt" not in again, "nobody works before it is known that it is mended"
    write(tool.parent, {tool.name: "#!/bin/sh\ngrep -q 'a + b' calc.py\n"})
    tool.chmod(0o755)
    bench.run("resume", "--plain", code=0)
    check_story(bench.events())
    assert bench.store("show", f"{bench.tip}:calc.py") == FILES["calc.py"].replace("-", "+").strip()


def test_tests_of_what_is_yet_to_be_written_stop_nobody(tmp_path: Path) -> None:
    tests = {
        "tests/test_new.py": "from shapes.round import area\ndef test(): assert area(1) == 3\n"
    }
    bench = bench_of(
        tmp_path,
        tests,
        agent="mkdir shapes; echo 'def area(r): return 3 * r' > shapes/round.py\n",
        check="{pytest: tests/test_new.py, must_turn_green: tests/test_new.py}",
        scope="'shapes/**'",
    )
    run(bench, code=0)
    assert json.dumps(bench.summary()).count('"landed"') >= 1


def test_whoever_changed_nothing_is_not_blamed_either(tmp_path: Path) -> None:
    needy = {"tests/test_calc.py": "import not_here\n"}
    proof = ", deliverables: [{text: It adds, proof: tests/test_calc.py}]"
    bench = bench_of(tmp_path, needy, agent="true\n", more=proof)
    run(bench, code=4)
    check_story(bench.events())
    assert not bench.events("attempt_ended")
    assert len(bench.events("attempt_interrupted")) == 1
