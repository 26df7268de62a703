"""A pytest plugin that reports what really ran, test by test, to the judge that started it.
PYTEST_DONT_REWRITE

Owns the record and the folding of a test's phases into one outcome. It, `orchestrate_watch`, which has an
eye on the process itself, and what these two are made of are modules by themselves, of the standard
library and pytest alone, for Python 3.8 and newer; nothing else of this program can be imported
where they are. They judge nothing.

Run as a script it waits to be told which tests of which folder to run, then is `python -m pytest`
with itself as a plugin and one difference: pytest was imported before the folder was known, so that
a `pytest.py` or a `sitecustomize.py` of the project is not taken for the real one.

The record is lines of ``<chain> <json>`` on an inherited socket, which, unlike a pipe, cannot be
opened again by its name in ``/proc``. Every line's chain is a hash over the one before, so that a
line that is lost, repeated or put in shows; a line that is asked for while code of the project is
running says by whom; a record without its last line, `finish`, is not a whole run's. How a line
is written is `orchestrate_line`'s.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    Write = Callable[[str, "dict[str, Any]"], None]

_request: dict[str, Any] = {}
"""What this process shall do: `fd`, `token`, `again`, `select` and `parts` are the plug-ins'; emptied
when they have them.
"""
MESSAGE_LIMIT = 2000
RED = ("failed", "error")


def ancestors(test_id: str) -> Iterator[str]:
    """A test id and all that it is under: its parametrised family, its classes, its file, the
    folders, ``.``.
    """
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


def pytest_addoption(pluginmanager: Any) -> None:
    """The first hook that is called, before the project's conftests: take the request and hide
    where it came from.
    """
    watch = importlib.import_module("orchestrate_watch")
    origin = importlib.import_module("orchestrate_origin")
    tree = watch.Tree(os.getcwd())
    if not _request:
        if "PYTEST_XDIST_WORKER" in os.environ:
            pluginmanager.register(watch.Watch(tree, watch.Parts(), None), "orchestrate-watch")
            pluginmanager.register(origin.Origin(None), origin.KEY)
        return
    import pytest  # here, so that the judge can use `ancestors` without loading pytest

    request = dict(_request)
    _request.clear()
    os.set_inheritable(request["fd"], False)  # noqa: FBT003
    pytest.hookimpl(trylast=True)(Recorder.pytest_sessionfinish)
    pytest.hookimpl(optionalhook=True)(Recorder.pytest_xdist_node_collection_finished)
    line = importlib.import_module("orchestrate_line")
    write = line.open_line(request["fd"], request["token"], request["again"], tree.named)
    pluginmanager.register(
        watch.Watch(tree, request["parts"], write, request["select"], request["hidden"]),
        "orchestrate-watch",
    )
    pluginmanager.register(origin.Origin(write), origin.KEY)
    pluginmanager.register(Recorder(write), "orchestrate-recorder")


class Recorder:
    """The hooks that hear of collection and of each test."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._in_lines = importlib.import_module("orchestrate_line").in_lines
        self._running: dict[str, dict[str, Any]] = {}
        self._write("loaded", {"python": sys.version.split()[0]})

    def _write_ids(self, kind: str, ids: Iterable[str]) -> None:
        for portion in self._in_lines(text(test_id) for test_id in ids):
            self._write(kind, {"ids": portion})

    def pytest_sessionstart(self) -> None:
        self._write("session", {})

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self._write(
                "collection_error", {"id": text(report.nodeid), "message": _message(report)}
            )
        elif report.skipped:
            self._write(
                "test",
                {
                    "id": text(report.nodeid),
                    "outcome": "skipped",
                    "seconds": 0.0,
                    "message": _message(report),
                },
            )

    def pytest_collection_finish(self, session: Any) -> None:
        self._write_ids("collected", (item.nodeid for item in session.items))

    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self._write_ids("collected", ids)

    def pytest_runtest_logreport(self, report: Any) -> None:
        outcome = _outcome(report)
        is_of_subtest = hasattr(
            report, "context"
        )  # its test reports it, and it can but make it red
        if outcome and not is_of_subtest:
            self._write("", {})
        test = self._running.setdefault(
            report.nodeid, {"outcome": None, "seconds": 0.0, "message": ""}
        )
        if not is_of_subtest:  # whose time is in its test's
            test["seconds"] += float(report.duration)
        if outcome and (test["outcome"] is None or (outcome in RED and test["outcome"] not in RED)):
            test.update(outcome=outcome, message="" if outcome == "passed" else _message(report))

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        test = self._running.pop(nodeid, None)
        if test and test["outcome"]:
            self._write("test", {"id": text(nodeid), **test, "seconds": round(test["seconds"], 4)})

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        for nodeid, test in list(self._running.items()):
            if (
                test["outcome"] in RED
            ):  # its process of xdist has died, of which there is nothing but a report
                self.pytest_runtest_logfinish(nodeid)
        self._write("finish", {"exit": int(exitstatus)})


