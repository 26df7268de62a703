"""Which tests of the base may prove what a plan claims, by the words that they share.

A proposal only: it is written as a comment, for a person to take. Words that fit prove nothing.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from orchestrator.importing.scopes import Base
from orchestrator.importing.words import words_of
from orchestrator.structure.python import parsed

MOST_PROPOSED = 2
_TEST_FILE = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test)\.py$")


@dataclass(frozen=True, slots=True)
class KnownTest:
    """A test that stands in the base, and the words of its name and place."""

    id: str
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class KnownTests:
    """The tests of a base: each by id, the folders or files that hold them all, and how common their
    words are.
    """

    known: tuple[KnownTest, ...] = ()
    roots: tuple[str, ...] = ()

    def propose(self, claim: str) -> tuple[str, ...]:
        """Ids of the tests that speak of what a claim speaks of, the best first; none where too few
        words fit.
        """
        wanted = words_of(claim)
        if not wanted:
            return ()
        common = Counter(word for test in self.known for word in test.words)
        scores: list[tuple[float, str]] = []
        for test in self.known:
            shared = wanted & test.words
            if len(shared) >= min(2, len(wanted)) and 2 * len(shared) >= len(wanted):
                rarity = sum(1.0 / common[word] for word in shared)
                scores.append((len(shared) / len(wanted) + rarity, test.id))
        scores.sort(key=lambda score: (-score[0], score[1]))
        return tuple(id for _, id in scores[:MOST_PROPOSED])


def known_tests(base: Base) -> KnownTests:
    """The tests of a base, read and not run."""
    known: list[KnownTest] = []
    files = [path for path in base.paths if _TEST_FILE.search(path)]
    for path in files:
        tree = parsed(base.read(path))
        if tree is None:
            continue
        for id in _ids(tree.body, path):
            name = id.removeprefix(path)
            known.append(KnownTest(id, words_of(f"{PurePosixPath(path).stem} {name}")))
    return KnownTests(tuple(known), tuple(dict.fromkeys(_root(path) for path in files)))


def _ids(body: Sequence[ast.stmt], above: str) -> Iterable[str]:
    for statement in body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                if name.startswith("test"):
                    yield f"{above}::{name}"
            case ast.ClassDef(name=name) if name.startswith("Test"):
                yield from _ids(statement.body, f"{above}::{name}")
            case _:
                pass


def _root(path: str) -> str:
    """The outermost folder of tests that a file lies in, else the file."""
    parts = PurePosixPath(path).parts
    found = next(
        (place for place, part in enumerate(parts[:-1]) if part in {"tests", "test"}), None
    )
    return "/".join(parts[: found + 1]) if found is not None else path
