"""JUnit XML as the runners of many languages write it, read as tests by id.

Owns reading a report that an untrusted program wrote: bounded, without a document type (and so
without entities), from a regular file. An id is ``classname::name``. What the outcomes mean for a
gate is `decide`'s.
"""

from __future__ import annotations

import math
import os
import stat
from pathlib import Path
from xml.parsers import expat

from orchestrator.gates.observing.observation import RED, TestSeen
from orchestrator.journal.facts import TestOutcome

REPORT_LIMIT_BYTES = 64 * 1024 * 1024
MESSAGE_LIMIT = 2000
CHUNK_BYTES = 1024 * 1024
DEPTH_LIMIT = 64


class UnreadableError(Exception):
    """The report cannot be believed; the text says why."""


def read_report(path: Path) -> dict[str, TestSeen]:
    """The tests of a report. Raises FileNotFoundError, UnreadableError."""
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
        self._tests: dict[str, TestSeen] = {}
        self._path: list[str] = []
        self._id = ""
        self._seconds = 0.0
        self._outcome = TestOutcome.PASSED
        self._message: list[str] = []
        self._declared_red = 0
        self._seen_suite = False

    def result(self) -> dict[str, TestSeen]:
        if not self._seen_suite:
            raise UnreadableError("it is not a JUnit report: no <testsuite> in it")
        if self._declared_red and not any(test.outcome in RED for test in self._tests.values()):
            raise UnreadableError(
                f"it contradicts itself: it counts {self._declared_red} failures and shows none"
            )
        return self._tests

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
        elif tag == "testcase":
            self._id = "::".join(
                part for part in (attributes.get("classname"), attributes.get("name")) if part
            )
            self._seconds = _seconds(attributes.get("time", ""))
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
        known = self._tests.get(self._id)
        # The same id twice: what was red once stays red.
        if known is None or known.outcome not in RED:
            text = "\n".join(
                part.strip()
                for part in ("".join(self._message[:1]), "".join(self._message[1:]))
                if part
            )
            message = text.strip()[-MESSAGE_LIMIT:]
            self._tests[self._id] = TestSeen(
                outcome=self._outcome, seconds=self._seconds, message=message
            )


def _count(attributes: dict[str, str], name: str) -> int:
    value = attributes.get(name, "0")
    return int(value) if value.isdecimal() else 0


def _seconds(text: str) -> float:
    try:
        value = float(text.replace(",", ""))
    except ValueError:
        return 0.0
    return value if math.isfinite(value) and value >= 0 else 0.0
