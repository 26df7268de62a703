"""What a candidate is judged with that is not its own: what is put back of what it changed.

Owns what that is for each of the two looks at a candidate, and the putting back. The first look is
at its product with the base's whole test side; the second, where the candidate adds to the test
side or may change it, at the candidate as it would land. Which changes are put back is `sorting`'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from orchestrator.gates.observing.observation import BYTECODE
from orchestrator.gates.observing.test_side import Shadow
from orchestrator.git.folder import remove_tree
from orchestrator.git.values import EXECUTABLE, SYMLINK
from orchestrator.journal.facts import SideChange


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What of a check, and of its gate, decides what a candidate is judged with."""

    arguments: tuple[str, ...] | None = None
    """The paths and ids of tests that are run; None: what is run is not known to be pytest."""
    selected: tuple[str, ...] = ()
    """Those of all checks of the gate."""
    may_configure: tuple[str, ...] = ()
    may_change: tuple[str, ...] = ()
    may_remove: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    """The command of a check that is no pytest: files of the tree by which it decides are held to
    the base too.
    """
    has_tests: bool = True
    """Whether its tests are known one by one; else there is one look, at what would land."""


@dataclass(frozen=True, slots=True)
class Original:
    """What a path holds when it is put back: bytes (None: nothing at all), git's mode, and why
    (empty: it makes no difference that is to be told).
    """

    path: str
    content: bytes | None
    mode: str
    why: str


@dataclass(frozen=True, slots=True)
class Landing:
    """The second look: what is put back for it, and what of the check is run."""

    originals: tuple[Original, ...]
    select: tuple[str, ...] | None
    """Paths and ids of the tests that are run; None: all of the check."""
    files: frozenset[str]
    """The modules of tests that are new or may be changed: what this look says of them counts."""
    moved: Mapping[str, str]
    """Where modules of tests went that may be moved."""
    is_shared: bool
    """Whether something else of the test side may be changed by its very name, on which any test
    may rest: it may itself be what was to be mended.
    """


@dataclass(frozen=True)
class Restoration:
    """What is put back into a tree, or taken out of it."""

    always: tuple[Original, ...] = ()
    """What is put back for every look."""
    side: tuple[Original, ...] = ()
    """What makes the test side that of the base."""
    landing: Landing | None = None
    changes: tuple[SideChange, ...] = ()
    """What the candidate does to the test side."""
    put_back: Mapping[str, str] = field(default_factory=dict)
    """What was done without leave to each path of the test side that was put back."""
    shadows: tuple[Shadow, ...] = ()

    @property
    def originals(self) -> tuple[Original, ...]:
        """What is put back for the first look."""
        return (*self.always, *self.side)

    @cached_property
    def digest(self) -> str:
        """The same for the same restoration; empty when there is none but of bytecode, which the
        tree itself tells.
        """
        told, is_empty = hashlib.sha256(), self.landing is None
        for originals in (self.originals, self.landing.originals if self.landing else ()):
            told.update(b"|")
            for original in originals:
                if original.why == BYTECODE:
                    continue
                is_empty = False
                content = b"-" if original.content is None else b"+" + original.content
                head = f"{original.path}\0{original.mode}\0{len(content)}\0"
                told.update(head.encode("utf-8", "surrogateescape"))
                told.update(content)
        if self.landing:
            shown = (self.landing.select, sorted(self.landing.files), self.landing.is_shared)
            told.update(repr(shown).encode("utf-8", "surrogateescape"))
        return "" if is_empty else told.hexdigest()

    @property
    def reasons(self) -> dict[str, str]:
        """Why paths were put back that are protected, or decide how tests are run."""
        return {each.path: each.why for each in self.always if each.why}


def put_into(root: Path, originals: Iterable[Original]) -> None:
    """Write originals into a tree; what is to be taken out goes first."""
    for original in sorted(originals, key=lambda original: original.content is not None):
        target = root / original.path
        if original.content is None and not target.parent.is_dir():
            continue  # it went with what was above it
        _make_folders(root, target.parent)
        remove_tree(target)
        if original.content is None:
            continue
        if original.mode == SYMLINK:
            target.symlink_to(original.content.decode("utf-8", "surrogateescape"))
        else:
            target.write_bytes(original.content)
            target.chmod(0o755 if original.mode == EXECUTABLE else 0o644)


def _make_folders(root: Path, folder: Path) -> None:
    """Make a folder below `root`, in place of whatever a candidate has put where it was."""
    for part in (
        *reversed([p for p in folder.parents if p.is_relative_to(root) and p != root]),
        folder,
    ):
        if part != root and (part.is_symlink() or not part.is_dir()):
            remove_tree(part)
            part.mkdir()
