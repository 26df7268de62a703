"""An agent that writes to the user's checkout by an absolute path is noticed and told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.helpers import Bench, make_repository, write

pytestmark = pytest.mark.integration

MISSION = """\
version: 1
name: astray
objective: Write it.
repository: {{path: ../user}}
backends: {{script: {{command: {{shell: '{script}'}}, brief: none}}}}
defaults: {{isolation: worktree, backend: script, attempts: 1}}
gates: {{all: {{checks: [{{command: test -f new}}]}}}}
batches:
  - {{id: b, agents: [{{id: a, name: A, mission: Write., files: [new]}}], gate: all}}
"""


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo x > {user}/tracked", ["tracked"]),
        ("echo x > {user}/stray; rm {user}/tracked", ["stray", "tracked"]),
        ("echo x > {user}/dirty", ["dirty"]),
        ("echo x > {user}/ignored.log", []),
    ],
)
def test_what_was_written_in_the_checkout_is_named(
    tmp_path: Path, script: str, told: list[str]
) -> None:
    files = {"tracked": "t\n", "dirty": "d\n", ".gitignore": "*.log\n"}
    user = make_repository(tmp_path / "user", files)
    write(user.path, {"dirty": "edited before\n", "mine": "untracked before\n"})
    script = f"echo n > new; {script.format(user=user.path)}"
    write(tmp_path / "mission", {"m.yaml": MISSION.format(script=script)})
    bench = Bench(tmp_path / "root")
    out = bench.run("run", tmp_path / "mission" / "m.yaml")
    found = [event for event in bench.events() if event["kind"] == "checkout_written"]
    assert [path for event in found for path in event["paths"]] == told
    report = (bench.report / "report.md").read_text(encoding="utf-8")
    for text in (out, report):
        assert ("your checkout was written to" in text) == bool(told)
        assert all(name in text for name in told)
