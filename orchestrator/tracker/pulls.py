"""`land --pr`: what a run proved, as a pull request, or one for each batch in the order in which
they landed.

Owns the branches that are pushed, what the pull requests say, and whether they are drafts. Which
there are already, the server says: by their branches, which are named after the run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from orchestrator.engine.beside.meeting import Meeting, Reproof
from orchestrator.engine.folders import Folders
from orchestrator.engine.workshop import opened_store
from orchestrator.errors import EnvironmentRefused, UsageError
from orchestrator.git.land import full_name
from orchestrator.git.repository import Repository
from orchestrator.git.store import Store
from orchestrator.isolation.secrets import without_secrets
from orchestrator.journal.state import State
from orchestrator.reports.assessment import evidence_of
from orchestrator.reports.markdown import render_markdown
from orchestrator.reports.model import Summary
from orchestrator.tracker.gh import Gh, GhError, require_repository
from orchestrator.tracker.marks import marked, renewed
from orchestrator.tracker.outline import OURS, ROOT, cut
from orchestrator.tracker.publishing import known_issues, make_label, missing_labels
from orchestrator.tracker.remotes import Remote
from orchestrator.tracker.syncing import run_label

_LINK = re.compile(r"(?<!\\)\[((?:[^\]\\]|\\.)*)\]\((?!https?:|#)[^)]*\)")
"""A link to a file of the report's folder, which nobody has on GitHub."""
METHODS = (
    ("merge", "allow_merge_commit"),
    ("squash", "allow_squash_merge"),
    ("rebase", "allow_rebase_merge"),
)
"""Ways to merge, the one that keeps the tested commit first."""

Pull = dict[str, Any]
Prove = Callable[[Meeting], Reproof]
"""Puts a commit of the run on top of what came to the branch it goes to, and proves that."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asked for."""

    base: str | None = None
    """The branch to merge into; by default the one that the run started from."""
    branch: str | None = None
    each: bool = False
    """One pull request for each batch."""
    labels: tuple[str, ...] = ()
    ready: bool = False
    """No draft, although not everything is proven."""
    auto: bool = False
    """Merge once all that the repository asks for is there, or put it into its merge queue."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one pull request brings: `commit`, from its branch to `base`. `batches` are those whose
    landings it holds beside what is before it.
    """

    branch: str
    base: str
    commit: str
    title: str
    batches: tuple[str, ...]
    is_proven: bool
    held: frozenset[str]
    """All batches that its commit holds."""


@dataclass(slots=True)
class Tracked:
    """A run and the repository on GitHub that it goes to."""

    gh: Gh
    folders: Folders
    state: State
    summary: Summary
    remote: Remote
    wish: Wish
    tell: Callable[[str], None]
    about: dict[str, Any] = field(default_factory=dict)
    """What GitHub says of the repository."""

    @property
    def repository(self) -> Repository:
        return self.remote.repository

    @property
    def target(self) -> str:
        """The branch that everything goes to in the end."""
        target = self.wish.base or self.state.started.branch
        if target is None:
            raise UsageError(
                "the run's base was not a branch", mend="say where to merge: --base BRANCH"
            )
        return target


def pieces(tracked: Tracked) -> list[Piece]:
    """The pull requests that a run comes to, in the order in which they are merged."""
    state, target = tracked.state, tracked.target
    if state.tip == state.started.base:
        raise UsageError(
            f"nothing has landed in run {state.run}", mend=f"orchestrate status {state.run}"
        )
    mission = state.plan.mission
    name = tracked.wish.branch or f"orchestrate/{state.run}"
    found = {
        item.component: item.found for item in evidence_of(tracked.summary) if item.kind == "batch"
    }
    if not tracked.wish.each:
        return [
            Piece(
                branch=name,
                base=target,
                commit=state.tip,
                title=cut(f"{mission.name}: {mission.objective}", 120),
                batches=tuple(dict.fromkeys(state.history)),
                is_proven=tracked.summary.recommendation.is_resolved,
                held=frozenset(state.history),
            )
        ]
    last = {batch: place for place, batch in enumerate(state.history)}
    order = sorted(last, key=lambda batch: last[batch])
    made: list[Piece] = []
    for number, batch in enumerate(order, 1):
        made.append(
            Piece(
                branch=f"{name}.{number}-{batch}",
                base=made[-1].branch if made else target,
                commit=state.batches[batch].landings[-1].commit,
                title=cut(
                    f"{mission.name} {number}/{len(order)}: {state.plan.batch(batch).title}", 120
                ),
                batches=(batch,),
                is_proven=found.get(batch) == "validated",
                held=frozenset(order[:number]),
            )
        )
    return made


