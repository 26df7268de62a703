"""The Stop hook in a real Claude Code session, against a scripted model on loopback: a false "done"
is blocked, a true one passes. Needs the package index.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.agents.programs import path_with
from tests.agents.scripted_model import Model
from tests.cli.helpers import git, orchestrate
from tests.cli.test_hook import MISSION, TESTS, WRONG

pytestmark = [pytest.mark.slow, pytest.mark.integration]

FIX = "script: sh sed -i s/-/+/ sums.py #"
"""What is told on the same line is a comment of the shell then."""


def session(project: Path, model: Model, path: str, prompt: str) -> list[dict[str, object]]:
    """One session of Claude Code, to its end: what it said, event by event."""
    done = subprocess.run(
        [
            *("claude", "-p", f"{prompt}\n", "--output-format", "stream-json", "--verbose"),
            *("--permission-mode", "acceptEdits", "--allowedTools", "Bash"),
        ],
        cwd=project,
        env={
            **{key: os.environ[key] for key in ("LANG", "TMPDIR") if key in os.environ},
            "PATH": path,
            "HOME": str(project.parent),
            "ANTHROPIC_BASE_URL": model.url,
            "ANTHROPIC_API_KEY": "sk-test-of-nobody-123456",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr + done.stdout[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_false_done_is_blocked_and_a_true_one_passes(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path, project = path_with(tmp_path_factory), tmp_path / "project"
    # What the agent is to do next stands in a claim, which the verdict that blocks it shows.
    claims = f'\n    criteria: [{{text: "{FIX}", proof: "tests/test_sums.py::test_add"}}]\n'
    for name, text in {
        "missions/sums.yaml": MISSION + claims,
        "sums.py": WRONG,
        "tests/test_sums.py": TESTS,
        ".gitignore": "reports/\nworkspaces/\n",
    }.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    git(project, "init", "-q", "-b", "main")
    orchestrate(project, "-h")
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "base")
    orchestrate(project, "hook", "install", "claude", "missions/sums.yaml")
    assert "name: orchestrate" in (project / ".claude/skills/orchestrate/SKILL.md").read_text()
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "hook")

    git(project, "checkout", "-q", "-b", "false-done")
    with Model() as model:
        said = session(project, model, path, "script: sh touch note.py")
        text = json.dumps(said)
        assert "This is not done" in text
        assert "did not turn green" in text
        assert "a + b" in (project / "sums.py").read_text(), "sent back, it went on"

        git(project, "checkout", "-q", "-f", "-b", "true-done", "main")
        said = session(project, model, path, FIX)
        assert "This is not done" not in json.dumps(said)
        assert "a + b" in (project / "sums.py").read_text()
