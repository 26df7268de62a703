"""What was taken over from an attempt: the commit, and what is wrong with what was left.

Owns the closed list of problems. They are found by `capture` and `policy`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from orchestrator.git.values import Changes


class ProblemKind(StrEnum):
    """Why something that an agent left is refused or worth a word."""

    NESTED_REPOSITORY = "nested_repository"
    SUBMODULE_CONTENT = "submodule_content"
    SYMLINK_ESCAPES = "symlink_escapes"
    INSANE_PATH = "insane_path"
    CASE_COLLISION = "case_collision"
    SPECIAL_FILE = "special_file"
    TOO_DEEP = "too_deep"
    FILE_TOO_LARGE = "file_too_large"
    TOTAL_TOO_LARGE = "total_too_large"
    SUBMODULE_CONFIGURATION = "submodule_configuration"
    NOT_STORABLE = "not_storable"
    WORK_TREE_GONE = "work_tree_gone"
    HIDDEN_BY_GITIGNORE = "hidden_by_gitignore"


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding: where, which rule, and a sentence for people. What does not block is a
    warning.
    """

    path: str
    kind: ProblemKind
    text: str
    blocking: bool = True


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one attempt may add or change, in bytes."""

    file_bytes: int = 50 * 1024 * 1024
    total_bytes: int = 500 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Capture:
    """An attempt's work. `commit` is `base` itself where nothing changed; `changes` is base to
    tree, path by path.
    """

    commit: str
    tree: str
    base: str
    changes: Changes
    problems: tuple[Problem, ...]

    @property
    def blocked(self) -> bool:
        """Whether a problem forbids taking this over."""
        return any(problem.blocking for problem in self.problems)
