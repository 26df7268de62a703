"""How many attempts of a provider there are at once, after limits and after attempts that met none."""

from __future__ import annotations

import pytest

from orchestrator.journal.events import RateLimited
from orchestrator.journal.throttles import Throttle, fewer, throttled


def limited(at_once: int, of: int = 5, wait: float = 40.0) -> RateLimited:
    told = {"provider": "claude", "backends": ("claude",), "wait": wait}
    return RateLimited.model_validate({**told, "at_once": at_once, "of": of})


def test_what_people_are_told() -> None:
    assert str(limited(2)) == "claude: rate limited, 2 of 5 at once, again in 40 s"


@pytest.mark.parametrize(("at_work", "left"), [(1, 1), (2, 1), (5, 2), (9, 4)])
def test_a_limit_halves(at_work: int, left: int) -> None:
    assert fewer(None, at_work, 20, 0.0) == (left, at_work)


def test_all_that_were_at_work_count_once_and_a_later_one_again() -> None:
    known = Throttle(limited(4, 8), 4.0, since=100.0, until=140.0)
    assert fewer(known, 5, 8, started_at=99.0) == (4, 8)
    assert fewer(known, 4, 8, started_at=101.0) == (2, 8)
    longer = throttled(known, limited(4, 8, wait=90.0), 110.0)
    assert (longer.until, longer.since, longer.most) == (200.0, 100.0, 0)


def test_each_round_without_a_limit_lets_one_more_begin() -> None:
    grown = Throttle(limited(2), 2.0, since=0.0, until=0.0, waits=False)
    seen = []
    while not grown.is_over:
        seen.append(grown.most)
        grown = grown.after_one_more()
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (2, 4)
    assert 9 <= len(seen) <= 13  # 2 + 3 + 4 attempts, and what rounding costs
