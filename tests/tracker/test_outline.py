"""Which issues a mission comes to, and how what was made is found again: no GitHub is asked."""

from __future__ import annotations

from collections import Counter

import pytest

from orchestrator.errors import UsageError
from orchestrator.mission.model import Mission
from orchestrator.tracker.gh import Slug
from orchestrator.tracker.marks import LONGEST_BODY, facts_of, marked, renewed
from orchestrator.tracker.outline import LONGEST_TITLE, ROOM, outline


def mission(batches: int, agents: int, **more: object) -> Mission:
    return Mission.model_validate(
        {
            "version": 1,
            "name": "m",
            "objective": "o" * 400,
            "repository": {"path": "."},
            "batches": [
                {
                    "id": f"b{b}",
                    "labels": ["p0"],
                    "agents": [
                        {
                            "id": f"{b}.{a}",
                            "name": "N",
                            "mission": "M",
                            "labels": ["p0", "bug"],
                            **more,
                        }
                        for a in range(agents)
                    ],
                }
                for b in range(batches)
            ],
        }
    )


@pytest.mark.parametrize(("batches", "agents", "room"), [(1, 250, 100), (120, 1, 100), (3, 2, 2)])
def test_no_issue_has_more_sub_issues_than_it_can(batches: int, agents: int, room: int) -> None:
    items = outline(mission(batches, agents), room)
    keys = [item.key for item in items]
    assert len(set(keys)) == len(keys)
    children = Counter(item.parent for item in items)
    assert max(children.values()) <= ROOM
    assert children["mission"] <= room
    for place, item in enumerate(items):
        assert item.parent is None or keys.index(item.parent) < place
        assert len(item.title) <= LONGEST_TITLE
        assert set(item.children) == {other.key for other in items if other.parent == item.key}
    agent = items[-1]
    assert agent.labels == ("orchestrate", "p0", "bug")


def test_a_text_keeps_what_people_wrote_round_it_and_its_length() -> None:
    facts = {"mission": "a--b", "key": "agent:1"}
    body = marked(facts, ["first", "x" * 70_000, "last"])
    assert len(body) <= LONGEST_BODY
    assert "cut" in body
    assert facts_of(f"before\n{body}\nbehind") == facts
    again = renewed(f"before\r\n{body}\r\nbehind", marked(facts, ["now"]))
    assert again == f"before\n{marked(facts, ['now'])}\nbehind"
    for none in (None, "", "words", "<!-- orchestrate {broken} -->", "<!-- orchestrate -->"):
        assert facts_of(none) is None
    # A mark whose end somebody took away: what stood behind it was ours.
    assert renewed("<!-- orchestrate {} -->\nold", "new") == "new"


@pytest.mark.parametrize(
    ("text", "told"),
    [("o/r", "o/r"), ("github.example.com/o/r", "github.example.com/o/r"), ("o/r.x.git", "o/r.x")],
)
def test_names_of_repositories(text: str, told: str) -> None:
    assert str(Slug.parse(text)) == told


@pytest.mark.parametrize("text", ["", "o", "o/", "/r", "o/r/x/y", "o/..", "a b/c", "-/../x"])
def test_what_names_no_repository(text: str) -> None:
    with pytest.raises(UsageError, match="OWNER/NAME"):
        Slug.parse(text)
