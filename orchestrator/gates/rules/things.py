"""Proofs for which nothing is run: a file, or a symbol of a file, is in the candidate or is not.

Owns what is wrong with one that is not good enough. That something is there says nothing of whether
it works; a claim that means more names a test.
"""

from __future__ import annotations

from orchestrator.gates.observing.sources import Commits
from orchestrator.gates.rules.words import count
from orchestrator.mission.model import FileProof, SymbolProof
from orchestrator.mission.symbols import parse_symbol
from orchestrator.mission.words import nearest
from orchestrator.structure.symbols import outline


def problem(commits: Commits, commit: str, proof: FileProof | SymbolProof) -> str | None:
    """What is wrong with it, as the end of a sentence; None when nothing is."""
    path = proof.file if isinstance(proof, FileProof) else proof.symbol.partition("::")[0]
    content = commits.read(commit, path)
    if isinstance(proof, SymbolProof):
        return _problem_of_symbol(path, proof.symbol.partition("::")[2], content)
    if content is None:
        return "does not exist"
    if not commits.entries(commit)[path].is_file:
        return "is not a regular file"
    return None if content.strip() else "is empty"


def _problem_of_symbol(path: str, name: str, content: bytes | None) -> str | None:

    if content is None:
        return f"does not exist: there is no file {path}"
    found = outline(path, content)
    if found is None:
        return "cannot be looked for: the language is not known by the file's ending"
    if found.covered(parse_symbol(name)):
        return None
    broken = f" (the file does not parse in {count(found.errors, 'place')})" if found.errors else ""
    close = nearest(name, found.names)
    return f"does not exist{broken}{f'; there is {close}' if close else ''}"
