"""Real runs of pytest in small projects: what is seen of them."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from orchestrator.gates.observing.observation import Observation, RecordState
from orchestrator.gates.observing.runners.waiting import PLUGIN
from orchestrator.gates.rules.decide import decide
from orchestrator.journal.facts import Decision, Reason
from orchestrator.mission.model import PytestCheck
from tests.gates.helpers import look

OUTCOMES = """
    import os, subprocess, sys, unittest
    import pytest
    from package.module import answer

    @pytest.fixture
    def bad_setup():
        raise ValueError

    @pytest.fixture
    def bad_teardown():
        yield
        raise ValueError

    def test_passes(): assert answer() == 42
    def test_fails(): assert answer() == 41
    def test_setup_error(bad_setup): pass
    def test_teardown_error(bad_teardown): pass
    @pytest.mark.skip(reason="not here")
    def test_skipped(): pass
    def test_skipped_inside(): pytest.skip("not now")
    @pytest.mark.xfail
    def test_xfails(): assert False
    @pytest.mark.xfail(run=False)
    def test_xfails_unrun(): assert False
    @pytest.mark.xfail
    def test_xpasses(): pass
    @pytest.mark.xfail(strict=True)
    def test_xpasses_strictly(): pass
    @pytest.mark.parametrize("value", ["a::b", "c[d]", "\\udcff"])
    def test_each(value): pass
    def test_subtests(subtests):
        with subtests.test(number=1): pass
        with subtests.test("the second", number=2): assert False
    def test_subtest_skipped(subtests):
        with subtests.test(number=1): pytest.skip("not this one")

    class TestUnit(unittest.TestCase):
        def test_subtest(self):
            for number in range(2):
                with self.subTest(number=number): self.assertEqual(number, 0)
        class TestInner:
            def test_deep(self): pass

    def test_nothing_of_the_judge_is_to_be_seen():
        assert not [name for name in os.environ if "PYTHONPATH" in name or name == "ORCHESTRATE_RECORD"]
        script = "import os; print(*sorted(int(fd) for fd in os.listdir('/proc/self/fd')))"
        done = subprocess.run([sys.executable, "-c", script], close_fds=False, capture_output=True, text=True)
        assert done.stdout.split() == ["0", "1", "2", "3"]  # the last one is the listing itself
