"""The names that attempts' work has in the run's store."""

from __future__ import annotations

from orchestrator.engine.tools import Tools
from orchestrator.executors.spec import AttemptSpec
from orchestrator.git.captured import Capture


def keep(tools: Tools, spec: AttemptSpec, capture: Capture) -> None:
    """Give the captured work a name before the journal speaks of it, so that nothing can collect
    it. Blocking.
    """
    if capture.commit != spec.base:
        ref = f"refs/orchestrate/{spec.run}/{spec.agent}/{spec.attempt}"
        tools.store.set_ref(ref, capture.commit, old=None)
