"""A batch's candidate: put together from agents' work, named, and judged; and what its gate is
asked.

Owns what is in a candidate and what is asked of it. What becomes of the verdict is `landing`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from anyio import to_thread

from orchestrator.engine.progress import GateProgress
from orchestrator.engine.subjects import absentees, baseline_of, gate_name, subject_of
from orchestrator.engine.tools import GateCannotRun, Tools
from orchestrator.gates.rules.lacking import SERVICES
from orchestrator.gates.subject import Approval, Subject
from orchestrator.journal.events import GateStarted
from orchestrator.journal.facts import CheckResult, Decision, Outcome, PlaceFault, Reason, Verdict
from orchestrator.journal.state import AgentState, State
from orchestrator.merging.contribution import Contribution, Integration
from orchestrator.plan import PlannedBatch

EVIDENCE_TESTS = 20
EVIDENCE_CHARACTERS = 6000


def build(
    tools: Tools, planned: PlannedBatch, agents: Sequence[AgentState], *, part: str = ""
) -> Integration:
    """The work of these agents on the run's tip. Blocking.

    It is named before it is judged or built upon: an agent of another batch that prunes the store
    must not take it away. `part` tells the name of a part of the candidate from that of the
    candidate.
    """
    state = tools.recorder.state
    works = [
        Contribution(agent.id, agent.last.started.base, agent.work.commit)
        for agent in agents
        if agent.last and agent.work and agent.work.commit
    ]
    merged = tools.integrate(
        state.tip,
        works,
        message=_message(state, planned, [work.agent for work in works]),
        when=int(state.batches[planned.id].started_at or state.started_at),
    )
    name = f"refs/orchestrate/{state.run}/{'parts' if part else 'gates'}/{planned.id}{f'/{part}' if part else ''}"
    tools.store.set_ref(name, merged.commit or state.tip, old=None)
    return merged


async def judge(
    tools: Tools, planned: PlannedBatch, candidate: str, without: Mapping[str, str] | None = None
) -> Verdict:
    """Have the batch's gate judge a candidate; `without` says of agents that have delivered why it
    lacks their work.
    """
    recorder, state = tools.recorder, tools.recorder.state
    recorder.emit(GateStarted(batch=planned.id, gate=gate_name(planned), candidate=candidate))
    absent = {
        agent.id: f"its work is not in the candidate: {_why_absent(agent)}"
        for agent in absentees(state, planned)
    }
    tree = await to_thread.run_sync(tools.store.tree_of, candidate)
    subject, base = subject_of(state, planned), baseline_of(state, planned.id)
    verdict = await tools.judge.judge(
        subject,
        candidate=candidate,
        base=base,
        approvals={
            check: Approval(by=given.by, at=given.at, tree=given.tree, is_granted=given.approved)
            for check, given in state.approvals_for(planned.id, tree).items()
        },
        absent={**absent, **(without or {})},
        on_progress=lambda p: recorder.progress(
            GateProgress(planned.id, p.check, p.done, p.total, p.red)
        ),
    )
    await refuse_without_services(tools, subject, base, verdict.checks)
    return verdict


NO_SERVICE = frozenset({Reason.SERVICE_FAILED, Reason.CANNOT_RUN})


async def refuse_without_services(
    tools: Tools, subject: Subject, base: str, results: Iterable[CheckResult]
) -> None:
    """Raises GateCannotRun where a check could not have its services, and cannot on its base now: a
    service that does not get ready beside a candidate is the candidate's doing only if it still does
    beside the base.
    """
    if NO_SERVICE.isdisjoint(result.reason for result in results):
        return
    seen = await tools.judge.baseline(subject, base, is_afresh=True)
    faults = tuple(
        PlaceFault(
            gate=subject.gate, check=name, line=" ".join(it.no_service.split()), mend=SERVICES
        )
        for name, it in seen.items()
        if it.no_service
    )
    if faults:
        raise GateCannotRun(faults)


def _why_absent(agent: AgentState) -> str:
    return f"{agent.outcome or Outcome.BLOCKED}{f', {agent.reason}' if agent.reason else ''}"


async def evidence_of(tools: Tools, verdict: Verdict) -> str:
    """What the next attempt is told of a red gate: per check what was found, and the end of its
    log.
    """
    return await to_thread.run_sync(
        lambda: "\n\n".join(
            _told(tools, check) for check in verdict.checks if check.decision is not Decision.PASSED
        )
    )


def _told(tools: Tools, check: CheckResult) -> str:
    lines = [f"The gate's check `{check.name}` is red: {check.text}"]
    lines += [f"- {test}" for test in (check.broken or check.failing)[:EVIDENCE_TESTS]]
    if tail := end_of(tools, check.log):
        lines.append(f"\n```\n{tail}\n```")
    return "\n".join(lines)


def end_of(tools: Tools, log: str) -> str:
    """The end of a log of the report's folder; empty where there is none. Blocking."""
    if not log or not (path := tools.folders.report / log).is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - EVIDENCE_CHARACTERS))
        return file.read().decode("utf-8", "replace")


def _message(state: State, planned: PlannedBatch, agents: Sequence[str]) -> str:
    trailers = [f"Mission: {state.plan.mission.name}", f"Run: {state.run}", f"Batch: {planned.id}"]
    names = {agent.id: agent.agent.name for agent in planned.agents}
    body = "\n".join(f"- {agent} {names[agent]}" for agent in agents)
    return (
        f"{planned.id}: {planned.title}\n\n{body}\n\n"
        + "\n".join([*trailers, *(f"Agent: {a}" for a in agents)])
        + "\n"
    )
