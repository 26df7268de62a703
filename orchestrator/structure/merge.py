"""Merging one file: git's line merge, the checks, and where either says no, the structural merge
and the checks again.

Owns that order and nothing else. What comes out was checked; what was not clean is a conflict that
names the symbol and the reason, and there is no third outcome.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from orchestrator.structure.checks import Finding, check_file
from orchestrator.structure.conservation import revived, unkept
from orchestrator.structure.data import merge_data
from orchestrator.structure.fold import fold
from orchestrator.structure.folded import Conflict, Folded
from orchestrator.structure.languages import language_of
from orchestrator.structure.limits import largest
from orchestrator.structure.lines import Form, merge_lines
from orchestrator.structure.unused import unused_imports


@dataclass(frozen=True, slots=True)
class MergeResult:
    """`content` is None exactly if there are `conflicts`; `by` is ``same``, ``lines`` or
    ``structure``.
    """

    content: bytes | None
    conflicts: tuple[Conflict, ...] = ()
    notes: tuple[str, ...] = ()
    by: str = ""


def merge_file(path: str, base: bytes | None, left: bytes, right: bytes) -> MergeResult:
    """Merge two versions of the file at `path`; `base` is None if both sides added it.

    Deterministic, and the same for (left, right) as for (right, left) but for the order of what
    both added.
    """
    if right in (left, base):
        return MergeResult(left, by="same")
    if left == base:
        return MergeResult(right, by="same")
    was = base or b""
    lines = merge_lines(was, left, right) if base is not None else None
    notes: list[str] = []
    is_large = max(len(was), len(left), len(right)) > largest(path)
    if lines is not None:
        findings = [] if is_large else _faults_of_lines(path, was, left, right, lines)
        if not findings:
            return MergeResult(lines, by="lines")
        notes = [f"line merge: {finding.symbol or path}: {finding.text}" for finding in findings]
    if is_large or b"\0" in was + left + right:
        return MergeResult(None, (Conflict("", "a binary or very large file that both changed"),))
    folded = _structural(path, was, left, right)
    if folded.conflicts and lines is not None and language_of(path) is None:
        # By lines it could be merged: what is wrong with that is the reason.
        folded.conflicts = [Conflict(finding.symbol, finding.text) for finding in findings]
    findings = [] if folded.conflicts else check_file(path, folded.text, left, right)
    needed = frozenset(finding.symbol for finding in findings if finding.check == "undefined name")
    unused = (
        unused_imports(path, folded.text, was, left, right) if not folded.conflicts else frozenset()
    )
    if needed or unused:
        folded = _structural(path, was, left, right, needed, unused)
        findings = [] if folded.conflicts else check_file(path, folded.text, left, right)
        folded.notes += [
            f"kept the import of {name}: one side removed it, the other uses it"
            for name in sorted(needed)
        ]
        folded.notes += [
            f"left out the import of {name}: together the sides removed its uses, and unused it is an error"
            for name in sorted(unused)
        ]
    said = (*notes, *folded.notes)
    conflicts = (
        *folded.conflicts,
        *(Conflict(finding.symbol, finding.text) for finding in findings),
    )
    if not conflicts:
        conflicts = tuple(
            Conflict("", f"both changed it, and {text}")
            for text in unkept(path, was, left, right, folded.text, needed | unused)
        )
    if conflicts:
        return MergeResult(None, conflicts, said)
    return MergeResult(folded.text, notes=said, by="structure")


def _faults_of_lines(
    path: str, base: bytes, left: bytes, right: bytes, lines: bytes
) -> list[Finding]:
    return check_file(path, lines, left, right) or [
        Finding("revived", name, "would be back, which one side removed")
        for name in revived(path, base, left, right, lines)
    ]


def _structural(  # noqa: PLR0917  (three sides and what is known of them)
    path: str,
    base: bytes,
    left: bytes,
    right: bytes,
    needed: AbstractSet[str] = frozenset(),
    unused: AbstractSet[str] = frozenset(),
) -> Folded:
    was = Form.of(base or left)
    forms = was, Form.of(left, was), Form.of(right, was)
    form = Form.merged(*forms)
    plain = [
        each.take_off(side, form) for each, side in zip(forms, (base, left, right), strict=True)
    ]
    language = language_of(path)
    try:
        if language:
            folded = fold(language, plain[0], plain[1], plain[2], needed, unused)
        else:
            folded = merge_data(path, plain[0], plain[1], plain[2])
    except RecursionError:
        return Folded(
            conflicts=[
                Conflict("", "both changed it, and it is nested too deeply to be looked into")
            ]
        )
    folded.text = form.put_on(folded.text)
    return folded
