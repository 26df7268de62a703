"""A place like the user's: what programs of attempts and gates can do there as they do at home."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from tests.e2e.helpers import Bench, Git, make_repository, write

pytestmark = pytest.mark.integration

NAME = "an-agent-whose-name-says-all-that-it-is-to-do-and-then-a-little-more-to-be-sure"
MISSION = f"""\
version: 1
name: place
objective: Work as at home.
repository: {{path: ../user}}
backends:
  script:
    command: [sh, "{{mission_dir}}/agent.sh", {sys.executable}]
    brief: none
    env: {{MODE: agent}}
defaults: {{isolation: worktree, backend: script, timeout: 1m, attempts: 1}}
gates:
  all:
    env: {{SQLITE: "1"}}
    checks:
      - command: [{sys.executable}, bind.py]
      - {{command: {{shell: 'test "$(git describe)" != "" && grep -q "^v1.0 agent" said'}}}}
      - {{pytest: tests}}
batches:
  - id: only
    agents:
      - {{id: {NAME}, name: One, mission: Say it., files: [said]}}
    gate: all
"""
AGENT = 'set -e\n"$1" bind.py\necho "$(git describe) $MODE" > said\n'
BIND = """\
import os, socket, tempfile
with tempfile.TemporaryDirectory() as folder:
    socket.socket(socket.AF_UNIX).bind(os.path.join(folder, "some-server.sock"))
"""
TESTS = "import os\ndef test_it():\n    assert os.environ['SQLITE'] == '1'\n    import bind\n"


def test_sockets_tags_and_variables(tmp_path: Path) -> None:
    user: Git = make_repository(
        tmp_path / "user",
        {"bind.py": BIND, "tests/test_it.py": TESTS, "pytest.ini": "[pytest]\npythonpath = .\n"},
    )
    user("tag", "-a", "-m", "one", "v1.0")
    write(tmp_path / "mission", {"mission.yaml": MISSION, "agent.sh": AGENT})
    # As long as a home's `.cache` is, and not as pytest's folders are.
    short = Path(tempfile.mkdtemp(prefix="a-user-"))
    try:
        bench = Bench(short / "r")
        bench.run("run", tmp_path / "mission" / "mission.yaml")
        assert bench.store("show", f"{bench.tip}:said") == "v1.0 agent"
    finally:
        shutil.rmtree(short)
