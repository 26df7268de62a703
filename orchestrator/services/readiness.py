"""Whether a service is ready: a command, an address, a line of its log, or its port says so.

Each way is asked again and again by `running`, and says why not yet, in a few words for people.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from anyio import to_thread

from orchestrator.isolation.boxed import BoxFailed
from orchestrator.isolation.processes import NotStarted, ProcessSpec, run_process
from orchestrator.mission.model import Command, Ready
from orchestrator.services.ports import accepts
from orchestrator.services.wanted import Values

ANSWER_SECONDS = 2.0
COMMAND_SECONDS = 10.0
GOOD = 400
"""What a status must be below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Of which service it is asked, and how: `printed` gives what it has printed since its start."""

    ready: Ready
    values: Values
    port: int | None
    """What takes connections where nothing else says that it is ready; None: that it runs is
    enough.
    """
    spec: Callable[[Command], ProcessSpec]
    """How a command of the service is run."""
    printed: Callable[[], str]


async def why_not(asked: Asked) -> str:
    """Empty where it is ready; else what was found instead."""
    ready, values = asked.ready, asked.values
    if ready.command is not None:
        return await _by_command(ready.command, asked)
    if ready.http is not None:
        return await to_thread.run_sync(_by_http, values.text(ready.http), abandon_on_cancel=True)
    if ready.log is not None:
        printed = await to_thread.run_sync(asked.printed)
        is_there = re.search(ready.log, printed, re.MULTILINE)
        return "" if is_there else f"its log has nothing like `{ready.log}`"
    if asked.port is None:
        return ""
    is_taken = await to_thread.run_sync(accepts, asked.port, abandon_on_cancel=True)
    return "" if is_taken else f"port {asked.port} takes no connection"


async def _by_command(command: Command, asked: Asked) -> str:
    name = command.argv[0]
    try:
        # It is asked too often to be kept.
        ended = await run_process(replace(asked.spec(command), log=Path(os.devnull)))
    except (NotStarted, BoxFailed) as error:
        return f"it cannot be asked: {error}"
    if ended.timed_out:
        return f"{name} did not end in {COMMAND_SECONDS:g} s"
    said = ended.tail.strip().splitlines()[-1:]
    how = ": ".join([f"{name} ended with exit {ended.code}", *said])
    return how if ended.code else ""


def _by_http(url: str) -> str:
    import http.client  # the largest thing here, and many missions have no use for it

    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        asking = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=ANSWER_SECONDS
        )
        try:
            asking.request("GET", path)
            status = asking.getresponse().status
        finally:
            asking.close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"{url}: {error or type(error).__name__}"
    return "" if status < GOOD else f"{url} answers with {status}"
