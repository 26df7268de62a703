"""Sub-issues and "blocked by", as far as the server knows of them.

Owns the three ways, best first: the flags of a new `gh`, REST with the issues' database ids, and
none, where only the texts of the issues say it. What a server does not know is asked once.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.tracker.gh import Gh, GhError
from orchestrator.tracker.outline import MOST_BLOCKERS, ROOM

_UNKNOWN = (404, 410)

Issue = Mapping[str, Any]


@dataclass(slots=True)
class Links:
    """What was asked of one server so far."""

    gh: Gh
    has_flags: bool
    has_parents: bool = True
    has_blockers: bool = True
    notes: list[str] = field(default_factory=list)
    """What could not be linked, and why."""

    @property
    def way(self) -> str:
        """How issues are linked here, for people."""
        if not (self.has_parents or self.has_blockers):
            return (
                "in their texts only: this server knows neither sub-issues nor what blocks an issue"
            )
        lacking = "" if self.has_parents else "; parents in the texts only"
        lacking += "" if self.has_blockers else "; what blocks an issue in the texts only"
        return (
            "true links, by `gh issue edit`" if self.has_flags else "true links, by REST"
        ) + lacking

    def children(self, parent: int) -> list[Issue]:
        """The sub-issues that an issue has; none where the server knows of none."""
        return self._list(f"issues/{parent}/sub_issues", "has_parents") if self.has_parents else []

    def blockers(self, issue: int) -> list[Issue]:
        """What blocks an issue, as the server knows it."""
        if not self.has_blockers:
            return []
        return self._list(f"issues/{issue}/dependencies/blocked_by", "has_blockers")

    def _list(self, path: str, known: str) -> list[Issue]:
        try:
            return list(self.gh.pages(path))
        except GhError as error:
            if error.status not in _UNKNOWN:
                raise
            setattr(self, known, False)
            return []

    def adopt(
        self, parent: int, children: Sequence[Issue], new: Container[int] = frozenset()
    ) -> int:
        """Make issues sub-issues of another; how many were not before. Those that are `new` have no
        parent yet.
        """
        there = self.children(parent)
        numbers = {each["number"] for each in there}
        count, room = 0, ROOM - len(there)
        for child in children:
            if not self.has_parents or child["number"] in numbers:
                continue
            if room <= 0:
                self.notes.append(f"#{child['number']} is no sub-issue of #{parent}: it has {ROOM}")
                continue
            if self._add_parent(parent, child, is_new=child["number"] in new):
                count, room = count + 1, room - 1
        return count

    def block(self, issue: Issue, blockers: Sequence[Issue]) -> int:
        """Say what blocks an issue; how many of them were not said before."""
        if not blockers:
            return 0
        there = {each["number"] for each in self.blockers(issue["number"])}
        missing = [each for each in blockers if each["number"] not in there]
        if not self.has_blockers:
            return 0
        for each in (
            missing[MOST_BLOCKERS - len(there) :] if len(there) < MOST_BLOCKERS else missing
        ):
            self.notes.append(
                f"#{each['number']} blocks #{issue['number']} in its text only: {MOST_BLOCKERS} do"
            )
        missing = missing[: max(0, MOST_BLOCKERS - len(there))]
        if missing and self._flags(
            issue["number"], "--add-blocked-by", ",".join(str(each["number"]) for each in missing)
        ):
            return len(missing)
        return sum(self._add_blocker(issue, each) for each in missing)

    def _add_parent(self, parent: int, child: Issue, *, is_new: bool) -> bool:
        other = None if is_new else self._parent_of(child["number"])
        if other is not None:
            self.notes.append(f"#{child['number']} stays below #{other}, where somebody put it")
            return False
        if self._flags(child["number"], "--parent", str(parent)):
            return True
        return self._post(f"issues/{parent}/sub_issues", {"sub_issue_id": child["id"]})

    def _parent_of(self, issue: int) -> int | None:
        try:
            return int(self.gh.get(f"issues/{issue}/parent")["number"])
        except GhError as error:
            if error.status not in _UNKNOWN:
                raise
            return None

    def _add_blocker(self, issue: Issue, blocker: Issue) -> bool:
        path = f"issues/{issue['number']}/dependencies/blocked_by"
        return self._post(path, {"issue_id": blocker["id"]})

    def _flags(self, issue: int, *flags: str) -> bool:
        if not self.has_flags:
            return False
        try:
            self.gh.run("issue", "edit", str(issue), *flags)
        except GhError:
            self.has_flags = False  # REST says what is wrong, if anything is
            return False
        return True

    def _post(self, path: str, body: Mapping[str, Any]) -> bool:
        try:
            self.gh.api("POST", path, body)
        except GhError as error:
            if error.status not in (*_UNKNOWN, 422):
                raise
            self.notes.append(f"{path}: {error.said}")
            return False
        return True
