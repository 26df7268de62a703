"""Real commands: exit codes, JUnit reports and metrics, and the ways in which they say yes for
nothing.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from orchestrator.gates.observing.observation import RecordState
from orchestrator.gates.observing.runners.junit import UnreadableError, read_report
from orchestrator.gates.observing.runners.metric import NoValueError, find_value
from orchestrator.gates.rules.decide import decide
from orchestrator.journal.facts import Decision, Reason
from orchestrator.mission.model import CommandCheck
from tests.gates.helpers import look, printing, python

UNITTEST = {"command": [sys.executable, "-m", "unittest", "discover", "-s", "tests"]}
ONE_TEST = "import unittest\nclass TestIt(unittest.TestCase):\n    def test_it(self): {}\n"


# -- an exit code alone


def test_unittest_that_finds_nothing_is_red_whatever_its_exit(tmp_path: Path) -> None:
    check = CommandCheck.model_validate(UNITTEST)
    seen = look(tmp_path, check, {"tests/__init__.py": ""})
    assert "Ran 0 tests" in seen.tail
    result = decide("x", check, seen)
    assert result.decision is Decision.FAILED
    assert (
        "no test was executed" in decide("x", check, seen.model_copy(update={"exit_code": 0})).text
    )
    good = look(
        tmp_path, check, {"tests/__init__.py": "", "tests/test_it.py": ONE_TEST.format("pass")}
    )
    assert decide("x", check, good).text == "exit code only: 0"


def test_unittest_that_skips_all_is_red(tmp_path: Path) -> None:
    check = CommandCheck.model_validate(UNITTEST)
    seen = look(tmp_path, check, {"tests/test_it.py": ONE_TEST.format("self.skipTest('no')")})
    assert seen.exit_code == 0
    assert decide("x", check, seen).reason is Reason.NO_TESTS_EXECUTED


def test_a_command_that_is_not_there_or_never_ends_is_an_error(tmp_path: Path) -> None:
    gone = CommandCheck.model_validate({"command": "no-such-program-anywhere"})
    result = decide("x", gone, look(tmp_path, gone, {}))
    assert (result.decision, result.reason) == (Decision.ERRORED, Reason.NOT_STARTED)
    slow = python("import time; time.sleep(60)")
    result = decide("x", slow, look(tmp_path, slow, {}, timeout=1))
    assert (result.decision, result.reason) == (Decision.ERRORED, Reason.TIMED_OUT)


# -- reports

GOOD = '<testsuite><testcase classname="t.T" name="a" time="0.5"/><testcase classname="t.T" name="b"/></testsuite>'


def writing(report: str, code: int = 0) -> CommandCheck:
    return python(
        f"open('out.xml', 'w').write({report!r}); import sys; sys.exit({code})", report="out.xml"
    )


def test_a_report_is_counted(tmp_path: Path) -> None:
    check = writing(GOOD)
    seen = look(tmp_path, check, {})
    result = decide("x", check, seen)
    assert (result.decision, result.text) == (Decision.PASSED, "2 tests passed")
    assert seen.tests["t.T::a"].seconds == 0.5


def test_a_stale_report_does_not_speak(tmp_path: Path) -> None:
    check = CommandCheck.model_validate({"command": "true", "report": "out.xml"})
    seen = look(tmp_path, check, {"out.xml": GOOD})
    assert seen.record is RecordState.MISSING
    result = decide("x", check, seen)
    assert (result.decision, result.reason) == (Decision.FAILED, Reason.REPORT_MISSING)


def test_a_stale_report_behind_a_link_does_not_speak(tmp_path: Path) -> None:
    check = python("import os; os.rename('kept', 'real.xml')", report="out.xml")
    folder = tmp_path / "elsewhere.xml"
    folder.write_text(GOOD)
    script = f"import os; os.symlink({str(folder)!r}, 'out.xml')"
    seen = look(tmp_path, python(script, report="out.xml"), {})
    assert seen.record is RecordState.UNREADABLE
    assert decide("x", check, seen).reason is Reason.REPORT_UNREADABLE


@pytest.mark.parametrize("path", ["../out.xml", "/tmp/out.xml"])
def test_a_report_outside_of_the_tree_is_refused(tmp_path: Path, path: str) -> None:
    check = python("pass", report=path)
    assert decide("x", check, look(tmp_path, check, {})).reason is Reason.REPORT_UNREADABLE


def test_a_report_where_a_folder_is_is_refused(tmp_path: Path) -> None:
    check = python("pass", report="out")
    assert (
        decide("x", check, look(tmp_path, check, {"out/kept.txt": ""})).reason
        is Reason.REPORT_UNREADABLE
    )


FAILURE = '<testcase name="c"><failure message="no">because</failure></testcase>'


@pytest.mark.parametrize(
    ("report", "code", "reason"),
    [
        ("<testsuites/>", 0, Reason.NO_TESTS_EXECUTED),
        ("<testsuite tests='9' failures='0'/>", 0, Reason.NO_TESTS_EXECUTED),
        ("<testsuite tests='9' failures='2'/>", 1, Reason.REPORT_UNREADABLE),
        ("<testsuite><testcase name='a'><skipped/></testcase></testsuite>", 0, Reason.ALL_SKIPPED),
        (f"<testsuite><testcase name='a'/>{FAILURE}</testsuite>", 1, Reason.TESTS_FAILED),
        (f"<testsuite><testcase name='a'/>{FAILURE}</testsuite>", 0, Reason.EXIT_DISAGREES),
        (GOOD, 1, Reason.EXIT_DISAGREES),
        (GOOD[:50], 0, Reason.REPORT_UNREADABLE),
        ("", 0, Reason.REPORT_UNREADABLE),
        ("<html/>", 0, Reason.REPORT_UNREADABLE),
        ("<testsuite><testcase/></testsuite>", 0, Reason.REPORT_UNREADABLE),
    ],
)
def test_reports_that_are_red(tmp_path: Path, report: str, code: int, reason: Reason) -> None:
    check = writing(report, code)
    result = decide("x", check, look(tmp_path, check, {}))
    assert (result.decision, result.reason) == (Decision.FAILED, reason), result.text


BOMB = """<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]>
<testsuite><testcase name="&c;"/></testsuite>"""


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (BOMB.encode(), "document type"),
        (BOMB.replace('<?xml version="1.0"?>', "").encode("utf-16"), "document type"),
        (b"<testsuite>" + b"<a>" * 100, "too deeply"),
        (b"\xff\xfe\x00", "not well-formed"),
    ],
)
def test_hostile_reports_are_refused(tmp_path: Path, report: bytes, words: str) -> None:
    path = tmp_path / "out.xml"
    path.write_bytes(report)
    with pytest.raises(UnreadableError, match=words):
        read_report(path)


def test_odd_files_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "good.xml").write_text(GOOD)
    (tmp_path / "link.xml").symlink_to("good.xml")
    for name in ("fifo", "link.xml"):
        with pytest.raises(UnreadableError):
            read_report(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        read_report(tmp_path / "gone.xml")


def test_the_dialects_of_reports(tmp_path: Path) -> None:
    path = tmp_path / "out.xml"
    path.write_text(
        """<?xml version="1.0" encoding="utf-8"?>
        <testsuites><testsuite name="s" failures="1">
          <testcase classname="A" name="one" time="1,234.5"><system-out>noise</system-out></testcase>
          <testcase classname="A" name="two"><failure message="short">long &lt;text&gt;</failure></testcase>
          <testcase classname="A" name="two"/>
          <testcase classname="A" name="three"><error/></testcase>
          <testcase classname="A" name="four"><skipped message="later"/></testcase>
          <testcase classname="A" name="five"><skipped type="pytest.xfail"/></testcase>
          <testcase name="six" time="nan"><rerunFailure>once</rerunFailure></testcase>
          <testsuite name="inner"><testcase classname="B" name="one"/></testsuite>
        </testsuite></testsuites>"""
    )
    tests = read_report(path).tests
    assert {name: test.outcome.value for name, test in tests.items()} == {
        "A::one": "passed",
        "A::two": "failed",
        "A::three": "error",
        "A::four": "skipped",
        "A::five": "xfailed",
        "six": "passed",
        "B::one": "passed",
    }
    assert tests["A::one"].seconds == 1234.5
    assert tests["six"].seconds == 0
    assert tests["A::two"].message == "short\nlong <text>"


def test_the_report_of_pytest_itself(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--junitxml=out.xml",
        "-p",
        "no:cacheprovider",
        "tests",
    ]
    check = CommandCheck.model_validate({"command": command, "report": "out.xml"})
    suite = "import pytest\ndef test_a(): pass\n@pytest.mark.xfail\ndef test_b(): assert 0\n"
    seen = look(tmp_path, check, {"tests/test_it.py": suite})
    assert {name: test.outcome.value for name, test in seen.tests.items()} == {
        "tests.test_it::test_a": "passed",
        "tests.test_it::test_b": "xfailed",
    }
    assert decide("x", check, seen).decision is Decision.PASSED
    nothing = look(tmp_path, check, {"tests/empty.py": ""})
    assert (nothing.exit_code, decide("x", check, nothing).reason) == (5, Reason.NO_TESTS_EXECUTED)


# -- reports of several packages, and reports of other runs

TIMED = """<testsuite timestamp="{stamp}">
  <testcase classname="t.T" name="a" time="0.501"/><testcase classname="t.T" name="b" time="0.07"/>
  <testcase classname="t.T" name="c" time="1.2"/></testsuite>"""


def package(name: str, outcome: str = "") -> str:
    return f'<testsuite><testcase classname="p" name="{name}">{outcome}</testcase></testsuite>'


def writing_all(reports: dict[str, str], report: object, code: int = 0) -> CommandCheck:
    script = f"""
        import os, sys
        for path, text in {reports!r}.items():
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            open(path, "w").write(text)
        sys.exit({code})
    """
    return python(script, report=report)


@pytest.mark.parametrize(
    "report",
    [
        ["packages/a/junit.xml", "packages/b/out/junit.xml"],
        "packages/**/junit.xml",
        ["packages/*/junit.xml", "packages/b/**/*.xml"],
        "./**/junit.xml",
        ["packages/a/../a/junit.xml", "packages/b/out/junit.xml"],
    ],
)
def test_the_reports_of_several_packages_are_one(tmp_path: Path, report: object) -> None:
    reports = {
        "packages/a/junit.xml": package("one"),
        "packages/b/out/junit.xml": package("two"),
        "packages/node_modules/c/junit.xml": "no report of ours",
    }
    check = writing_all(reports, report)
    seen = look(tmp_path, check, {"packages/c/junit.xml": "what was there before"})
    assert (list(seen.tests), decide("x", check, seen).text) == (
        ["p::one", "p::two"],
        "2 tests passed",
    )


def test_of_the_same_id_in_two_reports_the_worst_counts(tmp_path: Path) -> None:
    reports = {
        "a.xml": package("one") + "",
        "b.xml": package("one", "<failure message='no'/>"),
        "c.xml": package("two", "<skipped/>"),
        "d.xml": package("two"),
    }
    check = writing_all(reports, "*.xml", code=1)
    seen = look(tmp_path, check, {})
    assert {name: test.outcome.value for name, test in seen.tests.items()} == {
        "p::one": "failed",
        "p::two": "skipped",
    }
    assert decide("x", check, seen).reason is Reason.TESTS_FAILED


@pytest.mark.parametrize(
    ("reports", "report", "reason", "words"),
    [
        ({"a.xml": GOOD}, ["a.xml", "b.xml"], Reason.REPORT_MISSING, "b.xml was not written"),
        ({}, "out/*.xml", Reason.REPORT_MISSING, "no file matches out/*.xml"),
        ({"a.xml": GOOD}, ["a.xml", "b/*.xml"], Reason.REPORT_MISSING, "no file matches b/*.xml"),
        ({"a.xml": GOOD, "b.xml": "<x"}, "*.xml", Reason.REPORT_UNREADABLE, "b.xml: it is not"),
        ({"a.xml": GOOD}, ["a.xml", "../b.xml"], Reason.REPORT_UNREADABLE, "outside of the tree"),
    ],
)
def test_every_report_must_be_there(
    tmp_path: Path, reports: dict[str, str], report: object, reason: Reason, words: str
) -> None:
    check = writing_all(reports, report)
    result = decide("x", check, look(tmp_path, check, {"out/old.xml": "<x/>", "b.xml": "<x/>"}))
    assert result.reason is reason
    assert words in result.text


OLD_REPORT = TIMED.format(stamp="2020-01-01T00:00:00")
NOW = "__import__('datetime').datetime.now().isoformat()"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("os.rename('kept.xml', 'out.xml')", "out.xml is older than this run"),
        ("shutil.copy2('kept.xml', 'out.xml')", "out.xml is older than this run"),
        ("shutil.copy('kept.xml', 'out.xml')", "out.xml is a copy of kept.xml"),
        ("shutil.copy('data/template.txt', 'out.xml')", "a copy of data/template.txt"),
        (
            "text = open('kept.xml').read(); os.remove('kept.xml'); open('out.xml', 'w').write(text)",
            "out.xml is a copy of kept.xml",
        ),
        (
            f"open('out.xml', 'w').write(open('kept.xml').read().replace('2020-01-01T00:00:00', {NOW}))",
            "out.xml is a copy of kept.xml",
        ),
        (
            "open('out.xml', 'w').write(open('kept.xml').read().replace('1.2', '1.3'))",
            "it was written at 2020-01-01T00:00:00",
        ),
        (
            f"os.remove('kept.xml'); open('out.xml', 'w').write({OLD_REPORT.replace('2020', '2021')!r})",
            "out.xml is a copy of",
        ),
        (
            """open('out.xml', 'w').write('<testsuite>'
            '<testcase classname="src/gone.test.ts" name="a"/></testsuite>')""",
            "src/gone.test.ts is not in the tree",
        ),
        (
            """open('out.xml', 'w').write('<testsuite>'
            '<testcase file="/app/test/away.py" name="a"/></testsuite>')""",
            "/app/test/away.py is not in the tree",
        ),
    ],
)
def test_reports_of_another_run_do_not_speak(tmp_path: Path, script: str, words: str) -> None:
    files = {"kept.xml": OLD_REPORT, "data/template.txt": GOOD, "out.xml": OLD_REPORT}
    check = python(f"import os, shutil; {script}", report="out.xml")
    result = decide("x", check, look(tmp_path, check, files))
    assert result.reason is Reason.REPORT_UNREADABLE
    assert words in result.text


@pytest.mark.parametrize(
    ("files", "report"),
    [
        # A project that commits its report and writes it anew; without times it is the same bytes.
        ({"out.xml": GOOD}, GOOD),
        # Fixtures that look like reports.
        ({"tests/data/sample.xml": GOOD.replace('"a"', '"z"')}, GOOD),
        # Paths as they are in a package's own folder, in a container, on Windows, and built.
        (
            {"packages/a/src/a.test.ts": ""},
            '<testsuite><testcase classname="src/a.test.ts" name="a"/></testsuite>',
        ),
        (
            {"tests/test_a.py": ""},
            '<testsuite><testcase file="/app/tests/test_a.py" name="a"/></testsuite>',
        ),
        (
            {"tests/a.test.js": ""},
            '<testsuite file="C:\\work\\tests\\a.test.js"><testcase name="a"/></testsuite>',
        ),
        ({}, '<testsuite timestamp="no time"><testcase name="a" classname="a.b/c d"/></testsuite>'),
    ],
)
def test_honest_reports_that_look_odd(tmp_path: Path, files: dict[str, str], report: str) -> None:
    check = writing(report)
    result = decide("x", check, look(tmp_path, check, files))
    assert (result.decision, result.reason) == (Decision.PASSED, None), result.text


def test_an_odd_report_that_the_base_writes_too_is_no_news(tmp_path: Path) -> None:
    frozen = python(f"open('out.xml', 'w').write({OLD_REPORT!r})", report="out.xml")
    seen = look(tmp_path, frozen, {})
    assert decide("x", frozen, seen).reason is Reason.REPORT_UNREADABLE
    assert decide("x", frozen, seen, seen).decision is Decision.PASSED


def test_a_report_behind_a_linked_folder_of_the_project(tmp_path: Path) -> None:
    check = python(f"open('out/a.xml', 'w').write({GOOD!r})", report="out/a.xml")
    script = "import os; os.makedirs('build'); os.symlink('build', 'out')"
    before = python(f"{script}; open('out/a.xml', 'w').write({GOOD!r})", report="out/a.xml")
    assert decide("x", check, look(tmp_path, before, {})).reason is Reason.REPORT_UNREADABLE


def test_tests_that_make_no_assertions_any_more_are_red(tmp_path: Path) -> None:
    report = '<testsuite><testcase name="a" assertions="{}"/><testcase name="b"/></testsuite>'
    seen = {}
    for number in (0, 1, 2):
        check = writing(report.format(number))
        seen[number] = look(tmp_path, check, {})
    result = decide("x", check, seen[0], seen[2])
    assert (result.reason, "make none any more: a" in result.text) == (Reason.EMPTIED, True)
    assert decide("x", check, seen[1], seen[2]).decision is Decision.PASSED
    assert decide("x", check, seen[0], seen[0]).decision is Decision.PASSED
    may = check.model_copy(update={"may_remove": ("a",)})
    assert decide("x", may, seen[0], seen[2]).decision is Decision.PASSED


# -- metrics


@pytest.mark.parametrize(
    ("output", "value", "number"),
    [
        ('{"compliance": 97.5}', "compliance", 97.5),
        ('noise {x}\n{"a": 1}\n{\n "a": {"b": [10, {"c": 3}]}\n}\nbye', "a.b.1.c", 3),
        ('{"a.b": 4, "a": {"b": 5}}', "a.b", 4),
        ('{"n": "12.5"}', "n", 12.5),
        ("coverage: 81%\ncoverage: 93%\n", r"coverage: (\d+)%", 93),
        ("total 1e3", r"total (\S+)", 1000),
    ],
)
def test_numbers_are_found(output: str, value: str, number: float) -> None:
    assert find_value(value, output) == number


@pytest.mark.parametrize(
    ("output", "value", "words"),
    [
        ('{"n": NaN}', "n", "not a finite number"),
        ('{"n": Infinity}', "n", "not a finite number"),
        ('{"n": 1e999}', "n", "not a finite number"),
        ('{"n": ' + "9" * 400 + "}", "n", "not a number"),
        ('{"n": true}', "n", "not a number"),
        ('{"n": null}', "n", "not a number"),
        ('{"n": "many"}', "n", "not a number"),
        ('{"n": [1]}', "n.1", "no `n.1`"),
        ('{"n": 1}', "m", "no `m`"),
        ('{"n": 1} {"m": 2}', "n", "no `n`"),
        ("n = 1", "n", "no JSON object"),
        ("{" * 10_000, "n", "no JSON object"),
        ('{"n":' * 5000, "n", "no JSON object"),
        ("", r"n=(\d+)", "nothing in the output matches"),
        ("n=many", r"n=(\w+)", "not a number"),
        ("n=nan", r"n=(\w+)", "not a finite number"),
        ("n", r"n(\d)?", "not a number"),
    ],
)
def test_what_is_no_number_is_said(output: str, value: str, words: str) -> None:
    with pytest.raises(NoValueError, match=words):
        find_value(value, output)


@pytest.mark.parametrize(
    ("code", "text", "reason"),
    [
        (0, "97", None),
        (0, "94", Reason.BELOW_THRESHOLD),
        (0, "", Reason.VALUE_MISSING),
        (3, "97", Reason.EXIT_CODE),
    ],
)
def test_metrics_are_run(tmp_path: Path, code: int, text: str, reason: Reason | None) -> None:
    check = printing(text, value=r"(\d+)", code=code)
    seen = look(tmp_path, check, {})
    assert decide("x", check, seen).reason is reason


def test_a_metric_of_a_program_that_talks_much_is_at_its_end(tmp_path: Path) -> None:
    check = printing('{"n": 1}\n' + "x" * 2_000 + '\n{"n": 99}\n', value="n")
    check = check.model_copy(
        update={
            "metric": python(
                "print('x' * 3_000_000); print({'n': 1}); print('{\"n\": 99}')"
            ).command
        }
    )
    assert look(tmp_path, check, {}).value == 99
