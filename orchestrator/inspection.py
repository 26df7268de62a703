"""What a person should know of a plan before anything is spent: overlaps, scopes that miss, what
nothing proves.

Owns the findings and their words. Pure: the base's paths and the outlines of its files are handed
in, and how findings are shown is for `ui.plan_view`. What is said of single entries of a scope is
in `mission.entries`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from orchestrator.errors import UsageError
from orchestrator.mission.deciders import Read, deciders
from orchestrator.mission.entries import misses
from orchestrator.mission.meetings import meetings
from orchestrator.mission.model import Claim, Overlap
from orchestrator.mission.overlaps import is_remote, may_overlap
from orchestrator.mission.paths import Paths, folders_above, matcher_of
from orchestrator.mission.scope import Scope, is_literal
from orchestrator.mission.symbols import Outline
from orchestrator.plan import Plan, PlannedAgent, PlannedBatch

_PROOF_WORD = re.compile(r"^(?:file|symbol): ")
"""What a proof begins with that is no test."""


class Severity(StrEnum):
    """How much a finding weighs: a note to know, a warning to look at, or a reason not to start."""

    NOTE = "note"
    WARNING = "warning"
    REFUSED = "refused"


class FindingKind(StrEnum):
    """What can be found out about a plan before anything is spent."""

    OVERLAP = "overlap"
    MATCHES_NOTHING = "matches_nothing"
    READ_ONLY = "read_only"
    NO_GATE = "no_gate"
    UNPROVEN = "unproven"
    UNPROVABLE = "unprovable"
    PROTECTED = "protected"
    SYMBOL = "symbol"
    DECIDES = "decides"
    TESTS = "tests"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a person should know before a run."""

    kind: FindingKind
    severity: Severity
    batch: str
    agents: tuple[str, ...]
    """None: it is about the batch itself."""
    text: str
    mend: str
    items: tuple[str, ...] = ()
    """The paths, patterns or claims that it is about."""

    @property
    def where(self) -> str:
        """The agents, or the batch."""
        return " and ".join(self.agents) or self.batch


@dataclass(frozen=True, slots=True)
class Findings:
    """All findings of a plan, in plan order."""

    all: tuple[Finding, ...] = ()

    @property
    def refused(self) -> tuple[Finding, ...]:
        """Those for which nothing may start; `plan` and `run` end with exit code 2."""
        return self.of(severity=Severity.REFUSED)

    def of(
        self, kind: FindingKind | None = None, severity: Severity | None = None
    ) -> tuple[Finding, ...]:
        """Those of a kind and a severity."""
        return tuple(
            finding
            for finding in self.all
            if kind in (None, finding.kind) and severity in (None, finding.severity)
        )

    def raise_if_refused(self) -> None:
        """Raises UsageError with what was refused."""
        if self.refused:
            lines = [
                f"{finding.batch if finding.kind is FindingKind.OVERLAP else finding.where}: {finding.text}"
                for finding in self.refused
            ]
            mends = list(dict.fromkeys(finding.mend for finding in self.refused))
            raise UsageError("the plan is refused: " + "; ".join(lines), mend="; ".join(mends))


def _unread(_: str) -> None:
    """Where nobody hands contents in, commands are understood by their words alone."""


def _unknown(_: str) -> bool:
    """Where nobody says what belongs to the tests, nothing does."""
    return False


