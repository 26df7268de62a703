"""The ground of trees that need nothing beside their commit."""

from __future__ import annotations

from pathlib import Path

from anyio import to_thread

from orchestrator.isolation.clean_python import CleanPython
from orchestrator.isolation.interpreter import Interpreter


class BareGround:
    """Trees that need nothing; `python` runs their tests, by default a clean one."""

    def __init__(self, python: Path | None = None, clean: CleanPython | None = None) -> None:
        self._python = python
        self._clean = clean or CleanPython()

    @property
    def identity(self) -> str:
        """The interpreter's path, or what the clean one is."""
        return str(self._python or self._clean.told)

    def follows(self, path: str) -> bool:  # noqa: ARG002
        """Nothing is given to trees."""
        return False

    async def digest(self, commit: str, *, is_made: bool = False) -> str | None:  # noqa: ARG002
        """Nothing is given to trees."""
        return ""

    def in_advance(self) -> Interpreter:
        """It is the same for all trees."""
        if self._python is not None:
            return Interpreter(self._python, str(self._python))
        return Interpreter(self._clean.ready(), self._clean.told)

    async def put_into(self, commit: str, work_tree: Path) -> Interpreter:  # noqa: ARG002
        """Nothing to do."""
        return await to_thread.run_sync(self.in_advance)

    async def brought(
        self,
        base: str,  # noqa: ARG002
        commit: str,  # noqa: ARG002
        may_change: tuple[str, ...],  # noqa: ARG002
    ) -> tuple[str, ...]:
        """Nothing is given to trees."""
        return ()

    async def take_from(self, work_tree: Path) -> None:
        """Nothing to do."""
