"""An issue with its sub-issues as a plan in Markdown, which `importing` makes a mission of.

Owns which issue is a batch and which an agent: what has sub-issues is a batch; where none of them
has any, those that wait for nobody are the first batch, those that wait for these the second, and so
on. Comments are put beside as context, for the person who reads the mission: agents are not told
what strangers wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from markdown_it import MarkdownIt

from orchestrator.errors import UsageError
from orchestrator.tracker.gh import Gh, GhError
from orchestrator.tracker.links import Issue, Links
from orchestrator.tracker.marks import facts_of
from orchestrator.tracker.outline import OURS, cut

DEEPEST = 8
"""Levels of sub-issues that there may be, on GitHub."""
LONGEST_COMMENT = 1_000
_REFERENCE = re.compile(r"(?:[-*+]|\d+[.)])\s+(?:\[[ xX]\]\s+)?#(\d+)\b.*")
_SAYS_LINK = re.compile(r"(?i)\s*(?:part of|blocked by|depends on)\s+#\d+(?:\s*,\s*#\d+)*\.?\s*")
_BLOCKED = re.compile(
    r"(?im)^\s*(?:[-*]\s+)?(?:\*\*)?(?:blocked by|depends on):?(?:\*\*)?:?\s+(.*#\d+.*)$"
)
_HIDDEN = re.compile(r"<!--.*?-->", re.DOTALL)
_NUMBERED = re.compile(
    r"(?i)\s*(?:batch|phase|wave|stage|milestone|agent|(?:sub-)?issue|task|ticket|story)\s+[\w.-]+\s*[:–—-]\s*(?=\S)"
)


@dataclass(slots=True)
class Node:
    """An issue, with what is below it."""

    issue: Issue
    children: list[Node] = field(default_factory=list)
    blockers: tuple[int, ...] = ()
    comments: tuple[Issue, ...] = ()

    @property
    def number(self) -> int:
        return int(self.issue["number"])

    @property
    def title(self) -> str:
        """Without a number of its own: it is given one."""
        return cut(_NUMBERED.sub("", self.issue["title"]), 200) or self.issue["title"]

    @property
    def body(self) -> str:
        return (self.issue.get("body") or "").replace("\r\n", "\n").replace("\r", "\n")

    def below(self) -> Iterator[Node]:
        """All that is below it, depth first."""
        for child in self.children:
            yield child
            yield from child.below()


def read_issue(gh: Gh, number: int) -> str:
    """The plan that an issue comes to. Raises UsageError where there is no such issue."""
    try:
        issue = gh.get(f"issues/{number}")
    except GhError as error:
        if error.status not in (404, 410):
            raise
        raise UsageError(
            f"there is no issue #{number} in {gh.slug}, or your login may not see it",
            mend="check the number, and `gh auth status`",
        ) from None
    root = _Reading(gh, Links(gh, has_flags=False)).node(issue, 0)
    return "\n".join(_plan(root, f"{gh.slug}#{number}")) + "\n"


class _Reading:
    def __init__(self, gh: Gh, links: Links) -> None:
        self.gh, self.links = gh, links
        self.seen: set[int] = set()

    def node(self, issue: Issue, depth: int) -> Node:
        number = issue["number"]
        self.seen.add(number)
        node = Node(issue)
        node.comments = tuple(self._comments(issue))
        if depth:
            # In words too: not every server knows more.
            said = [n for line in _BLOCKED.findall(node.body) for n in re.findall(r"#(\d+)", line)]
            known = [blocker["number"] for blocker in self.links.blockers(number)]
            node.blockers = tuple(dict.fromkeys([*known, *map(int, said)]))
        if depth < DEEPEST:
            below = self.links.children(number) or list(self._listed(node))
            node.children = [
                self.node(child, depth + 1) for child in below if child["number"] not in self.seen
            ]
        return node

    def _comments(self, issue: Issue) -> Iterator[Issue]:
        if issue.get("comments") == 0:
            return
        for comment in self.gh.pages(f"issues/{issue['number']}/comments"):
            if facts_of(comment["body"]) is None:
                yield comment

    def _listed(self, node: Node) -> Iterator[Issue]:
        """Issues that the text lists as its own, where the server knows of no sub-issues."""
        if self.links.has_parents:
            return
        for found in map(_REFERENCE.fullmatch, map(str.strip, node.body.split("\n"))):
            if found is None:
                continue
            try:
                issue: dict[str, Any] = self.gh.get(f"issues/{found[1]}")
            except GhError as error:
                if error.status not in (404, 410):
                    raise
                continue
            if "pull_request" not in issue:
                yield issue


# -- the plan --------------------------------------------------------------------------------------


def _plan(root: Node, name: str) -> Iterator[str]:
    yield f"# {cut(root.issue['title'], 200)}"
    yield ""
    yield f"**Context:** issue {name}, {root.issue.get('html_url', '')}"
    yield ""
    if not root.children:
        # Either a plan, or one piece of work.
        yield from _context(root)
        yield from _cleaned(root, set())
        return
    below = {node.number for node in root.below()}
    yield from _flat(_cleaned(root, below))
    yield from _context(root)
    closed = [node for node in root.below() if node.issue["state"] != "open"]
    yield from (
        f"**Status:** left out, closed: #{node.number} {cut(node.title, 200)}" for node in closed
    )
    batches = _batches(root)
    places = {
        agent.number: (row, column)
        for row, (_, agents) in enumerate(batches, 1)
        for column, agent in enumerate(agents, 1)
    }
    rows = {batch.number: row for row, (batch, _) in enumerate(batches, 1) if batch is not None}
    for row, (batch, agents) in enumerate(batches, 1):
        yield ""
        yield f"## Batch {row}: {batch.title if batch else f'Step {row}'}"
        yield ""
        needs = batch.blockers if batch else ()
        # What blocks an agent and is another batch's is waited for by the whole batch.
        outside = [n for agent in agents for n in agent.blockers if places.get(n, (row,))[0] != row]
        needed = {rows[n] for n in (*needs, *outside) if n in rows}
        needed |= {places[n][0] for n in (*needs, *outside) if n in places}
        if needed := needed - {row}:
            yield f"**Dependencies:** {', '.join(f'Batch {other}' for other in sorted(needed))}"
            yield ""
        if batch is not None:
            yield f"**Context:** issue #{batch.number}"
            yield from _labels(batch)
            yield ""
            yield from _flat(_cleaned(batch, below))
            yield from _context(batch)
        for column, agent in enumerate(agents, 1):
            same = [places[n][1] for n in agent.blockers if places.get(n, (0, 0))[0] == row]
            yield from _agent(agent, f"{row}.{column}", [f"Agent {row}.{n}" for n in same], below)


def _agent(node: Node, number: str, needs: Sequence[str], below: set[int]) -> Iterator[str]:
    yield ""
    yield f"### Agent {number}: {node.title}"
    yield ""
    body = list(_flat(_cleaned(node, below)))
    if not any(
        re.match(r"\s*\*\*(?:mission|goal|objective):?\*\*", line, re.IGNORECASE) for line in body
    ):
        yield f"**Mission:** {node.title.rstrip('.')}."
        yield ""
    yield from body
    yield ""
    if needs:
        yield f"**Dependencies:** {', '.join(needs)}"
        yield ""
    yield f"**Context:** issue #{node.number}"
    yield from _labels(node)
    yield from _context(node)


def _batches(root: Node) -> list[tuple[Node | None, list[Node]]]:
    """Each batch with its agents; None: agents that nobody has put together."""
    open_ = [node for node in _unparted(root) if _is_open(node)]
    if any(node.children for node in open_):
        found: list[tuple[Node | None, list[Node]]] = []
        for node in open_:
            agents = [each for each in _leaves(node) if _is_open(each)]
            if agents:
                found.append((node, agents))
            elif not node.children:
                found.append((node, [node]))
        return [(None if [batch] == agents else batch, agents) for batch, agents in found]
    return [(None, agents) for agents in _steps(open_)]


def _unparted(root: Node) -> Iterator[Node]:
    """What is below an issue; parts that only stand between are looked through."""
    for child in root.children:
        if str((facts_of(child.body) or {}).get("key", "")).startswith("part:"):
            yield from _unparted(child)
        else:
            yield child


def _leaves(node: Node) -> Iterator[Node]:
    """All below a batch, each a piece of work, also where it has parts of its own."""
    for child in _unparted(node):
        yield child
        yield from _leaves(child)


def _steps(nodes: Iterable[Node]) -> list[list[Node]]:
    """Issues by how many others they wait for, one after the other."""
    left = {node.number: node for node in nodes}
    steps: list[list[Node]] = []
    while left:
        ready = [node for node in left.values() if not left.keys() & set(node.blockers)]
        # Those that wait for one another are left to the person: `plan` refuses the circle.
        step = ready or list(left.values())
        steps.append(step)
        for node in step:
            del left[node.number]
    return steps


def _is_open(node: Node) -> bool:
    return bool(node.issue["state"] == "open")


def _labels(node: Node) -> Iterator[str]:
    names = [label["name"] for label in node.issue.get("labels", ())]
    names = [name for name in names if name != OURS and not name.startswith("run:")]
    if names:
        yield f"**Labels:** {', '.join(names)}"


def _context(node: Node) -> Iterator[str]:
    for comment in node.comments:
        who, when = comment["user"]["login"], str(comment.get("created_at", ""))[:10]
        text = cut(_HIDDEN.sub("", comment["body"]), LONGEST_COMMENT)
        yield ""
        yield f"**Context:** {who} on {when}: {text.replace('`', '')}"
    if node.comments:
        yield ""


def _cleaned(node: Node, below: set[int]) -> Iterator[str]:
    """The lines of a body, without comments that nobody sees and what only tells of links."""
    for line in _HIDDEN.sub("", node.body).split("\n"):
        found = _REFERENCE.fullmatch(line.strip())
        if not (_SAYS_LINK.fullmatch(line) or (found and int(found[1]) in below)):
            yield line


def _flat(lines: Iterable[str]) -> Iterator[str]:
    """Its headings as labels: the plan's own are those of batches and agents."""
    lines = list(lines)
    heads: dict[int, tuple[int, str]] = {}
    tokens = MarkdownIt("commonmark").parse("\n".join(lines))
    for place, token in enumerate(tokens):
        if token.type == "heading_open" and token.map:
            heads[token.map[0]] = (token.map[1], tokens[place + 1].content)
    end = 0
    for number, line in enumerate(lines):
        if number in heads:
            end, title = heads[number]
            yield f"**{' '.join(title.replace('*', '').split()).strip(' :')}:**"
        elif number >= end:
            yield line


def as_one_piece(text: str) -> str:
    """The plan of an issue that is none: all of it is one agent's work."""
    head, _, rest = text.partition("\n")
    title = head.removeprefix("# ")
    body = "\n".join(_flat(rest.split("\n")))
    return (
        f"{head}\n\n## Batch 1: {title}\n\n### Agent 1.1: {title}\n\n**Mission:** {title}.\n{body}"
    )
