"""What an agent is told of its gate's base: what is red there before anybody has worked.

Owns that only what is known is told: nobody waits for a gate to be run.
"""

from __future__ import annotations

from orchestrator.engine.subjects import baseline_of, subject_of
from orchestrator.engine.tools import Tools
from orchestrator.gates.observing.observation import RED


async def red_before(tools: Tools, batch: str) -> tuple[str, ...] | None:
    """Tests that are red on the base and files that cannot be collected there; None while the gate
    has not been run on it.
    """
    state = tools.recorder.state
    planned = state.plan.batch(batch)
    if planned.gate is None or not tools.has_judge:
        return None
    subject, base = subject_of(state, planned), baseline_of(state, batch)
    seen = await tools.judge.known_baseline(subject, base)
    if not seen or not all(each.is_whole() for each in seen.values()):
        return None
    found = [path for each in seen.values() for path in each.collection_errors]
    found += [
        test for each in seen.values() for test, it in each.tests.items() if it.outcome in RED
    ]
    return tuple(dict.fromkeys(found))
