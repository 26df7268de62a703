"""`issues publish`: the mission as issues, made once and renewed from then on.

Owns which issue stands for which part of the mission: the one that carries its mark, as the server
lists it. A publish that was cut off is taken up by the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from orchestrator.errors import UsageError
from orchestrator.mission.model import Mission
from orchestrator.tracker.gh import Gh, GhError, require_repository
from orchestrator.tracker.links import Issue, Links
from orchestrator.tracker.marks import facts_of, is_trusted, marked, renewed
from orchestrator.tracker.outline import OURS, ROOM, ROOT, Item, Refs, outline

COLOURS = {
    "p0": "b60205",
    "p1": "d93f0b",
    "p2": "fbca04",
    "p3": "0e8a16",
    "critical": "b60205",
    "bug": "d73a4a",
    "enhancement": "a2eeef",
    "documentation": "0075ca",
    OURS: "5319e7",
}
_COLOUR = "ededed"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done, or would be: ``create``, ``update``, ``keep``, …"""

    what: str
    key: str
    number: int | None
    title: str

    def __str__(self) -> str:
        number = f"#{self.number}" if self.number else "#new"
        return f"{self.what:<8} {number:<7} {self.title}"


@dataclass(slots=True)
class Published:
    """What came of it."""

    issues: dict[str, Issue] = field(default_factory=dict)
    """By key."""
    steps: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    links: int = 0
    """Links that were not there before."""
    way: str = ""

    @property
    def changed(self) -> int:
        """How much was written."""
        return self.links + sum(step.what != "keep" for step in self.steps)


def publish(
    gh: Gh,
    mission: Mission,
    *,
    parent: int | None,
    close_parent: bool,
    dry_run: bool,
    tell: Callable[[str], None],
) -> Published:
    """Bring the issues of a mission to what it says now; with `dry_run` nothing is written.

    `parent` is an issue that is there already; without, the mission has one of its own. Raises
    UsageError and EnvironmentRefused before anything is written, GhError where a request fails.
    """
    require_repository(gh)
    above = _existing(gh, parent) if parent is not None else None
    return _Publishing(gh, mission, above, Published(), dry_run=dry_run, tell=tell).carry_out(
        close_parent=close_parent
    )


def known_issues(
    gh: Gh, mission: str, parent: int | None = None, wanted: Iterable[str] = ()
) -> dict[str, Issue]:
    """The issues of a mission by their key: those with its mark that the label leads to and, where
    some of the `wanted` are not among them, that are sub-issues of these or made by this login.
    """
    found: dict[str, Issue] = {}

    def take(issues: Iterable[Issue]) -> None:
        for issue in issues:
            facts = facts_of(issue.get("body"))
            if "pull_request" in issue or facts is None or facts.get("mission") != mission:
                continue
            key = str(facts.get("key"))
            # Of two that say the same, the older one is meant.
            if key not in found or issue["number"] < found[key]["number"]:
                found[key] = issue

    take(gh.pages("issues", state="all", labels=OURS))
    wanted = set(wanted)
    if wanted - found.keys():  # somebody may have taken labels off
        above = [issue["number"] for key, issue in found.items() if not key.startswith("agent:")]
        links = Links(gh, has_flags=False)
        for number in [*([parent] if parent is not None else []), *above]:
            take(links.children(number))
    if wanted - found.keys() and (login := _login(gh)):
        take(gh.pages("issues", state="all", creator=login))
    return found


def _login(gh: Gh) -> str:
    try:
        return str(gh.api("GET", "user", is_absolute=True)["login"])
    except GhError:
        return ""  # a workflow's token is nobody


def _existing(gh: Gh, number: int) -> dict[str, Any]:
    try:
        issue: dict[str, Any] = gh.get(f"issues/{number}")
    except GhError as error:
        if error.status not in (404, 410):
            raise
        raise UsageError(
            f"there is no issue #{number} in {gh.slug}", mend="name one that is there: --parent N"
        ) from None
    if "pull_request" in issue:
        raise UsageError(
            f"#{number} is a pull request, not an issue", mend="name an issue: --parent N"
        )
    return issue