def _outcome(report: Any) -> str | None:
    """What one phase says of its test; None when it says nothing: a set-up that went well, a
    subtest that passed.
    """
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
        return text(str(report.longrepr[-1])[:MESSAGE_LIMIT])
    message = report.longreprtext or str(getattr(report, "wasxfail", ""))
    if context := getattr(report, "context", None):
        message = f"in subtest {context.msg or ''} {dict(context.kwargs) or ''}\n{message}"
    return text(message[-MESSAGE_LIMIT:])


def text(written: str) -> str:
    """The same without what UTF-8 cannot hold."""
    return written.encode("utf-8", "backslashreplace").decode()


def _wait() -> dict[str, Any]:
    """Import what a test run needs, then wait for the request: one line of JSON on standard
    input.
    """
    import _pytest.config

    for name in (*getattr(_pytest.config, "default_plugins", ()), "_argcomplete"):
        importlib.import_module(f"_pytest.{name}")
    folder = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, folder)
    importlib.import_module("orchestrate_origin")
    parts = importlib.import_module("orchestrate_watch").Parts()
    gc.freeze()  # what is imported by now need not be looked through for garbage, least of all when everybody waits
    line = sys.stdin.buffer.readline()
    if not line:
        sys.exit(0)  # whoever started this is gone
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    request: dict[str, Any] = {**json.loads(line), "parts": parts}
    plugins = list(_plugins(request["plugins"]))
    request["arguments"][:0] = [argument for name in plugins for argument in ("-p", name)]
    if "pytest_cov" in plugins and not request["is_suite"]:
        request["arguments"].append("--cov-fail-under=0")
    if "xdist" not in plugins:  # its workers are given this path, and import both modules by name
        sys.path.remove(folder)
    return request


def _plugins(names: Collection[str]) -> Iterator[str]:
    """What `-p` takes for each: a plug-in's own name, all that a distribution of that name has, or
    a module.
    """
    import importlib.metadata as installed

    by_distribution: dict[str, list[str]] = {}
    for distribution in installed.distributions() if names else ():
        found = [point.name for point in distribution.entry_points if point.group == "pytest11"]
        by_distribution[_plain(distribution.metadata["Name"] or "")] = found
    known = {name for found in by_distribution.values() for name in found}
    for name in names:
        yield from [name] if name in known else by_distribution.get(_plain(name)) or [name]


def _plain(distribution: str) -> str:
    return distribution.lower().replace("_", "-")


def _configured(tree: str, paths: Iterable[str]) -> list[str]:
    """The options that name the settings which pytest finds by itself, and say that there are no
    others.

    It searches from what all paths have in common upward, and so out of the tree where that has
    none.
    """
    from pathlib import Path

    from _pytest.config.exceptions import UsageError
    from _pytest.config.findpaths import load_config_dict_from_file as load
    from _pytest.outcomes import Failed

    names = ["pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg"]
    if sys.modules["pytest"].version_tuple >= (9,):
        names[:0] = ["pytest.toml", ".pytest.toml"]
    full = [os.path.join(tree, path) for path in paths]
    folder = os.path.commonpath(
        [tree] if not full else [p if os.path.isdir(p) else os.path.dirname(p) for p in full]
    )
    without_settings = ""
    while True:
        for path in (os.path.join(folder, name) for name in names):
            if not os.path.isfile(path):
                continue
            try:
                if load(Path(path)) is not None:
                    return ["-c", path, f"--confcutdir={folder}"]
            except (UsageError, Failed, OSError, ValueError):
                return ["-c", path, f"--confcutdir={folder}"]  # pytest says what is wrong with it
            if path.endswith("pyproject.toml"):
                without_settings = without_settings or path
        if folder == tree or len(folder) <= len(tree):
            break
        folder = os.path.dirname(folder)
    if without_settings:
        return ["-c", without_settings, f"--confcutdir={os.path.dirname(without_settings)}"]
    return ["-c", os.devnull, f"--confcutdir={tree}"]


if __name__ == "__main__":
    # As with `python -P`, which older interpreters do not have.
    sys.path[:] = [path for path in sys.path if path != os.path.dirname(os.path.abspath(__file__))]
    # Run without `site`, which would import a `sitecustomize.py` from wherever the project is
    # installed from.
    sys.modules.update({name: ModuleType(name) for name in ("sitecustomize", "usercustomize")})
    importlib.import_module("site").main()
    sys.modules["orchestrate_record"] = sys.modules[
        __name__
    ]  # for `-p`, whatever lies in the current folder
    _request.update(_wait())
    os.environ.update(_request["env"])
    os.chdir(_request["folder"])
    import pytest

    sys.argv[1:] = [*_configured(os.getcwd(), _request["paths"]), *_request["arguments"]]
    sys.path.insert(0, os.getcwd())
    sys.exit(pytest.main())