def open_pulls(tracked: Tracked, prove: Prove) -> list[Pull]:
    """Push what the run proved and open its pull requests, or bring those that are there up to date.

    Those that were merged are passed by. Raises UsageError where a branch is protected, or somebody
    else pushed to it.
    """
    require_rights(tracked)
    found: list[Pull] = []
    base: str | None = None
    with opened_store(tracked.state, tracked.folders) as store:
        for piece in pieces(tracked):
            pull = find_pull(tracked.gh, piece.branch)
            if pull is not None and is_merged(tracked.gh, pull):
                tracked.tell(f"#{pull['number']} is merged: {piece.title}")
                found.append(pull)
                continue
            base = base or tracked.target
            pull = _open(tracked, store, piece, base, pull, prove)
            found.append(pull)
            base = piece.branch
    return found


def require_rights(tracked: Tracked) -> None:
    """Raises an error where the login may not push there."""
    gh = tracked.gh
    tracked.remote.require()
    tracked.about = require_repository(gh, to_write=False)
    rights = tracked.about.get("permissions") or {}
    if tracked.about.get("archived"):
        raise UsageError(
            f"{gh.slug} is archived", mend="name another repository: --repo OWNER/NAME"
        )
    if rights.get("pull") and not rights.get("push"):
        raise EnvironmentRefused(
            f"your login may not push to {gh.slug}",
            where="gh",
            mend="ask for the write role, or push to a fork: --repo, --remote",
        )


def find_pull(gh: Gh, branch: str) -> Pull | None:
    """The pull request of a branch: the open one, else the newest."""
    found = list(gh.pages("pulls", state="all", head=f"{gh.slug.owner}:{branch}"))
    found.sort(key=lambda pull: (pull["state"] == "open", pull["number"]))
    return dict(found[-1]) if found else None


def is_merged(gh: Gh, pull: Pull) -> bool:
    """Whether it was merged; a list does not say that."""
    if pull["state"] == "open":
        return False
    return bool(pull.get("merged_at")) or bool(gh.get(f"pulls/{pull['number']}").get("merged"))


def _open(  # noqa: PLR0917  (all that one pull request is made of)
    tracked: Tracked, store: Store, piece: Piece, base: str, pull: Pull | None, prove: Prove
) -> Pull:
    gh, remote = tracked.gh, tracked.remote
    if pull is not None and pull["state"] != "open":
        raise UsageError(
            f"#{pull['number']} was closed by somebody",
            where=piece.branch,
            mend="open it again there, or use another branch: --branch NAME",
        )
    refuse_protected(tracked, piece.branch)
    commit, why = piece.commit, ""
    onto = remote.tip(base)
    if onto is None:
        raise UsageError(
            f"{remote.name} has no branch {base}",
            mend="push it first, or name another: --base BRANCH",
        )
    if base == tracked.target and not _holds(store, piece.commit, onto):
        onto = remote.fetch(base)
        there = remote.tip(piece.branch)
        if there and store.has(there) and _holds(store, there, piece.commit, onto):
            commit = there  # as it was proven before
        else:
            found = proven_on(tracked, prove, piece, piece.commit, onto)
            commit, why = found.candidate or piece.commit, why_not(found)
    push(tracked, store, piece.branch, commit)
    is_draft = bool(why) or not (piece.is_proven or tracked.wish.ready)
    pull = _written(tracked, piece, base, pull, why, is_draft=is_draft)
    number = pull["number"]
    issue = gh.get(f"issues/{number}")
    labels = [OURS, run_label(tracked.state.run), *tracked.wish.labels]
    if missing := missing_labels(issue, labels):
        for label in missing:
            make_label(gh, label)
        gh.api("POST", f"issues/{number}/labels", {"labels": missing})
    if pull.get("draft") and not is_draft:
        gh.run("pr", "ready", str(number))
        tracked.tell(f"#{number} is ready for review")
    if tracked.wish.auto and base == tracked.target:
        _merge_by_itself(tracked, number, is_draft=is_draft)
    return pull


def proven_on(tracked: Tracked, prove: Prove, piece: Piece, commit: str, onto: str) -> Reproof:
    """A commit of the piece on top of one of the branch that everything goes to, as far as both are
    proven.
    """
    name = f"{tracked.target} of {tracked.remote.name}"
    tracked.tell(f"{name} has moved to {onto[:12]}: merging with it, and proving that")
    return prove(Meeting(name, onto, commit, piece.held))


def why_not(found: Reproof) -> str:
    """Why the two are not proven together; empty where they are."""
    if found.candidate:
        return ""
    if found.conflicts:
        return "; ".join(f"{each.path}: {each.text}" for each in found.conflicts)
    return "the gates did not pass on the two together"


def _holds(store: Store, commit: str, *others: str) -> bool:
    return all(store.has(other) and store.contains(commit, other) for other in others)


