"""What holds of every merge of one file, tried on generated modules and on real ones, with
generated edits.
"""

from __future__ import annotations

import ast
import fractions
import shlex
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.structure.merge import merge_file
from tests.structure.sources import SUFFIXES, edited, modules, written

Sides = tuple[bytes, bytes, bytes]


@st.composite
def three_ways(draw: Any) -> tuple[str, Sides]:
    suffix = draw(st.sampled_from(SUFFIXES))
    base = draw(modules())
    left, right = draw(edited(base, 10)), draw(edited(base, 20))
    return f"a.{suffix}", (written(suffix, base), written(suffix, left), written(suffix, right))


@settings(max_examples=100, deadline=None)
@given(three_ways())
def test_deterministic_and_independent_of_order(case: tuple[str, Sides]) -> None:
    path, (base, left, right) = case
    first = merge_file(path, base, left, right)
    assert merge_file(path, base, left, right) == first
    other = merge_file(path, base, right, left)
    assert (first.content is None) == (other.content is None)
    if first.content is not None and other.content is not None:
        assert Counter(first.content.split()) == Counter(other.content.split())
    assert {conflict.symbol for conflict in first.conflicts} == {
        conflict.symbol for conflict in other.conflicts
    }


@settings(max_examples=40, deadline=None)
@given(three_ways())
def test_identity_when_a_side_did_nothing(case: tuple[str, Sides]) -> None:
    path, (base, left, _) = case
    assert merge_file(path, base, left, base).content == left
    assert merge_file(path, base, base, left).content == left
    assert merge_file(path, base, left, left).content == left


@settings(max_examples=100, deadline=None)
@given(three_ways())
def test_what_a_side_added_is_in_the_result_or_in_a_conflict(case: tuple[str, Sides]) -> None:
    path, (base, left, right) = case
    merged = merge_file(path, base, left, right)
    if merged.content is None:
        assert merged.conflicts
        return
    there, had = lines_of(merged.content), lines_of(base)
    for side in (left, right):
        assert lines_of(side) - had <= there
    assert there <= lines_of(left) | lines_of(right) | had


def lines_of(text: bytes) -> set[bytes]:
    return {line.strip() for line in text.splitlines()} - {b""}


# -- real modules, read and edited with Python's own parser

REAL = [Path(module.__file__).read_text() for module in (fractions, shlex, textwrap)]


@st.composite
def worked_on(draw: Any, source: str, who: str) -> str:
    """The module after a few edits: a statement put into a function, a function taken out, one
    added after another.
    """
    for number in range(draw(st.integers(1, 3))):
        functions = [
            node
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.FunctionDef) and node.col_offset <= 4
        ]
        node = draw(st.sampled_from(functions))
        lines = source.splitlines(keepends=True)
        first = min([node.lineno, *(each.lineno for each in node.decorator_list)]) - 1
        indent = " " * node.col_offset
        match draw(st.sampled_from(["change", "change", "add", "add", "remove"])):
            case "change":
                at = draw(
                    st.sampled_from(
                        [each for each in node.body if each.lineno > node.lineno] or [node]
                    )
                )
                if at is node:
                    continue
                lines.insert(at.lineno - 1, f"{' ' * at.col_offset}{who}_{number} = {number}\n")
            case "add":
                lines.insert(
                    node.end_lineno or 0,
                    f"\n{indent}def {who}_new_{number}(self):\n{indent}    return {number}\n",
                )
            case "remove":
                if len([each for each in functions if each.col_offset == node.col_offset]) < 3:
                    continue
                del lines[first : node.end_lineno]
        changed = "".join(lines)
        try:
            ast.parse(changed)
        except SyntaxError:  # the only statement of a body went
            continue
        source = changed
    return source


def names(source: str) -> Counter[str]:
    """Qualified names of all that is defined, as often as it is: properties have setters."""
    found: Counter[str] = Counter()

    def visit(node: ast.AST, above: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                found[f"{above}{child.name}"] += 1
                visit(child, f"{above}{child.name}.")

    visit(ast.parse(source), "")
    return found


@pytest.mark.parametrize("source", REAL, ids=["fractions", "shlex", "textwrap"])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_real_modules(source: str, data: Any) -> None:
    """Whatever merges parses, defines what both sides together define, and holds each new line
    once.
    """
    left, right = data.draw(worked_on(source, "left")), data.draw(worked_on(source, "right"))
    merged = merge_file("real.py", source.encode(), left.encode(), right.encode())
    if merged.content is None:
        assert merged.conflicts
        return
    text = merged.content.decode()
    base, one, other = names(source), names(left), names(right)
    assert names(text) == one + other - base
    for side in (left, right):
        new = [line for line in side.splitlines() if "left_" in line or "right_" in line]
        assert all(text.count(line) == side.count(line) for line in new)
