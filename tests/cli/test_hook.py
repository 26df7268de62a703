"""`orchestrate hook`: what is written where, what an agent that stops is told, what a push is."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.helpers import environment, git, orchestrate
from tests.ready import PROJECT, run_program

MISSION = """\
version: 1
name: sums
objective: Sums are right.
repository: {path: .., base: main}
backends: {script: {command: [sh, -c, "true"], brief: none}}
defaults: {isolation: worktree, backend: script}
gates:
  sums: {checks: [{pytest: tests, must_turn_green: [tests/test_sums.py::test_add]}]}
batches:
  - id: first
    gate: sums
    agents: [{id: adder, name: Adder, mission: Fix the addition., files: [sums.py]}]
"""
WRONG = "def add(a, b): return a - b\n"
RIGHT = "def add(a, b): return a + b\n"
TESTS = "import sums\ndef test_add(): assert sums.add(2, 3) == 5\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "project"
    for name, text in {
        "missions/sums.yaml": MISSION,
        "sums.py": WRONG,
        "tests/test_sums.py": TESTS,
        ".gitignore": "reports/\nworkspaces/\n",
    }.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    git(path, "init", "-q", "-b", "main")
    git(path, "add", "-A")
    git(path, "commit", "-q", "-m", "base")
    git(path, "checkout", "-q", "-b", "work")
    return path


def stopping(project: Path, *, again: bool = False, most: int = 5) -> dict[str, Any]:
    """What an agent that is about to stop is answered."""
    told = {"session_id": "s/1", "cwd": str(project / "tests"), "stop_hook_active": again}
    argv = ["hook", "run", "claude", "missions/sums.yaml:sums", "--most", str(most)]
    code, out, err = run_program(
        argv, cwd=project, env=environment(), timeout=60, stdin=json.dumps(told)
    )
    assert code == 0, err
    return dict(json.loads(out)) if out else {}


def test_an_agent_that_is_not_done_is_sent_back_and_one_that_is_may_stop(project: Path) -> None:
    assert stopping(project) == {}, "nothing was changed: there is nothing to hold against it"
    (project / "note.py").write_text("DONE = True\n")
    answer = stopping(project)
    assert answer["decision"] == "block"
    assert "tests/test_sums.py::test_add did not turn green" in answer["reason"]
    assert stopping(project, again=True, most=2)["decision"] == "block"
    answer = stopping(project, again=True, most=2)
    assert "still says no, after 2 times" in answer["systemMessage"]
    assert "decision" not in answer
    (project / "sums.py").write_text(RIGHT)
    assert stopping(project, again=True) == {}
    assert git(project, "status", "--short").split() == ["M", "sums.py", "??", "note.py"]


def test_what_cannot_be_judged_blocks_nobody(project: Path) -> None:
    for told, said in (
        ("no json", "no JSON object"),
        ("[]", "no JSON object"),
        ("{}", "no such mission file"),
    ):
        code, out, err = run_program(
            ["hook", "run", "codex", "missions/gone.yaml"],
            cwd=project,
            env=environment(),
            timeout=60,
            stdin=told,
        )
        assert (code, out) == (1, ""), err
        assert said in err


def test_a_gate_that_cannot_run_here_is_no_no(project: Path) -> None:
    """Not of an agent's, who is blamed for nothing; a push waits until it can be judged."""
    (project / "tests/test_sums.py").write_text("import not_installed_here\n" + TESTS)
    git(project, "commit", "-q", "-am", "lacking")
    git(project, "branch", "-f", "main")
    (project / "sums.py").write_text(RIGHT)
    git(project, "commit", "-q", "-am", "work")
    told = json.dumps({"session_id": "s", "cwd": str(project), "stop_hook_active": False})
    head = git(project, "rev-parse", "HEAD").strip()
    pushed = f"refs/heads/work {head} refs/heads/work {'0' * 40}\n"
    for kind, stdin, expected in (("claude", told, 1), ("git", pushed, 4)):
        argv = ["hook", "run", kind, "missions/sums.yaml"]
        code, out, err = run_program(argv, cwd=project, env=environment(), timeout=60, stdin=stdin)
        assert (code, out) == (expected, ""), err
        assert "not_installed_here" in err


