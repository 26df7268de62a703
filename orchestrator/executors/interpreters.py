"""Which interpreter runs a project's tests, and is what its agents call `python`.

It is the one that the mission names (`workspace.python`), else that of the `.venv` that
`workspace.setup` made, else a clean one. A name with a slash in it is a path in the work tree and
must have been put there for the mission: what a commit holds of an interpreter is work, which may
not say how it is judged.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from orchestrator.errors import EnvironmentRefused
from orchestrator.isolation.clean_python import CleanPython
from orchestrator.isolation.environment import interpreter_on_path
from orchestrator.isolation.interpreter import Interpreter, of_environment, of_machine

MADE = ".venv/bin/python"
"""What of the things that a set-up made runs the tests, if it is there."""


class Interpreters:
    """The choice for one mission; `wanted` is what it names, empty for nothing. For many
    threads.
    """

    def __init__(self, wanted: str = "", clean: CleanPython | None = None) -> None:
        self._wanted = wanted
        self._clean = clean or CleanPython()
        self._lock = threading.Lock()
        self._machines: Interpreter | None = None

    @property
    def is_in_tree(self) -> bool:
        """Whether the mission names one that stands in work trees."""
        return "/" in self._wanted and not Path(self._wanted).is_absolute()

    def require(self) -> None:
        """Raises EnvironmentRefused where the mission names one of the machine that is not there."""
        if self._wanted and not self.is_in_tree:
            find_interpreter(self._wanted)

    def of(self, work_tree: Path, given: Iterable[str], *, is_judge: bool = True) -> Interpreter:
        """The interpreter for a work tree into which `given` paths were put beside the commit's.

        Blocking. Raises EnvironmentRefused where it is not there. What is not for a judge is not
        looked at as closely.
        """
        if self.is_in_tree:
            return self._in_tree(work_tree, tuple(given))
        if self._wanted:
            return self._of_machine()
        if MADE.partition("/")[0] in given and (work_tree / MADE).exists():
            return of_environment(work_tree / MADE, MADE)
        return self._of_clean(is_judge=is_judge)

    def in_advance(self, *, is_set_up: bool) -> Interpreter | None:
        """The interpreter if it is the same for all trees; None else, as where a set-up
        (`is_set_up`) may make one.

        Blocking. Raises EnvironmentRefused.
        """
        if self.is_in_tree or (is_set_up and not self._wanted):
            return None
        return self._of_machine() if self._wanted else self._of_clean(is_judge=True)

    def identity(self) -> str:
        """What is known without a tree of that which runs tests. Blocking; raises
        EnvironmentRefused.
        """
        if self.is_in_tree:
            return self._wanted
        if self._wanted:
            found = self._of_machine()
            return f"{found.path}\0{found.told}\0{found.identity}"
        return self._clean.told

    def _of_clean(self, *, is_judge: bool) -> Interpreter:
        return Interpreter(
            self._clean.ready() if is_judge else self._clean.place(), self._clean.told
        )

    def _in_tree(self, work_tree: Path, given: tuple[str, ...]) -> Interpreter:
        path = self._wanted.removeprefix("./")
        is_given = any(path == it or path.startswith(f"{it}/") for it in given)
        if not is_given or not (work_tree / path).exists():
            what = (
                "is a file of the commit, which may not say what judges it"
                if (work_tree / path).exists()
                else "is not there"
            )
            raise EnvironmentRefused(
                f"workspace.python: {self._wanted} {what}",
                where=str(work_tree),
                mend="have `workspace.setup` make it, or name another one",
            )
        return of_environment(work_tree / path, path)

    def _of_machine(self) -> Interpreter:
        with self._lock:
            if self._machines is None:
                self._machines = of_machine(find_interpreter(self._wanted), self._wanted)
            return self._machines


def find_interpreter(wanted: str) -> Path:
    """The interpreter of the machine that a mission names, by a path or as it is on PATH. Raises
    EnvironmentRefused where there is none.
    """
    found = Path(wanted) if "/" in wanted else interpreter_on_path(wanted)
    if found is None or not found.is_file():
        raise EnvironmentRefused(
            f"workspace.python: there is no {wanted} on this machine",
            mend="install it, or name another interpreter",
        )
    return found
