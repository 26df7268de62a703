"""What holds of every merge, tried on generated files and edits."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.git.structure.merge import merge_file

NAMES = st.sampled_from(["alpha", "beta", "gamma", "delta", "eps", "zeta", "eta", "theta"])
KINDS = st.sampled_from(["function", "class", "variable", "import"])


def written(parts: list[tuple[str, str, int]]) -> bytes:
    """A module of one part per name."""
    imports = [f"from m_{name} import {name}\n" for kind, name, _ in parts if kind == "import"]
    body = []
    for kind, name, value in parts:
        if kind == "function":
            body.append(f"def {name}(a):\n    b = a + {value}\n    return b\n")
        elif kind == "class":
            body.append(
                f"class {name}:\n    def one(self):\n        return {value}\n\n    def two(self):\n        return 2\n"
            )
        elif kind == "variable":
            body.append(f"{name} = {value}\n")
    return ("".join(imports) + "\n\n" + "\n\n".join(body)).lstrip("\n").encode()


@st.composite
def parts(draw):
    names = draw(st.lists(NAMES, unique=True, max_size=5))
    return [(draw(KINDS), name, draw(st.integers(0, 3))) for name in names]


@st.composite
def edited(draw, base):
    result = [part for part in base if draw(st.integers(0, 4))]
    result = [(k, n, draw(st.integers(4, 6)) if not draw(st.integers(0, 3)) else v) for k, n, v in result]
    known = {name for _, name, _ in base}
    for name in draw(st.lists(NAMES.filter(lambda name: name not in known), unique=True, max_size=2)):
        result.insert(draw(st.integers(0, len(result))), (draw(KINDS), name, draw(st.integers(0, 6))))
    return result


@st.composite
def three_ways(draw):
    base = draw(parts())
    return written(base), written(draw(edited(base))), written(draw(edited(base)))


@settings(max_examples=120, deadline=None)
@given(three_ways())
def test_deterministic_and_independent_of_order(sides) -> None:
    base, left, right = sides
    first = merge_file("a.py", base, left, right)
    assert merge_file("a.py", base, left, right) == first
    other = merge_file("a.py", base, right, left)
    assert (first.content is None) == (other.content is None)
    if first.content is not None:
        assert Counter(first.content.split()) == Counter(other.content.split())


@settings(max_examples=60, deadline=None)
@given(three_ways())
def test_identity_when_a_side_did_nothing(sides) -> None:
    base, left, _ = sides
    assert merge_file("a.py", base, left, base).content == left
    assert merge_file("a.py", base, base, left).content == left
    assert merge_file("a.py", base, left, left).content == left


@settings(max_examples=120, deadline=None)
@given(three_ways())
def test_what_a_side_added_is_in_the_result_or_in_a_conflict(sides) -> None:
    base, left, right = sides
    merged = merge_file("a.py", base, left, right)
    if merged.content is None:
        assert merged.conflicts
        return
    there = {line.strip() for line in merged.content.splitlines()}
    had = {line.strip() for line in base.splitlines()}
    for side in (left, right):
        assert {line.strip() for line in side.splitlines()} - had - there <= {b""}
