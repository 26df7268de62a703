"""What the new lines of a file use of other files, resolved as far as one file tells.

Owns the meaning of a name where it stands: imported, the file's own, local, or nobody's that the
file knows. Words in comments and strings use nothing, nor do attributes of objects of which it is
not known what they are, nor local names that are spelt alike. Pure. Which files define what was
used is asked of a use, by the path of the file.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field

PYTHON = (".py", ".pyi")
SCRIPTS = (".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs")


@dataclass(frozen=True, slots=True)
class Call:
    """What a call passes; `is_open` where some of it is not known (`*x`, `...x`).

    `how` its value is used, in Python: ``awaited``, ``iterated``, ``entered``, or ``passed`` on to
    where that is not known.
    """

    number: int
    names: frozenset[str] = field(default_factory=frozenset)
    is_open: bool = False
    how: str = ""


@dataclass(frozen=True, slots=True)
class Use:
    """One use, by the dotted name that it comes to: a module's parts, as those of a path, and what
    is named in it, with attributes that may follow. Not `is_known`: a bare name that nothing in the
    file says anything of.

    `is_exact`: the module is told from the root of the tree, else from some folder of it.
    """

    parts: tuple[str, ...]
    is_known: bool = True
    is_exact: bool = False
    call: Call | None = None

    def means(self, path: str, name: str, *, is_whole: bool = False) -> bool:
        """Whether that is the symbol of this name in the file at a path; with `is_whole` itself and
        nothing of it. A package that the file is in may pass it on.
        """
        own = tuple(name.split("."))
        if not self.is_known:
            return self.parts == own
        file = module_of(path)
        ends = (len(self.parts),) if is_whole else range(len(own) + 1, len(self.parts) + 1)
        return any(
            self.parts[end - len(own) : end] == own
            and self._is_in(self.parts[: end - len(own)], file)
            for end in ends
        )

    def imports(self, path: str) -> bool:
        """Whether that goes through the module that the file at a path is."""
        file = module_of(path)
        return self.is_known and any(
            file[-end:] == self.parts[:end] for end in range(2, len(self.parts) + 1)
        )

    def _is_in(self, module: tuple[str, ...], file: tuple[str, ...]) -> bool:
        if self.is_exact:
            return file[: len(module)] == module
        # Where the root of imports lies in the tree is not known: src/, lib/, a package's folder.
        starts = range(len(file) - len(module) + 1) if module else ()
        return any(file[start : start + len(module)] == module for start in starts)


def module_of(path: str) -> tuple[str, ...]:
    """The parts of a path by which others import it."""
    stem = path
    for suffix in sorted((*PYTHON, *SCRIPTS), key=len, reverse=True):
        if path.endswith(suffix):
            stem = path.removesuffix(suffix).removesuffix(".d")
            break
    parts = tuple(stem.split("/"))
    return parts[:-1] if parts[-1] in ("__init__", "index") else parts


def relative_module(path: str, source: str) -> tuple[str, ...]:
    """What an import of a script by a relative path means, seen from the file at `path`."""
    place = posixpath.normpath(posixpath.join(posixpath.dirname(path), source))
    found = module_of(place)
    return () if place == "." else found
