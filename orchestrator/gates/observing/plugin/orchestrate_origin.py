"""Whether what was tested is the candidate: where the modules came from that a test run has loaded.
PYTEST_DONT_REWRITE

A module that the work tree holds, and that was loaded from somewhere else (an installed copy, a
checkout beside, a folder of modules that tests made), says nothing of the work tree. Owns finding
such modules when the run is over, in three kinds: what is not what the tree holds (`elsewhere`),
what happens to be the same (`elsewhere_same`), and what the tree does not hold at all where it
holds the package, or what tests may have made themselves (`elsewhere_new`). What that means is
the judge's to say.

Python's own modules are left aside: many a folder of a project is called as one of them.
"""

from __future__ import annotations

import os
import sys
import tempfile
import types
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Report = Callable[[str, "dict[str, Any]"], None]
    Found = dict[str, "list[str]"]

KEY = "orchestrate-origin"
"""Under which workers of xdist hand over what they found."""
LISTED = 20
MOST_FOLDERS = 20000
STRONG = ("", "src", "lib", "python")
"""Folders from which a project's modules are imported, whatever else they are called."""
NOT_ROOTS = frozenset(
    (
        *("build", "dist", "doc", "docs", "example", "examples", "fixtures", "samples"),
        *("extern", "external", "node_modules", "site-packages", "stubs", "typings"),
        *("test", "testing", "tests", "third_party", "thirdparty", "vendor", "vendored", "_vendor"),
    )
)
"""Below these, what is called as a module is more likely somebody's copy of it."""
INSTALLED = ("site-packages", "dist-packages")

# Bound here, before the project is loaded: what it puts in their place does not deceive us.
_is_file, _is_link, _real = os.path.isfile, os.path.islink, os.path.realpath
_join, _split = os.path.join, os.path.split
_scan, _open, _modules = os.scandir, open, sys.modules
_OWN = os.path.dirname(os.path.abspath(__file__))
_PYTHON = os.path.dirname(_real(os.__file__))


class Origin:
    """The hooks of one test process; it begins in the work tree."""

    def __init__(self, report: Report | None) -> None:
        self._report = report
        self._tree = Tree(os.getcwd())

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: Any) -> None:
        """Look at what has been loaded."""
        found = self._tree.look()
        if self._report is not None:
            self._report("origin", found)
        elif hasattr(session.config, "workeroutput"):
            session.config.workeroutput[KEY] = found

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """What a worker of xdist has found."""
        found = getattr(node, "workeroutput", {}).get(KEY)
        if found and self._report is not None:
            self._report("origin", found)


class Tree:
    """The work tree, whose modules are asked for."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._real_root = _real(root)
        self._real_folders: dict[str, str] = {}
        self._prefix = _join(_real(sys.prefix), "")
        self._temporary = tuple(
            _join(_real(path), "") for path in (tempfile.gettempdir(), os.path.expanduser("~"))
        )

    def look(self) -> Found:
        """The modules that are loaded from elsewhere, by kind, each with what it is instead of."""
        loaded = sorted(_loaded(self._is_elsewhere))
        roots = tuple(self._roots({name.partition(".")[0] for name, _ in loaded}))
        found: Found = {"elsewhere": [], "elsewhere_same": [], "elsewhere_new": []}
        packages = set()
        for name, path in loaded:
            held = self._held(name, roots)
            if held is not None:
                packages.add(name)
                kind = "elsewhere_same" if _is_same(path, held) else "elsewhere"
                what = "not " + self._short(held)
            elif name.rpartition(".")[0] in packages:
                packages.add(name)
                kind, what = "elsewhere_new", "not of the tree"
            else:
                continue
            place = self._short(path)
            if self._real_path(path).startswith(self._temporary):
                kind, place = "elsewhere_new", "a temporary folder"
            found[kind].append(f"{name} from {place}, {what}")
        return {kind: texts[:LISTED] for kind, texts in found.items()}

    def _is_elsewhere(self, path: str) -> bool:
        real = self._real_path(path)
        if real.startswith(_OWN):
            return False
        installed = any(part in INSTALLED for part in real.split(os.sep))
        if real.startswith(_join(_PYTHON, "")) and not installed:
            return False
        if _inside(path, self._root) or _inside(real, self._real_root):
            return installed or real.startswith(self._prefix)
        return True

    def _real_path(self, path: str) -> str:
        """The same as `realpath`, for hundreds of files in a few folders."""
        if _is_link(path):
            return _real(path)
        folder, name = _split(path)
        if folder not in self._real_folders:
            self._real_folders[folder] = _real(folder)
        return _join(self._real_folders[folder], name)

    def _roots(self, tops: Iterable[str]) -> Iterator[str]:
        """Folders of the tree from which one of these would be imported."""
        wanted = frozenset(tops) | frozenset(top + ".py" for top in tops)
        todo, seen = [""], 0
        while todo and seen < MOST_FOLDERS:
            folder = todo.pop()
            seen += 1
            try:
                with _scan(_join(self._root, folder)) as entries:
                    held = {entry.name: entry.is_dir(follow_symlinks=False) for entry in entries}
            except OSError:
                continue
            if "pyvenv.cfg" in held or ("__init__.py" in held and folder not in STRONG):
                continue
            if not wanted.isdisjoint(held):
                yield folder
            todo += [
                _join(folder, name)
                for name, is_folder in held.items()
                if is_folder and not name.startswith(".") and name not in NOT_ROOTS
            ]

    def _held(self, name: str, roots: Iterable[str]) -> str | None:
        """The file of the tree that the module would be."""
        parts = name.replace(".", os.sep)
        for root in roots:
            for end in (".py", os.sep + "__init__.py"):
                path = _join(self._root, root, parts + end)
                if _is_file(path):
                    return path
        return None

    def _short(self, path: str) -> str:
        for root in (self._root, self._real_root):
            if _inside(path, root):
                return path[len(root) + 1 :]
        return path


def _loaded(is_elsewhere: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """Names and files of the modules that are not of the tree."""
    for name, module in list(_modules.items()):
        if not isinstance(module, types.ModuleType) or name == "__main__":
            continue
        path = vars(module).get("__file__")
        if not isinstance(name, str) or not isinstance(path, str) or not os.path.isabs(path):
            continue
        if is_elsewhere(path):
            yield name, path


def _inside(path: str, root: str) -> bool:
    return path.startswith(root + os.sep)


def _is_same(one: str, other: str) -> bool:
    try:
        with _open(one, "rb") as first, _open(other, "rb") as second:
            return first.read() == second.read()
    except OSError:
        return False
