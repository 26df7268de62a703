"""Merging three texts in a test: what comes of it, whichever side is called left."""

from __future__ import annotations

import re
from collections import Counter

from orchestrator.structure.blocks import cut
from orchestrator.structure.languages import language_of
from orchestrator.structure.merge import merge_file


def merged(path: str, base: str, left: str, right: str) -> str:
    """The merge, which has to be there both ways round, and to parse."""
    texts = []
    for sides in ((left, right), (right, left)):
        result = merge_file(path, base.encode(), *(side.encode() for side in sides))
        assert result.content is not None, result.conflicts
        language = language_of(path)
        assert language is None or cut(language, result.content)[1] == 0, result.content
        texts.append(result.content.decode())
    assert Counter(re.findall(r"\w+", texts[0])) == Counter(re.findall(r"\w+", texts[1]))
    return texts[0]


def refused(path: str, base: str, left: str, right: str) -> str:
    """The reasons of the conflict, which has to be one both ways round."""
    reasons = []
    for sides in ((left, right), (right, left)):
        result = merge_file(path, base.encode(), *(side.encode() for side in sides))
        assert result.content is None, result.content.decode()
        reasons += [f"{found.symbol}: {found.reason}" for found in result.conflicts]
    return "\n".join(reasons)
