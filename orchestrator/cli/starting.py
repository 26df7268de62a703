"""`--start-at`: a run that begins later, when the machine or the models are free.

Owns which moment is meant and the wait for it. Nothing of a run is there before that moment, so that
a wait that is stopped leaves nothing behind.
"""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta
from functools import partial

import anyio

from orchestrator.engine.carry import until_stopped
from orchestrator.errors import UsageError

LONGEST_NAP_SECONDS = 30.0
"""A machine that slept, or whose clock was set, is noticed within this time."""
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")


def moment_of(said: str, now: datetime) -> datetime:
    """The moment that `said` means, by the clock on the wall: `02:00` or `02:00:30` the next time
    that it is, or a date and a time, `2026-11-29 02:00`. `now` has no zone. Raises UsageError.
    """
    if match := _CLOCK.fullmatch(said.strip()):
        hour, minute, second = (int(part or 0) for part in match.groups())
        try:
            moment = now.replace(hour=hour, minute=minute, second=second, microsecond=0)
        except ValueError:
            raise _not_a_moment(said) from None
        # Tomorrow it is the same on the clock, also where the night has an hour more or less.
        return moment if moment > now else moment + timedelta(days=1)
    try:
        moment = datetime.fromisoformat(said.strip())
    except ValueError:
        raise _not_a_moment(said) from None
    if moment.tzinfo is not None:
        moment = moment.astimezone().replace(tzinfo=None)
    if moment <= now:
        raise UsageError(
            f"--start-at {said} has passed", mend="name a time to come, such as `02:00`"
        )
    return moment


def told(moment: datetime, now: datetime) -> str:
    """What people are told who wait."""
    minutes = max(1, round((moment - now).total_seconds() / 60))
    left = f"{minutes // 60}h {minutes % 60:02}m" if minutes >= 60 else f"{minutes}m"
    return (
        f"starts at {moment:%Y-%m-%d %H:%M:%S}, in {left}; "
        "nothing has begun, Ctrl-C leaves nothing behind"
    )


def wait_until(moment: datetime) -> str:
    """Return at that moment; the name of the signal that stopped the wait, empty if none did."""
    return anyio.run(until_stopped, partial(_sleep_until, moment))


async def _sleep_until(moment: datetime) -> None:
    while (left := moment.timestamp() - time.time()) > 0:  # noqa: ASYNC110 - the clock on the wall tells nobody that it moved
        await anyio.sleep(min(left, LONGEST_NAP_SECONDS))


def _not_a_moment(said: str) -> UsageError:
    return UsageError(
        f"--start-at {said} is no time",
        mend="write `02:00`, `02:00:30` or a date and a time, `2026-11-29 02:00`",
    )
