"""A whole run in which an agent's first tests do not care about its change: told, sent back,
mended, landed.
"""

from __future__ import annotations

from pathlib import Path

from tests.cli.helpers import events, git, orchestrate

MISSION = """\
version: 1
name: shop
objective: Sums are right.
repository: {path: user}
backends: {script: {command: [sh, "{mission_dir}/agent.sh"], brief: stdin}}
defaults: {isolation: worktree, backend: script, attempts: 2, timeout: 1m}
gates: {sums: {checks: [{pytest: tests, must_turn_green: [tests/test_add.py]}]}}
batches:
  - id: first
    gate: sums
    agents: [{id: adder, name: Adder, mission: Fix the addition., files: [sums.py, config.toml, tests/test_add.py]}]
"""
AGENT = """\
echo 'def add(a, b): return a + b' > sums.py
echo 'exact = true' > config.toml
if grep -q 'do not exercise the change'; then
  printf 'import sums\\ndef test_add(): assert sums.add(1, 2) == 3\\n' > tests/test_add.py
else
  printf 'def test_add(): assert "+" in open("sums.py").read()\\n' > tests/test_add.py
fi
"""


def test_tests_that_do_not_care_are_sent_back_with_the_reason(tmp_path: Path) -> None:
    user = tmp_path / "user"
    (user / "tests").mkdir(parents=True)
    (user / "sums.py").write_text("def add(a, b): return a - b\n")
    (user / "config.toml").write_text("exact = false\n")
    (user / "tests" / "test_other.py").write_text("def test_other(): pass\n")
    git(user, "init", "-q", "-b", "main")
    git(user, "add", ".")
    git(user, "commit", "-q", "-m", "Begin")
    (tmp_path / "shop.yaml").write_text(MISSION)
    (tmp_path / "agent.sh").write_text(AGENT)
    told = orchestrate(tmp_path, "run", "shop.yaml", "--plain").out
    red, green = (
        event["verdict"] for event in events(tmp_path) if event["kind"] == "gate_finished"
    )
    assert red["checks"][-1]["reason"] == "vacuous"
    assert (
        "the tests do not exercise the change: all 2 tests stay green with sums.py::add broken"
        in told
    )
    assert "will be tried again" in told
    assert green["decision"] == "passed"
    assert green["exercise"]["noticed_by"] == ["tests/test_add.py::test_add"]
    assert green["exercise"]["unbreakable"] == ["config.toml (not Python)"]
    status = orchestrate(tmp_path, "status").out
    assert "cannot be broken on purpose: config.toml (not Python)" in status.replace("\n", " ")
    report = next((tmp_path / "reports").glob("*/report.md")).read_text()
    assert "What was changed, broken on purpose" in report
    assert "1 cannot be broken so: `config.toml (not Python)`" in report
    assert "to know · exercise `first`" in report


def test_a_run_whose_tests_never_care_ends_red_and_says_vacuous(tmp_path: Path) -> None:
    user = tmp_path / "user"
    (user / "tests").mkdir(parents=True)
    (user / "sums.py").write_text("def add(a, b): return a - b\n")
    (user / "tests" / "test_add.py").write_text(
        'def test_add(): assert "+" in open("sums.py").read()\n'
    )
    git(user, "init", "-q", "-b", "main")
    git(user, "add", ".")
    git(user, "commit", "-q", "-m", "Begin")
    (tmp_path / "shop.yaml").write_text(MISSION.replace("attempts: 2", "attempts: 1"))
    (tmp_path / "agent.sh").write_text("echo 'def add(a, b): return a + b' > sums.py\n")
    orchestrate(tmp_path, "run", "shop.yaml", "--plain", code=1)
    status = orchestrate(tmp_path, "status", code=1).out
    assert "✘ vacuous" in status
    found = orchestrate(tmp_path, "status", "--json", code=1).json
    (gate,) = found["batches"][0]["gates"]
    assert gate["exercise"]["functions"] == ["sums.py::add"]
    (tmp_path / "shop.yaml").write_text(
        MISSION.replace("    gate: sums", "    gate: sums\n    exercise: false")
    )
    orchestrate(tmp_path, "run", "shop.yaml", "--plain", code=0)
