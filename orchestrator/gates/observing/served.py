"""A check that is carried out with its services beside it.

Owns that what tests say counts only while all of their services run: one that cannot be had, or
ends too soon, is what is told then, and nothing else. How services are had is the room
`services`'.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anyio

from orchestrator.gates.observing.observation import Observation
from orchestrator.gates.observing.runners.place import Place, Runner
from orchestrator.gates.observing.sighting import Sighting
from orchestrator.services.services import Guest, ServiceFailed, Services


async def run_served(
    run: Runner[Any], what: Sighting, place: Place, services: Services, guest: Guest
) -> Observation:
    """Carry it out; once more, with new services, where one of them failed."""
    seen = await _run_once(run, what, place, services, guest)
    return await _run_once(run, what, place, services, guest) if seen.no_service else seen


async def _run_once(
    run: Runner[Any], what: Sighting, place: Place, services: Services, guest: Guest
) -> Observation:
    try:
        async with services.beside(what.services, guest) as beside:
            with anyio.CancelScope() as running:
                # What goes on without it says nothing any more.
                beside.on_failure = running.cancel
                if beside.failure:
                    running.cancel()
                place = replace(place, env={**place.env, **beside.variables})
                seen = await run(what.check, place)
                await beside.settle()
            failure = beside.failure
    except ServiceFailed as error:
        failure = error.what
    return Observation(kind=what.check.kind, no_service=failure) if failure else seen
