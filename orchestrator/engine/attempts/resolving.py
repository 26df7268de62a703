"""Having a conflict resolved: the next attempt of an agent whose work was sent back, made by the
mission's resolver.

Owns what the resolver is given and whether it has done it. The attempt starts from the others'
merged work like any second attempt, so that what it captures, its scope and its merge onto the tip
are those of any other; only its workspace is laid out with the agent's work over it, which is
worked out anew whenever the attempt is begun.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.agents.brief import Asked, ToResolve
from orchestrator.engine.tools import Tools
from orchestrator.git.store import Store
from orchestrator.journal.events import AttemptEnded, Return
from orchestrator.journal.facts import Outcome
from orchestrator.journal.state import State
from orchestrator.merging.contribution import TIP, Contribution
from orchestrator.merging.markers import Overlay, has_markers, lay_over

DIFF_CHARACTERS = 12_000
"""Of each side, in the brief; all of it is in the workspace."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """A conflict in the hands of a resolver: what was sent back and why, and what its workspace is
    laid out with.
    """

    conflict: Return
    overlay: Overlay
    brief: ToResolve

    def assess(self, ended: AttemptEnded, store: Store) -> AttemptEnded:
        """What the resolver's attempt means for the agent: its work, or the conflict, which
        stands.
        """
        outcome, reason = ended.outcome, ended.reason
        left = self._left_in(store, ended.commit) if ended.commit else []
        if left and outcome is None:
            outcome, reason = Outcome.FAILED, f"conflict markers are left in {', '.join(left[:3])}"
        if outcome in (None, Outcome.NO_CHANGE_NEEDED):
            return ended
        words = outcome.value.replace("_", " ")
        stands = f"{self.conflict.reason}; the resolver {self.conflict.resolver} has not solved it: {words}: {reason}"
        return ended.model_copy(update={"outcome": Outcome.CONFLICTED, "reason": stands})

    def _left_in(self, store: Store, commit: str) -> list[str]:
        """The files in which conflict markers were left."""
        contents = ((path, store.read(commit, path)) for path in self.overlay.marked)
        return [
            path
            for path, content in contents
            if content and has_markers(content, self.overlay.labels)
        ]


def resolution_of(tools: Tools, agent: str) -> Resolution | None:
    """What the attempt of `agent` that is under way has to resolve; None if it is one like any
    other. Blocking.
    """
    state = tools.recorder.state
    conflict = state.agents[agent].sent_back
    work = _work_of(state, agent)
    if conflict is None or not conflict.resolver or conflict.base is None or work is None:
        return None
    others = list(dict.fromkeys(other for fact in conflict.conflicts for other in fact.others))
    overlay = lay_over(tools.store, conflict.base, work, (" and ".join(others), agent))
    paths = list(dict.fromkeys(fact.path for fact in conflict.conflicts))
    works = {agent: work, **{other: _work_of(state, other) for other in others if other != TIP}}
    sides = [_asked(tools, name, made, paths) for name, made in works.items()]
    if TIP in others:
        landed = Contribution(TIP, work.base, conflict.base)
        sides.append(Asked(TIP, "what had landed before", "", _diff(tools.store, landed, paths)))
    brief = ToResolve(
        conflicts=tuple(fact.line for fact in conflict.conflicts),
        marked=overlay.marked,
        labels=overlay.labels,
        sides=tuple(sides),
    )
    return Resolution(conflict, overlay, brief)


def _work_of(state: State, agent: str) -> Contribution | None:
    """What the agent handed in last."""
    ended = [it for it in state.agents[agent].counted if it.ended]
    if not ended or ended[-1].ended is None or ended[-1].ended.commit is None:
        return None
    return Contribution(agent, ended[-1].started.base, ended[-1].ended.commit)


def _asked(tools: Tools, agent: str, work: Contribution | None, paths: list[str]) -> Asked:
    planned = tools.recorder.state.plan.agent(agent)
    return Asked(
        agent,
        planned.agent.name,
        planned.agent.mission,
        _diff(tools.store, work, paths) if work else "",
    )


def _diff(store: Store, work: Contribution, paths: list[str]) -> str:
    text = store.diff(work.base, work.commit, paths).decode("utf-8", "replace")
    cut = (
        f"\n… and {len(text) - DIFF_CHARACTERS:,} characters more"
        if len(text) > DIFF_CHARACTERS
        else ""
    )
    return text[:DIFF_CHARACTERS] + cut
