"""Random edits of disjoint symbols in Go, Rust, Java and TypeScript: right or refused."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.structure.blocks import cut
from orchestrator.structure.languages import language_of
from orchestrator.structure.merge import merge_file

FORMS = {
    "go": "func {name}(a int) int {{\n\tb := a + {number}\n\treturn {call}(b)\n}}\n",
    "rs": "fn {name}(a: i32) -> i32 {{\n    let b = a + {number};\n    {call}(b)\n}}\n",
    "java": "    int {name}(int a) {{\n        int b = a + {number};\n        return {call}(b);\n    }}\n",
    "ts": "export function {name}(a: number): number {{\n  const b = a + {number};\n  return {call}(b);\n}}\n",
}
AROUND = {"go": ("package p\n\n", ""), "java": ("class A {\n", "}\n")}
Symbols = dict[str, tuple[int, str]]
"""To the name of each function a number in it and what it calls."""


def written(language: str, symbols: Symbols) -> str:
    head, end = AROUND.get(language, ("", ""))
    forms = [
        FORMS[language].format(name=name, number=number, call=call)
        for name, (number, call) in symbols.items()
    ]
    return head + "\n".join(forms) + end


@st.composite
def cases(draw: Any) -> tuple[str, Symbols, Symbols, Symbols]:
    names = [f"f{number}" for number in range(draw(st.integers(4, 8)))]
    # No two are alike but for their names: of such, lines do not tell which one was removed.
    base = {
        name: (number * 10, draw(st.sampled_from([*names, "other"])))
        for number, name in enumerate(names, 1)
    }
    sides: list[dict[str, tuple[int, str]]] = [dict(base), dict(base)]
    for name in names:  # each symbol is one side's, or nobody's
        who = draw(st.sampled_from([None, 0, 1]))
        if who is None:
            continue
        if draw(st.booleans()):
            sides[who][name] = (base[name][0] + who + 1, draw(st.sampled_from([*names, "other"])))
        elif not any(call == name for _, call in base.values()):
            del sides[who][name]
    for who, side in enumerate(sides):
        for number in range(draw(st.integers(0, 2))):
            items = list(side.items())
            new = (draw(st.sampled_from(["same", f"new{who}{number}"])), (7, "other"))
            items.insert(draw(st.integers(0, len(items))), new)
            side.clear()
            side.update(items)
    return draw(st.sampled_from(sorted(FORMS))), base, *sides


def tried(case: tuple[str, Symbols, Symbols, Symbols]) -> None:
    language, *versions = case
    base, left, right = versions
    texts = [written(language, version).encode() for version in versions]
    result = merge_file(f"A.{language}", *texts)
    if result.content is None:
        assert result.conflicts
        return
    known = language_of(f"A.{language}")
    assert known is not None
    assert cut(known, result.content)[1] == 0
    expected = {**base, **left, **right}
    for name in base:
        if name not in left or name not in right:
            del expected[name]
        else:
            expected[name] = left[name] if left[name] != base[name] else right[name]
    text = result.content.decode()
    assert Counter(re.findall(r"\b(?:func|fn|int|function) (\w+)\(", text)) == Counter(
        expected.keys()
    )
    for name, (number, call) in expected.items():
        form = FORMS[language].format(name=name, number=number, call=call)
        assert text.count(form) == 1
        own = call in expected or not any(call in version for version in versions)
        assert own or any(
            call not in version and call in {each for _, each in version.values()}
            for version in (left, right)
        ), f"{name} calls {call}, which is gone"


@settings(max_examples=200, deadline=None)
@given(cases())
def test_right_or_refused(case: tuple[str, Symbols, Symbols, Symbols]) -> None:
    tried(case)


@pytest.mark.slow
@settings(max_examples=2_000, deadline=None)
@given(cases())
def test_right_or_refused_in_thousands(case: tuple[str, Symbols, Symbols, Symbols]) -> None:
    tried(case)
