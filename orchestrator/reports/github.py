"""What GitHub Actions shows of a command that it runs: a summary of the step, and annotations.

Owns the form and the limits of both (a summary of 1,024 kB, ten annotations a step, of which the
first ones given are kept). What is said is the caller's. Outside of Actions nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

from orchestrator.journal.facts import Decision, Verdict

MOST_BYTES = 1024 * 1024 - 4096
MOST_ANNOTATIONS = 10
MOST_CHARACTERS = 4000
_ESCAPES = {"%": "%25", "\r": "%0D", "\n": "%0A"}


@dataclass(frozen=True, slots=True)
class Annotation:
    """One thing that is wrong: in a few words, and in a sentence; with the file where it shows."""

    title: str
    message: str
    file: str = ""


def annotate(found: Iterable[Annotation], out: TextIO, environ: Mapping[str, str]) -> None:
    """Say these, the first ones of them, as errors of the step."""
    if environ.get("GITHUB_ACTIONS") != "true":
        return
    for each in islice(found, MOST_ANNOTATIONS):
        facts = {"title": each.title, "file": each.file}
        told = ",".join(f"{key}={_property(value)}" for key, value in facts.items() if value)
        out.write(f"::error {told}::{_escaped(each.message[:MOST_CHARACTERS])}\n")


def summarize(markdown: str, environ: Mapping[str, str]) -> None:
    """Add this to the summary of the step; what does not fit is cut, with a word on it."""
    path = environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    place = Path(path)
    room = MOST_BYTES - (place.stat().st_size if place.exists() else 0)
    data = markdown.encode("utf-8", "replace")
    if len(data) > room:
        cut = data[: max(room, 0)].rpartition(b"\n")[0].decode("utf-8", "ignore")
        fence = "\n```" if cut.count("```") % 2 else ""
        data = f"{cut}{fence}\n\n*Cut here: a summary has room for 1 MB.*\n".encode()
    with place.open("ab") as file:
        file.write(data)


def fenced(text: str) -> str:
    """Text as it is, whatever stands in it."""
    longest = max(map(len, re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}text\n{text.rstrip()}\n{fence}\n"


def of_verdicts(verdicts: Mapping[str, Verdict]) -> list[Annotation]:
    """What is wrong with a candidate: each check that is not passed, then the tests that show it."""
    red = [
        (gate, check)
        for gate, verdict in verdicts.items()
        for check in verdict.checks
        if check.decision is not Decision.PASSED
    ]
    checks = [
        Annotation(f"{gate}: {check.name}: {check.reason or check.decision}", check.text)
        for gate, check in red
    ]
    tests = [
        Annotation(f"{gate}: {check.name}", test, test.partition("::")[0])
        for gate, check in red
        for test in check.broken or check.failing
    ]
    return checks + tests


def _escaped(text: str) -> str:
    return "".join(_ESCAPES.get(c, c) for c in text)


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