"""
EXPECTED = {
    "test_passes": "passed",
    "test_fails": "failed",
    "test_setup_error": "error",
    "test_teardown_error": "error",
    "test_skipped": "skipped",
    "test_skipped_inside": "skipped",
    "test_xfails": "xfailed",
    "test_xfails_unrun": "xfailed",
    "test_xpasses": "xpassed",
    "test_xpasses_strictly": "failed",
    "test_each[a::b]": "passed",
    "test_each[c[d]]": "passed",
    "test_each[\\udcff]": "passed",
    "test_subtests": "failed",
    "test_subtest_skipped": "passed",
    "TestUnit::test_subtest": "failed",
    "test_nothing_of_the_judge_is_to_be_seen": "passed",
}
PACKAGE = {"package/__init__.py": "", "package/module.py": "def answer(): return 42\n"}
GREEN = "def test_it(): pass\n"
OURS = sorted(path.stem for path in PLUGIN.parent.glob("orchestrate_*.py"))


def check(*paths: str, **more: object) -> PytestCheck:
    return PytestCheck.model_validate({"pytest": paths or ("tests",), **more})


def test_every_outcome_is_told_from_the_others(tmp_path: Path) -> None:
    counted: list[object] = []
    seen = look(tmp_path, check(), {**PACKAGE, "tests/test_it.py": OUTCOMES}, counted=counted)
    assert {
        test_id.removeprefix("tests/test_it.py::"): test.outcome
        for test_id, test in seen.tests.items()
    } == EXPECTED
    assert (seen.record, seen.exit_code, seen.reported_exit, seen.problem) == (
        RecordState.COMPLETE,
        1,
        1,
        "",
    )
    assert "the second" in seen.tests["tests/test_it.py::test_subtests"].message
    assert "assert 42 == 41" in seen.tests["tests/test_it.py::test_fails"].message
    assert seen.tests["tests/test_it.py::test_skipped"].message == "Skipped: not here"
    assert counted[-1] == (len(EXPECTED), len(EXPECTED), 6)
    counts = seen.counts
    assert (counts.passed, counts.failed, counts.error, counts.skipped) == (6, 4, 2, 2)
    assert (counts.xfailed, counts.xpassed, counts.executed) == (2, 1, 15)
    assert Observation.model_validate_json(seen.model_dump_json()) == seen


def test_what_is_not_there_does_not_stop_what_is(tmp_path: Path) -> None:
    asked = check(
        "tests/test_it.py::test_it",
        "tests/test_it.py::test_no",
        "tests/gone.py",
        "../outside.py",
        "/etc/hosts",
    )
    seen = look(tmp_path, asked, {"tests/test_it.py": GREEN + "def test_other(): pass\n"})
    assert list(seen.tests) == ["tests/test_it.py::test_it"]
    assert seen.absent == ("tests/gone.py", "../outside.py", "/etc/hosts")
    assert seen.exit_code == 0
    assert (
        "there are no tests in tests/test_it.py::test_no, tests/gone.py"
        in decide("x", asked, seen).text
    )


def test_nothing_is_run_when_nothing_is_there(tmp_path: Path) -> None:
    seen = look(tmp_path, check("gone", "tests/gone.py::test_it"), {"a.py": ""})
    assert (seen.exit_code, seen.tests, seen.log) == (None, {}, "")
    result = decide("x", check("gone"), seen)
    assert (result.decision, result.reason) == (Decision.FAILED, Reason.NO_TESTS_EXECUTED)
    assert result.text == "no test was executed: gone, tests/gone.py::test_it not in this tree"


def test_classes_families_and_odd_names_are_selected(tmp_path: Path) -> None:
    suite = """
        import pytest
        class TestA:
            def test_one(self): pass
            class TestB:
                @pytest.mark.parametrize("n", [1, 2])
                def test_two(self, n): pass
        @pytest.mark.parametrize("n", [1, 2])
        def test_three(n): pass
    """
    asked = check("./-t/test_a.py::TestA::TestB", "-t/test_a.py::test_three[2]", "@b.py")
    seen = look(tmp_path, asked, {"-t/test_a.py": suite, "@b.py": GREEN})
    assert set(seen.tests) == {
        "-t/test_a.py::TestA::TestB::test_two[1]",
        "-t/test_a.py::TestA::TestB::test_two[2]",
        "-t/test_a.py::test_three[2]",
        "@b.py::test_it",
    }


def test_ids_are_relative_to_the_tree_wherever_the_configuration_is(tmp_path: Path) -> None:
    files = {
        "back/pytest.ini": "[pytest]\naddopts = -x\n",
        "back/tests/test_it.py": GREEN + "def test_b(): assert 0\ndef test_c(): 0\n",
    }
    seen = look(tmp_path, check("back/tests"), files)
    assert [test.outcome for test in seen.tests.values()] == ["passed", "failed", "passed"]
    assert next(iter(seen.tests)) == "back/tests/test_it.py::test_it"


def test_a_file_that_cannot_be_collected_does_not_hide_the_others(tmp_path: Path) -> None:
    seen = look(tmp_path, check(), {"tests/test_a.py": "import gone\n", "tests/test_b.py": GREEN})
    assert list(seen.tests) == ["tests/test_b.py::test_it"]
    assert "No module named 'gone'" in seen.collection_errors["tests/test_a.py"]
    result = decide("x", check(), seen)
    assert (result.reason, result.failing) == (Reason.COLLECTION_ERROR, ("tests/test_a.py",))
    assert (
        result.text
        == "cannot be collected: tests/test_a.py (ModuleNotFoundError: No module named 'gone')"
    )


def test_the_projects_own_pytest_is_not_pytest(tmp_path: Path) -> None:
    fake = "import sys\nsys.exit(0)\n"
    files = dict.fromkeys(
        ("pytest.py", "sitecustomize.py", "orchestrate_record.py", "_pytest/__init__.py"), fake
    )
    seen = look(tmp_path, check(), {**files, "tests/test_it.py": GREEN})
    assert (seen.record, seen.counts.passed) == (RecordState.COMPLETE, 1)


def test_a_plugin_of_the_project_is_found_as_python_m_pytest_would(tmp_path: Path) -> None:
    files = {
        "pytest.ini": "[pytest]\naddopts = -p local.plugin -p no:orchestrate_record\n",
        "local/__init__.py": "",
        "local/plugin.py": "import pytest\n@pytest.fixture\ndef word(): return 'hello'\n",
        "tests/test_it.py": "import local\ndef test_it(word): assert word == 'hello'\n",
    }
    assert look(tmp_path, check(), files).counts.passed == 1


LIES = {
    "a test ends the process": (
        {"tests/test_it.py": GREEN + "def test_b():\n    import os; os._exit(0)\n"},
        "record_truncated",
    ),
    "a test kills it": (
        {"tests/test_it.py": GREEN + "def test_b():\n    import os; os.kill(os.getpid(), 9)\n"},
        "record_truncated",
    ),
    "a test ends the session": (
        {
            "tests/test_it.py": "import pytest\ndef test_a(): pytest.exit('enough', returncode=0)\ndef test_b(): 0\n"
        },
        "record_truncated",
    ),
    "a conftest ends it": (
        {"conftest.py": "import sys; sys.exit(0)\n", "tests/test_it.py": GREEN},
        "record_truncated",
    ),
    "a conftest is broken": (
        {"conftest.py": "import gone\n", "tests/test_it.py": GREEN},
        "record_truncated",
    ),
    "an option is unknown": (
        {"pytest.ini": "[pytest]\naddopts = --no-such\n", "tests/test_it.py": GREEN},
        "record_truncated",
    ),
    "a plugin of the project is there first": (
        {
            "pytest.ini": "[pytest]\naddopts = -p first\n",
            "first.py": "import os; os._exit(0)\n",
            "tests/test_it.py": GREEN,
        },
        "record_missing",
    ),
    "failures end with exit 0": (
        {
            "conftest.py": "def pytest_sessionfinish(session): session.exitstatus = 0\n",
            "tests/test_it.py": GREEN + "def test_b(): assert 0\n",
        },
        "exit_disagrees",
    ),
    "success ends with exit 1": (
        {
            "conftest.py": "def pytest_sessionfinish(session): session.exitstatus = 1\n",
            "tests/test_it.py": GREEN,
        },
        "exit_disagrees",
    ),
    "success ends with exit 5": (
        {
            "conftest.py": "def pytest_sessionfinish(session): session.exitstatus = 5\n",
            "tests/test_it.py": GREEN,
        },
        "exit_disagrees",
    ),
    "the exit is changed at the very end": (
        {
            "conftest.py": "import atexit, os\natexit.register(os._exit, 7)\n",
            "tests/test_it.py": GREEN,
        },
        "exit_disagrees",
    ),
    "nothing is collected": ({"tests/test_it.py": "def helper(): pass\n"}, "no_tests_executed"),
    "a conftest drops the tests": (
        {
            "conftest.py": "def pytest_collection_modifyitems(items): items.clear()\n",
            "tests/test_it.py": GREEN,
        },
        "no_tests_executed",
    ),
    "all is skipped": (
        {"tests/test_it.py": "import pytest\n@pytest.mark.skip\ndef test_it(): 0\n"},
        "all_skipped",
    ),
    "the module is skipped": (
        {"tests/test_it.py": "import pytest\npytest.importorskip('gone')\ndef test_it(): 0\n"},
        "all_skipped",
    ),
    "all is deselected": (
        {"pytest.ini": "[pytest]\naddopts = -k nothing\n", "tests/test_it.py": GREEN},
        "all_deselected",
    ),
    "all is expected to fail": (
        {"tests/test_it.py": "import pytest\n@pytest.mark.xfail\ndef test_it(): assert 0\n"},
        "no_tests_executed",
    ),
    "a fixture fails": (
        {
            "tests/test_it.py": "import pytest\n@pytest.fixture\ndef bad(): raise ValueError\ndef test_it(bad): 0\n"
        },
        "tests_failed",
    ),
    "only collecting": (
        {"pytest.ini": "[pytest]\naddopts = --collect-only\n", "tests/test_it.py": GREEN},
        "record_truncated",
    ),
    "the first failure ends it": (
        {
            "conftest.py": "def pytest_runtest_logreport(report):\n    raise KeyboardInterrupt\n",
            "tests/test_it.py": GREEN,
        },
        "record_truncated",
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_nothing_of_this_is_green(tmp_path: Path, name: str) -> None:
    files, reason = LIES[name]
    result = decide("x", check(), look(tmp_path, check(), files))
    assert (result.decision, result.reason) == (Decision.FAILED, reason), result.text
    assert result.text
    assert "\n" not in result.text


def test_a_record_that_stops_says_where(tmp_path: Path) -> None:
    suite = GREEN + "def test_b():\n    import os; os._exit(3)\ndef test_c(): 0\n"
    seen = look(tmp_path, check(), {"tests/test_it.py": suite})
    assert seen.not_run == ("tests/test_it.py::test_b", "tests/test_it.py::test_c")
    text = decide("x", check(), seen).text
    assert text.startswith(
        "the record stops at tests/test_it.py::test_b, 2 of 3 tests without an outcome (exit 3)"
    )


def test_what_tests_print_and_fork_is_not_in_the_record(tmp_path: Path) -> None:
    suite = """
        import os, sys
        def test_prints():
            print("deadbeef [1, 'finish', {}]", flush=True)
            os.write(1, b"x" * 300_000)
        def test_forks():
            child = os.fork()
            if child == 0:
                raise SystemError("in the child")  # goes on through pytest, as a second one
            os.waitpid(child, 0)
        def test_after(): pass
    """
    seen = look(tmp_path, check(), {"tests/test_it.py": suite})
    assert [test.outcome for test in seen.tests.values()] == ["passed", "passed", "passed"]
    assert seen.record is RecordState.COMPLETE


def test_a_record_survives_the_end_of_its_descriptors(tmp_path: Path) -> None:
    """Up to a habitual number, to the last one, and again with their numbers used by others."""
    suite = """
        import json, os, socket, sys, time
        import pytest
        KEPT = []
        def test_some(): os.closerange(3, 256)
        def test_all(): os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        def test_no_socket(monkeypatch):
            monkeypatch.setattr(socket, "socket", None)
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        def test_taken(tmp_path):
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))
            KEPT.extend(open(tmp_path / f"out{n}", "w") for n in range(800))
        def test_nothing_is_written_where_it_should_not_be():
            assert [file.tell() for file in KEPT] == [0] * 800
        def test_red(): assert not KEPT
    """
    seen = look(
        tmp_path, check(), {"tests/test_it.py": suite, "pytest.ini": "[pytest]\naddopts=-s"}
    )
    assert (seen.record, seen.counts.passed, seen.counts.failed) == (RecordState.COMPLETE, 5, 1)


def test_a_hanging_test_is_an_error_and_named(tmp_path: Path) -> None:
    suite = GREEN + "def test_b():\n    import time; time.sleep(60)\n"
    seen = look(tmp_path, check(), {"tests/test_it.py": suite}, timeout=2)
    assert seen.timed_out
    assert not seen.is_whole()
    result = decide("x", check(), seen)
    assert (result.decision, result.reason) == (Decision.ERRORED, Reason.TIMED_OUT)
    assert result.text.endswith("was stopped after 1 test, at tests/test_it.py::test_b")


def test_many_tests_and_long_messages_fit(tmp_path: Path) -> None:
    suite = """
        import pytest
        @pytest.mark.parametrize("n", range(1000))
        def test_each(n): assert n % 100, "long " * 10_000
    """
    seen = look(tmp_path, check(), {"tests/test_it.py": suite})
    assert (seen.counts.passed, seen.counts.failed, seen.record) == (990, 10, RecordState.COMPLETE)
    assert max(len(test.message) for test in seen.tests.values()) <= 2000


@pytest.mark.parametrize("name", OURS)
def test_the_plugin_runs_where_only_an_older_python_and_pytest_are(name: str) -> None:
    source = PLUGIN.with_name(f"{name}.py").read_text()
    module = ast.parse(source, feature_version=(3, 8))
    imported = {
        alias.name if isinstance(node, ast.Import) else str(node.module)
        for node in ast.walk(module)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    tops = {name.partition(".")[0] for name in imported}
    assert tops <= {
        *sys.stdlib_module_names,
        "pytest",
        "_pytest",
        *OURS,
    }