def inspect(
    plan: Plan,
    base_paths: Sequence[str],
    outlines: Mapping[str, Outline | None] | None = None,
    read: Read = _unread,
    is_of_tests: Callable[[str], bool] = _unknown,
) -> Findings:
    """What is worth knowing before anything is spent. `base_paths` are the files of the base
    commit, `read` has their contents, `is_of_tests` says which of them belong to the tests.

    `outlines` are those of the files whose symbols a scope names, by path; None where the language
    is not known.
    """
    outlines = outlines or {}
    plan = plan.resolved(outlines)
    paths = base_paths if isinstance(base_paths, Paths) else Paths(base_paths)
    files = {agent.id: agent.scope.matches(paths) for agent in plan.agents}
    folders = {".", *(folder for path in paths for folder in folders_above(path))}
    in_base = frozenset(paths)
    there = in_base | folders
    everybody = Scope(
        tuple({entry: None for agent in plan.agents for entry in agent.scope.patterns})
    )
    protect = Scope(plan.mission.workspace.protect)
    protected = frozenset(protect.matches(paths))
    found: list[Finding] = []
    for batch in plan.batches:
        if batch.gate is None:
            text = "no gate: what it lands is checked by nothing"
            found.append(
                Finding(FindingKind.NO_GATE, Severity.WARNING, batch.id, (), text, "name a `gate:`")
            )
        found += _overlaps(plan, batch, paths, files, outlines)
        found += _unproven(batch.id, (), "criteria", batch.batch.criteria)
        found += _unprovable(batch, (), batch.batch.criteria, there, everybody)
        for agent in batch.agents:
            found += _about_scope(agent, files[agent.id], folders, protect, protected)
            found += _about_symbols(agent, files[agent.id], outlines)
            claims = agent.agent.deliverables
            found += _unproven(batch.id, (agent.id,), "deliverables", claims)
            found += _unprovable(batch, (agent.id,), claims, there, everybody)
        found += _deciding(batch, protect, paths, read)
        found += _editing_tests(batch, in_base, is_of_tests)
    return Findings(tuple(found))


def _overlaps(
    plan: Plan,
    batch: PlannedBatch,
    paths: Paths,
    files: Mapping[str, Sequence[str]],
    outlines: Mapping[str, Outline | None],
) -> Iterator[Finding]:
    severity = {
        Overlap.ALLOW: Severity.NOTE,
        Overlap.WARN: Severity.WARNING,
        Overlap.REFUSE: Severity.REFUSED,
    }
    scopes = [agent.scope for agent in batch.agents]
    for one, other in meetings(scopes, paths):
        first, second = batch.agents[one], batch.agents[other]
        # Who needs the other starts from its work: they take turns.
        if second.id in plan.agent_dependents(first.id) or first.id in plan.agent_dependents(
            second.id
        ):
            continue
        shared = may_overlap(first.scope, second.scope, files[first.id], outlines)
        sure = tuple(item for item in shared if not is_remote(item))
        if sure and batch.overlap is not Overlap.REFUSE:
            shared = sure
        if shared:
            weight = severity[batch.overlap]
            if weight is Severity.WARNING and not sure:
                weight = Severity.NOTE  # a warning that is seldom true is not read
            text = f"{first.id} and {second.id} may both change {_some(shared)}"
            mend = "narrow one scope, let one agent need the other, or say `overlap: allow`"
            agents = (first.id, second.id)
            yield Finding(FindingKind.OVERLAP, weight, batch.id, agents, text, mend, shared)


