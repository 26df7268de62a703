"""From a document to the draft of a mission: which line is a task, a file, a claim, a need.

A label decides (`**Scope:**`, `**Files to Modify:**`, `#### Deliverables`), and a bullet without
one is a task. What is said of a batch elsewhere (`Batch 1 Success:`, `- [ ] Phase 1: …`) is put to
its criteria. Whatever has no place is listed as such, so that nothing of a plan gets lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import PurePath

from orchestrator.errors import UsageError
from orchestrator.importing.document import Line, Section, plain, read_document
from orchestrator.importing.draft import Draft, DraftAgent, DraftBatch, Said, Unplaced
from orchestrator.importing.headings import BATCH_WORDS, Heading, find_families
from orchestrator.importing.naming import sentence, slug, unique_id
from orchestrator.importing.needs import bind_needs
from orchestrator.importing.scopes import Base, read_files
from orchestrator.mission.model import LABEL

SLOTS = {
    "mission": "mission|goal|objective|focus|description|purpose|summary",
    "files": r"(?:affected |relevant |target )?(?:files?|paths?|modules?)(?: to .*| affected| touched)?",
    "deliverables": "deliverables?|acceptance criteria|outputs?|definition of done|done when|results?",
    "criteria": "success criteria|exit criteria|success metrics|criteria|gate",
    "needs": r"dependenc(?:y|ies)|depends(?: on)?|needs|blocked by|requires|prerequisites?|after",
    "tasks": r"scope|(?:critical |key )?(?:tasks?|steps?|actions?)|technical details|work"
    "|what to do|to do|todo|implementation(?: plan| steps)?|changes|requirements",
}
_SLOT = {slot: re.compile(words, re.IGNORECASE) for slot, words in SLOTS.items()}
_REMARK = re.compile(
    r"(?i)(?:.* )?(?:priority|estimates?|estimated .*|owners?|assignees?|labels?|time(?:line)?|effort|impact"
    r"|risks?|status|type|components?|duration|due|severity|notes?|context|background|why|rationale)"
)
_OF_BATCH = re.compile(rf"(?i:\b(?:{BATCH_WORDS}))\s+(?P<number>\d+[a-z]?)\b[\s:–—-]*(?P<rest>.*)")
_SPEAKS_OF_SUCCESS = re.compile(r"(?i)\b(success|criteria|metrics|exit|acceptance|done)\b")
NO_PLAN = "no batch and no agent is in this plan"
_PARALLEL = re.compile(r"\s*\((?P<count>\d+)\s+agents?(?:\s+in)?\s+parallel\)", re.IGNORECASE)


def read_plan(text: str, name: str, base: Base) -> Draft:
    """The draft of a mission from a plan in Markdown; `name` is the file's.

    Raises UsageError where the plan has neither batches nor agents, or one of them twice.
    """
    return _Reading(text, name, base).draft


def slot_of(label: str) -> str:
    """Which part of a mission a label stands for; empty for a remark."""
    words = plain(label).strip(" :").lower()
    return next((slot for slot, form in _SLOT.items() if form.fullmatch(words)), "")


def is_label(words: str) -> bool:
    """Whether words followed by a colon say what stands below them."""
    return bool(slot_of(words) or _REMARK.fullmatch(plain(words).strip(" :")))


class _Reading:
    def __init__(self, text: str, name: str, base: Base) -> None:
        self.root, self.name, self.base = read_document(text, is_label), name, base
        self.seen: set[tuple[int, str]] = set()
        self.needs: dict[str, list[Said]] = {}
        self.families = find_families(self.root)
        self.draft = Draft(slug(PurePath(name).stem) or "plan", self._objective())
        self._batches()
        self._loose()
        if not self.draft.batches:
            raise UsageError(
                NO_PLAN,
                where=name,
                mend="write headings such as `## Batch 1: Core fixes` (or Phase, Wave, Stage) and below "
                "them `### Agent 1.1: Name` (or Task, Issue), with **Mission:**, **Scope:**, "
                "**Files to Modify:** and **Deliverables:**",
            )
        self._said_elsewhere()
        bind_needs(self.draft, self.needs)
        self._refuse_twice()
        self._rest()

    def _objective(self) -> str:
        for section in self.root.walk():
            title = re.sub(r"^\W*(?:[^\x00-\x7f]\W*)*", "", section.title).strip(" :").lower()
            if title in {"objective", "goal", "objectives", "goals", "overall goal"}:
                texts = [line for line in section.lines if line.kind == "text"]
                if texts:
                    self._take(*texts)
                    return " ".join(plain(line.text) for line in texts)
        first = next((section for section in self.root.walk() if section.title), None)
        return sentence(first.title) if first else "What the plan says"

    def _take(self, *lines: Line) -> None:
        self.seen |= {(line.line, line.text) for line in lines}

    # -- batches and agents ------------------------------------------------------------------------

    def _batches(self) -> None:
        taken: set[str] = set()
        for heading in self.families.batches:
            title = heading.title or f"{heading.word} {heading.number}"
            found = _PARALLEL.search(title)
            title = sentence(_PARALLEL.sub("", title))
            batch = DraftBatch(
                id=unique_id(title, f"{heading.word}-{heading.number}", taken),
                number=heading.number,
                title=title,
                line=heading.section.line,
                heading=heading.section.title,
                parallel=int(found["count"]) if found else None,
            )
            self.draft.batches.append(batch)
            agents = self.families.agents[heading.number]
            of_agents = {id(part) for agent in agents for part in agent.section.walk()}
            own = list(_lines(heading.section, of_agents))
            batch.agents = [self._agent(agent) for agent in agents]
            self._batch_lines(batch, own)

    def _batch_lines(self, batch: DraftBatch, lines: Iterable[Line]) -> None:
        """What stands in a batch outside of its agents; tasks and files there are an agent of their
        own, who is made where they are.
        """
        rest: list[Line] = []
        for line in lines:
            slot = slot_of(line.label)
            if slot == "criteria" or (slot == "deliverables" and batch.agents):
                batch.criteria.append(self._said(line))
            elif slot == "needs":
                self.needs.setdefault(batch.id, []).append(self._said(line))
            elif line.kind in {"row", "code"}:
                continue
            elif slot in {"tasks", "files", "deliverables", "mission"} or (self._is_task(line)):
                rest.append(line)
            else:
                batch.labels += _labels_of(line)
                batch.notes.append(self._note(line))
        if batch.agents and {slot_of(line.label) for line in rest} <= {"", "mission"}:
            batch.notes += map(self._note, rest)
        elif rest or not batch.agents:
            number = f"{batch.number}.{len(batch.agents) + 1 if batch.agents else 1}"
            agent = DraftAgent(number, batch.title, batch.line)
            self._agent_lines(agent, rest)
            batch.agents.append(agent)

    def _agent(self, heading: Heading) -> DraftAgent:
        agent = DraftAgent(
            heading.number, heading.title or f"Agent {heading.number}", heading.section.line
        )
        self._agent_lines(agent, _lines(heading.section, set()))
        return agent

    def _agent_lines(self, agent: DraftAgent, lines: Iterable[Line]) -> None:
        missions: list[Said] = []
        for line in lines:
            slot = slot_of(line.label)
            if line.kind in {"row", "code"}:
                continue
            if slot == "mission" and line.kind != "bullet":
                missions.append(self._said(line))
            elif slot == "mission":
                (agent.tasks if missions else missions).append(self._said(line))
            elif slot == "files":
                agent.files += read_files(self._said(line), self.base)
            elif slot in {"deliverables", "criteria"}:
                agent.deliverables.append(self._said(line))
            elif slot == "needs":
                self.needs.setdefault(agent.id, []).append(self._said(line))
            elif slot == "tasks" or self._is_task(line):
                agent.tasks.append(self._said(line))
            elif line.kind == "text" and not line.label:
                missions.append(self._said(line))
            else:
                agent.labels += _labels_of(line)
                agent.notes.append(self._note(line))
        text = " ".join(
            [*([agent.mission] if agent.mission else ()), *(said.text for said in missions)]
        )
        agent.mission = text

    def _loose(self) -> None:
        """Agents outside of the batches: put to the batch of their number, or to one of their
        own.
        """
        further: list[Heading] = []
        for heading in self.families.loose:
            batch = self._batch_of(heading.number.split(".")[0])
            made = batch.agents[0] if batch and len(batch.agents) == 1 else None
            if batch and "." in heading.number:
                batch.agents.append(self._agent(heading))
            elif batch and made and made.line == batch.line:
                # A phase that says what is to be done, and an issue of its number that says what
                # must come of it, are one piece of work.
                made.name = heading.title or made.name
                batch.notes.append(
                    Said(
                        f"paired with {heading.word} {heading.number} by number",
                        heading.section.line,
                    )
                )
                self._agent_lines(made, _lines(heading.section, set()))
            else:
                further.append(heading)
        if further:
            title = "Further work" if self.draft.batches else sentence(self.draft.objective)
            taken = {batch.id for batch in self.draft.batches}
            batch = DraftBatch(
                unique_id("further" if self.draft.batches else "work", "work", taken),
                "",
                title,
                further[0].section.line,
                title,
            )
            batch.agents = [self._agent(heading) for heading in further]
            self.draft.batches.append(batch)

    # -- what is said elsewhere --------------------------------------------------------------------

    def _said_elsewhere(self) -> None:
        for section in self.root.walk():
            of_section = _OF_BATCH.search(section.title)
            speaks = _SPEAKS_OF_SUCCESS.search(section.title)
            batch = self._batch_of(of_section["number"]) if of_section and speaks else None
            for line in section.lines:
                if self._is_seen(line) or line.kind != "bullet":
                    continue
                if batch is not None:
                    batch.criteria.append(self._said(line))
                elif speaks:
                    self._criterion(line)

    def _criterion(self, line: Line) -> None:
        """A bullet of the plan's criteria that names its batch: `Phase 1: 100% …`."""
        found = _OF_BATCH.match(plain(f"{line.label}: {line.text}" if line.label else line.text))
        batch = self._batch_of(found["number"]) if found else None
        if found and batch is not None and found["rest"]:
            self._take(line)
            batch.criteria.append(Said(found["rest"], line.line))

    def _batch_of(self, number: str) -> DraftBatch | None:
        return next((batch for batch in self.draft.batches if batch.number == number), None)

    # -- the rest ----------------------------------------------------------------------------------

    def _rest(self) -> None:
        first = next((section for section in self.root.walk() if section.title), self.root)
        for section in self.root.walk():
            for line in section.lines:
                if self._is_seen(line):
                    continue
                if section is first and line.kind == "field":
                    self.draft.notes.append(self._note(line))
                    continue
                text = line.text
                if line.kind == "code":
                    text = f"a block of {len(text.splitlines())} lines that begins: {text.strip()[:60]}"
                told = f"{line.label}: {text}" if line.label else text
                self.draft.unplaced.append(Unplaced(Said(plain(told), line.line), section.title))

    def _is_seen(self, line: Line) -> bool:
        return (line.line, line.text) in self.seen

    def _is_task(self, line: Line) -> bool:
        """Whether it is a bullet under no label, or under one of its own that is no remark's."""
        is_free = not line.label or (line.is_own and not is_label(line.label))
        return line.kind == "bullet" and is_free

    def _said(self, line: Line) -> Said:
        """A line's text, with its own label where that is no part of a mission."""
        self._take(line)
        if line.is_own and not slot_of(line.label):
            return Said(plain(f"{line.label}: {line.text}"), line.line)
        return Said(plain(line.text), line.line)

    def _note(self, line: Line) -> Said:
        self._take(line)
        return Said(plain(f"{line.label}: {line.text}" if line.label else line.text), line.line)

    def _refuse_twice(self) -> None:
        numbers = [batch.number for batch in self.draft.batches if batch.number]
        for batch in self.draft.batches:
            if numbers.count(batch.number) > 1:
                raise UsageError(
                    f"number {batch.number} is given to more than one batch",
                    where=f"{self.name}:{batch.line}",
                    mend="give each a number of its own",
                )
        known: dict[str, DraftAgent] = {}
        for batch in self.draft.batches:
            for agent in batch.agents:
                if other := known.get(agent.id):
                    raise UsageError(
                        f"agent {agent.id} is there twice: in lines {other.line} and {agent.line}",
                        where=f"{self.name}:{agent.line}",
                        mend="give one of the two another number",
                    )
                known[agent.id] = agent


def _labels_of(line: Line) -> Iterator[str]:
    """The labels that a remark names: `**Labels:** bug, websocket`, `**Priority:** P0 Critical`."""
    match plain(line.label).strip(" :").lower():
        case "labels" | "label":
            for part in plain(line.text).replace("`", "").split(","):
                if re.fullmatch(LABEL, part.strip()):
                    yield part.strip()
        case "priority":
            if found := re.search(r"\b[pP]\d\b", line.text):
                yield found[0].lower()
        case _:
            pass


def _lines(section: Section, without: set[int]) -> Iterable[Line]:
    """The lines of a section and of the parts of it; a heading in it that is a label (`#### Scope`)
    labels what stands below it.
    """
    for part in section.walk():
        if id(part) in without:
            continue
        label = plain(part.title).strip(" :") if part is not section else ""
        for line in part.lines:
            if line.label or not label:
                yield line
            else:
                yield replace(line, label=label)