@dataclass(slots=True)
class _Publishing:
    gh: Gh
    mission: Mission
    above: Issue | None
    done: Published
    dry_run: bool
    tell: Callable[[str], None]

    def carry_out(self, *, close_parent: bool) -> Published:
        links = Links(self.gh, self.gh.has_flags)
        number = self.above["number"] if self.above else None
        wanted = {item.key for item in outline(self.mission)} - ({ROOT} if self.above else set())
        known = known_issues(self.gh, self.mission.name, number, wanted)
        items = outline(self.mission, self._room(links, known))
        if self.above is not None:
            self.done.issues[ROOT] = self.above
            items = items[1:]
        self.done.issues |= {item.key: known[item.key] for item in items if item.key in known}
        keys = {item.key for item in items} | {ROOT}
        for key in sorted(known.keys() - keys):
            self.done.notes.append(
                f"#{known[key]['number']} ({key}) is no part of the mission any more; it is left as it is"
            )
        self._labels(items)
        for item in items:
            if item.key not in known:
                self._create(item)
        for item in items:
            self._update(item, is_new=item.key not in known)
        if not self.dry_run:
            self._link(links, items, {issue["number"] for issue in known.values()})
        self.done.way = links.way
        self.done.notes += links.notes
        if self.above is not None:
            self._tell_parent(self.above, items, close=close_parent)
        return self.done

    def _room(self, links: Links, known: dict[str, Issue]) -> int:
        """How many batches the parent can take."""
        is_flat = "part:mission:1" not in known and any(key.startswith("batch:") for key in known)
        if self.above is None or is_flat:
            return ROOM  # what was made one way stays that way
        ours = {issue["number"] for issue in known.values()}
        others = [
            each for each in links.children(self.above["number"]) if each["number"] not in ours
        ]
        return max(1, ROOM - len(others))

    def _labels(self, items: tuple[Item, ...]) -> None:
        wanted = {label.lower(): label for item in items for label in item.labels}
        there = {label["name"].lower() for label in self.gh.pages("labels")}
        for low, label in wanted.items():
            if low not in there:
                self._step("label", label, None, label)
                if not self.dry_run:
                    make_label(self.gh, label)

    def _refs(self) -> Refs:
        titles = {item.key: item.title for item in outline(self.mission)}

        def refs(key: str) -> str:
            issue = self.done.issues.get(key)
            return f"#{issue['number']}" if issue else titles.get(key, key)

        return refs

    def _body(self, item: Item) -> str:
        facts: dict[str, Any] = {"mission": self.mission.name, "key": item.key}
        if self.above is not None:
            facts["parent"] = self.above["number"]
        return marked(facts, item.text(self._refs()))

    def _create(self, item: Item) -> None:
        if self.dry_run:
            self._step("create", item.key, None, item.title)
            return
        body = {"title": item.title, "body": self._body(item), "labels": list(item.labels)}
        issue = self.gh.api("POST", "issues", body)
        self.done.issues[item.key] = issue
        self._step("create", item.key, issue["number"], item.title)

    def _update(self, item: Item, *, is_new: bool) -> None:
        issue = self.done.issues.get(item.key)
        if issue is None:
            return  # it would be made
        number = issue["number"]
        body = renewed(issue.get("body"), self._body(item))
        changes: dict[str, Any] = {}
        if body != (issue.get("body") or "").replace("\r\n", "\n"):
            changes["body"] = body
        if item.title != issue["title"]:
            changes["title"] = item.title
        missing = missing_labels(issue, item.labels)
        if not is_new:
            self._step("update" if changes or missing else "keep", item.key, number, item.title)
        if self.dry_run:
            return
        if changes:
            self.done.issues[item.key] = self.gh.api("PATCH", f"issues/{number}", changes)
        if missing:
            self.gh.api("POST", f"issues/{number}/labels", {"labels": missing})

    def _link(self, links: Links, items: tuple[Item, ...], known: set[int]) -> None:
        issues = self.done.issues
        new = {issue["number"] for issue in issues.values()} - known
        parents = dict.fromkeys(item.parent for item in items if item.parent)
        for parent in parents:
            children = [issues[item.key] for item in items if item.parent == parent]
            self.done.links += links.adopt(issues[parent]["number"], children, new)
        for item in items:
            blockers = [issues[key] for key in item.blocked_by]
            self.done.links += links.block(issues[item.key], blockers)

    def _tell_parent(self, above: Issue, items: tuple[Item, ...], *, close: bool) -> None:
        facts = {"mission": self.mission.name, "key": "published"}
        body = marked(facts, decomposition(self.mission, items, self._refs(), closes=close))
        comment = own_comment(self.gh, above["number"], facts)
        if is_other(comment, body):
            self._step("comment", "published", above["number"], "what it was split into")
            if not self.dry_run:
                write_comment(self.gh, above["number"], comment, body)
        if close and above["state"] == "open":
            self._step("close", "published", above["number"], above["title"])
            if not self.dry_run:
                self.gh.api(
                    "PATCH",
                    f"issues/{above['number']}",
                    {"state": "closed", "state_reason": "completed"},
                )

    def _step(self, what: str, key: str, number: int | None, title: str) -> None:
        step = Step(what, key, number, title)
        self.done.steps.append(step)
        self.tell(str(step))