def _about_scope(
    agent: PlannedAgent,
    files: Sequence[str],
    folders: set[str],
    protect: Scope,
    protected: frozenset[str],
) -> Iterator[Finding]:
    where = (agent.batch, (agent.id,))
    if not agent.scope:
        text, mend = (
            "no files: it may read everything and change nothing",
            "name `files:` if it is to change any",
        )
        yield Finding(FindingKind.READ_ONLY, Severity.NOTE, *where, text, mend)
    for entry in agent.scope.entries:
        pattern = entry.text
        if (
            entry.is_whole
            and not any(map(matcher_of(entry.glob).allows, files))
            and not _is_plainly_new(pattern, folders)
        ):
            text = f"`{pattern}` matches nothing in the base"
            mend = "check the spelling (case counts); a new file needs its extension or a folder that exists"
            if "[" in pattern:
                mend += "; a literal `[` is written `[[]`"
            yield Finding(
                FindingKind.MATCHES_NOTHING, Severity.WARNING, *where, text, mend, (pattern,)
            )
        elif entry.is_whole and (meant := _misspelt(pattern, files)):
            text = f"`{pattern}` is not in the base, but {meant} is"
            mend = f"did you mean `{meant}`? If it is to be a new file, nothing need be done"
            yield Finding(
                FindingKind.MATCHES_NOTHING, Severity.WARNING, *where, text, mend, (pattern,)
            )
    kept = tuple(path for path in files if path in protected)
    named = tuple(
        path for path in agent.scope.literals if protect.allows(path) and path not in kept
    )
    if kept or named:
        text = f"protected in spite of its scope: {_some((*kept, *named))}"
        mend = "take them out of `files:` or of `workspace.protect`"
        # A wide scope holds protected files by accident, a path by its name is a misunderstanding.
        is_meant = any(protect.allows(path) for path in agent.scope.literals)
        severity = Severity.WARNING if is_meant else Severity.NOTE
        yield Finding(FindingKind.PROTECTED, severity, *where, text, mend, (*kept, *named))


def _about_symbols(
    agent: PlannedAgent, files: Sequence[str], outlines: Mapping[str, Outline | None]
) -> Iterator[Finding]:
    for miss in misses(agent.scope, files, outlines):
        severity = Severity.REFUSED if miss.is_wrong else Severity.WARNING
        where = (agent.batch, (agent.id,))
        yield Finding(
            FindingKind.SYMBOL, severity, *where, miss.text, miss.mend, (miss.entry.text,)
        )


def _deciding(
    batch: PlannedBatch, protect: Scope, base_paths: Sequence[str], read: Read
) -> Iterator[Finding]:
    """Agents that may change what their own gate decides by: a script, its configuration."""
    decided: dict[str, list[str]] = {}
    whole: set[str] = set()
    for name, check in zip(batch.gate.names, batch.gate.checks, strict=True) if batch.gate else ():
        command = getattr(check, "command", None) or getattr(check, "metric", None)
        allowed = Scope(
            (
                *(batch.gate.may_change if batch.gate else ()),
                *getattr(check, "may_change", ()),
                *getattr(check, "may_configure", ()),
            )
        )
        for decider in deciders(command.argv, base_paths, read) if command else ():
            if not allowed.allows(decider.path) and not protect.allows(decider.path):
                decided.setdefault(decider.path, []).append(name)
                whole |= set() if decider.parts else {decider.path}
    for agent in batch.agents:
        paths = tuple(path for path in decided if agent.scope.allows(path))
        if not paths:
            continue
        checks = dict.fromkeys(name for path in paths for name in decided[path])
        text = (
            f"{agent.id} may change {_some(paths)}, by which the gate decides ({_some([*checks])})"
        )
        mend = (
            "the base's version is what runs: name it in `workspace.protect`, take it out of "
            "`files:`, or name it in the check's `may_change` if the work is to change it"
        )
        # A wide scope reaches it by accident; of a file of which some tables decide, the rest is
        # free to be changed.
        narrow = [entry.glob for entry in agent.scope.entries if entry.glob[:1] != "*"]
        is_meant = any(map(Scope(tuple(narrow)).allows, whole.intersection(paths)))
        severity = Severity.WARNING if is_meant else Severity.NOTE
        yield Finding(FindingKind.DECIDES, severity, batch.id, (agent.id,), text, mend, paths)


