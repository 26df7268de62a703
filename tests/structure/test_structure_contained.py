"""A conflict is settled by a side that did all that the other did, and by nobody else."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.structure.contained import containing
from orchestrator.structure.lines import merge_contained, merge_lines
from orchestrator.structure.merge import merge_file


@pytest.mark.parametrize(
    ("base", "larger", "smaller"),
    [
        ("", "abc", "a"),
        ("", "abc", "ac"),
        ("x", "ab", "a"),
        ("xy", "AB", "Ay"),
        ("xyz", "xAB", "xAz"),
    ],
)
def test_the_larger_change_is_taken(base: str, larger: str, smaller: str) -> None:
    runs = [[bytes([letter]) for letter in text.encode()] for text in (base, larger, smaller)]
    assert containing(*runs) == runs[1]
    assert containing(runs[0], runs[2], runs[1]) == runs[1]


@pytest.mark.parametrize(
    ("base", "one", "other"),
    [
        ("x", "a", "b"),
        ("", "ab", "ba"),
        ("", "ac", "bc"),
        ("x", "", "a"),  # removed against changed
        ("xy", "A", "AB"),  # y may have been removed by one and changed by the other
        ("xy", "Ax", "AB"),
        ("a", "abaaaa", "baaaaa"),  # each holds all lines that the other added
    ],
)
def test_what_is_not_contained_stays_a_conflict(base: str, one: str, other: str) -> None:
    runs = [[bytes([letter]) for letter in text.encode()] for text in (base, one, other)]
    assert containing(*runs) is None
    assert containing(runs[0], runs[2], runs[1]) is None


LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"d\n", b"\n"]), max_size=6)


@settings(max_examples=300, deadline=None)
@given(LINES, LINES, LINES)
def test_what_is_taken_is_one_side_with_all_that_the_other_added(base, left, right) -> None:
    taken = containing(base, left, right)
    assert taken in (None, left, right)
    if taken is None or left == right:
        return
    assert containing(base, right, left) == taken
    other = right if taken == left else left
    assert not Counter(other) - Counter(base) - Counter(taken)


@settings(max_examples=60, deadline=None)
@given(LINES, LINES, LINES)
def test_it_is_gits_line_merge_where_git_has_no_conflict(base, left, right) -> None:
    sides = [b"".join(lines) for lines in (base, left, right)]
    clean, merged = merge_lines(*sides), merge_contained(*sides)
    assert clean is None or merged == (clean, 0)
    assert merged is None or merged[1] or merged[0] == clean


def test_in_a_function() -> None:
    base = "def f(a):\n    b = 1\n    return b\n"
    left = "def f(a):\n    log(a)\n    b = 1\n    return b\n"
    right = "def f(a):\n    log(a)\n    check(a)\n    b = 1\n    return b\n"
    result = merge_file("a.py", *(text.encode() for text in (base, left, right)))
    assert result.content == right.encode()
    assert result.notes == ("f: one side did there what the other did, and more",)
    other = right.replace("log(a)", "trace(a)")
    assert merge_file("a.py", *(text.encode() for text in (base, left, other))).content is None


def test_what_looks_like_a_mark_of_git_is_a_line() -> None:
    marked = b"x\n" + b"=" * 60 + b"\n"
    both = marked + b"a\nb\n"
    assert merge_contained(b"", marked + b"a\n", both) == (both, 1)
    assert merge_contained(b"", b"a\n", b"a\nb\n") == (b"a\nb\n", 1)


def test_large_conflicts_are_left_alone() -> None:
    small = [b"%d\n" % number for number in range(500)]
    assert containing([], small, [*small, b"more\n"]) is None
