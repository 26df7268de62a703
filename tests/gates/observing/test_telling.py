"""What runners say of themselves: sentences as they were printed, and real runners that say yes to
nothing.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from orchestrator.gates.observing.telling import told
from orchestrator.gates.rules.decide import decide
from orchestrator.journal.facts import Decision, Reason
from orchestrator.mission.model import CommandCheck
from tests.gates.helpers import look, printing, python

NODE = """TAP version 13
1..0
# tests 0
# suites 0
# pass 0
# fail 0
# cancelled 0
# skipped 0
# todo 0
"""
NODE_WITHOUT_A_TEST = """TAP version 13
# Subtest: /tree/t/a.test.js
ok 1 - /tree/t/a.test.js
  ---
  duration_ms: 108.505349
  ...
1..1
# tests 1
# pass 1
# fail 0
# cancelled 0
"""
NODE_18 = """# Subtest: /tree/t/a.test.js
    # Subtest: adds
    ok 1 - adds
    1..1
ok 1 - /tree/t/a.test.js
1..1
# tests 1
# pass 1
# fail 0
# cancelled 0
"""
CARGO = (
    "\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 4 filtered out; finished in 0s\n"
)
CARGO_AND_DOCS = CARGO.replace("0 passed", "3 passed") + CARGO
GO = "?   \tx/a\t[no test files]\nok  \tx/b\t0.004s [no tests to run]\n"
KARMA = "Chrome 120 (Linux): Executed 0 of 0 SUCCESS\rChrome 120 (Linux): Executed 0 of 0 SUCCESS\n"


@pytest.mark.parametrize(
    ("runner", "output"),
    [
        ("pytest", "===== no tests ran in 0.01s ====="),
        ("pytest", "3 deselected in 0.04s"),
        ("pytest", "==== 4 skipped, 1 warning in 1.20s ===="),
        ("pytest", "collected 0 items"),
        ("unittest", "Ran 0 tests in 0.000s\n\nOK"),
        ("unittest", "Ran 4 tests in 0.001s\n\nOK (skipped=4)"),
        ("unittest", "NO TESTS RAN"),
        ("behave", "0 scenarios passed, 0 failed, 3 skipped"),
        ("robot", "0 tests, 0 passed, 0 failed"),
        ("node", NODE),
        ("node", NODE.replace("# ", "\x1b[34mℹ ")),
        ("node", NODE_WITHOUT_A_TEST),
        ("node", "✔ /tree/t/a.test.js (29.7ms)\nℹ tests 1\nℹ pass 1\nℹ fail 0\n"),
        ("jest", "No tests found, exiting with code 0"),
        ("jest", "Test Suites: 1 skipped, 0 of 1 total\nTests:       2 skipped, 2 total\n"),
        ("vitest", "No test files found, exiting with code 0"),
        ("vitest", " Test Files  1 skipped (1)\n      Tests  2 skipped (2)\n"),
        ("vitest", " Test Files  no tests\n      Tests  no tests\n"),
        ("mocha", "\n\n  0 passing (1ms)\n  2 pending\n"),
        ("ava", "  ✘ Couldn’t find any files to test"),
        ("jasmine", "Incomplete: No specs found"),
        ("jasmine", "2 specs, 0 failures, 2 pending specs"),
        ("karma", KARMA),
        ("deno", "ok | 0 passed | 0 failed | 3 filtered out (2ms)"),
        ("deno", "error: No test modules found"),
        ("bun", " 0 pass\n 0 fail\nRan 0 tests across 0 files. [8.00ms]"),
        ("cargo", CARGO),
        ("nextest", "     Summary [   0.003s] 0 tests run: 0 passed, 4 skipped"),
        ("go", GO),
        ("go", "testing: warning: no tests to run\nPASS\n"),
        ("gotestsum", "DONE 0 tests in 0.122s"),
        ("ctest", "Test project /tree\nNo tests were found!!!\n"),
        ("meson", "No tests defined.\n"),
        ("gtest", "[==========] Running 0 tests from 0 test suites.\n[  PASSED  ] 0 tests.\n"),
        ("catch2", "No test cases matched 'zzz'\n"),
        ("doctest", "[doctest] test cases:  0 | 0 passed | 0 failed | 2 skipped"),
        ("surefire", "[INFO] No tests to run.\n[INFO] BUILD SUCCESS\n"),
        ("surefire", "[WARNING] Tests run: 2, Failures: 0, Errors: 0, Skipped: 2\n"),
        ("gradle", "> Task :app:test NO-SOURCE\n\nBUILD SUCCESSFUL in 1s\n"),
        ("surefire", "[info] No tests were executed."),
        ("clojure", "Ran 0 tests containing 0 assertions.\n0 failures, 0 errors.\n"),
        ("dotnet", "No test matches the given testcase filter `Name=x` in /tree/bin/x.dll"),
        ("dotnet", "Test run summary: Zero tests ran"),
        ("phpunit", "No tests executed!"),
        ("phpunit", "OK, but some tests were skipped!\nTests: 2, Assertions: 0, Skipped: 2.\n"),
        ("rspec", "No examples found.\n\n0 examples, 0 failures\n"),
        ("rspec", "2 examples, 0 failures, 2 pending"),
        ("minitest", "0 runs, 0 assertions, 0 failures, 0 errors, 0 skips"),
        ("minitest", "3 runs, 0 assertions, 0 failures, 0 errors, 3 skips"),
        ("cucumber", "0 scenarios\n0 steps\n"),
        ("bats", "0 tests, 0 failures"),
        ("prove", "Files=0, Tests=0,  0 wallclock secs\nResult: NOTESTS\n"),
        ("xctest", "\t Executed 0 tests, with 0 failures (0 unexpected) in 0.000 seconds"),
        ("tests", "No tests ran."),
        ("testthat", "[ FAIL 0 | WARN 0 | SKIP 2 | PASS 0 ]"),
        ("busted", "0 successes / 0 failures / 0 errors / 0 pending : 0.0 seconds"),
        ("tap", "1..0 # no tests\n"),
        ("tap", "1..1\nok 1 # SKIP not here\nBail out!\n1..0\n"),
        ("tests", "myrunner 1.2: no tests were executed"),
        ("tests", "0 test cases found, all is well"),
        ("tests", "Found 0 tests. Done."),
    ],
)
def test_that_nothing_ran_is_heard(runner: str, output: str) -> None:
    found = told(output)
    assert found.counts == {runner: 0}
    assert found.line
    assert found.line in " ".join(output.replace("\x1b[34m", "").split())


@pytest.mark.parametrize(
    ("counts", "output"),
    [
        ({"pytest": 5}, "=== 1 failed, 3 passed, 1 xfailed, 2 skipped in 61.20s (0:01:01) ==="),
        ({"pytest": 1}, "collected 0 items / 1 error\n1 error in 0.10s"),
        ({"unittest": 1}, "Ran 4 tests in 0.001s\n\nOK (skipped=3)"),
        ({"unittest": 12}, "Ran 0 tests in 0.1s\nRan 12 tests in 0.2s\nOK"),
        ({"node": 2}, NODE.replace("# pass 0", "# pass 2")),
        ({"node": 1}, NODE_18),
        ({"jest": 3}, "Tests:       1 failed, 2 skipped, 2 passed, 5 total"),
        ({"vitest": 4}, "      Tests  1 failed | 3 passed (4)\n"),
        ({"mocha": 3}, "  2 passing (3ms)\n  1 failing\n"),
        ({"ava": 2}, "  ✔ a\n  ─\n\n  2 tests passed\n"),
        ({"jasmine": 1}, "2 specs, 0 failures, 1 pending spec"),
        ({"playwright": 3}, "  3 passed (1.2s)"),
        ({"deno": 3}, "ok | 3 passed (2 steps) | 0 failed (5ms)"),
        ({"cargo": 3}, CARGO_AND_DOCS),
        ({"go": 1}, GO + "ok  \tx/c\t(cached)\n"),
        ({"go": 1}, '{"Time":"t","Action":"pass","Package":"x","Test":"TestIt","Elapsed":0}'),
        ({"ctest": 3}, "100% tests passed, 0 tests failed out of 3\n"),
        ({"gtest": 2}, "[==========] 2 tests from 1 test suite ran. (0 ms total)"),
        ({"surefire": 4}, "[INFO] Tests run: 5, Failures: 0, Errors: 0, Skipped: 1"),
        ({"gradle": 1}, "> Task :a:test NO-SOURCE\n> Task :b:test\n"),
        ({"dotnet": 3}, "Passed!  - Failed:     0, Passed:     3, Skipped:     0, Total:     3"),
        ({"phpunit": 3}, "OK (3 tests, 5 assertions)"),
        ({"rspec": 2}, "3 examples, 0 failures, 1 pending"),
        ({"minitest": 3}, "3 runs, 5 assertions, 0 failures, 0 errors, 0 skips"),
        ({"bats": 2}, "3 tests, 0 failures, 1 skipped"),
        ({"prove": 7}, "Files=2, Tests=7,  1 wallclock secs\nResult: PASS\n"),
        ({"tap": 2}, "1..2\nok 1 - a\nnot ok 2 - b\n"),
        ({"tests": 12}, "no tests ran in a while\n12 passed\n"),
        # Chains of runners: each is heard.
        ({"jest": 0, "vitest": 2}, "Tests:       0 total\n  Tests  2 passed (2)\n"),
    ],
)
def test_that_something_ran_is_heard(counts: dict[str, int], output: str) -> None:
    found = told(output)
    assert found.counts == counts
    assert found.line == ""


@pytest.mark.parametrize(
    "output",
    [
        "",
        "it ran well",
        "ok, all is well",
        "Summary:\n  Ok: 0\n  Fail: 0\n0 failed\n0 failing\n",
        "0 errors in 3s",
        "12 modules in 3s",
        "built in 1.20s, 461 packages in 12s",
        "✔ /tree/src/a.js (3.1ms)",
        "OK (skipped=3)",
        "> Task :compileTestJava\nBUILD SUCCESSFUL in 1s",
        "a test of the tests found in tests/",
    ],
)
def test_what_is_no_word_of_tests(output: str) -> None:
    assert told(output).counts == {}


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("3 passing (2ms)", "3 passing (2ms)", None),
        ("3 passing (2ms)", "1 passing (2ms)", None),
        ("3 passing (2ms)", "ok", Reason.NO_TESTS_EXECUTED),
        ("3 passing (2ms)", "", Reason.NO_TESTS_EXECUTED),
        ("1 failed, 2 passed in 0.1s", "all is well", Reason.NO_TESTS_EXECUTED),
        ("3 passing (2ms)", "      Tests  3 passed (3)", None),
        (
            "3 passing (2ms)\n2 passed in 1s",
            "0 passing (2ms)\n2 passed in 1s",
            Reason.NO_TESTS_EXECUTED,
        ),
        ("3 passing (2ms)\n2 passed in 1s", "5 passed in 1s", None),
        ("no word", "no word", None),
    ],
)
def test_an_output_that_spoke_of_tests_on_the_base_must_go_on(
    tmp_path: Path, before: str, after: str, reason: Reason | None
) -> None:
    check = python("print(open('said.txt').read())")
    base, here = (look(tmp_path, check, {"said.txt": text}) for text in (before, after))
    result = decide("x", check, here, base)
    assert result.reason is reason
    assert reason is None or "on the base its output speaks of" in result.text


def test_a_metric_of_no_tests_is_red(tmp_path: Path) -> None:
    check = printing(
        "collected 0 items\nno tests ran in 0.01s\nTOTAL 100%\n", value=r"TOTAL (\d+)%"
    )
    result = decide("x", check, look(tmp_path, check, {}))
    assert (result.decision, result.reason) == (Decision.FAILED, Reason.NO_TESTS_EXECUTED)


def test_what_is_said_early_in_a_long_output_is_heard(tmp_path: Path) -> None:
    script = "print('3 passed in 1.0s', flush=True)\nfor n in range(9000): print('x' * 20)\nprint('no tests found')"
    check = python(script)
    seen = look(tmp_path, check, {})
    assert (seen.told, decide("x", check, seen).decision) == ({"pytest": 3}, Decision.PASSED)


# -- real runners


def red_then_green(
    folder: Path, command: list[str], nothing: dict[str, str], something: dict[str, str]
) -> None:
    """With `nothing` there it ends with exit 0 and is red, with `something` it is green."""
    check = CommandCheck.model_validate({"command": command})
    seen = look(folder, check, nothing)
    result = decide("x", check, seen)
    assert (seen.exit_code, result.reason) == (0, Reason.NO_TESTS_EXECUTED), seen.tail
    seen = look(folder, check, something)
    result = decide("x", check, seen)
    assert (result.decision, result.text) == (Decision.PASSED, "exit code only: 0"), seen.tail


def test_pytest_that_skips_all(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    skipping = "import pytest\n@pytest.mark.skip\ndef test_it(): pass\n"
    test = "tests/test_it.py"
    red_then_green(tmp_path, command, {test: skipping}, {test: "def test_it(): pass\n"})


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_node_on_an_empty_folder_and_on_a_file_without_tests(tmp_path: Path) -> None:
    good = {"t/a.test.js": "require('node:test')('adds', () => {})\n"}
    for nothing in ({"t/read.me": ""}, {"t/a.test.js": "const x = 1\n"}):
        red_then_green(tmp_path, ["node", "--test", "t"], nothing, good)
    check = CommandCheck.model_validate({"command": "node --test --test-name-pattern=zzz t"})
    assert decide("x", check, look(tmp_path, check, good)).reason is Reason.NO_TESTS_EXECUTED


@pytest.mark.skipif(shutil.which("ctest") is None, reason="needs ctest")
def test_ctest_without_tests(tmp_path: Path) -> None:
    name = "CTestTestfile.cmake"
    red_then_green(tmp_path, ["ctest"], {name: ""}, {name: "add_test(it true)\n"})


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cargo") is None, reason="needs cargo")
def test_cargo_with_a_filter_that_matches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = '[package]\nname = "x"\nversion = "0.1.0"\nedition = "2021"\n'
    library = "pub fn one() -> i32 { 1 }\n#[cfg(test)] mod tests { #[test] fn %s() { assert_eq!(super::one(), 1) } }\n"
    cargo = shutil.which("cargo") or "cargo"
    command = ["sh", "-c", f"HOME={Path.home()} {cargo} test --offline it_is"]
    red_then_green(
        tmp_path,
        command,
        {"Cargo.toml": manifest, "src/lib.rs": library % "another"},
        {"Cargo.toml": manifest, "src/lib.rs": library % "it_is_one"},
    )