def _editing_tests(
    batch: PlannedBatch, there: frozenset[str], is_of_tests: Callable[[str], bool]
) -> Iterator[Finding]:
    """Agents that are given files of the tests by name, which their own gate puts back."""
    if batch.gate is None:
        return
    globs = [glob for check in batch.gate.checks for glob in getattr(check, "may_change", ())]
    allowed = Scope((*batch.gate.may_change, *globs))
    for agent in batch.agents:
        # Only what is named: a wide scope is for new tests, too, and those need no leave.
        named = dict.fromkeys(entry.glob.lstrip("/") for entry in agent.scope.entries)
        paths = tuple(
            path
            for path in named
            if path in there and is_of_tests(path) and not allowed.allows(path)
        )
        if paths:
            are = "belongs" if len(paths) == 1 else "belong"
            text = (
                f"{_some(paths)} {are} to the tests: what {agent.id} edits there is put back, and "
                "its work refused"
            )
            mend = "name it in the gate's `may_change`, and it is judged both ways; new files need no leave"
            yield Finding(
                FindingKind.TESTS, Severity.WARNING, batch.id, (agent.id,), text, mend, paths
            )


def _is_plainly_new(pattern: str, folders: set[str]) -> bool:
    """A path without wildcards that names a file: by its extension, or in a folder that exists."""
    path = PurePosixPath(pattern.removeprefix("/"))
    if not is_literal(pattern):
        # Without a slash it holds at every depth, and yet a name with an extension says plainly
        # what is meant.
        return (
            not pattern.endswith("/")
            and not any(sign in pattern for sign in "*?[")
            and bool(path.suffix)
        )
    return bool(path.suffix) or str(path.parent) in folders


def _misspelt(pattern: str, files: Sequence[str]) -> str | None:
    """The file of the same folder and kind that a name without wildcards is one slip away from."""
    path = PurePosixPath(pattern.removeprefix("/"))
    if not is_literal(pattern) or str(path) in files:
        return None
    beside = [
        other
        for other in map(PurePosixPath, files)
        if other.parent == path.parent and other.suffix == path.suffix
    ]
    close = difflib.get_close_matches(path.stem, [other.stem for other in beside], n=1, cutoff=0.85)
    is_slip = bool(close) and not _is_numbered(path.stem, close[0])
    return str(path.with_name(close[0] + path.suffix)) if is_slip else None


def _is_numbered(one: str, other: str) -> bool:
    """Whether two names differ in their figures, as those of a series do, or by a word."""
    return re.sub(r"\d+", "", one) == re.sub(r"\d+", "", other) or (
        set(re.split(r"[_.-]", one)) != set(re.split(r"[_.-]", other))
        and abs(len(one) - len(other)) > 2
    )


def _unproven(
    batch: str, agents: tuple[str, ...], noun: str, claims: Sequence[Claim]
) -> Iterator[Finding]:
    bare = tuple(claim.text for claim in claims if not claim.proof)
    if bare:
        text = f"{len(bare)} of {len(claims)} {noun} without proof: reported as unvalidated, never as done"
        mend = "give each a `proof:` (a test, a check's name, `file: path`, `symbol: path::Name`)"
        yield Finding(FindingKind.UNPROVEN, Severity.NOTE, batch, agents, text, mend, bare)


def _unprovable(
    batch: PlannedBatch,
    agents: tuple[str, ...],
    claims: Sequence[Claim],
    there: frozenset[str],
    everybody: Scope,
) -> Iterator[Finding]:
    """Proofs in files that are neither in the base nor any agent's to write."""
    checks = batch.gate.names if batch.gate else ()
    proofs = (str(proof) for claim in claims for proof in claim.proof)
    files = {
        proof: str(PurePosixPath(_PROOF_WORD.sub("", proof).partition("::")[0]))
        for proof in proofs
        if proof not in checks
    }
    if missing := tuple(
        proof for proof, path in files.items() if path not in there and not everybody.reaches(path)
    ):
        text = f"nothing can prove it: {_some(missing)} is neither in the base nor in any agent's scope"
        mend = (
            "check the spelling of the proof, or let the agent who is to write it change that file"
        )
        yield Finding(
            FindingKind.UNPROVABLE, Severity.WARNING, batch.id, agents, text, mend, missing
        )


def _some(items: Sequence[str], most: int = 3) -> str:
    rest = len(items) - most
    return ", ".join(items[:most]) + (f" and {rest} more" if rest > 0 else "")
