"""What the output of a check says of the tests that ran in it, where nothing else counts them.

Owns the sentences in which known test runners sum up, and what of them means that nothing was run:
many a runner ends with exit 0 after that. Pure. It stands here and not among the rules since only
who carries a check out has the whole of its output; what follows from it is `rules.nothing_ran`'s.
A runner that is not known is believed when it says plainly that there was nothing to run.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

_COLOURS = re.compile(r"\x1b\[[0-9;:?]*[A-Za-z]")
_PAIRS = re.compile(r"(\d[\d,]*) ([a-z]+)")
_RAN = frozenset(
    {"passed", "failed", "error", "errors", "xfailed", "xpassed", "succeeded", "todo", "flaky"}
)
"""Words that stand behind the number of tests that were executed, in the lists that `said` is."""
_LONGEST = 400
"""Characters of a line in which somebody sums up."""
_SUMMING = re.compile(
    r"test|spec|example|scenario|pass|fail|skip|\bran\b|\bok\b|success|executed|collected"
    r"|find any|selected|statements|\d runs|errors? in|Fail:|1\.\.0",
    re.IGNORECASE,
)
_LINE = 200
"""Characters of a line that are quoted."""


@dataclass(frozen=True, slots=True)
class Told:
    """How many tests each runner says it executed, and the line that says so of none."""

    counts: dict[str, int] = field(default_factory=dict)
    line: str = ""
    """Empty where something was executed, and where nothing is said."""


@dataclass(frozen=True, slots=True)
class _Voice:
    """One sentence of a runner. Groups: `ran…` are numbers of executed tests, `less…` of those
    among them that were not, `said` is a list of numbers with words. Without any it stands for
    `each` tests. What only takes from a number says nothing by itself.
    """

    runner: str
    pattern: str
    each: int = 0

    @property
    def is_less(self) -> bool:
        """Whether it only takes from what other sentences say."""
        return self.each < 0 or ("(?P<less>" in self.pattern and "(?P<ran" not in self.pattern)

    def number(self, match: re.Match[str]) -> int:
        groups = match.groupdict()
        if not groups:
            return self.each
        number = 0
        for name, text in groups.items():
            if text is None:
                continue
            if name == "said":
                pairs = _PAIRS.findall(text)
                number += sum(_int(figure) for figure, word in pairs if word in _RAN)
            else:
                number += -_int(text) if name.startswith("less") else _int(text)
        return number


def told(output: str) -> Told:
    """What an output says of tests; nothing, where no runner speaks in it."""
    text = "\n".join(_lines(output))
    for voices in (_KNOWN, _PROTOCOL, _ANYBODY):
        counts: Counter[str] = Counter()
        lines: list[str] = []
        spoke: set[str] = set()
        for voice, match in _heard(voices, text):
            counts[voice.runner] += voice.number(match)
            if not voice.is_less:
                spoke.add(voice.runner)
                lines.append(match[0])
        if spoke:
            executed = {runner: max(0, counts[runner]) for runner in sorted(spoke)}
            is_nothing = not any(executed.values())
            return Told(executed, _quoted(lines[0]) if is_nothing else "")
    return Told()


def _lines(output: str) -> Iterator[str]:
    """The lines that may be summaries. Short ones, as those are: patterns need not be safe against
    endless lines then.
    """
    for line in output.splitlines():
        if len(line) <= _LONGEST and _SUMMING.search(line):
            yield _COLOURS.sub("", line).strip()


def _heard(voices: tuple[_Voice, ...], text: str) -> Iterator[tuple[_Voice, re.Match[str]]]:
    for voice in voices:
        for match in re.finditer(voice.pattern, text, re.MULTILINE):
            yield voice, match


def _quoted(line: str) -> str:
    return " ".join(line.strip().strip("= ").split())[:_LINE]


def _int(figure: str) -> int:
    return int(figure.replace(",", ""))


def _at(runner: str, pattern: str, each: int = 0) -> _Voice:
    """A sentence that stands at the start of a line."""
    return _Voice(runner, rf"^(?:{pattern})", each)


_PYTEST = (
    r"[1-9]\d* (?:passed|failed|errors?|skipped|deselected|xfailed|xpassed|warnings?|reruns?"
    r"|subtests passed)"
)
_KNOWN = (
    # Python
    _at("pytest", rf"=*[ \t]*(?P<said>{_PYTEST}(?:, {_PYTEST})*) in \d[\d.:]* ?s\b.*$"),
    _at("pytest", r"=* ?no tests (?:ran in \d|collected\b).*$|collected 0 items$"),
    _at("unittest", r"Ran (?P<ran>\d+) tests? in \d.*$"),
    _at("unittest", r"(?:OK|FAILED) \(.*?\bskipped=(?P<less>\d+).*$"),
    _at("unittest", r"NO TESTS RAN\b.*$"),
    _at("behave", r"(?P<ran>\d+) scenarios? passed, (?P<ran2>\d+) failed.*$"),
    _at("robot", r"(?P<ran>\d+) tests?, \d+ passed, \d+ failed(?:, (?P<less>\d+) skipped)?$"),
    # JavaScript
    _at("node", r"[#ℹ] (?:pass|fail|cancelled) (?P<ran>\d+)$"),
    # A file that holds no test is counted as one that passed, by its path.
    _at("node", r"# Subtest: (?:.*\.[cm]?[jt]sx?)\nok \d+ - .*$", -1),
    _at("node", r"✔ /.*\.[cm]?[jt]sx? \([\d.]+ms\)$", -1),
    _at("jest", r"Tests:[ \t]+(?P<said>(?:\d+ [a-z]+, )*\d+ total)$"),
    _at("jest", r"No tests found(?:,? exiting|\s+related).*$"),
    _at("vitest", r"Tests[ \t]+(?P<said>\d+ [a-z]+(?: \| \d+ [a-z]+)*) \(\d+\)$"),
    _at("vitest", r"Tests[ \t]+no tests$|No test (?:suite )?files? found.*$"),
    _at("mocha", r"(?P<ran>\d+) passing\b.*$|(?P<ran2>[1-9]\d*) failing\b.*$"),
    _at("ava", r"[✔✘]?[ \t]*(?P<ran>\d+) tests? (?:passed|failed)$"),
    _at("ava", r"[✔✘]?[ \t]*Couldn.t find any (?:files|tests).*$"),
    _at("jasmine", r"(?P<ran>\d+) specs?, \d+ failures?(?:, (?P<less>\d+) pending.*)?$"),
    _at("jasmine", r"(?:Incomplete: )?No specs found.*$"),
    _at("karma", r".*\bExecuted (?P<ran>\d+) of \d+\b.*$"),
    _at("playwright", r"(?P<ran>\d+) (?:passed|failed|flaky) \([\d.]+m?s?\)$"),
    _at("deno", r"(?:ok|FAILED) \| (?P<ran>\d+) passed.*?\| (?P<ran2>\d+) failed\b.*$"),
    _at("deno", r"(?:error: )?No test modules found.*$"),
    _at("bun", r"Ran (?P<ran>\d+) tests? across \d+ files?.*$"),
    # Rust, Go, C and C++
    _at("cargo", r"test result: \w+\. (?P<ran>\d+) passed; (?P<ran2>\d+) failed;.*$"),
    _at("nextest", r"Summary \[.*?\]\s+(?P<ran>\d+)(?:/\d+)? tests? run:.*$"),
    _at("nextest", r"error: no tests to run$"),
    _at("go", r"ok[ \t]+\S+[ \t]+(?:[\d.]+s|\(cached\))(?!.*\[no tests to run\]).*$", 1),
    _at("go", r"FAIL[ \t]+\S+[ \t]+[\d.]+s$|--- (?:PASS|FAIL): .*$", 1),
    _at("go", r"(?:\?|ok)[ \t].*\[no test(?:s to run| files)\]$"),
    _at("go", r"\S+[ \t]+coverage: 0\.0% of statements$"),
    _at("go", r"testing: warning: no tests to run$"),
    _Voice("go", r'\{.*"Action":"(?:pass|fail)".*"Test":.*$', 1),
    _at("gotestsum", r"DONE (?P<ran>\d+) tests?(?:, (?P<less>\d+) skipped)?.* in [\d.]+s$"),
    _at("ctest", r"No tests were found!!!$"),
    _at("ctest", r"\d+% tests passed, \d+ tests? failed out of (?P<ran>\d+)$"),
    _at("meson", r"No (?:suitable )?tests defined\.$"),
    _at("meson", r"(?:Ok|Fail|Timeout|Expected Fail):[ \t]+(?P<ran>[1-9]\d*)[ \t]*$"),
    _at("gtest", r"\[=+\] (?P<ran>\d+) tests? from \d+ test (?:suite|case)s? ran\..*$"),
    _at("gtest", r"\[=+\] Running 0 tests from 0 test (?:suite|case)s?\.$"),
    _at("catch2", r"No test cases matched.*$"),
    _at("catch2", r"All tests passed \(.*?(?P<ran>\d+) test cases?\)$"),
    _at("catch2", r"test cases:[ \t]+(?P<ran>\d+) \|.*$"),
    _at("doctest", r"\[doctest\] test cases:[ \t]+(?P<ran>\d+) \|.*$"),
    # Java and what runs beside it
    _at(
        "surefire",
        r"(?:\[\w+\] )?Tests run: (?P<ran>\d+), Failures: \d+, Errors: \d+, Skipped: (?P<less>\d+).*$",
    ),
    _at("surefire", r"(?:\[\w+\] )?No tests (?:to run|were executed)\W*.*$"),
    _at("gradle", r"> Task \S*[tT]est NO-SOURCE$"),
    _at("gradle", r"> Task (?:\S*:)?[a-zA-Z]*[tT]est(?: UP-TO-DATE| FROM-CACHE| FAILED)?$", 1),
    _at("sbt", r".*\bTests: succeeded (?P<ran>\d+), failed (?P<ran2>\d+).*$"),
    _at("sbt", r".*\bPassed: Total (?P<ran>\d+)\b.*$"),
    _at("clojure", r"Ran (?P<ran>\d+) tests containing \d+ assertions.*$"),
    # .NET, PHP, Ruby, shells and the rest
    _at("dotnet", r"No test (?:matches the given|is available in).*$"),
    _at(
        "dotnet", r"(?:Passed|Failed|Skipped)! +- Failed: +(?P<ran>\d+), Passed: +(?P<ran2>\d+).*$"
    ),
    _at("dotnet", r"Total tests: (?P<ran>\d+)$|Test run summary: Zero tests ran.*$"),
    _at("phpunit", r"No tests executed!$|OK \((?P<ran>\d+) tests?, \d+ assertions?\)$"),
    _at("phpunit", r"Tests: (?P<ran>\d+), Assertions: \d+(?:.*?Skipped: (?P<less>\d+))?.*$"),
    _at("pest", r"Tests:[ \t]+(?P<said>\d+ [a-z]+(?:, \d+ [a-z]+)*) \(\d+ assertions?\)$"),
    _at("rspec", r"(?P<ran>\d+) examples?, \d+ failures?(?:, (?P<less>\d+) pending)?.*$"),
    _at("rspec", r"No examples found\.$"),
    _at(
        "minitest",
        r"(?P<ran>\d+) (?:runs|tests), \d+ assertions, \d+ failures, \d+ errors"
        r"(?:, (?P<less>\d+) (?:skips|pendings))?.*$",
    ),
    _at("cucumber", r"(?P<ran>\d+) scenarios?(?: \(.*\))?$"),
    # bats and ExUnit
    _at(
        "bats",
        r"(?:\d+ doctests?, )?(?P<ran>\d+) tests?, \d+ failures?"
        r"(?:, (?P<less>\d+) (?:skipped|excluded))?.*$",
    ),
    _at("prove", r"Files=\d+, Tests=(?P<ran>\d+),.*$|Result: NOTESTS$"),
    _at("xctest", r"Executed (?P<ran>\d+) tests?, with .*$"),
    _at("swift", r".*\bTest run with (?P<ran>\d+) tests?\b.*$"),
    _at("dart", r"No tests match\b.*$"),
    _at("dart", r"[\d:]+ \+(?P<ran>\d+).*: (?:All tests passed!|Some tests failed\.)$"),
    _at("testthat", r"\[ FAIL (?P<ran>\d+) \| WARN \d+ \| SKIP \d+ \| PASS (?P<ran2>\d+) \]"),
    _at("busted", r"(?P<ran>\d+) success(?:es)? / (?P<ran2>\d+) failures?.*$"),
)
# Lines of TAP, which node and bats print beside a summary of their own.
_PROTOCOL = (
    _at("tap", r"1\.\.0\b.*$"),
    _at("tap", r"(?:not )?ok \d+\b(?!.*# ?(?:SKIP|skip)).*$", 1),
)
_THINGS = r"(?:tests?|specs?|examples?|scenarios?|test ?(?:cases?|files?|suites?|modules?))"
_DONE = (
    r"(?:ran|run|runn?able|found|executed|discovered|collected|performed|selected|match\w*|available"
    r"|defined|passed|to (?:run|execute))"
)
_ANYBODY = (
    _Voice(
        "tests",
        rf"(?i:\b(?:no|0|zero) (?:\w+ )?{_THINGS}(?: (?:were|was|are|is|have been))? {_DONE}\b.*)$",
    ),
    _Voice(
        "tests",
        rf"(?i:\b(?:found|running|ran|run|executed|collected|discovered) (?:no|0|zero) {_THINGS}\b.*)$",
    ),
    _Voice(
        "tests",
        rf"(?i:(?<![\d.])(?P<ran>[1-9]\d*) (?:{_THINGS} )?(?:passed|passing|failed|failing|succeeded))\b",
    ),
)
