"""`follow`: a run's pull requests until they are merged. What is found of them becomes the next attempt
of the agent whose work it is.

Owns the loop: the first pull request that is not merged is looked at; where its base moved, the two
are merged and proven; red checks and reviews that want changes go to agents, a bounded number of
times, the gates judge what comes of it, and that is pushed. What was handed over stands in the
journal, so a `follow` that was stopped is taken up by the next one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from orchestrator.engine.beside.meeting import Reproof
from orchestrator.engine.workshop import opened_store
from orchestrator.errors import UsageError
from orchestrator.journal.events import RedoRequested, Return
from orchestrator.journal.facts import Outcome
from orchestrator.journal.log import read
from orchestrator.tracker.answers import answer, answered
from orchestrator.tracker.findings import Finding, checks_of, conflicts_of, reviews_of, whose
from orchestrator.tracker.pulls import (
    Piece,
    Prove,
    Pull,
    Tracked,
    find_pull,
    is_merged,
    open_pulls,
    pieces,
    proven_on,
    push,
    refuse_protected,
    require_rights,
)

Redo = Callable[[tuple[Return, ...], tuple[str, ...]], int]
"""Carries the run on: with what agents are told of their work, and which findings that is; nothing of
either goes on from where it stopped. Returns the exit code.
"""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long it goes on."""

    rounds: int = 3
    """How often findings are handed to agents, over all calls."""
    once: bool = False
    """Look and act once, and end."""
    agent: str | None = None
    """Whose work everything is that is found; None: told by the files."""


