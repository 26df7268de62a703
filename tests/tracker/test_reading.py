"""`import OWNER/REPO#N`: a mission from an issue, its sub-issues, what blocks them, and comments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.helpers import git, make_user
from tests.tracker.github import GitHub, serving
from tests.tracker.helpers import Bench


@pytest.fixture
def github() -> GitHub:
    return GitHub()


@pytest.fixture
def bench(tmp_path: Path, github: GitHub) -> Iterator[Bench]:
    git(make_user(tmp_path / "user"), "remote", "add", "origin", "git@github.com:o/r.git")
    with serving(github) as server:
        yield Bench(tmp_path, server)
    assert github.unknown == []


def imported(bench: Bench, issue: str, *more: str) -> tuple[dict[str, Any], str]:
    text = bench("import", issue, "--repository", "user", *more).out
    return yaml.safe_load(text), text


def add_tree(github: GitHub) -> int:
    root = github.issue(
        "Events are lost", "Users miss events.\r\n\r\n## Phase 1\r\nBegin somewhere."
    )
    core = github.issue("Batch 7: Core fixes", "**Success criteria:**\n- all of it holds", root)
    pool = github.issue(
        "Make a pool",
        "## Scope\n- Create it\n- [ ] Keep `it`\n\n### Files\n- `a.txt`\n\n"
        "## Acceptance criteria\n- a holds (proof: `file: a.txt`, `symbol: m.py::A`)\n- b (proof: `unit`)\n\n"
        "# Agent 3.1: no heading of a plan\n```\n## code\n```\n",
        core,
        labels=["bug", "p0", "needs: care", "orchestrate"],
    )
    factory = github.issue("Fix the factory", "Files:\n- b.txt", core)
    second = github.issue("Integration", "", root)
    check = github.issue("Check it all", "Just look.", second)
    done = github.issue("Was done before", "", second, state="closed")
    github.blocked = {factory: [pool], check: [factory], done: [pool]}
    github.make_comment(pool, {"body": "Mind `the` gap.\n\n- TODO: and @all\n  batches: []"})
    return root


def test_sub_issues_become_batches_and_agents(bench: Bench, github: GitHub) -> None:
    root = add_tree(github)
    mission, text = imported(bench, f"o/r#{root}", "-o", "m.yaml")
    text = (bench.root / "m.yaml").read_text()
    mission = yaml.safe_load(text)
    core, second = mission["batches"]
    assert [batch["title"] for batch in (core, second)] == ["Core fixes", "Integration"]
    assert second["needs"] == [core["id"]]
    assert [claim["text"] for claim in core["criteria"]] == ["all of it holds"]
    pool, factory = core["agents"]
    assert (pool["id"], pool["mission"], pool["files"]) == ("1.1", "Make a pool.", ["/a.txt"])
    assert pool["tasks"] == ["Create it", "Keep `it`"]
    assert pool["deliverables"] == [
        {"text": "a holds", "proof": [{"file": "a.txt"}, {"symbol": "m.py::A"}]},
        {"text": "b"},  # whether there is such a check is not known
    ]
    assert "# proof: unit" in text
    assert pool["labels"] == ["bug", "p0", "needs: care"]
    assert (factory["needs"], factory["files"]) == (["1.1"], ["/b.txt"])
    (check,) = second["agents"]
    assert check["mission"] == "Check it all. Just look."
    assert "# Context: me on 2026-11-28: Mind the gap. - TODO: and @all batches: []" in text
    assert "left out, closed: #7 Was done before" in text
    assert "Users miss events." in text
    assert "m.md, which is issue o/r#1" in text
    # What it was made of is beside it, and says the same once more.
    again = bench("import", "m.md", "--repository", "user").out
    assert yaml.safe_load(again)["batches"] == mission["batches"]
    assert "m.yaml" in bench("import", f"#{root}", "-o", "m.yaml", code=2).err
    bench("plan", "m.yaml")


def test_flat_sub_issues_come_in_the_order_that_they_wait(bench: Bench, github: GitHub) -> None:
    github.has_links = False
    one = github.issue("Task 1: First", "Do it. `a.txt`")
    two = github.issue("Second", f"Blocked by #{one}\nDo it next.")
    three = github.issue("Third", f"- **Blocked by:** #{one}, #{two}")
    pull = github.issue("A pull request", pull_request={})
    root = github.issue(
        "All", f"What for.\n\n- [ ] #{three}\n- [x] #{two}\n- #{one} and words\n- #99"
    )
    github.issues[pull]["pull_request"] = {}
    mission, _ = imported(bench, f"#{root}")
    names = [[agent["name"] for agent in batch["agents"]] for batch in mission["batches"]]
    assert names == [["First"], ["Second"], ["Third"]]
    assert [len(batch.get("needs", ())) for batch in mission["batches"]] == [0, 1, 2]


@pytest.mark.parametrize(
    ("body", "batches", "mission"),
    [
        ("It fails.\n\n## Steps\n1. run it\n", 1, "It is broken. It fails."),
        (
            "## Phase 1: One\n### Task 1.1: A\nDo a.\n## Phase 2: Two\n### Task 2.1: B\nDo b.",
            2,
            "Do a.",
        ),
        (None, 1, "It is broken."),
    ],
)
def test_one_issue_is_a_plan_or_a_piece_of_work(
    bench: Bench, github: GitHub, body: str | None, batches: int, mission: str
) -> None:
    number = github.issue("It is broken")
    github.issues[number]["body"] = body
    found, _ = imported(bench, f"https://github.com/o/r/issues/{number}#issuecomment-3")
    assert len(found["batches"]) == batches
    assert found["batches"][0]["agents"][0]["mission"] == mission


@pytest.mark.parametrize(
    ("issue", "says"),
    [
        ("o/r#5", "there is no issue #5 in o/r"),
        ("o/r#x", "no such plan"),
        ("o/r#0", "no such plan"),
    ],
)
def test_issues_that_are_none(bench: Bench, issue: str, says: str) -> None:
    assert says in bench("import", issue, "--repository", "user", code=2).err
