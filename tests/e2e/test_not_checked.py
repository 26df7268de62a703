"""A batch without a gate: what it made may land, and nobody says that it was checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.helpers import Bench, make_repository

pytestmark = pytest.mark.integration

MISSION = """\
version: 1
name: blind
objective: Nothing is checked.
repository: {{path: {repo}}}
defaults: {{isolation: worktree, backend: sh}}
backends: {{sh: {{command: [sh, -c, echo 1 > one.txt]}}}}
batches:
  - id: b
    agents:
      - {{id: a, name: A, mission: Do it., tasks: [Do it.], files: [one.txt], deliverables: [It]}}
"""


def test_nothing_is_called_passed(tmp_path: Path) -> None:
    make_repository(tmp_path / "repo", {"one.txt": "0\n"})
    mission = tmp_path / "mission.yaml"
    mission.write_text(MISSION.format(repo=tmp_path / "repo"))
    bench = Bench(tmp_path / "root")
    lines = bench.run("run", mission, "--plain")
    assert "not checked: the batch has no gate" in lines
    summary = bench.summary()
    (gate,) = summary["batches"][0]["gates"]
    assert gate["decision"] == "not_checked"
    assert summary["recommendation"]["decision"] == "keep_open"
    (item,) = [item for item in summary["recommendation"]["items"] if item["kind"] == "gate"]
    assert item["text"] == "not checked: it landed without a gate, and nothing was proven"
    told = bench.run("status")
    report = (bench.report / "report.md").read_text()
    assert "not checked" in told
    assert "⚪ not checked" in report
    for text in (lines, told, report):
        assert " passed" not in text
