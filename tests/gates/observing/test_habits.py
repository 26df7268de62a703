"""Habits of real suites, each in a run of its own or several in one: what is seen of them is what
plain pytest sees.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.gates.observing.observation import Observation, RecordState
from orchestrator.gates.rules.decide import decide
from orchestrator.journal.facts import Reason
from orchestrator.mission.model import PytestCheck
from tests.gates.helpers import Files, look

GREEN = "def test_it(): pass\n"


def check(**more: object) -> PytestCheck:
    return PytestCheck.model_validate({"pytest": ["tests"], **more})


def settings(lines: str) -> dict[str, str]:
    return {"pytest.ini": f"[pytest]\n{lines}\n"}


def is_well(seen: Observation, passed: int) -> None:
    result = decide("x", check(), seen, seen)
    assert (result.reason, seen.record) == (None, RecordState.COMPLETE), result.text + seen.tail
    assert (seen.counts.passed, len(seen.tests)) == (passed, passed), seen.tail


def test_what_tests_replace_and_take_away(tmp_path: Path) -> None:
    suite = """
        import builtins, hashlib, json, os, socket, sys, threading, time
        import pytest
        TAKEN = [
            (sys, "_getframe"), (json, "dumps"), (json, "loads"), (os, "write"), (os, "getpid"),
            (os, "getppid"), (threading, "get_ident"), (time, "perf_counter"), (time, "time"),
            (socket, "socket"), (hashlib, "sha256"), (builtins, "open"), (builtins, "print"),
            (sys, "path"),
        ]
        @pytest.mark.parametrize("owner, name", TAKEN, ids=[name for _, name in TAKEN])
        @pytest.mark.parametrize("how", ["delete", "replace", "mock"])
        def test_taken(monkeypatch, owner, name, how):
            if how == "delete":
                monkeypatch.delattr(owner, name)
            elif how == "replace":
                monkeypatch.setattr(owner, name, None)
            else:
                from unittest import mock
                monkeypatch.setattr(owner, name, mock.MagicMock())
        def test_left_behind():
            sys.ps1, sys.excepthook = "no", None
            time.sleep = lambda seconds: None  # this test's own, and sloppy
        def test_elsewhere(tmp_path):
            os.chdir(tmp_path)
        def test_reloads():
            import importlib
            del sys.modules["json"]
            import json
            importlib.reload(json)
    """
    is_well(look(tmp_path, check(), {"tests/test_it.py": suite}), 45)


def test_children_run_pytest_as_they_are_used_to(tmp_path: Path) -> None:
    """Nested runs in the process and in a child; what we tell ours reaches none of them."""
    suite = """
        import os, subprocess, sys
        import pytest
        pytest_plugins = ["pytester"]
        INNER = "import os, sys\\ndef test_x(): assert not [n for n in sys.modules if n.startswith('orchestrate_')]"
        def test_nothing_is_handed_down():
            assert not [n for n in os.environ if n.startswith("PYTEST_") and n != "PYTEST_CURRENT_TEST"
                        and n != "PYTEST_VERSION"]
            assert not [n for n in os.environ if "ORCHESTRATE" in n and n != "ORCHESTRATE_PROCESS"]
            assert not [p for p in sys.path if p.endswith("observing/plugin")]
        def test_in_a_child(pytester):
            pytester.makepyfile(test_inner=INNER)
            pytester.runpytest_subprocess().assert_outcomes(passed=1)
        def test_plug_ins_load_themselves_in_a_child(pytester):
            (pytester.path / "own-1.dist-info").mkdir()
            (pytester.path / "own-1.dist-info/METADATA").write_text("Name: own\\nVersion: 1\\n")
            (pytester.path / "own-1.dist-info/entry_points.txt").write_text("[pytest11]\\nown = own\\n")
            (pytester.path / "own.py").write_text("import pytest\\n@pytest.fixture\\ndef own(): return 1\\n")
            (pytester.path / "test_own.py").write_text("def test_own(own): assert own\\n")
            env = {**os.environ, "PYTHONPATH": str(pytester.path)}
            done = subprocess.run([sys.executable, "-m", "pytest"], cwd=pytester.path, env=env)
            assert done.returncode == 0
        def test_in_this_process(pytester):
            pytester.makepyfile(test_inner="def test_a(): pass\\ndef test_b(): assert 0")
            pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=1, failed=1)
        def test_main(tmp_path):
            (tmp_path / "test_main_inner.py").write_text("def test_a(): assert 0\\n")
            assert pytest.main([str(tmp_path), "-p", "no:cacheprovider", "-q"]) == 1
    """
    is_well(look(tmp_path, check(), {"tests/test_it.py": suite}), 5)


OPTIONS = {
    "importlib": "addopts = --import-mode=importlib",
    "not captured": "addopts = -s",
    "logged live": "log_cli = true\nlog_cli_level = DEBUG",
    "without plug-ins of pytest": "addopts = -p no:doctest -p no:faulthandler -p no:terminalreporter",
    "strict": "addopts = --strict-markers --strict-config\nfaulthandler_timeout = 60",
    "stops at the first, shows locals": "addopts = -x -l -vv --durations=3 --tb=native",
}


@pytest.mark.parametrize("name", OPTIONS)
def test_settings_that_suites_have(tmp_path: Path, name: str) -> None:
    suite = """
        import faulthandler, logging, os, threading
        def test_logs(): logging.getLogger().warning("something")
        def test_forks():
            if (child := os.fork()) == 0:
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        def test_executes():
            if (child := os.fork()) == 0:
                os.execvp("true", ["true"])
            assert os.waitpid(child, 0)[1] == 0
        def test_threads():
            thread = threading.Thread(target=print, args=("x",)); thread.start(); thread.join()
    """
    files = {"tests/test_it.py": suite, **settings(OPTIONS[name])}
    is_well(look(tmp_path, check(), files), 4)


RETRY = """
    from _pytest.runner import runtestprotocol
    def pytest_runtest_protocol(item, nextitem):
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for _ in range(2):
            reports = runtestprotocol(item, nextitem=nextitem, log=False)
            if not any(report.failed for report in reports):
                break
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True
"""


def test_a_conftest_that_runs_tests_itself_is_no_news_where_the_base_has_it(tmp_path: Path) -> None:
    files = {"conftest.py": RETRY, "tests/test_it.py": GREEN + "def test_b(): assert 0\n"}
    seen = look(tmp_path, check(), files)
    assert (seen.counts.passed, seen.counts.failed) == (1, 1)
    assert seen.oddities == {"forged": ("conftest.py",)}
    assert decide("x", check(), seen, seen).reason is None
    plain = look(tmp_path, check(), {**files, "conftest.py": ""})
    assert decide("x", check(), seen, plain).reason is Reason.RECORD_DAMAGED
    # Nor does it excuse the product, which speaks through it.
    product = """
        import sys, os, pytest
        def work():
            frame = sys._getframe()
            while "item" not in frame.f_locals: frame = frame.f_back
            item, test_id = frame.f_locals["item"], os.environ["PYTEST_CURRENT_TEST"].split(" ")[0]
            report = pytest.TestReport(test_id, (test_id, 1, ""), {}, "passed", None, "call")
            item.ihook.pytest_runtest_logreport(report=report)
    """
    suite = GREEN + "def test_b():\n    import product; product.work()\n"
    cheat = look(tmp_path, check(), {**files, "product.py": product, "tests/test_it.py": suite})
    result = decide("x", check(), cheat, seen)
    assert result.reason is Reason.RECORD_DAMAGED
    assert "product.py" in result.text


def test_31_000_tests_that_are_left_out_fit(tmp_path: Path) -> None:
    suite = """
        import pytest
        @pytest.mark.parametrize("n", range(31_000))
        def test_each(n): pass
        def test_it(): pass
    """
    hook = """
        def pytest_collection_modifyitems(config, items):
            config.hook.pytest_deselected(items=items[:-1])
            del items[:-1]
    """
    seen = look(tmp_path, check(), {"tests/test_it.py": suite, "conftest.py": hook})
    assert (seen.record, seen.counts.passed, len(seen.deselected)) == (
        RecordState.COMPLETE,
        1,
        31_000,
    )


def test_names_that_nobody_else_has_used_are_free(tmp_path: Path) -> None:
    """A module like one of Python's or an installed one is in nobody's way where nobody has it."""
    before: Files = {
        "fractions_of.py": "from fractions import Fraction\n",
        "tests/test_it.py": "import fractions_of\ndef test_it(): assert fractions_of.Fraction(1) == 1\n",
    }
    base = look(tmp_path, check(), before)
    own = {"code.py": "X = 1\n", "rich.py": "X = 1\n", "yaml/__init__.py": "X = 1\n"}
    suite = "import code, rich, yaml\ndef test_new(): assert code.X == rich.X == yaml.X\n"
    honest = look(tmp_path, check(), {**before, **own, "tests/test_new.py": suite})
    assert set(honest.oddities["shadowed"]) >= {"code (code.py)"}
    result = decide("x", check(), honest, base)
    assert result.reason is None, result.text
    taken = {"fractions.py": "class Fraction(int): pass\n"}
    cheat = look(tmp_path, check(), {**before, **taken})
    result = decide("x", check(), cheat, base)
    assert (result.reason, "fractions.py" in result.text) == (Reason.MODULE_SHADOWED, True)
    # What is used by what is used: the project itself never named it.
    before = {
        "tests/test_it.py": "import statistics\ndef test_it(): assert statistics.mean([1, 3]) == 2\n"
    }
    taken = {"numbers.py": "class Rational: pass\nclass Number: pass\nComplex = Real = Number\n"}
    taken |= {"fractions.py": "from numbers import Number\nclass Fraction(Number): pass\n"}
    base, cheat = (look(tmp_path, check(), files) for files in (before, {**before, **taken}))
    assert base.counts.passed == 1
    result = decide("x", check(), cheat, base)
    assert result.reason in (Reason.MODULE_SHADOWED, Reason.BROKEN), result.text
    assert cheat.oddities["shadowed"] == ("fractions (fractions.py, which others use)",)