def decomposition(
    mission: Mission, items: tuple[Item, ...], refs: Refs, *, closes: bool
) -> Iterator[str]:
    """What the parent is told: into which issues it was split."""
    by_key = {item.key: item for item in items}
    count = sum(item.key.startswith("agent:") for item in items)
    yield (
        f"Split into {len(mission.batches)} batches and {count} pieces of work by mission "
        f"`{mission.name}`:"
    )
    yield ""
    for batch in mission.batches:
        needs = by_key[f"batch:{batch.id}"].blocked_by
        after = f" (after {', '.join(map(refs, needs))})" if needs else ""
        yield f"- {refs(f'batch:{batch.id}')}{after}"
        yield from (f"  - {refs(f'agent:{agent.id}')}" for agent in batch.agents)
    if closes:
        yield ""
        yield "Closed in favour of these; each is closed once what it asks for is proven."


def own_comment(gh: Gh, number: int, facts: dict[str, Any]) -> Issue | None:
    """The comment on an issue that carries these facts in its mark, the oldest of several."""
    for comment in gh.pages(f"issues/{number}/comments"):
        found = facts_of(comment["body"])
        if (
            found is not None
            and is_trusted(comment)
            and {key: found.get(key) for key in facts} == facts
        ):
            return dict(comment)
    return None


def is_other(comment: Issue | None, body: str) -> bool:
    """Whether a comment is not there, or says something else."""
    return comment is None or comment["body"].replace("\r\n", "\n").strip() != body.strip()


def write_comment(gh: Gh, number: int, comment: Issue | None, body: str) -> None:
    """Renew a comment, or write it where there is none yet."""
    if comment is None:
        gh.api("POST", f"issues/{number}/comments", {"body": body})
    else:
        gh.api("PATCH", f"issues/comments/{comment['id']}", {"body": body})


def colour_of(label: str) -> str:
    """The colour that a new label gets, as hexadecimal digits."""
    return COLOURS.get(label.lower(), _COLOUR)


def make_label(gh: Gh, name: str) -> None:
    """Make a label; nothing happens where somebody made it meanwhile."""
    try:
        gh.api("POST", "labels", {"name": name, "color": colour_of(name)})
    except GhError as error:
        if error.status != 422:
            raise


def missing_labels(issue: Issue, wanted: tuple[str, ...] | list[str]) -> list[str]:
    """Those that an issue has not; GitHub does not tell capitals apart."""
    there = {label["name"].lower() for label in issue.get("labels", ())}
    return [label for label in wanted if label.lower() not in there]
