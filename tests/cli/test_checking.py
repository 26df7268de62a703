"""`orchestrate plan --check` on real repositories: what a base lacks, what is red there, and what a
mission promises in vain.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.helpers import MISSIONS, git, orchestrate
from tests.cli.test_gating import everything


def lay_out(folder: Path, files: dict[str, str]) -> Path:
    """A user's repository of these files."""
    user = folder / "user"
    for name, text in files.items():
        path = user / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(user, "init", "-q", "-b", "main")
    git(user, "add", ".")
    git(user, "commit", "-q", "-m", "Begin")
    return user


MISSION = """\
version: 1
name: m
objective: o
repository: {path: user}
backends: {script: {command: [sh, -c, "exit 1"], brief: none}}
defaults: {isolation: worktree, backend: script}
gates:
  t: {checks: [{pytest: tests, must_turn_green: %s}]}
batches:
  - id: b
    gate: t
    agents:
      - {id: a, name: A, mission: do, files: [%s], deliverables: [{text: It works, proof: %s}]}
"""
FILES = {
    "calc.py": "def add(a, b): return a - b\n",
    "tests/test_calc.py": (
        "import calc\ndef test_add(): assert calc.add(1, 1) == 2\ndef test_no(): pass\n"
    ),
}
ADD = "tests/test_calc.py::test_add"


def written(folder: Path, promised: str = ADD, scope: str = "calc.py", proof: str = ADD) -> Path:
    mission = folder / "m.yaml"
    mission.write_text(MISSION % (promised, scope, proof))
    return mission


def test_what_is_red_on_the_base_is_said_and_all_is_well(tmp_path: Path) -> None:
    user = lay_out(tmp_path, FILES)
    before = everything(user)
    done = orchestrate(tmp_path, "plan", written(tmp_path), "--check")
    assert "pytest-1: 1 of 2 tests passed, 1 red" in done.out
    assert f"red: {ADD}" in done.out
    assert f"turns green {ADD}: red on the base" in done.out
    assert "✓ all gates can run" in done.out
    assert everything(user) == before
    found = orchestrate(tmp_path, "plan", written(tmp_path), "--check", "--json").json["check"]
    assert (found["can_run"], found["exit_code"]) == (True, 0)
    (gate,) = found["gates"]
    (check,) = gate["checks"]
    assert (check["red"], check["can_run"], check["line"]) == ([ADD], True, "")
    assert 0 < check["seconds"] <= gate["seconds"]


def test_a_gate_that_cannot_run_here(tmp_path: Path) -> None:
    lay_out(tmp_path, {**FILES, "tests/test_calc.py": "import not_here\n"})
    mission = written(tmp_path)
    done = orchestrate(tmp_path, "plan", mission, "--check", code=4)
    assert "cannot run here: tests/test_calc.py: No module named 'not_here'" in done.out
    assert "workspace.setup" in done.out
    found = orchestrate(tmp_path, "plan", mission, "--check", "--json", code=4).json["check"]
    check = found["gates"][0]["checks"][0]
    assert (found["can_run"], check["reason"]) == (False, "cannot_run")
    assert check["line"] == "tests/test_calc.py: No module named 'not_here'"


def test_what_was_mended_meanwhile_is_seen(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    lay_out(tmp_path, FILES)
    mission = written(tmp_path)
    text = mission.read_text()
    check = f'{{command: [sh, -c, "{tool}"]}}'
    mission.write_text(
        text[: text.index("  t: {")]
        + f"  t: {{checks: [{check}]}}\nbatches:"
        + text.split("batches:")[1]
    )
    assert f"{tool}: not found" in orchestrate(tmp_path, "plan", mission, "--check", code=4).out
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    orchestrate(tmp_path, "plan", mission, "--check")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"promised": "tests/test_calc.py::test_no"}, "test_no: green on the base already"),
        ({"promised": "tests/test_new.py"}, "no such file on the base"),
        ({"promised": "tests/test_calc.py::test_new"}, "no such test on the base"),
        ({"proof": "tests/test_new.py::test_it"}, "no such file on the base"),
        ({"proof": "{file: docs/a.md}"}, "does not exist, and nobody may change docs/a.md"),
    ],
)
def test_what_nobody_can_bring_about_is_wrong(
    tmp_path: Path, more: dict[str, str], told: str
) -> None:
    lay_out(tmp_path, FILES)
    done = orchestrate(tmp_path, "plan", written(tmp_path, **more), "--check", code=2)
    assert told in done.out
    assert "✗ 1 name of the mission cannot come true: mend it" in done.out


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"promised": "tests/test_new.py"}, "no such file on the base yet"),
        ({"proof": "tests/test_calc.py::test_new"}, "no such test on the base yet"),
        ({"proof": "{symbol: calc.py::sub}"}, "does not exist"),
        ({"proof": "{file: tests/a.txt}"}, "does not exist yet; in the scope of a"),
    ],
)
def test_what_an_agent_is_to_write_is_fine(tmp_path: Path, more: dict[str, str], told: str) -> None:
    lay_out(tmp_path, FILES)
    mission = written(tmp_path, scope="calc.py, tests/**", **more)
    done = orchestrate(tmp_path, "plan", mission, "--check")
    assert told in done.out
    assert "in the scope of a" in done.out


def test_tests_of_a_product_that_is_not_there_yet(tmp_path: Path) -> None:
    tests = "from calc import sub\ndef test_sub(): assert sub(1, 1) == 0\n"
    lay_out(tmp_path, {**FILES, "tests/test_calc.py": tests})
    mission = written(tmp_path, promised="tests/test_calc.py", proof="tests/test_calc.py")
    done = orchestrate(tmp_path, "plan", mission, "--check")
    assert "cannot be collected: tests/test_calc.py (ImportError: cannot import" in done.out
    assert "turns green tests/test_calc.py: cannot be collected on the base" in done.out


def test_the_placeholder_of_a_first_mission_is_not_taken_for_a_proof(tmp_path: Path) -> None:
    lay_out(tmp_path, FILES)
    orchestrate(tmp_path, "init", "m.yaml", "--repository", "user")
    assert "0 of 1 claim provable" in orchestrate(tmp_path, "plan", "m.yaml").out
    done = orchestrate(tmp_path, "plan", "m.yaml", "--check", code=2)
    assert "tests/test_something.py::test_it: no such file on the base, and" in done.out


def test_the_first_mission_of_the_readme_can_be_run(tmp_path: Path) -> None:
    orchestrate(tmp_path, "plan", MISSIONS / "hello.yaml", "--check")


def test_a_folder_inside_of_a_repository_is_said_to_mean_all_of_it(tmp_path: Path) -> None:
    lay_out(tmp_path, {f"service/{name}": text for name, text in FILES.items()})
    mission = written(tmp_path, "service/" + ADD, "service/calc.py", "service/" + ADD)
    assert "inside a repository" not in orchestrate(tmp_path, "plan", mission).out
    mission.write_text(mission.read_text().replace("path: user", "path: user/service"))
    said = orchestrate(tmp_path, "plan", mission).out
    assert "repository.path names service/ inside a repository" in said
