"""A draft as a mission file: YAML with the plan's remarks as comments, and what is left to do
marked `# TODO`.

Written by hand, line by line, because the comments are half of it. Valid against the schema always;
whether the mission can be planned is for `plan` to say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

import yaml

from orchestrator.importing.draft import Draft, DraftAgent, DraftBatch, Said, ScopeLine
from orchestrator.importing.proofs import KnownTests

_PLAIN = re.compile(r"[A-Za-z/][\w /.()&+'@,%$=;?!#*<>-]*")
_SAYS_PROOF = re.compile(r"(.*\S)\s*\(proof: (`[^`]+`(?:, `[^`]+`)*)\)")
_OF_FILES = re.compile(r"(file|symbol): (\S.*)")
SCHEMA = "mission.schema.json"


def write_mission(draft: Draft, plan: str, repository: tuple[str, str], tests: KnownTests) -> str:
    """The text of a mission file.

    `plan` is the file that it came from, as it is to be named; `repository` the key and the value
    of where the work is to be done: `path` or `snapshot`.
    """
    return "\n".join(_lines(draft, plan, repository, tests)) + "\n"


def _lines(
    draft: Draft, plan: str, repository: tuple[str, str], tests: KnownTests
) -> Iterator[str]:
    yield f"# Imported from {_shown(plan)}; numbers in comments are its lines."
    yield from _remarks(draft.notes, "")
    yield "version: 1"
    yield f"name: {_scalar(draft.name)}"
    yield f"objective: {_scalar(draft.objective)}"
    yield ""
    yield "repository:"
    yield f"  {repository[0]}: {_scalar(repository[1])}"
    yield ""
    yield from _gates(tests)
    yield "batches:"
    for batch in draft.batches:
        yield from _batch(batch, tests)
    if draft.unplaced:
        yield ""
        yield "# What the plan says beside, and the mission has no place for:"
        section = ""
        for unplaced in draft.unplaced:
            if unplaced.section != section:
                section = unplaced.section
                yield f"#   {_shown(section)}"
            yield f"#   {unplaced.said.line:>5}  {_shown(unplaced.said.text)}"


def _gates(tests: KnownTests) -> Iterator[str]:
    if tests.roots:
        yield "gates:"
        yield "  tests:"
        yield "    checks:"
        yield "      - name: tests"
        yield f"        pytest: [{', '.join(map(_scalar, tests.roots))}]"
        yield "        at_least: 1"
    else:
        yield "# TODO: no tests were found; write `gates:`, and name one in each batch: without a gate"
        yield "# nothing is proven"
    yield ""


def _batch(batch: DraftBatch, tests: KnownTests) -> Iterator[str]:
    yield f"  # {_shown(batch.heading)} (line {batch.line})"
    yield from _remarks(batch.notes, "  ")
    yield from _todos(batch.todos, "  ")
    yield f"  - id: {_scalar(batch.id)}"
    yield f"    title: {_scalar(batch.title)}"
    if batch.needs:
        yield f"    needs: [{', '.join(map(_scalar, batch.needs))}]"
    yield from _labels(batch.labels, "    ")
    if batch.parallel and batch.parallel <= 1000:
        yield f"    parallel: {batch.parallel}"
    yield "    agents:"
    for agent in batch.agents:
        yield from _agent(agent, tests)
    if tests.roots:
        yield "    gate: tests"
    yield from _claims("criteria", batch.criteria, tests, "    ")
    yield ""


def _agent(agent: DraftAgent, tests: KnownTests) -> Iterator[str]:
    deep = " " * 8
    yield from _remarks(agent.notes, "      ")
    yield f"      - id: {_quoted(agent.id)}"
    yield f"{deep}name: {_scalar(agent.name)}"
    if not agent.mission:
        yield f"{deep}# TODO: say in one sentence what it is to do; the plan gives no mission"
    yield f"{deep}mission: {_scalar(agent.mission or agent.name)}"
    yield from _todos(agent.todos, deep)
    if agent.needs:
        yield f"{deep}needs: [{', '.join(map(_quoted, agent.needs))}]"
    yield from _labels(agent.labels, deep)
    if agent.tasks:
        yield f"{deep}tasks:"
        for said in agent.tasks:
            yield f"{deep}  - {_scalar(said.text)}"
    yield from _files(agent.files, deep)
    yield from _claims("deliverables", agent.deliverables, tests, deep)


def _files(files: Iterable[ScopeLine], deep: str) -> Iterator[str]:
    files = list(files)
    entries = dict.fromkeys(file.entry for file in files if file.entry)
    if not entries:
        yield f"{deep}# TODO: name in `files:` what it may change; without, it only reads"
    for file in files:
        if file.todo:
            yield f"{deep}# TODO: {_shown(file.todo)} (line {file.said.line})"
    if entries:
        yield f"{deep}files:"
        for entry in entries:
            remarks = [file.remark for file in files if file.entry == entry and file.remark]
            beside = f"  # {_shown('; '.join(dict.fromkeys(remarks)))}" if remarks else ""
            yield f"{deep}  - {_scalar(entry)}{beside}"


def _claims(key: str, claims: Iterable[Said], tests: KnownTests, deep: str) -> Iterator[str]:
    claims = list(claims)
    if claims:
        yield f"{deep}{key}:"
    for said in claims:
        text, proofs = _proofs(said.text)
        yield f"{deep}  - text: {_scalar(text)}"
        if given := [found for proof in proofs if (found := _OF_FILES.fullmatch(proof))]:
            yield f"{deep}    proof:"
            yield from (f"{deep}      - {found[1]}: {_scalar(found[2])}" for found in given)
        named = tuple(proof for proof in proofs if not _OF_FILES.fullmatch(proof))
        # Whether a gate runs what is named is not known here.
        proposed = named if proofs else tests.propose(text)
        if len(proposed) == 1:
            yield f"{deep}    # proof: {_shown(proposed[0])}"
        elif proposed:
            yield f"{deep}    # proof:"
            for id in proposed:
                yield f"{deep}    #   - {_shown(id)}"


def _proofs(text: str) -> tuple[str, list[str]]:
    """A claim, and what it says itself would prove it: ``it is there (proof: `file: a.py`)``, as
    published issues have it.
    """
    found = _SAYS_PROOF.fullmatch(text)
    return (found[1], re.findall(r"`([^`]+)`", found[2])) if found else (text, [])


def _labels(labels: Iterable[str], deep: str) -> Iterator[str]:
    if labels := list(dict.fromkeys(labels)):
        yield f"{deep}labels: [{', '.join(map(_listed, labels))}]"


def _listed(text: str) -> str:
    """A scalar between brackets, where a comma or a bracket would end it."""
    return _scalar(text) if re.fullmatch(r"[\w./-]+", text) else _quoted(text)


def _remarks(notes: Iterable[Said], deep: str) -> Iterator[str]:
    for said in notes:
        yield f"{deep}# {_shown(said.text)}"


def _todos(todos: Iterable[Said], deep: str) -> Iterator[str]:
    for said in todos:
        yield f"{deep}# TODO: {_shown(said.text)} (line {said.line})"


def _scalar(text: str) -> str:
    """A text as a YAML scalar that is read as this text, whatever it looks like."""
    if (
        _PLAIN.fullmatch(text)
        and text == text.strip()
        and " #" not in text
        and yaml.safe_load(f"- {text}") == [text]
    ):
        return text
    return _quoted(text)


def _quoted(text: str) -> str:
    # JSON's texts are YAML's; but YAML takes no control characters as they are.
    return "".join(
        sign if sign.isprintable() else f"\\u{ord(sign):04x}" if ord(sign) < 0x10000 else "\\ufffd"
        for sign in json.dumps(text, ensure_ascii=False)
    )


def _shown(text: str) -> str:
    """A text for a comment: in one line, without what YAML takes nowhere."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
