"""What documents say of the state of things, as people and agents write it."""

from __future__ import annotations

import pytest

from orchestrator.importing.statuses import Claimed, read_claims


@pytest.mark.parametrize(
    ("text", "subject", "claimed"),
    [
        ("- ✅ Pool works over sockets", "Pool works over sockets", Claimed.DONE),
        ("- **Pool**: ✅ **RESOLVED**", "Pool", Claimed.DONE),
        ("- Pool is now complete.", "Pool", Claimed.DONE),
        ("- Pool: DONE", "Pool", Claimed.DONE),
        ("- Pool - 100%", "Pool", Claimed.DONE),
        ("- [x] Pool started", "Pool started", Claimed.DONE),
        ("- [ ] Pool started", "Pool started", Claimed.OPEN),
        ("- ❌ Pool", "Pool", Claimed.OPEN),
        ("- Pool: UNRESOLVED", "Pool", Claimed.OPEN),
        ("- Pool is not yet done", "Pool", Claimed.OPEN),
        ("- ⚠️ Pool: UNVALIDATED", "Pool", Claimed.PARTIAL),
        ("- Pool: 80%", "Pool", Claimed.PARTIAL),
        ("### âœ… Phase 1", "Phase 1", Claimed.DONE),
        ("| Part | Status |\n|---|---|\n| Pool | done |", "Pool", Claimed.DONE),
        ("| Part | Status |\n|---|---|\n| Pool | ⚠️ **PARTIAL** |", "Pool", Claimed.PARTIAL),
        ("| Part | Owner | Anything |\n|---|---|---|\n| Pool | Ada | ✅ |", "Pool", Claimed.DONE),
        ("# Report\n\n**Status:** COMPLETELY RESOLVED", "", Claimed.DONE),
        ("# Report\n\n**Status:** PARTIALLY RESOLVED - PHASE 1 COMPLETE", "", Claimed.PARTIAL),
    ],
)
def test_claims(text: str, subject: str, claimed: Claimed) -> None:
    (found,) = read_claims(text)
    assert (found.subject, found.claimed) == (subject, claimed)
    assert found.is_overall is (not subject)


@pytest.mark.parametrize(
    "text",
    [
        "- Fix the broken test",
        '- It was documented as "COMPLETELY RESOLVED"',
        "- E2E: 7 failed / 0 passed (100% failure rate)",
        "Work through all open issues, and complete the pool with tests",
        "```\n✅ Pool\n```",
        "| Part | Owner |\n|---|---|\n| Pool | Ada |",
    ],
)
def test_what_is_no_claim(text: str) -> None:
    assert read_claims(text) == ()


def test_several_states_in_one_line() -> None:
    found = read_claims(
        "**Current State:** Phase 1 (a) ✅ Complete, Phase 2 ✅ Complete, Phase 3 ⚠️ REQUIRED"
    )
    assert [claim.claimed for claim in found] == [Claimed.DONE, Claimed.DONE, Claimed.PARTIAL]
