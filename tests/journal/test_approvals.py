"""Whose sign-off counts for a tree, and that nobody is asked the same twice."""

from __future__ import annotations

import pytest

from orchestrator.journal.events import ApprovalRecorded
from orchestrator.mission.model import Mission
from tests.reports.builder import Story

SIGNED = {"checks": [{"approval": "Looked at.", "name": "sign-off"}]}
MISSION = Mission.model_validate(
    {
        "version": 1,
        "name": "signed",
        "objective": "x",
        "repository": {"path": "."},
        "gates": {
            "signed": SIGNED,
            "other": {"checks": [{"approval": "Tasted.", "name": "sign-off"}]},
        },
        "backends": {"b": {"command": ["true"]}},
        "defaults": {"backend": "b"},
        "batches": [
            {
                "id": id,
                "gate": gate,
                "agents": [{"id": f"{id}1", "name": "A", "mission": "x", "files": [id]}],
            }
            for id, gate in (("first", "signed"), ("second", "signed"), ("third", "other"))
        ],
    }
)


def said(batch: str, tree: str, *, approved: bool = True) -> ApprovalRecorded:
    return ApprovalRecorded(
        batch=batch, check="sign-off", tree=tree, approved=approved, by="Zoë", at="now"
    )


@pytest.fixture
def story() -> Story:
    return Story(MISSION)


def test_what_was_said_of_a_tree_holds_though_another_was_looked_at_since(story: Story) -> None:
    story.happens(said("first", "a"), said("first", "b", approved=False))
    assert story.state.approvals_for("first", "a")["sign-off"].approved
    assert not story.state.approvals_for("first", "b")["sign-off"].approved


def test_the_newest_word_on_a_tree_counts(story: Story) -> None:
    story.happens(said("first", "a", approved=False), said("first", "a"))
    assert story.state.approvals_for("first", "a")["sign-off"].approved


def test_of_a_tree_that_nobody_saw_the_newest_answer_tells_that_another_was_seen(
    story: Story,
) -> None:
    story.happens(said("first", "a"), said("first", "b"))
    assert story.state.approvals_for("first", "c")["sign-off"].tree == "b"


def test_a_yes_holds_for_the_same_tree_at_the_same_gate_of_another_batch(story: Story) -> None:
    story.happens(said("first", "a"))
    assert story.state.approvals_for("second", "a")["sign-off"].tree == "a"
    assert story.state.approvals_for("second", "b") == {}
    assert story.state.approvals_for("third", "a") == {}, "it asks something else"


def test_a_no_is_said_to_one_batch(story: Story) -> None:
    story.happens(said("first", "a", approved=False))
    assert story.state.approvals_for("second", "a") == {}