@dataclass(slots=True)
class Following:
    """`reload` reads the run again; `pause` waits for the time of one look."""

    tracked: Tracked
    bounds: Bounds
    prove: Prove
    redo: Redo
    reload: Callable[[Tracked], Tracked]
    pause: Callable[[], None]
    said: str = field(default="", init=False)

    def carry_out(self) -> int:
        """Returns the exit code: 0 where all is merged, or where one look found nothing against it."""
        require_rights(self.tracked)
        if find_pull(self.tracked.gh, pieces(self.tracked)[0].branch) is None:
            self.tracked.wish = replace(self.tracked.wish, each=True)
        if find_pull(self.tracked.gh, pieces(self.tracked)[0].branch) is None:
            raise UsageError(
                f"run {self.tracked.state.run} has no pull request in {self.tracked.gh.slug}",
                mend=f"open it: orchestrate land {self.tracked.state.run} --pr",
            )
        while True:
            code = self._look()
            if code is not None:
                return code
            if self.bounds.once:
                return 0
            self.pause()

    def _look(self) -> int | None:
        """One look; the exit code where it is the last one."""
        tracked = self.tracked
        if tracked.state.ended is None:
            self._say("the run is not at its end: going on with it")
            if code := self._carried_on((), ()):
                return code
            tracked = self.tracked
        found = self._first_open()
        if found is None:
            self._say(f"all of run {tracked.state.run} is merged into {tracked.target}")
            return 0
        piece, pull = found
        if pull["state"] != "open":
            self._say(f"#{pull['number']} was closed and not merged")
            return 1
        if pull["base"]["ref"] != tracked.target:
            # What was before it is merged: now it goes where everything goes.
            open_pulls(tracked, self.prove)
            pull = find_pull(tracked.gh, piece.branch) or pull
        self._answer_what_was_left(pull)
        return self._on_top(piece, pull) or self._findings(piece, pull)

    def _first_open(self) -> tuple[Piece, Pull] | None:
        for piece in pieces(self.tracked):
            pull = find_pull(self.tracked.gh, piece.branch)
            if pull is None:
                open_pulls(self.tracked, self.prove)
                pull = find_pull(self.tracked.gh, piece.branch)
                assert pull is not None  # it was just opened
            if not is_merged(self.tracked.gh, pull):
                return piece, pull
        return None

    # -- the base --------------------------------------------------------------------------------------

    def _on_top(self, piece: Piece, pull: Pull) -> int | None:
        """Where the base moved: the two merged, proven and pushed."""
        tracked, head = self.tracked, pull["head"]["sha"]
        onto = tracked.remote.fetch(tracked.target)
        with opened_store(tracked.state, tracked.folders) as store:
            if not store.has(head):
                raise UsageError(
                    f"somebody else has pushed to {piece.branch}: {head[:12]} is not of this run",
                    mend="go on by hand, or take that commit away",
                )
            if store.contains(head, onto):
                return None
            # On top of what is there already, so that reviewers see what is new.
            ours = head if store.contains(head, piece.commit) else piece.commit
            proven = proven_on(tracked, self.prove, piece, ours, onto)
            if proven.candidate:
                refuse_protected(tracked, piece.branch)
                push(tracked, store, piece.branch, proven.candidate)
                pull["head"]["sha"] = proven.candidate
                return None
        return self._hand_over(piece, pull, [self._against(onto, proven)])

    def _against(self, onto: str, proven: Reproof) -> Finding:
        tracked = self.tracked
        if proven.conflicts:
            paths = sorted({conflict.path for conflict in proven.conflicts})
            diff = tracked.repository.git.run(
                "diff", tracked.state.started.base, onto, "--", *paths
            ).text
            return conflicts_of(tracked.target, onto, proven.conflicts, diff)
        verdicts = proven.judgement.verdicts if proven.judgement else {}
        lines = [
            f"{gate}: {check.name}: {check.text}"
            for gate, verdict in verdicts.items()
            for check in verdict.checks
        ]
        text = "\n".join([f"{tracked.target} has moved to {onto[:12]}; on top of it:", *lines])
        return Finding(f"gate:{onto}", f"the gates are red on top of {tracked.target}", text)

    # -- checks and reviews ----------------------------------------------------------------------------

    def _findings(self, piece: Piece, pull: Pull) -> int | None:
        gh, number, head = self.tracked.gh, pull["number"], pull["head"]["sha"]
        checks = checks_of(gh, head)
        found: list[Finding] = [] if checks.pending else list(checks.red)
        for each in reviews_of(gh, number):
            if isinstance(each, str):
                self._say(each)
            else:
                found.append(each)
        known = {id for redo in self._redone() for id in redo.answers}
        new = [finding for finding in found if finding.id not in known]
        if new:
            return self._hand_over(piece, pull, new)
        if stuck := [finding for finding in found if finding.id.startswith("check:")]:
            self._say(f"#{number}: {stuck[0].what} still, and the next attempt changed nothing")
            return 1
        waits = [finding.what for finding in found]
        waits += [f"{', '.join(checks.pending)} at work"] if checks.pending else []
        self._say(
            f"#{number} ({'draft' if pull.get('draft') else 'open'}): {checks.passed} checks passed; "
            + ("; ".join(waits) or "nothing stands against it")
        )
        return None

    # -- agents ----------------------------------------------------------------------------------------

    def _hand_over(self, piece: Piece, pull: Pull, findings: Sequence[Finding]) -> int | None:
        tracked, number = self.tracked, pull["number"]
        for finding in findings:
            self._say(f"#{number}: {finding.what}")
        used = len(self._redone())
        if used >= self.bounds.rounds:
            self._say(f"handed to agents {used} times already (--rounds): now it is a person's")
            return 1
        told: dict[str, list[Finding]] = defaultdict(list)
        for finding in findings:
            agent = self.bounds.agent or getattr(
                whose(finding, tracked.summary, piece.held), "id", None
            )
            if agent is None:
                self._say(
                    f"nobody can tell whose work that is\n  say it: orchestrate follow "
                    f"{tracked.state.run} --agent ID"
                )
                return 1
            told[agent].append(finding)
        returns = tuple(
            Return(
                agent=agent,
                outcome=Outcome.REJECTED,
                reason="; ".join(finding.what for finding in own),
                evidence="\n\n".join(
                    f"On the pull request, {finding.what}:\n{finding.text}" for finding in own
                ),
            )
            for agent, own in told.items()
        )
        for agent in told:
            self._say(f"handed to agent {agent}")
        ids = tuple(finding.id for finding in findings)
        if code := self._carried_on(returns, ids):
            return code
        open_pulls(self.tracked, self.prove)
        self._answer_what_was_left(pull)
        return None

    def _carried_on(self, returns: tuple[Return, ...], answers: tuple[str, ...]) -> int:
        """The run once more; its exit code where it did not come to be whole."""
        code = self.redo(returns, answers)
        self.tracked = self.reload(self.tracked)
        if code:
            self._say(
                "what came of it is not proven, so nothing was pushed; the report says why\n"
                f"  orchestrate status {self.tracked.state.run}"
            )
        return code

    def _redone(self) -> list[RedoRequested]:
        """What was handed over so far."""
        events = (record.event for record in read(self.tracked.folders.report).records)
        return [each for each in events if isinstance(each, RedoRequested) and each.answers]

    def _answer_what_was_left(self, pull: Pull) -> None:
        """Say of what was handed over and not answered yet that it is."""
        redone = self._redone()
        if not redone:
            return
        gh, number = self.tracked.gh, pull["number"]
        done = answered(gh, number)
        head = gh.get(f"pulls/{number}")["head"]["sha"]
        for redo in redone:
            if not done >= set(redo.answers):
                answer(gh, number, self.tracked.summary, redo, head)
                self._say(f"#{number}: answered {', '.join(redo.answers)}")

    def _say(self, text: str) -> None:
        """The same is not said again while nothing changes."""
        if text != self.said:
            self.tracked.tell(text)
        self.said = text
