"""Captured work held against its scope: symbols, modes, kinds of files, and what comes, goes or is
renamed.
"""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.journal.facts import Breach
from orchestrator.merging.breaches import breaches_of
from orchestrator.mission.scope import Scope

SOURCE = "import os\n\n\ndef mine():\n    return 1\n\n\ndef theirs():\n    return 2\n"
EDITED = SOURCE.replace("return 1", "return 3")


@pytest.fixture
def user(make_repo: Any) -> Any:
    return make_repo({"src/a.py": SOURCE, "src/b.py": SOURCE, "notes.txt": "x\n"})


def said(run: Any, change: Any, *patterns: str, protect: tuple[str, ...] = ()) -> list[str]:
    """What stands against `change`, a function of the work tree's path, for an agent with these
    scopes.
    """
    workspace = run.workspaces.provision("a-1", run.base)
    change(workspace.path)
    capture = run.workspaces.capture(workspace, message="m\n", when=1_750_000_000)
    run.workspaces.release(workspace)
    return [
        f"{one.where}: {one.reason}"
        for one in breaches_of(run.store, capture, Scope(patterns), Scope(protect))
    ]


def test_a_symbol_and_no_more(run: Any) -> None:
    assert said(run, lambda path: (path / "src/a.py").write_text(EDITED), "src/a.py::mine") == []
    told = said(run, lambda path: (path / "src/a.py").write_text(EDITED), "src/a.py::theirs")
    assert told == ["src/a.py:5 mine: changed outside of the scope"]
    assert (
        said(run, lambda path: (path / "src/a.py").write_text(EDITED), "src/*.py::m*", "src/b.py")
        == []
    )


def test_what_symbols_do_not_cover_of_a_file(run: Any) -> None:
    assert said(run, lambda path: (path / "src/a.py").chmod(0o755), "src/a.py::mine") == [
        "src/a.py: its mode was changed from 100644 to 100755"
    ]
    assert said(run, lambda path: (path / "src/a.py").unlink(), "src/a.py::mine") == [
        "src/a.py: the file was removed"
    ]

    def link(path: Any) -> None:
        (path / "src/a.py").unlink()
        (path / "src/a.py").symlink_to("b.py")

    told = said(run, link, "src/a.py::mine")
    assert told == [
        "src/a.py: it is, or was, no regular file, and only symbols in it may be changed"
    ]


def test_a_renamed_file_is_one_that_went_and_one_that_came(run: Any) -> None:
    told = said(run, lambda path: (path / "src/a.py").rename(path / "src/c.py"), "src/a.py::mine")
    assert told == ["src/a.py: the file was removed", "src/c.py: outside"]
    told = said(
        run, lambda path: (path / "src/a.py").rename(path / "src/c.py"), "src/[ac].py::mine"
    )
    assert told == [
        "src/a.py: the file was removed",
        "src/c.py:8 theirs: a new symbol that is not private, and not named by the scope",
    ]


def test_a_path_by_itself_and_protection_come_first(run: Any) -> None:
    def edit(path: Any) -> None:
        for name in ("src/a.py", "src/b.py", "notes.txt"):
            (path / name).write_text(EDITED)

    told = said(run, edit, "src/a.py::theirs", "src/b.py", protect=("src/b.py",))
    assert told == [
        "notes.txt: outside",
        "src/a.py:5 mine: changed outside of the scope",
        "src/b.py: protected",
    ]


def test_a_breach_of_an_older_journal_is_about_the_file() -> None:
    old = Breach.model_validate({"path": "a.py", "reason": "outside"})
    assert (old.where, old.symbol, old.line) == ("a.py", "", 0)
