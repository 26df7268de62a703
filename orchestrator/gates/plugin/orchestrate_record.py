"""A pytest plugin that reports what really ran, test by test, to the judge that started it. PYTEST_DONT_REWRITE

Owns the selection of tests by id (an id that does not exist must not stop the others) and the folding of a test's
phases into one outcome. It is a module by itself, of the standard library and pytest alone, and nothing else of this
program can be imported where it is. It judges nothing.

Run as a script it waits to be told which tests of which folder to run, then is `python -m pytest` with itself as a
plugin and one difference: pytest was imported before the folder was known, so that a `pytest.py` or a
`sitecustomize.py` of the project is not taken for the real one.

The record is lines of ``<chain> <json>`` on an inherited pipe; every line's chain is a hash over the one before, so
that a line that is lost, repeated or put in shows. A record without its last line, `finish`, is not a whole run's.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any

# ruff: noqa: ANN401  (what pytest hands over has types only where pytest is loaded)

_request: dict[str, Any] = {}
"""What this process shall do: `fd`, `token` and `select` are the recorder's; emptied when it has them."""
MESSAGE_LIMIT = 2000
IDS_PER_LINE = 500
RED = ("failed", "error")


def ancestors(test_id: str) -> Iterator[str]:
    """A test id and all that it is under: its parametrised family, its classes, its file, the folders, ``.``."""
    yield test_id
    path, _, rest = test_id.partition("::")
    family, bracket, _ = rest.partition("[")
    if bracket:
        yield f"{path}::{family}"
    while "::" in family:
        family = family.rpartition("::")[0]
        yield f"{path}::{family}"
    if rest:
        yield path
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
    yield "."


def next_link(chain: str, body: str) -> str:
    """The chain's value at a line, from its value at the line before."""
    return hashlib.sha256(f"{chain}{body}".encode()).hexdigest()[:16]


def pytest_addoption(pluginmanager: Any) -> None:
    """The first hook that is called, before the project's conftests: take the request and hide where it came from."""
    if not _request:
        return
    import pytest  # here, so that the judge can use `ancestors` without loading pytest

    request = dict(_request)
    _request.clear()
    os.set_inheritable(request["fd"], False)  # noqa: FBT003
    pytest.hookimpl(tryfirst=True)(Recorder.pytest_collection_modifyitems)
    pytest.hookimpl(trylast=True)(Recorder.pytest_sessionfinish)
    pytest.hookimpl(optionalhook=True)(Recorder.pytest_xdist_node_collection_finished)
    pluginmanager.register(Recorder(request["fd"], request["token"], request["select"]), "orchestrate-recorder")


class Recorder:
    """The hooks that hear of collection and of each test."""

    def __init__(self, fd: int, token: str, select: Iterable[str]) -> None:
        self._fd = fd
        self._pipe = self._identity()
        self._pid = os.getpid()
        self._chain = token
        self._count = 0
        self._select = frozenset(select)
        self._running: dict[str, dict[str, Any]] = {}
        self._write("loaded", {"python": sys.version.split()[0]})

    def _identity(self) -> tuple[int, int]:
        status = os.fstat(self._fd)
        return status.st_dev, status.st_ino

    def _write(self, kind: str, facts: dict[str, Any]) -> None:
        # A forked child comes here too when an exception passes through it; it has nothing to report.
        if self._fd < 0 or os.getpid() != self._pid:
            return
        self._count += 1
        body = json.dumps([self._count, kind, facts])
        self._chain = next_link(self._chain, body)
        data = f"{self._chain} {body}\n".encode()
        try:
            # A test may have closed our descriptor and got its number for a file of its own.
            while data and self._identity() == self._pipe:
                data = data[os.write(self._fd, data) :]
        except OSError:
            pass  # below: the record stays without an end, which is what the judge then sees
        if data:
            self._fd = -1

    def _write_ids(self, kind: str, ids: Iterable[str]) -> None:
        listed = [_text(test_id) for test_id in ids]
        for start in range(0, len(listed), IDS_PER_LINE):
            self._write(kind, {"ids": listed[start : start + IDS_PER_LINE]})

    def pytest_sessionstart(self) -> None:
        self._write("session", {})

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self._write("collection_error", {"id": _text(report.nodeid), "message": _message(report)})
        elif report.skipped:
            self._write(
                "test",
                {"id": _text(report.nodeid), "outcome": "skipped", "seconds": 0.0, "message": _message(report)},
            )

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = [item for item in items if not self._select.isdisjoint(ancestors(item.nodeid))]

    def pytest_deselected(self, items: Iterable[Any]) -> None:
        self._write_ids("deselected", (item.nodeid for item in items))

    def pytest_collection_finish(self, session: Any) -> None:
        self._write_ids("collected", (item.nodeid for item in session.items))

    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self._write_ids("collected", ids)

    def pytest_runtest_logreport(self, report: Any) -> None:
        outcome = _outcome(report)
        test = self._running.setdefault(report.nodeid, {"outcome": None, "seconds": 0.0, "message": ""})
        if not hasattr(report, "context"):  # the time of a subtest is in its test's
            test["seconds"] += report.duration
        if outcome and (test["outcome"] is None or (outcome in RED and test["outcome"] not in RED)):
            test.update(outcome=outcome, message="" if outcome == "passed" else _message(report))

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        test = self._running.pop(nodeid, None)
        if test and test["outcome"]:
            self._write("test", {"id": _text(nodeid), **test, "seconds": round(test["seconds"], 4)})

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        self._write("finish", {"exit": int(exitstatus)})


def _outcome(report: Any) -> str | None:
    """What one phase says of its test; None when it says nothing: a set-up that went well, a subtest that passed."""
    expected = hasattr(report, "wasxfail")
    if report.failed:
        return "failed" if report.when == "call" else "error"
    if hasattr(report, "context"):
        return None
    if report.skipped:
        return "xfailed" if expected else "skipped"
    if report.passed and report.when == "call":
        return "xpassed" if expected else "passed"
    return None


def _message(report: Any) -> str:
    """The end of what there is to read about it; a subtest is named."""
    if isinstance(report.longrepr, tuple):  # a skip: file, line, reason
        return _text(str(report.longrepr[-1])[:MESSAGE_LIMIT])
    text = report.longreprtext or str(getattr(report, "wasxfail", ""))
    if context := getattr(report, "context", None):
        text = f"in subtest {context.msg or ''} {dict(context.kwargs) or ''}\n{text}"
    return _text(text[-MESSAGE_LIMIT:])


def _text(text: str) -> str:
    """The same without what UTF-8 cannot hold."""
    return text.encode("utf-8", "backslashreplace").decode()


def _wait() -> dict[str, Any]:
    """Import what a test run needs, then wait for the request: one line of JSON on standard input."""
    import importlib

    import _pytest.config
    import pytest  # noqa: F401

    for name in getattr(_pytest.config, "default_plugins", ()):
        importlib.import_module(f"_pytest.{name}")
    line = sys.stdin.buffer.readline()
    if not line:
        sys.exit(0)  # whoever started this is gone
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    request: dict[str, Any] = json.loads(line)
    return request


if __name__ == "__main__":
    _request.update(_wait())
    os.environ.update(_request["env"])
    os.chdir(_request["folder"])
    sys.argv[1:] = _request["arguments"]
    import pytest

    sys.modules["orchestrate_record"] = sys.modules[__name__]  # for `-p`, whatever lies in the current folder
    sys.path.insert(0, os.getcwd())  # noqa: PTH109
    sys.exit(pytest.console_main())
