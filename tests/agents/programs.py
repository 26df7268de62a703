"""The programs of real agents, from the package index: each comes in a wheel, with nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

WHEELS = ("claude-agent-sdk==0.2.189", "openai-codex-cli-bin==0.163.0")
PROGRAMS = ("claude_agent_sdk/_bundled/claude", "codex_cli_bin/bin/codex")


def install(folder: Path) -> str:
    """Install them below `folder`; a PATH on which they are, before all else."""
    argv = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    subprocess.run([*argv, folder, *WHEELS], check=True, timeout=600)
    found = [folder / program for program in PROGRAMS]
    assert all(os.access(program, os.X_OK) for program in found)
    return os.pathsep.join([*(str(program.parent) for program in found), os.environ["PATH"]])