def refuse_protected(tracked: Tracked, branch: str) -> None:
    """Raises UsageError for a branch that nobody is to push to by himself."""
    gh = tracked.gh
    full_name(tracked.repository, branch)
    why = ""
    if branch in {tracked.target, tracked.about.get("default_branch")}:
        why = "is what is merged into"
    else:
        try:
            if gh.get(f"branches/{branch}").get("protected"):
                why = "is protected"
        except GhError as error:
            if error.status != 404:
                raise
        try:
            rules = {rule["type"] for rule in gh.get(f"rules/branches/{branch}") or ()}
        except GhError as error:
            if error.status not in (403, 404):
                raise
            rules = set()  # an older server has none
        if held := rules & {"pull_request", "update", "creation", "merge_queue"}:
            why = why or f"has a ruleset that forbids it ({', '.join(sorted(held))})"
    if why:
        raise UsageError(
            f"{branch} {why}, so nothing is pushed there", mend="name another: --branch NAME"
        )


def push(tracked: Tracked, store: Store, branch: str, commit: str) -> None:
    """Bring a commit of the run to a branch there, unless somebody else has pushed to it."""
    remote = tracked.remote
    there = remote.tip(branch)
    if there == commit:
        return
    if there is not None and not store.has(there):
        raise UsageError(
            f"somebody else has pushed to {branch} of {remote.name}: {there[:12]} is not of this run",
            mend="look at what they did; merge it by hand, or use another branch: --branch NAME",
        )
    ref = f"refs/orchestrate/{tracked.state.run}/pushed"
    store.set_ref(ref, commit, old=None)
    remote.bring(store.path, ref)
    remote.push(commit, branch, there)
    tracked.tell(f"pushed {commit[:12]} to {branch}")


def _written(
    tracked: Tracked, piece: Piece, base: str, pull: Pull | None, why: str, *, is_draft: bool
) -> Pull:
    """The pull request with its text; as far as it says the same, nothing is written."""
    gh = tracked.gh
    body = marked(
        {"mission": tracked.summary.mission, "key": "pull", "run": tracked.summary.run},
        _body(tracked, piece, why),
    )
    if pull is None:
        asked = {"title": piece.title, "head": piece.branch, "base": base, "body": body}
        try:
            pull = gh.api("POST", "pulls", {**asked, "draft": is_draft})
        except GhError as error:
            if not (is_draft and error.status == 422 and "draft" in error.said.lower()):
                raise
            # Not every plan has drafts: then its text and its title say so.
            asked["title"] = f"[not proven] {piece.title}"
            pull = gh.api("POST", "pulls", asked)
        assert pull is not None  # it was answered
        tracked.tell(
            f"opened #{pull['number']}{' as a draft' if is_draft else ''}: {pull['html_url']}"
        )
        return pull
    changes: dict[str, Any] = {}
    renewed_body = renewed(pull.get("body"), body)
    if renewed_body.strip() != (pull.get("body") or "").replace("\r\n", "\n").strip():
        changes["body"] = renewed_body
    if pull["base"]["ref"] != base:
        changes["base"] = base
    if changes:
        number = pull["number"]
        pull = {**pull, **gh.api("PATCH", f"pulls/{number}", changes)}
        tracked.tell(
            f"#{number} says what is so now{f', and goes to {base}' if 'base' in changes else ''}"
        )
    return pull


def _body(tracked: Tracked, piece: Piece, why: str) -> Iterator[str]:
    if why:
        yield f"> **Not proven on top of the branch it goes to**: {why}"
        yield ""
    if tracked.about.get("has_issues"):
        issues = known_issues(tracked.gh, tracked.summary.mission)
        keys = [f"batch:{batch}" for batch in piece.batches] if tracked.wish.each else [ROOT]
        numbers = [issues[key]["number"] for key in keys if key in issues]
        if numbers:
            yield f"For {', '.join(f'#{number}' for number in numbers)}."
            yield ""
    if tracked.wish.each:
        names = ", ".join(f"`{batch}`" for batch in piece.batches)
        yield f"Brings batch {names} of the run below; the pull requests of the run are merged in order."
        yield ""
    yield _LINK.sub(r"\1", render_markdown(without_secrets(tracked.summary)))


def _merge_by_itself(tracked: Tracked, number: int, *, is_draft: bool) -> None:
    if is_draft:
        tracked.tell(f"#{number} is a draft, so it is not merged by itself")
        return
    method = next((name for name, key in METHODS if tracked.about.get(key, True)), "merge")
    tracked.gh.run("pr", "merge", str(number), "--auto", f"--{method}")
    tracked.tell(f"#{number} is merged ({method}) once all that the repository asks for is there")
