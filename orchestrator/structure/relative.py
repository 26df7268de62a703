"""Relative imports: which files of a tree they mean, and whether these are there.

Pure: trees are asked through a protocol. A name counts as there if a file or folder is called so,
whatever its suffix, so that stubs, compiled modules and style sheets count. Python, TypeScript and
JavaScript.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol

from orchestrator.structure.python import parsed


class Tree(Protocol):
    """All files of a version."""

    def names(self, folder: str) -> AbstractSet[str]:
        """What is in a folder, nothing if there is no such folder; the root is the empty string."""
        ...

    def read(self, path: str) -> bytes | None:
        """The bytes of a file, None if there is no such file."""
        ...


_SCRIPTS = (".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs")
_QUOTED = re.compile(rb"""\b(?:from|import|require\(|import\()\s*["'](\.[^"'\n]*)["']""")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one import needs: `name` in `folder`, or, if `attribute`, that the package there
    mentions the name.
    """

    shown: str
    folder: str
    name: str
    attribute: bool = False

    @property
    def path(self) -> str:
        """Where it would be, without a suffix."""
        return posixpath.join(self.folder, self.name)

    def means(self, path: str) -> bool:
        """Whether the file at `path` is what is wanted, or in it."""
        own = path.startswith(f"{self.path}/")
        return own or (
            posixpath.dirname(path) == self.folder and _called(posixpath.basename(path), self.name)
        )

    def is_met(self, tree: Tree) -> bool:
        """Whether it is there."""
        if any(_called(each, self.name) for each in tree.names(self.folder)):
            return True
        if not self.attribute:
            return False
        above = posixpath.dirname(self.folder)
        if self.folder and any(
            each.startswith(f"{posixpath.basename(self.folder)}.") for each in tree.names(above)
        ):
            return True  # a module: what names it binds is not asked here
        init = tree.read(posixpath.join(self.folder, "__init__.py"))
        bound = (
            re.search(rf"\b{re.escape(self.name)}\b|\*|__getattr__".encode(), init)
            if init is not None
            else None
        )
        return bound is not None


def has_relative_imports(path: str, source: bytes) -> bool:
    """A quick look: False only if there is none."""
    if path.endswith((".py", ".pyi")):
        return re.search(rb"\bfrom\s*\.", source) is not None
    return path.endswith(_SCRIPTS) and _QUOTED.search(source) is not None


def relative_imports(path: str, source: bytes) -> list[Wanted]:
    """What the relative imports of a file need; nothing for a file that cannot be read or has
    another language.
    """
    if path.endswith((".py", ".pyi")):
        return list(dict.fromkeys(_of_python(posixpath.dirname(path), source)))
    return (
        list(dict.fromkeys(_of_script(posixpath.dirname(path), source)))
        if path.endswith(_SCRIPTS)
        else []
    )


def _of_python(folder: str, source: bytes) -> Iterator[Wanted]:
    for node in ast.walk(parsed(source) or ast.Module([], [])):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        start = folder
        for _ in range(node.level - 1):
            start = posixpath.dirname(start)
        shown = f"from {'.' * node.level}{node.module or ''} import"
        package = start
        if node.module:
            above, _, last = node.module.rpartition(".")
            yield Wanted(
                f"{shown} …", posixpath.join(start, *above.split(".")) if above else start, last
            )
            package = posixpath.join(start, *node.module.split("."))
        for alias in node.names:
            if alias.name != "*":
                yield Wanted(f"{shown} {alias.name}", package, alias.name, attribute=True)


def _of_script(folder: str, source: bytes) -> Iterator[Wanted]:
    for found in _QUOTED.finditer(source):
        text = found[1].decode("utf-8", "surrogateescape").partition("?")[0]
        place = posixpath.normpath(posixpath.join(folder, text))
        if place.startswith("..") or text.rstrip("/").endswith("."):
            continue  # outside of the repository, or a folder itself
        name = re.sub(
            r"\.[cm]?jsx?$", "", posixpath.basename(place)
        )  # what is imported as .js may be written as .ts
        yield Wanted(text, posixpath.dirname(place), name)


def _called(entry: str, name: str) -> bool:
    return entry == name or entry.startswith(f"{name}.")
