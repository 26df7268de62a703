"""What a document says of the state of things: each line that calls something done, partly done or
open.

Owns how people write that: a status column, a box that is ticked, signs such as ✅, words. Whether
any of it is so is not known here. A line that names no state is no claim.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.importing.document import Line, Section, plain, read_document


class Claimed(StrEnum):
    """What a document says of a thing."""

    DONE = "done"
    PARTIAL = "partial"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class StatusClaim:
    """One thing that a document says is done, partly done, or open."""

    subject: str
    """Of what it is said, without the words and signs that say it."""
    said: str
    """The words or signs that say it, as they stand there."""
    claimed: Claimed
    line: int
    """Of the file, from 1."""
    section: str
    is_overall: bool = False
    """Whether it speaks of all that the document is about."""
    is_row: bool = False
    is_ticked: bool = False


# Also as they look where a file in UTF-8 was read as something else and saved again.
_SIGNS = (
    (
        Claimed.DONE,
        ("✅", "☑", "✔", "🟢", "âœ…", "âœ”", "‚úÖ", ":white_check_mark:", ":heavy_check_mark:"),
    ),
    (Claimed.OPEN, ("❌", "✗", "✘", "🔴", "⛔", "âŒ", "â\N{REPLACEMENT CHARACTER}Œ", "‚ùå", ":x:")),
    (Claimed.PARTIAL, ("⚠️", "⚠", "🟡", "🚧", "âš ï¸", "âš", "‚ö†Ô∏è", ":warning:")),
)
_PARTIAL = (
    r"partial(?:ly)?(?:\s+\w+)?|in progress|ongoing|pending|unvalidated|unverified|needs? validation|wip|fixing"
    r"|almost (?:done|complete)|mostly \w+|ready for \w+"
)
_OPEN = (
    r"unresolved|incomplete|not (?:yet )?(?:\w+ly )?(?:done|complete[d]?|resolved|fixed|working|started|implemented"
    r"|validated|verified|passing|ready)|missing|fail(?:s|ed|ing|ure)?|broken|blocked|critical|todo|open|red|keep open"
)
_DONE = (
    r"(?:(?:completely|fully|successfully|now|all)\s+)*(?:done|complete[d]?|resolved|fixed|passing|passed|passes"
    r"|validated|verified|working|works|operational|implemented|finished|accomplished|restored|created|shipped"
    r"|landed|merged|delivered|closed|green|healthy|production[- ]ready)|success(?:ful)?|100\s?%"
)
_WORDS = tuple(
    (claimed, re.compile(rf"(?<![\w-])(?:{words})(?![\w-])", re.IGNORECASE))
    for claimed, words in (
        (Claimed.OPEN, _OPEN),
        (Claimed.PARTIAL, _PARTIAL),
        (Claimed.DONE, _DONE),
    )
)
_PERCENT = re.compile(
    r"(?<![\w.])(?P<number>\d{1,3}(?:\.\d+)?)\s?%(?:\s+(?:done|complete[d]?))?(?!\s+(?:fail|error|flak|skip))"
)
_QUOTED = re.compile(r'"[^"]*"')
"""What is quoted is said by somebody else."""
_NO_STATE_ALONE = frozenset(["critical", "open", "red", "todo"])
_STATUS_HEAD = re.compile(r"(?i)\b(status|state|progress|result|done|verdict|complete[d]?)\b")
_STATUS_LABEL = re.compile(
    r"(?i)(?:(?:current|overall|final|issue|project)\s+)?(?:status|state|verdict)"
)
_SAID_AT_END = re.compile(
    r"(?:\b(?:is|are|was|were|has been|have been|been)\s+(?:now\s+)?|[-–—:(\[]\s*|\*\*\s*)$"
)


def read_claims(text: str) -> tuple[StatusClaim, ...]:
    """Every claim of a document, in its order."""
    root = read_document(text)
    return tuple(claim for section in root.walk() for claim in _section(section, root))


def _section(section: Section, root: Section) -> Iterator[StatusClaim]:
    is_first = section in root.sections[:1]
    if section.title and (found := _in_words(section.title, section.line, section.title)):
        yield found
    for line in section.lines:
        if line.kind == "row":
            yield from _row(line, section.title)
        elif line.kind == "code":
            continue
        elif parts := _parts(line):
            for part in parts:
                if found := _in_words(part, line.line, section.title):
                    yield found
        elif line.is_own and line.kind != "bullet" and _STATUS_LABEL.fullmatch(line.label):
            if state := _state(line.text):
                subject = "" if is_first else plain(section.title)
                said = plain(line.text)
                yield StatusClaim(
                    subject, said, state, line.line, section.title, is_overall=is_first
                )
        elif line.ticked is not None:
            state = Claimed.DONE if line.ticked else Claimed.OPEN
            yield StatusClaim(
                _unsigned(_whole(line)),
                "[x]" if line.ticked else "[ ]",
                state,
                line.line,
                section.title,
                is_ticked=True,
            )
        elif found := _in_words(_whole(line), line.line, section.title):
            yield found


def _parts(line: Line) -> list[str]:
    """The parts of a line in which each has a sign of its own: `Phase 1 ✅, Phase 2 ✅`."""
    parts = re.split(r"[,;]\s+", line.text)
    has_sign = [any(sign in part for _, signs in _SIGNS for sign in signs) for part in parts]
    return [plain(part) for part in parts] if len(parts) > 1 and all(has_sign) else []


def _whole(line: Line) -> str:
    return plain(f"{line.label}: {line.text}" if line.is_own else line.text)


def _row(line: Line, section: str) -> Iterator[StatusClaim]:
    """A row's first cell is what it is about; its state stands under such a head, or is the first
    cell that is nothing else.
    """
    at = next((n for n, head in enumerate(line.head) if n and _STATUS_HEAD.search(head)), None)
    cells = [at] if at is not None else range(1, len(line.cells))
    for place in cells:
        cell = plain(line.cells[place]) if place < len(line.cells) else ""
        state = _state(cell) if at is not None or len(cell) < 30 else None
        if state:
            subject = _subject(line.cells[0])
            yield StatusClaim(subject, line.cells[place], state, line.line, section, is_row=True)
            return


def _state(text: str) -> Claimed | None:
    """The state that a text names; of several the most careful one, for a claim is no more than its
    reservation.
    """
    found = {claimed for claimed, signs in _SIGNS if any(sign in text for sign in signs)}
    rest = text
    for claimed, words in _WORDS:
        if words.search(rest):
            found.add(claimed)
            rest = words.sub(" ", rest)
    if match := _PERCENT.search(rest):
        found.add(Claimed.DONE if float(match["number"]) >= 100 else Claimed.PARTIAL)
    if Claimed.PARTIAL in found or (Claimed.DONE in found and Claimed.OPEN in found):
        return Claimed.PARTIAL
    return next(iter(found), None)


def _in_words(text: str, line: int, section: str) -> StatusClaim | None:
    """A claim in a sentence: a sign anywhere, or a word of state where such words stand: at the
    end, in capitals, or after a colon. `Fix the broken test` is none.
    """
    unquoted = _QUOTED.sub(" ", text)
    signs = [sign for _, signs in _SIGNS for sign in signs if sign in unquoted]
    if signs:
        state = _state(unquoted) if _said_words(text) else _state("".join(signs))
        return StatusClaim(
            _subject(text), max(signs, key=len), state or Claimed.PARTIAL, line, section
        )
    said = _said_words(text)
    if said:
        state = _state(said)
        if state:
            return StatusClaim(_subject(text), said, state, line, section)
    return None


def _said_words(text: str) -> str:
    text = _QUOTED.sub(lambda quoted: " " * len(quoted[0]), text)
    for _, words in _WORDS:
        for found in words.finditer(text):
            if found[0].lower() in _NO_STATE_ALONE:
                continue
            is_loud = found[0].isupper() and len(found[0]) > 2 and not text.isupper()
            before, after = text[: found.start()], text[found.end() :]
            ends = not after.strip(" .!)]*")
            if is_loud or (ends and before.strip() and _SAID_AT_END.search(before)):
                return found[0]
            if ends and text.isupper() and before.strip():
                return found[0]
    found_percent = _PERCENT.search(text)
    if found_percent and _SAID_AT_END.search(text[: found_percent.start()]):
        return found_percent[0]
    return ""


def _subject(text: str) -> str:
    """What a claim is about: the text without the signs and loud words that say its state."""
    subject = _unsigned(text)
    said = _said_words(subject)
    if said:
        place = subject.rfind(said)
        subject = f"{subject[:place]} {subject[place + len(said) :]}"
    subject = re.sub(r"\b(?:is|are|has been|have been)\s+(?:now\s+)?[.!]*\s*$", "", subject)
    return " ".join(subject.split()).strip(
        " :-–—.!()[]*\N{REPLACEMENT CHARACTER}\N{VARIATION SELECTOR-16}"
    )


def _unsigned(text: str) -> str:
    text = plain(text)
    for _, signs in _SIGNS:
        for sign in signs:
            text = text.replace(sign, " ")
    return " ".join(text.split())
