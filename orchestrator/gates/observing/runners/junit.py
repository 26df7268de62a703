"""JUnit XML as the runners of many languages write it, read as tests by id.

Owns reading a report that an untrusted program wrote: bounded, without a document type (and so
without entities), from a regular file; and putting those of several packages together. An id is
``classname::name``. Which files they are is `report_files`', what the outcomes mean for a gate
`decide`'s.
"""

from __future__ import annotations

import math
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from orchestrator.gates.observing.observation import RED, TestSeen
from orchestrator.journal.facts import TestOutcome

REPORT_LIMIT_BYTES = 64 * 1024 * 1024
MESSAGE_LIMIT = 2000
CHUNK_BYTES = 1024 * 1024
DEPTH_LIMIT = 64
FILES_LIMIT = 10_000
SOURCE = re.compile(r"[^\s:*?<>|]*[/\\][^\s:*?<>|]+\.(?:[cm]?[jt]sx?|py|rb|php|vue|svelte|dart)")
"""What stands for the class of a test in some dialects: the path of its file."""
WORST = (
    *(TestOutcome.ERROR, TestOutcome.FAILED, TestOutcome.SKIPPED),
    *(TestOutcome.XFAILED, TestOutcome.XPASSED, TestOutcome.PASSED),
)


class UnreadableError(Exception):
    """The report cannot be believed; the text says why."""


@dataclass(slots=True)
class Report:
    """The tests of a report by id, the files that it says they stand in, and when it says that it
    was written (as it writes it; empty where it does not).
    """

    tests: dict[str, TestSeen] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    timestamp: str = ""

    def add(self, test_id: str, test: TestSeen) -> None:
        """Of the same id twice the worst counts: what was red once stays red."""
        known = self.tests.get(test_id)
        if known is None or WORST.index(test.outcome) < WORST.index(known.outcome):
            self.tests[test_id] = test


def merged(reports: Iterable[Report]) -> Report:
    """The reports of several packages as one."""
    whole = Report()
    for report in reports:
        for test_id, test in report.tests.items():
            whole.add(test_id, test)
        whole.files |= report.files
        whole.timestamp = min(filter(None, (whole.timestamp, report.timestamp)), default="")
    return whole


def read_report(path: Path) -> Report:
    """What stands in a report. Raises FileNotFoundError, UnreadableError."""
    try:
        # A FIFO must not be waited for, a link not be followed.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnreadableError(f"it cannot be opened: {error.strerror}") from error
    reading = _Reading()
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableError("it is not a regular file")
        if status.st_size > REPORT_LIMIT_BYTES:
            raise UnreadableError(f"it is larger than {REPORT_LIMIT_BYTES // 1024**2} MiB")
        try:
            while chunk := file.read(CHUNK_BYTES):
                reading.parser.Parse(chunk, False)  # noqa: FBT003
            reading.parser.Parse(b"", True)  # noqa: FBT003
        except (expat.ExpatError, LookupError, ValueError) as error:
            raise UnreadableError(f"it is not well-formed: {error}") from error
    return reading.result()


class _Reading:
    """The state of one parse."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self._report = Report()
        self._path: list[str] = []
        self._id = ""
        self._seconds = 0.0
        self._outcome = TestOutcome.PASSED
        self._message: list[str] = []
        self._assertions: int | None = None
        self._declared_red = 0
        self._seen_suite = False

    def result(self) -> Report:
        if not self._seen_suite:
            raise UnreadableError("it is not a JUnit report: no <testsuite> in it")
        tests = self._report.tests.values()
        if self._declared_red and not any(test.outcome in RED for test in tests):
            raise UnreadableError(
                f"it contradicts itself: it counts {self._declared_red} failures and shows none"
            )
        return self._report

    def _doctype(self, *_: object) -> None:
        raise UnreadableError("it has a document type, which no JUnit report needs")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        parent = self._path[-1] if self._path else ""
        self._path.append(tag)
        if len(self._path) > DEPTH_LIMIT:
            raise UnreadableError("it is nested too deeply")
        if tag in ("testsuite", "testsuites"):
            self._seen_suite = True
            self._declared_red += _count(attributes, "failures") + _count(attributes, "errors")
            self._report.timestamp = self._report.timestamp or attributes.get("timestamp", "")
            self._note_file(attributes)
        elif tag == "testcase":
            self._id = "::".join(
                part for part in (attributes.get("classname"), attributes.get("name")) if part
            )
            self._note_file(attributes)
            self._seconds = _seconds(attributes.get("time", ""))
            self._assertions = (
                _count(attributes, "assertions") if "assertions" in attributes else None
            )
            self._outcome = TestOutcome.PASSED
            self._message = []
        elif parent == "testcase" and self._outcome not in RED:
            match tag:
                case "failure":
                    self._outcome = TestOutcome.FAILED
                case "error":
                    self._outcome = TestOutcome.ERROR
                case "skipped":
                    is_expected = attributes.get("type") == "pytest.xfail"
                    self._outcome = TestOutcome.XFAILED if is_expected else TestOutcome.SKIPPED
                case _:
                    return
            self._message = [attributes.get("message", "")]

    def _text(self, text: str) -> None:
        if (
            len(self._path) > 1
            and self._path[-2] == "testcase"
            and self._path[-1] in ("failure", "error")
        ):
            self._message.append(text)

    def _end(self, tag: str) -> None:
        self._path.pop()
        if tag.rpartition(":")[2] != "testcase":
            return
        if not self._id:
            raise UnreadableError("a <testcase> has neither a name nor a class")
        text = "\n".join(
            part.strip()
            for part in ("".join(self._message[:1]), "".join(self._message[1:]))
            if part
        )
        test = TestSeen(
            outcome=self._outcome,
            seconds=self._seconds,
            message=text.strip()[-MESSAGE_LIMIT:],
            assertions=self._assertions,
        )
        self._report.add(self._id, test)

    def _note_file(self, attributes: dict[str, str]) -> None:
        told = [attributes.get("file", ""), attributes.get("filepath", "")]
        if SOURCE.fullmatch(name := attributes.get("classname", "")):
            told.append(name)
        if len(self._report.files) < FILES_LIMIT:
            self._report.files.update(filter(None, told))


def _count(attributes: dict[str, str], name: str) -> int:
    value = attributes.get(name, "0")
    return int(value) if value.isdecimal() else 0


def _seconds(text: str) -> float:
    try:
        value = float(text.replace(",", ""))
    except ValueError:
        return 0.0
    return value if math.isfinite(value) and value >= 0 else 0.0
