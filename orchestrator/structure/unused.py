"""Imports that nothing uses any more because each side removed a part of their uses.

Pure. A name that a side itself imports without using it (a re-export, an import for its effects) is
never among them, nor is one that a side began to import: what somebody adds is kept.
"""

from __future__ import annotations

import re

from orchestrator.structure.bindings import bound_names
from orchestrator.structure.blocks import cut
from orchestrator.structure.languages import Language, language_of

_REFUSED_UNUSED = frozenset({"go"})
"""The languages whose compiler refuses an import that nothing uses; elsewhere it may be there for
others, or for its effects, and what nobody removed stays.
"""


def unused_imports(
    path: str, merged: bytes, base: bytes, left: bytes, right: bytes
) -> frozenset[str]:
    """Names that `merged` and `base` import and `merged` does not use, although every side that
    imports them does.
    """
    language = language_of(path)
    if language is None or language.name not in _REFUSED_UNUSED:
        return frozenset()
    idle = _idle(language, merged)
    if idle:
        idle &= _imported(language, base)
    for side in (left, right) if idle else ():
        idle -= _idle(language, side)
    return frozenset(idle)


def _imported(language: Language, source: bytes) -> set[str]:
    nodes = (block.node for _, block in cut(language, source)[0].walk() if block.kind == "import")
    return {name for node in nodes if node is not None for name, _ in bound_names(node)}


def _idle(language: Language, source: bytes) -> set[str]:
    root, _ = cut(language, source)
    imports = [
        block for _, block in root.walk() if block.kind == "import" and block.node is not None
    ]
    names = {name for block in imports if block.node for name, _ in bound_names(block.node)}
    rest = bytearray(source)
    for block in imports:
        assert block.node is not None
        if not block.name.startswith(("export ", "from __future__")):
            rest[block.node.start_byte : block.node.end_byte] = b" " * (
                block.node.end_byte - block.node.start_byte
            )
    words = {
        word.decode("utf-8", "surrogateescape") for word in re.findall(rb"[\w$]+", bytes(rest))
    }
    future = {
        name
        for block in imports
        if block.name == "from __future__"
        for name, _ in bound_names(block.node)  # type: ignore[arg-type]
    }
    return {name for name in names - future if name not in words}
