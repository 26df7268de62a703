"""What set-up made stays with a tree for as long as nobody touches it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.executors.shelf import Shelf
from orchestrator.git.folder import remove_tree
from tests.e2e.helpers import write

FILES = {".venv/bin/tool": "tool\n", ".venv/lib/a.py": "a = 1\n", "web/node_modules/b.js": "b\n"}
PATHS = (".venv", "web/node_modules", "made.txt", "link")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "trees" / "gate.1"
    fill(folder)
    return folder


def fill(folder: Path) -> None:
    write(folder, {**FILES, "made.txt": "made\n", "own.py": "own\n"})
    (folder / "link").symlink_to(".venv/bin/tool")


def empty(folder: Path) -> None:
    """As a tree is before it is given a commit."""
    remove_tree(folder)
    folder.mkdir()


def test_it_is_put_aside_and_back(tree: Path) -> None:
    shelf = Shelf()
    shelf.note(tree, "key", PATHS)
    for _ in range(3):
        before = (tree / ".venv/lib/a.py").stat().st_ino
        shelf.take(tree)
        assert not any(os.path.lexists(tree / path) for path in PATHS)
        assert [path.name for path in tree.iterdir() if path.name != "web"] == ["own.py"]
        empty(tree)
        write(tree, {"own.py": "own\n"})
        assert shelf.put_back(tree, "key")
        assert (tree / ".venv/lib/a.py").stat().st_ino == before
        assert (tree / "web/node_modules/b.js").read_text() == "b\n"
        assert (tree / "made.txt").read_text() == "made\n"
        assert (tree / "link").read_text() == "tool\n"


def test_another_set_up_is_another_lot(tree: Path) -> None:
    shelf = Shelf()
    shelf.note(tree, "key", PATHS)
    shelf.take(tree)
    assert not shelf.put_back(tree, "another")
    assert not shelf.put_back(tree, "key")
    assert not Shelf().put_back(tree, "key")


def _edit_in_time(tree: Path) -> None:
    path = tree / ".venv/lib/a.py"
    status = path.stat()
    path.write_text("a = 2\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


HARM: dict[str, Callable[[Path], object]] = {
    "edited": lambda tree: (tree / ".venv/lib/a.py").write_text("b = 1\n"),
    "edited, with the time of before": _edit_in_time,
    "added": lambda tree: (tree / ".venv/lib/more.pth").write_text(""),
    "removed": lambda tree: (tree / "web/node_modules/b.js").unlink(),
    "made executable": lambda tree: (tree / ".venv/lib/a.py").chmod(0o755),
    "a file by itself": lambda tree: (tree / "made.txt").write_text("Made\n"),
    "moved": lambda tree: (tree / ".venv").rename(tree / "moved"),
    "led elsewhere": lambda tree: (
        (tree / "link").unlink(),
        (tree / "link").symlink_to(".venv/lib/a.py"),
    ),
    "a link in its place": lambda tree: (
        (tree / "web").rename(tree / "web2"),
        (tree / "web").symlink_to("web2"),
        (tree / "web/node_modules/b.js").write_text("c\n"),
    ),
}


@pytest.mark.parametrize("name", HARM)
def test_what_was_touched_is_not_given_again(tree: Path, name: str) -> None:
    shelf = Shelf()
    shelf.note(tree, "key", PATHS)
    HARM[name](tree)
    shelf.take(tree)
    empty(tree)
    assert not shelf.put_back(tree, "key")


@pytest.mark.parametrize("name", ["edited, with the time of before", "added", "a file by itself"])
def test_nor_what_was_touched_on_the_shelf(tree: Path, name: str) -> None:
    shelf = Shelf()
    shelf.note(tree, "key", PATHS)
    shelf.take(tree)
    HARM[name](tree.parent / ".shelf" / tree.name)
    empty(tree)
    assert not shelf.put_back(tree, "key")
