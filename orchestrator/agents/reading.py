"""Reading what agents say: events as lines of JSON, errors of providers as statuses and words.

Owns what an error means, for all profiles alike. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from orchestrator.agents.backend import Answer

Event = Mapping[str, Any]
REASON_CHARACTERS = 400

_LOGIN = re.compile(
    r"not logged in|please (?:run )?/?log ?in|run /login|invalid (?:x-)?api[ _-]?key"
    r"|incorrect api key|authentication[_ ](?:error|failed)|unauthori[sz]ed|unauthenticated"
    r"|missing environment variable|no (?:api key|auth|credentials)|api key (?:is )?(?:not|missing)"
    r"|(?:oauth )?token (?:has )?(?:expired|been revoked|revoked)|api[_ ]key[_ ]invalid"
    r"|set an auth method|must be authenticated",
    re.IGNORECASE,
)
_MONEY = re.compile(
    r"insufficient[_ ](?:quota|balance|credits?|funds)|credit balance is too low"
    r"|billing|payment required|out of credits?|max(?:imum)?[_ ]budget",
    re.IGNORECASE,
)
_RATE = re.compile(
    r"rate[_ -]?limit|too many requests|usage limit|(?:hit|reached) your (?:\w+ )?limit"
    r"|resource[_ ]exhausted|overloaded|quota exceeded",
    re.IGNORECASE,
)
_STATUS = re.compile(
    r"\b(?:status|error|http|code)\b\W{0,4}(?:code\W{0,3})?([45]\d\d)\b", re.IGNORECASE
)
_WAIT = re.compile(
    r"(?:try again|retry|retry-after|resets?|wait)[^\d\n]{0,16}?((?:\d+(?:\.\d+)?\s*"
    r"(?:days?|hours?|hrs?|minutes?|mins?|seconds?|secs?|ms|[dhms])\b[ ,]*(?:and )?)+)",
    re.IGNORECASE,
)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|[dhms])", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def event_of(line: str) -> Event | None:
    """The event that a line is; None for whatever else programs print."""
    if not line.startswith("{"):
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def inside(event: object, *path: str) -> Any:  # noqa: ANN401 - JSON
    """What stands at a path inside of it; None where nothing does."""
    for key in path:
        if not isinstance(event, Mapping):
            return None
        event = event.get(key)
    return event


def number(value: object) -> int:
    """A count, however it is told; 0 for what is none."""
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0


def money(value: object) -> float | None:
    """An amount; None for what is none."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def answer_to(text: str, status: object = None) -> Answer:
    """What an error of an agent means, from the provider's status where it is told, else from the
    words.
    """
    if not isinstance(status, int):
        told = _STATUS.search(text)
        status = int(told[1]) if told else None
    if status == 402 or _MONEY.search(text):
        return Answer.OVER_BUDGET
    if status in (429, 529):
        return Answer.RATE_LIMITED
    if status == 401:
        return Answer.NOT_LOGGED_IN
    if isinstance(status, int) and status >= 500:
        return Answer.FAILED  # whatever its page says
    if _RATE.search(text):
        return Answer.RATE_LIMITED
    return Answer.NOT_LOGGED_IN if _LOGIN.search(text) else Answer.FAILED


def wait_told(text: str) -> float | None:
    """The seconds after which an error says that it may be tried again."""
    if not (found := _WAIT.search(text)):
        return None
    return sum(float(n) * _SECONDS[unit.lower()] for n, unit in _PART.findall(found[1])) or None


def sentence(text: object) -> str:
    """What an agent says of an error, as one line of bounded length."""
    words = " ".join(str(text or "").split())
    return words if len(words) <= REASON_CHARACTERS else f"{words[:REASON_CHARACTERS].rstrip()} …"