@pytest.mark.parametrize(
    ("kind", "file"), [("claude", ".claude/settings.json"), ("codex", ".codex/hooks.json")]
)
def test_settings_of_agents_are_added_to_and_given_back(
    project: Path, kind: str, file: str
) -> None:
    path = project / file
    path.parent.mkdir()
    own = {"model": "x", "hooks": {"Stop": [{"matcher": "", "hooks": [{"command": "mine"}]}]}}
    path.write_text(json.dumps(own))
    for mission in ("missions/sums.yaml", "missions/sums.yaml:sums"):
        orchestrate(project, "hook", "install", kind, mission)
    settings = json.loads(path.read_text())
    first, ours = settings["hooks"]["Stop"]
    assert (settings["model"], first) == ("x", own["hooks"]["Stop"][0])
    assert ours["hooks"][0]["command"].endswith(f" hook run {kind} missions/sums.yaml:sums")
    orchestrate(project, "hook", "remove", kind)
    assert json.loads(path.read_text()) == own
    assert "no hook of ours" in orchestrate(project, "hook", "remove", kind).out
    path.write_text('{"hooks": []}')
    refused = orchestrate(project, "hook", "install", kind, "missions/sums.yaml", code=2)
    assert "cannot be read" in refused.err
    assert path.read_text() == '{"hooks": []}'


def test_a_push_of_red_work_is_refused(project: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "remote.git")
    git(project, "remote", "add", "origin", str(tmp_path / "remote.git"))
    git(project, "push", "-q", "origin", "main")
    orchestrate(project, "hook", "install", "git", "missions/sums.yaml")

    def push(text: str) -> subprocess.CompletedProcess[str]:
        (project / "sums.py").write_text(text)
        git(project, "commit", "-q", "-am", "work")
        return subprocess.run(
            ["git", "push", "-q", "origin", "work"],
            cwd=project,
            env={**environment(), "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    refused = push(WRONG + "# mended\n")
    assert refused.returncode == 1
    assert "sums" in refused.stderr
    assert "failed" in refused.stderr
    accepted = push(RIGHT)
    assert accepted.returncode == 0, accepted.stderr
    git(project, "push", "-q", "origin", ":work")  # a deletion brings nothing
    orchestrate(project, "hook", "remove", "git")
    assert not (project / ".git/hooks/pre-push").exists()
    (project / ".git/hooks/pre-push").write_text("#!/bin/sh\n")
    refusal = orchestrate(project, "hook", "install", "git", "missions/sums.yaml", code=2).err
    assert "not ours" in refusal
    assert "hook run git missions/sums.yaml" in refusal


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("claude", "missions/gone.yaml"), "no such mission file"),
        (("claude", "missions/sums.yaml:gone"), "unknown gate"),
        (("github", "missions/sums.yaml"), "--action"),
        (("emacs", "missions/sums.yaml"), "emacs"),
        (("git", "../elsewhere.yaml"), "not in this repository"),
    ],
)
def test_what_cannot_be_installed(project: Path, arguments: tuple[str, ...], said: str) -> None:
    (project.parent / "elsewhere.yaml").write_text(MISSION)
    assert said in orchestrate(project, "hook", "install", *arguments, code=2).err


@pytest.mark.slow
def test_the_action_judges_a_pull_request(project: Path, tmp_path: Path) -> None:
    """The steps of the action, as a runner carries them out, with what the workflow hands over."""
    orchestrate(project, "hook", "install", "github", "missions/sums.yaml", "--action", "me/it@v1")
    workflow = yaml.safe_load((project / ".github/workflows/orchestrate.yml").read_text())
    used = workflow["jobs"]["gate"]["steps"][1]
    assert (used["uses"], used["with"]["mission"]) == ("me/it@v1", "missions/sums.yaml")
    action = yaml.safe_load((PROJECT / "action.yml").read_text())
    summary = tmp_path / "summary.md"
    env = environment() | {
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_ACTION_PATH": str(PROJECT),
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(summary),
    }

    def carry_out(candidate: str) -> subprocess.CompletedProcess[str]:
        given = {"mission": "missions/sums.yaml", "base": "main", "candidate": candidate}
        for step in action["runs"]["steps"]:
            said = {name: given.get(name.lower(), ".") for name in step.get("env", {})}
            done = subprocess.run(
                ["bash", "-e", "-o", "pipefail", "-c", step["run"]],
                cwd=project,
                env=env | said,
                capture_output=True,
                text=True,
                check=False,
            )
        return done

    (project / "note.py").write_text("")
    git(project, "add", "note.py")
    git(project, "commit", "-q", "-m", "nothing")
    red = carry_out("work")
    assert red.returncode == 1, red.stderr
    annotations = [line for line in red.stderr.splitlines() if line.startswith("::error ")]
    assert annotations[0].startswith("::error title=sums%3A pytest-1%3A tests_failed::")
    assert "file=tests/test_sums.py::tests/test_sums.py::test_add" in annotations[1]
    assert "did not turn green" in summary.read_text()
    (project / "sums.py").write_text(RIGHT)
    git(project, "commit", "-q", "-am", "mend")
    green = carry_out("work")
    assert green.returncode == 0, green.stderr
    assert "::error" not in green.stderr
    assert summary.read_text().count("### sums") == 2
