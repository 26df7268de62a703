"""`link`: what agents do to it reaches neither the user's folder nor the judge."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import EnvironmentRefused
from orchestrator.executors import linked
from orchestrator.executors.linked import Linked
from tests.e2e.helpers import Bench, make_repository, write

FILES = {"pkg/index.js": "right\n", "pkg/deep/more.js": "more\n", ".bin/tool": "tool\n"}
MISSION = """\
version: 1
name: linked
objective: Write it.
repository: {path: ../user}
workspace: {link: [node_modules]}
backends: {script: {command: [sh, "{mission_dir}/agent.sh"], brief: none}}
defaults: {isolation: worktree, backend: script, attempts: 1, parallel: 1}
gates:
  all: {checks: [{command: grep -q right node_modules/pkg/index.js}]}
batches:
  - id: b
    agents:
      - {id: first, name: A, mission: Write., files: [first]}
      - {id: second, name: B, mission: Write., files: [second], needs: [first]}
    gate: all
"""
AGENT = """\
set -e
cat node_modules/pkg/deep/more.js > $ORCHESTRATE_AGENT
echo wrong > node_modules/pkg/index.js
rm -rf node_modules/*
"""


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.integration
def test_agents_that_empty_it_empty_their_own(tmp_path: Path) -> None:
    user = make_repository(tmp_path / "user", {"a": "a\n", ".gitignore": "node_modules\n"})
    write(user.path / "node_modules", FILES)
    write(tmp_path / "mission", {"m.yaml": MISSION, "agent.sh": AGENT})
    bench = Bench(tmp_path / "root")
    bench.run("run", tmp_path / "mission" / "m.yaml")
    assert contents(user.path / "node_modules") == FILES
    assert bench.store("show", f"{bench.tip}:second") == "more"


@pytest.fixture
def place(tmp_path: Path) -> tuple[Linked, Path]:
    write(tmp_path / "user" / "node_modules", FILES)
    (tmp_path / "user" / "file").write_text("x\n")
    (tmp_path / "trees").mkdir()
    return Linked(tmp_path / "user", ["node_modules", "file"]), tmp_path / "trees"


def tree(trees: Path, name: str) -> Path:
    (trees / name).mkdir()
    return trees / name


@pytest.mark.parametrize(
    "harm",
    [
        lambda top: (top / "node_modules/pkg/index.js").write_text("wrong\n"),
        lambda top: (top / "node_modules/pkg/index.js").unlink(),
        lambda top: (top / "node_modules/pkg/new").write_text("new\n"),
        lambda top: (top / "node_modules/pkg/index.js").chmod(0o600),
        lambda top: (top / "node_modules").resolve().rename(top / "moved"),
        lambda top: (top / "file").write_text("wrong\n"),
    ],
)
def test_what_one_has_touched_the_next_does_not_get(place: tuple[Linked, Path], harm) -> None:
    shared, trees = place
    first, second, judge = tree(trees, "a-1"), tree(trees, "b-1"), tree(trees, "gate.1")
    shared.put_into(first, "attempts")
    shared.put_into(judge, "gates")
    harm(first)
    assert contents(judge / "node_modules") == FILES
    assert (judge / "file").read_text() == "x\n"
    shared.put_into(second, "attempts")
    assert contents(second / "node_modules") == FILES
    assert (second / "file").read_text() == "x\n"
    assert contents(trees.parent / "user" / "node_modules") == FILES


def test_what_nobody_touched_is_copied_once(place: tuple[Linked, Path]) -> None:
    shared, trees = place
    shared.put_into(tree(trees, "a-1"), "attempts")
    before = (trees / "a-1" / "node_modules" / "pkg").stat().st_ino
    shared.put_into(tree(trees, "b-1"), "attempts")
    assert (trees / "b-1" / "node_modules" / "pkg").stat().st_ino == before


def test_what_is_too_much_is_refused(
    place: tuple[Linked, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    shared, trees = place
    monkeypatch.setattr(linked, "MOST_BYTES", 3)
    with pytest.raises(EnvironmentRefused, match="node_modules"):
        shared.put_into(tree(trees, "a-1"), "attempts")
