"""Caches and bytecode that programs leave: nobody's work, in either way of capturing."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.git.caches import cache_of
from tests.repositories import write

LEFT = {
    "__pycache__/a.cpython-311.pyc": "x",
    "pkg/__pycache__/b.pyc": "x",
    ".pytest_cache/.gitignore": "*\n",
    ".pytest_cache/v/cache/nodeids": "[]",
    ".mypy_cache/3.11/a.json": "{}",
    ".ruff_cache/0.1/x": "x",
    "web/node_modules/.cache/babel/x": "x",
    ".coverage": "x",
    ".coverage.host.1": "x",
    "old.pyc": "x",
    "pkg.egg-info/PKG-INFO": "x",
}


@pytest.mark.parametrize("path", LEFT)
def test_caches_are_known_by_name(path: str) -> None:
    assert cache_of(path.encode())


@pytest.mark.parametrize(
    "path", [".coveragerc", "my__pycache__/a", "node_modules/a.js", "cache/x", "a.pyx", "a.py"]
)
def test_other_names_are_work(path: str) -> None:
    assert cache_of(path.encode()) is None


@pytest.mark.parametrize("is_full", [False, True])
@pytest.mark.parametrize("tracked", [{}, {"pkg/__pycache__/kept.pyc": "1"}])
def test_a_capture_takes_the_work_and_no_cache(
    make_repo: Any, make_run: Any, is_full: bool, tracked: dict[str, str]
) -> None:
    attributes = {".gitattributes": "* text=auto\n"} if is_full else {}
    user = make_repo({"pkg/a.py": "1\n", **tracked, **attributes})
    run = make_run(user)
    workspace = run.workspaces.provision("a-1", run.base)
    write(workspace.path, {**LEFT, "pkg/a.py": "2\n", "new.py": "3\n"})
    expected = {"pkg/a.py", "new.py"}
    if tracked:
        write(workspace.path, dict.fromkeys(tracked, "2"))
        expected |= set(tracked)
    capture = run.workspaces.capture(workspace, message="work")
    assert set(capture.changes) == expected
    assert capture.problems == ()


def test_an_agent_that_only_ran_the_tests_has_changed_nothing(
    make_repo: Any, make_run: Any
) -> None:
    run = make_run(make_repo({"a.py": "1\n"}))
    workspace = run.workspaces.provision("a-1", run.base)
    write(workspace.path, LEFT)
    assert run.workspaces.capture(workspace, message="work").commit == run.base
