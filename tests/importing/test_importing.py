"""Plans that people wrote become missions, and nothing of them gets lost."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.errors import OrchestrateError, UsageError
from orchestrator.importing.document import read_document
from orchestrator.importing.outline import read_plan
from orchestrator.importing.proofs import KnownTests, known_tests
from orchestrator.importing.scopes import Base
from orchestrator.importing.writing import write_mission
from orchestrator.mission.loading import load_mission
from orchestrator.mission.todos import open_todos
from tests.cli.helpers import MISSIONS, orchestrate

PLANS = Path(__file__).parent / "plans"
TARGET = MISSIONS / "websocket" / "target"

SOURCE = b"""\
class Pool:
    def open(self):
        return 1


class Bridge:
    def open(self):
        return 2

    def close(self):
        return 3
"""
FILES = {
    "src/pool.py": SOURCE,
    "tests/test_pool.py": b"def test_pool_opens_connections():\n    assert True\n",
    "README.md": b"read me\n",
}
BASE = Base(tuple(FILES), FILES.get)


def mission_of(text: str, base: Base = BASE) -> tuple[dict[str, Any], str]:
    draft = read_plan(text, "plan.md", base)
    written = write_mission(draft, "plan.md", ("snapshot", "."), known_tests(base))
    return yaml.safe_load(written), written


def first_agent(lines: str) -> tuple[dict[str, Any], str]:
    found, text = mission_of(f"# P\n\n## Batch 1: Core\n\n### Agent 1.1: One\n\n{lines}\n")
    return found["batches"][0]["agents"][0], text


def bullets(text: str) -> list[tuple[int, str]]:
    """Every bullet and number of a plan with its line, found without any of the importer."""
    found, in_code = [], False
    for number, line in enumerate(text.splitlines(), 1):
        in_code ^= line.startswith("```")
        match = re.match(r"\s*(?:[-*]|\d+\.)\s+(?:\[[ x]\]\s+)?(\S.*)", line)
        if match and not in_code:
            found.append((number, match[1].replace("**", "").strip()))
    return found


@pytest.mark.parametrize("name", ["websocket", "infrastructure"])
def test_every_bullet_is_in_the_mission_or_said_to_have_no_place(name: str, tmp_path: Path) -> None:
    plan = PLANS / f"{name}.md"
    options = ["--snapshot", TARGET, "--json", "-o", tmp_path / "m.yaml"]
    document = orchestrate(tmp_path, "import", plan, *options).json
    mission = yaml.safe_load((tmp_path / "m.yaml").read_text())
    placed: set[str] = set()
    for batch in mission["batches"]:
        placed |= {claim["text"] for claim in batch.get("criteria", ())}
        for agent in batch["agents"]:
            placed |= {claim["text"] for claim in agent.get("deliverables", ())}
            placed |= set(agent.get("tasks", ())) | set(agent.get("files", ()))
    beside = {item["line"]: item["text"] for item in document["not_placed"]}
    todos = "\n".join(item["text"] for item in document["todos"])
    told = bullets(plan.read_text())
    assert len(told) > 100
    for line, text in told:
        path = re.match(r"`([^`]+)`(?: \((\w+) (?:class|method)\))?", text)
        of_batch = re.sub(r"^Phase \d: ", "", text)
        assert (
            text in placed
            or of_batch in placed
            or (path and any(path[1] in entry for entry in placed))
            or beside.get(line) == text
            or f"{text} (line {line})" in todos
        ), f"{line}: {text}"
        if path and path[2]:
            assert any(entry.startswith(path[1]) and entry.endswith(path[2]) for entry in placed)
    # A line has one place: what is listed as left over is not in the mission as well.
    assert len(beside) == len(document["not_placed"])
    assert document["mission"] == (tmp_path / "m.yaml").read_text()
    loaded = load_mission(tmp_path / "m.yaml").mission
    assert len(loaded.batches) == (4 if name == "websocket" else 6)
    planned = orchestrate(tmp_path, "plan", tmp_path / "m.yaml").out
    for item in document["todos"]:
        assert f"m.yaml:{item['line']}: TODO: {item['text']}" in planned
    again = orchestrate(tmp_path, "import", plan, "--snapshot", TARGET, "-o", tmp_path / "n.yaml")
    assert (tmp_path / "n.yaml").read_bytes() == (tmp_path / "m.yaml").read_bytes()
    assert "left to you" in again.err


def test_the_plan_of_the_sample_gives_the_sample_without_its_proofs(tmp_path: Path) -> None:
    options = ["--snapshot", TARGET, "-o", tmp_path / "m.yaml"]
    orchestrate(tmp_path, "import", PLANS / "websocket.md", *options)
    found = load_mission(tmp_path / "m.yaml").mission
    sample = load_mission(MISSIONS / "websocket.yaml").mission
    assert found.objective == sample.objective
    assert [(b.id, b.title, b.needs) for b in found.batches] == [
        (b.id, b.title, b.needs) for b in sample.batches
    ]
    for batch, other in zip(found.batches, sample.batches, strict=True):
        assert [claim.text for claim in batch.criteria] == [claim.text for claim in other.criteria]
        for agent, known in zip(batch.agents, other.agents, strict=True):
            assert (agent.id, agent.name, agent.mission) == (known.id, known.name, known.mission)
            assert [c.text for c in agent.deliverables] == [c.text for c in known.deliverables]
            assert len(agent.tasks) == len(known.tasks)
            match agent.id:
                case "1.2":  # narrowed by hand: the plan says so in a task, in words
                    assert [file.partition("::")[0] for file in known.files] == [*agent.files]
                case "4.2":  # "Multiple files with legacy references"
                    assert agent.files == ()
                case "4.3":
                    assert set(agent.files) < set(known.files)
                case _:
                    assert agent.files == known.files
    text = (tmp_path / "m.yaml").read_text()
    todos = [told for _, told in open_todos(text)]
    assert any("Multiple files with legacy references (line 328)" in told for told in todos)
    # Tests that the sample names as proof are among those that are proposed.
    assert (
        "# proof: tests/acceptance/test_core.py::TestConnectionPool::test_pool_is_reachable" in text
    )


def test_phases_with_issues_of_the_same_number() -> None:
    found, text = mission_of((PLANS / "infrastructure.md").read_text())
    batches = {batch["id"]: batch for batch in found["batches"]}
    assert list(batches) == ["foundation", "authentication", "websocket", "ssot", "ci", "golden"]
    assert batches["ssot"]["needs"] == ["foundation", "authentication", "websocket"]
    assert batches["golden"]["needs"] == list(batches)[:5]
    agent = batches["websocket"]["agents"][0]
    assert agent["name"] == "WebSocket Error Notification Implementation"
    assert agent["mission"].startswith("Fix silent failures in WebSocket timeout scenarios")
    assert agent["tasks"][0] == "Implement timeout error notifications"
    assert agent["tasks"][-1] == "Test all failure scenarios"
    assert len(agent["deliverables"]) == 6
    assert [c["text"] for c in batches["ssot"]["criteria"]][-1] == "SSOT compliance > 95%"
    for remark in ("Priority: P1 - System stability", "Estimate: 5-7 days", "Owner: TBD"):
        assert f"# {remark}" in text


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        ("- `src/pool.py`", "src/pool.py"),
        ("- `src/pool.py:2`", "src/pool.py:2"),
        ("- `src/pool.py` (Pool class)", "src/pool.py::Pool"),
        ("- `src/pool.py` (class Bridge)", "src/pool.py::Bridge"),
        ("- `src/pool.py` (close() method)", "src/pool.py::Bridge.close"),
        ("- `src/pool.py` (the Pool.open method)", "src/pool.py::Pool.open"),
        ("- `src/pool.py::Pool`", "src/pool.py::Pool"),
        ("- src/pool.py - the pool", "src/pool.py"),
        ("- `README.md` (update)", "/README.md"),
        ("- src/", "/src/"),
        ("- `src/**`", "src/**"),
        ("- `src/new_one.py` (create if needed)", "src/new_one.py"),
    ],
)
def test_lines_about_files_that_say_which(line: str, entry: str) -> None:
    agent, text = first_agent(f"**Mission:** M\n\n**Files to Modify:**\n{line}")
    assert agent["files"] == [entry]
    assert open_todos(text) == ()


@pytest.mark.parametrize(
    ("line", "entries", "todo"),
    [
        ("- Multiple files with legacy references", None, "Multiple files with legacy references"),
        ("- Update imports", None, "Update imports"),
        ("- Whatever uses app.state", None, "Whatever uses app.state"),
        ("- `../elsewhere.py`", None, "../elsewhere.py"),
        ("- `src/pool.py` (open method)", ["src/pool.py"], "it has 2 of that name"),
        ("- `src/pool.py` (Missing class)", ["src/pool.py"], "it is not found there"),
        ("- `src/pool.py:900`", ["src/pool.py"], "no symbol stands at line 900"),
    ],
)
def test_lines_about_files_that_a_person_has_to_decide(
    line: str, entries: list[str] | None, todo: str
) -> None:
    agent, text = first_agent(f"**Mission:** M\n\n**Files to Modify:**\n{line}")
    assert agent.get("files") == entries
    assert any(todo in told for _, told in open_todos(text))


@pytest.mark.parametrize(
    ("said", "needs"),
    [
        ("None (can start immediately)", None),
        ("Batch 1 completion", ["one"]),
        ("Batches 1 & 2 completion", ["one", "two"]),
        ("Phase 1, 2, and 3 (all of them)", ["one", "two", "three"]),
        ("Batches 1-3", ["one", "two", "three"]),
        ("All previous phases", ["one", "two", "three"]),
        ("Two", ["two"]),
        ("Agent 2.1", ["two"]),
    ],
)
def test_who_waits_for_whom(said: str, needs: list[str] | None) -> None:
    batches = "\n".join(
        f"## Batch {n}: {name}\n\n### Agent {n}.1: A{n}\n**Mission:** m\n"
        for n, name in enumerate(("One", "Two", "Three"), 1)
    )
    of = "\n### Agent 4.1: A4\n**Mission:** m\n"
    if "Agent" in said:
        of += f"**Dependencies:** {said}\n"
        said = "None"
    found, text = mission_of(f"{batches}\n## Batch 4: Four\n**Dependencies:** {said}\n{of}")
    assert found["batches"][3].get("needs") == needs
    assert [told for _, told in open_todos(text) if "needs" in told] == []


@pytest.mark.parametrize("said", ["Batch 9", "the database team", "Batch 1 and 7"])
def test_a_need_that_names_nobody_is_left_to_a_person(said: str) -> None:
    _, text = mission_of(
        "## Batch 1: One\n- do it\n\n## Batch 2: Two\n"
        f"**Depends on:** {said}\n\n**Tasks:**\n- do that\n"
    )
    assert any(said in told for _, told in open_todos(text))


@pytest.mark.parametrize(
    "plan",
    [
        "## Wave 1 - Core\n\n#### Task 1.1 - One\n\n##### Scope\n\n- do it\n\n##### Files\n\n- `src/pool.py`\n",
        "## Stage 1: Core\n\n### 1.1 One\n\n- **Scope:**\n  - do it\n- **Files:**\n  - `src/pool.py`\n",
        "## Phase 1: Core\n\n**Tasks:**\n1. do it\n\n**Files to change:**\n* `src/pool.py`\n",
        "Phase 1: Core\n---\n\nTasks:\n\n+ do it\n\nFiles:\n\n+ src/pool.py\n",
        "## 🚀 **Sprint 1:** Core\n\n### Issue 1.1: One\n\n__Steps__:\n- [x] do\n  it\n\n**Paths:**\n- `src/pool.py`\n",
        "---\ntitle: x\n---\n## Batch 1: Core\n### Agent A: One\n- **Scope**: do it\n- **Files**: `src/pool.py`\n",
    ],
)
def test_ways_to_write_a_plan(plan: str) -> None:
    found, _ = mission_of(plan)
    agent = found["batches"][0]["agents"][0]
    assert found["batches"][0]["id"] == "core"
    assert agent["tasks"] == ["do it"]
    assert agent["files"] == ["src/pool.py"]


def test_bullets_with_labels_of_their_own_and_bullets_below_bullets() -> None:
    agent, text = first_agent(
        "- **Focus**: The pool\n- **Timeline**: 24-48 hours\n- **Retry**: three times\n"
        "- Mend these:\n  - one\n  - two\n\nDo the following:\n\n- three\n"
    )
    assert agent["mission"] == "The pool Do the following:"
    assert agent["tasks"] == ["Retry: three times", "Mend these:", "one", "two", "three"]
    assert "# Timeline: 24-48 hours" in text


def test_agents_without_batches() -> None:
    found, _ = mission_of(
        "# Repair\n\n## Issue 1: One\n\n- a\n\n## Issue 2: Two\n\n**Blocked by:** 1\n\n- b\n"
    )
    (batch,) = found["batches"]
    assert [agent["id"] for agent in batch["agents"]] == ["1", "2"]
    assert batch["agents"][1]["needs"] == ["1"]


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "1.5",
        "null",
        "a: b",
        "# x",
        "it's",
        '"q"',
        "- x",
        "é ÿ \x85 \x07",
        "{a}",
        "*a",
        "@x",
        "a #b",
        "x:",
    ],
)
def test_any_text_is_read_back_as_it_was(text: str, tmp_path: Path) -> None:
    agent, written = first_agent(f"**Mission:** M {text}\n\n**Scope:**\n- T {text}")
    assert agent["tasks"] == [
        " ".join(f"T {text}".replace("\x85", "�").replace("\x07", "�").split())
    ]
    (tmp_path / "m.yaml").write_text(written)
    assert load_mission(tmp_path / "m.yaml").mission.batches[0].agents[0].tasks == (
        *agent["tasks"],
    )


def test_todos_are_comments_and_no_texts() -> None:
    text = "a: 'x # TODO: no'\nb: |\n  # TODO: no\n# TODO: yes\nc: d  # TODO: this too\ne: TODO\n"
    assert open_todos(text) == ((4, "yes"), (5, "this too"))


def test_proofs_are_proposed_only_where_the_words_fit() -> None:
    tests = known_tests(BASE)
    assert tests.roots == ("tests",)
    assert tests.propose("Pool opens connections") == (
        "tests/test_pool.py::test_pool_opens_connections",
    )
    for claim in ("Documentation complete", "Pool", "All of it", "", "Opens the door for visitors"):
        assert claim == "Pool" or tests.propose(claim) == ()
    assert KnownTests().propose("Pool opens connections") == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nothing but words\n", "no batch and no agent"),
        ("# A title\n\n- a bullet\n", "no batch and no agent"),
        ("## Batch 1: A\n### Agent 1.1: X\n- a\n### Agent 1.1: Y\n- b\n", "lines 2 and 4"),
        ("## Batch 1: A\n- a\n\n## Batch 1: B\n- b\n", "more than one batch"),
        ("We did batch 1 in phase 2.\n", "no batch and no agent"),
    ],
)
def test_a_plan_that_is_none_is_refused_with_its_reason(text: str, words: str) -> None:
    with pytest.raises(OrchestrateError, match=words) as caught:
        read_plan(text, "plan.md", Base())
    assert caught.value.mend
    assert isinstance(caught.value, UsageError)


def test_files_that_are_no_plan(tmp_path: Path) -> None:
    (tmp_path / "latin.md").write_bytes("ok\ncafé\n".encode("latin-1"))
    (tmp_path / "empty.md").write_text("\n")
    (tmp_path / "long.md").write_bytes(b"x" * (9 << 20))
    (tmp_path / "good.md").write_text("## Batch 1: Alpha\n- a\n")
    for plan, words in {
        "missing.md": "no such plan",
        "latin.md": "latin.md:2: this is no text in UTF-8",
        "empty.md": "empty",
        "long.md": "8 MiB",
        ".": "a folder",
    }.items():
        assert words in orchestrate(tmp_path, "import", plan, "--snapshot", ".", code=2).err
    (tmp_path / "there.yaml").write_text("mine")
    options = ["good.md", "--snapshot", ".", "-o", "there.yaml"]
    assert "a file already" in orchestrate(tmp_path, "import", *options, code=2).err
    assert (tmp_path / "there.yaml").read_text() == "mine"
    told = orchestrate(tmp_path, "import", "good.md", "--snapshot", ".", "--json").json
    assert json.dumps(told["batches"]) == '[{"id": "alpha", "line": 1, "agents": ["1.1"]}]'


def test_rows_and_code_are_told_where_they_have_no_place() -> None:
    text = "## Batch 1: A\n- a\n\n| x | y |\n|---|---|\n| 1 | 2 |\n\n```\ncode\n```\n"
    draft = read_plan(text, "plan.md", Base())
    assert [item.said.line for item in draft.unplaced] == [6, 8]
    rows = [line for section in read_document(text).walk() for line in section.lines]
    assert [line.head for line in rows if line.kind == "row"] == [("x", "y")]
