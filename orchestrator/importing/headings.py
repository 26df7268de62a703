"""Which headings of a plan are batches, and which are agents.

`Batch 1: …`, `Phase 2 - …` and the like may be batches; `Agent 1.1: …`, `Issue 3: …`, `Task …` and,
inside of a batch, `1.1 …` may be agents. A plan may have several such families (batches of agents,
and phases of how they are carried out): the one that has the agents is meant, else the one that
says most.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

from orchestrator.importing.document import Section

BATCH_WORDS = "batch|phase|wave|stage|milestone|sprint|iteration"
AGENT_WORDS = "agent|issue|sub-issue|task|ticket|story|workstream|work item|work package"

_NUMBER = r"(?P<number>\d+(?:\.\d+)*[a-z]?|[A-Z]\d*)"
_AFTER = r"(?:\s*[:.)\]–—-]+\s*(?P<title>.*)|\s*\((?P<inside>.*)\)|)\s*$"
_BATCH = re.compile(rf"(?P<word>(?i:{BATCH_WORDS}))\s+{_NUMBER}{_AFTER}")
_AGENT = re.compile(rf"(?P<word>(?i:{AGENT_WORDS}))\s+{_NUMBER}{_AFTER}")
_NUMBERED = re.compile(r"(?P<number>\d+\.\d+)[:.)]?\s+(?:[–—-]\s+)?(?P<title>\S.*)$")
_MEANS_NOTHING = re.compile(r"[A-Za-z]{2,}|\d")
"""In what stands before the word: then it is a sentence and no heading of the kind."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of a family: its word, number and title."""

    word: str
    number: str
    title: str
    section: Section


@dataclass(frozen=True, slots=True)
class Families:
    """The batches of a plan in its order, the agents in each (by its number), and agents that stand
    elsewhere.
    """

    batches: tuple[Heading, ...]
    agents: dict[str, tuple[Heading, ...]]
    loose: tuple[Heading, ...]


def find_families(root: Section) -> Families:
    """The batches and agents of a plan; none where it has no such headings."""
    groups: dict[tuple[int, str], list[Heading]] = defaultdict(list)
    for parent in root.walk():
        for section in parent.sections:
            if found := _heading(_BATCH, section):
                groups[id(parent), found.word].append(found)
    best = max(groups.values(), key=_weight, default=[])
    agents = {batch.number: _agents_in(batch.section) for batch in best}
    inside = {id(section) for batch in best for section in batch.section.walk()}
    loose = [
        found
        for section in root.walk()
        if id(section) not in inside and (found := _heading(_AGENT, section))
    ]
    return Families(tuple(best), agents, tuple(loose))


def _weight(batches: list[Heading]) -> tuple[int, int]:
    agents = sum(len(_agents_in(batch.section)) for batch in batches)
    said = sum(
        bool(line.label)
        for batch in batches
        for part in batch.section.walk()
        for line in part.lines
    )
    return agents, said


def _agents_in(batch: Section) -> tuple[Heading, ...]:
    return tuple(
        found
        for section in batch.walk()
        if section is not batch
        and (found := _heading(_AGENT, section) or _heading(_NUMBERED, section))
    )


def _heading(form: re.Pattern[str], section: Section) -> Heading | None:
    found = form.search(section.title)
    if found is None or _MEANS_NOTHING.search(section.title[: found.start()]):
        return None
    parts = found.groupdict()
    title = (parts["title"] or parts.get("inside") or "").strip()
    return Heading((parts.get("word") or "").lower(), parts["number"], title, section)
