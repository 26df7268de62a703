"""The brief: all that a backend is told, the same text for every backend, stored with the attempt.

Owns what is said; the words stand in `templates/brief.md.j2`, which a mission can extend through
`brief_template`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.mission.model import Agent, Mission, PytestCheck
from orchestrator.mission.scope import Scope
from orchestrator.plan import PlannedAgent, PlannedBatch
from orchestrator.services.wanted import in_order

# A batch of hundreds would drown the agent's own work in the list of the others'.
OTHERS_SHOWN = 50
RED_SHOWN = 20


@dataclass(frozen=True, slots=True)
class EarlierAttempt:
    """What the next attempt is told of one that failed."""

    number: int
    outcome: str
    reason: str
    evidence: str
    diff: str = ""
    """What it had changed, where the evidence does not say."""
    is_begun_with: bool = False
    """Whether its work is in the folder, to be gone on from."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One side of a conflict: who, what it was asked to do, and its changes of the files in
    question, as a diff.
    """

    agent: str
    name: str
    mission: str
    diff: str


@dataclass(frozen=True, slots=True)
class ToResolve:
    """What a resolver is told: the conflicts, the files with markers and the labels in them, and
    both sides.
    """

    conflicts: tuple[str, ...]
    marked: tuple[str, ...]
    labels: tuple[str, str]
    sides: tuple[Asked, ...]
    """The agent whose work it is, then the others."""


@dataclass(frozen=True, slots=True)
class ToReview:
    """What a reviewer reads: which files differ from before, and how."""

    files: tuple[str, ...]
    files_left_out: int
    diff: str


class Briefs:
    """Renders the briefs of one mission."""

    def __init__(self, mission: Mission, template: Path | None = None) -> None:
        """`template` extends the standard brief. Raises jinja2.TemplateError when the template is
        faulty.
        """
        import jinja2

        own = jinja2.PackageLoader("orchestrator.agents", "templates")
        loaders: list[jinja2.BaseLoader] = (
            [own] if template is None else [jinja2.FileSystemLoader(template.parent), own]
        )
        environment = jinja2.Environment(
            loader=jinja2.ChoiceLoader(loaders),
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
            keep_trailing_newline=True,
            autoescape=False,  # noqa: S701 - a brief is plain text for a program, not a page
        )
        self._mission = mission
        self.scopes: Mapping[str, Scope] = {}
        """By agent, with lines resolved; what is not in here is told as the plan has it."""
        self._template = environment.get_template(template.name if template else "brief.md.j2")

    def render(
        self,
        batch: PlannedBatch,
        planned: PlannedAgent,
        earlier: Sequence[EarlierAttempt] = (),
        conflict: ToResolve | None = None,
        red: Sequence[str] | None = None,
        *,
        granted: Sequence[str] = (),
        has_channel: bool = False,
        review: ToReview | None = None,
    ) -> str:
        """What the agent's next attempt is told, or whoever resolves a conflict of its work in its
        place. `red` is what is red on the base of its gate before anybody's work (None: not known),
        `granted` what it may change beside its scope, since it asked.

        Raises jinja2.TemplateError for a name that there is not.
        """
        others = [other for other in batch.agents if other.id != planned.id]
        requests = self._mission.scope_requests
        return self._template.render(
            mission=self._mission,
            batch=batch,
            agent=planned.agent,
            scope=self._scope(planned),
            others=[replace(other, scope=self._scope(other)) for other in others[:OTHERS_SHOWN]],
            others_left_out=len(others[OTHERS_SHOWN:]),
            protected=self._mission.workspace.protect,
            gate_commands=[
                _command_of(check) for check in (batch.gate.checks if batch.gate else ())
            ],
            may_change=_may_change(batch),
            proofs=_proofs(planned.agent),
            services=_services(self._mission, planned),
            red=None if red is None else tuple(red)[:RED_SHOWN],
            red_left_out=len((red or ())[RED_SHOWN:]),
            earlier=earlier,
            conflict=conflict,
            granted=granted,
            review=(review or ToReview((), 0, "")) if planned.is_reviewer else None,
            has_channel=has_channel,
            may_ask=bool(requests.ask or requests.allow),
        )

    def _scope(self, planned: PlannedAgent) -> Scope:
        return self.scopes.get(planned.id, planned.scope)


def _may_change(batch: PlannedBatch) -> list[str]:
    """What the gate lets be edited of tests and what they rest on."""
    if batch.gate is None:
        return []
    own = (getattr(check, "may_change", ()) for check in batch.gate.checks)
    return list(dict.fromkeys(glob for globs in (batch.gate.may_change, *own) for glob in globs))


def _proofs(agent: Agent) -> list[tuple[str, str]]:
    return [
        (claim.text, ", ".join(str(proof) for proof in claim.proof)) for claim in agent.deliverables
    ]


def _services(mission: Mission, planned: PlannedAgent) -> list[tuple[str, list[str]]]:
    """What runs beside the agent, with the variables that tell of it."""
    found = ((n, mission.services[n].env) for n in in_order(mission.services, planned.services))
    return [(name, [*env.names, *env.constants]) for name, env in found]


def _command_of(check: object) -> str:
    match check:
        case PytestCheck(pytest=paths):
            return f"python -m pytest {' '.join(paths)}"
        case _:
            command = getattr(check, "command", None) or getattr(check, "metric", None)
            return str(command) if command else f"sign-off: {getattr(check, 'approval', '')}"
