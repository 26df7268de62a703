"""Symbols in scopes: what patterns cover, how entries are read, and what two scopes share inside of
one file.
"""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.mission.entries import misses
from orchestrator.mission.globs import BadGlob
from orchestrator.mission.overlaps import may_overlap
from orchestrator.mission.scope import Scope, SymbolRule, entry_of
from orchestrator.mission.symbols import Outline, OutlineSymbol, SymbolPath, exactly, parse_symbol

steadily = settings(max_examples=120, deadline=None)  # a busy machine is no failure


def outline(*symbols: tuple[str, int, int], lines: int = 40, errors: int = 0) -> Outline:
    found = (OutlineSymbol(tuple(name.split(".")), first, last) for name, first, last in symbols)
    return Outline(tuple(found), lines, errors)


A = outline(
    ("Factory", 3, 20), ("Factory.configure", 5, 9), ("Factory.create", 11, 20), ("on_open", 22, 24),
    ("on_close", 26, 28), ("Store", 30, 38), ("Store.size", 31, 33), ("Store.size", 35, 38),
)  # fmt: skip
PATHS = ("src/a.py", "src/b.py", "src/notes.txt")
OUTLINES = {"src/a.py": A}


@pytest.mark.parametrize(
    ("pattern", "inside", "outside"),
    [
        (
            "Factory",
            ["Factory", "Factory.create", "Factory.Inner.run"],
            ["Factories", "factory", "Store"],
        ),
        (
            "Factory.create",
            ["Factory.create", "Factory.create.inner"],
            ["Factory", "Factory.configure", "create"],
        ),
        ("on_*", ["on_open", "on_", "on_x.inner"], ["Factory.on_open", "on", "xon_open"]),
        ("Factory.on_*", ["Factory.on_open"], ["on_open", "Factory.x.on_open"]),
        ("*", ["f", "A.b"], []),
        ("*.run", ["A.run"], ["run", "A.B.run"]),
        ("v?", ["v1"], ["v", "v12"]),
        ("v[12]", ["v1", "v2"], ["v3"]),
        ("C.#secret", ["C.#secret"], ["C.secret"]),
        ("$el", ["$el"], ["el"]),
        ("größe", ["größe"], ["groesse"]),
    ],
)
def test_what_a_pattern_covers(pattern: str, inside: list[str], outside: list[str]) -> None:
    parsed = parse_symbol(pattern)
    assert [name for name in [*inside, *outside] if parsed.covers(tuple(name.split(".")))] == inside


def test_what_holds_something_that_a_pattern_names() -> None:
    pattern = parse_symbol("A.on_*")
    assert pattern.is_inside(())
    assert pattern.is_inside(("A",))
    assert not pattern.is_inside(("B",))
    assert not pattern.is_inside(("A", "on_x"))


def test_a_symbol_of_any_name_can_be_meant_exactly() -> None:
    for path in [('it("a.b [c]*")',), ("a*", "b?")]:
        assert exactly(path).covers(path)
        assert not exactly(path).covers(("axx", "bx"))


names = st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=3).map(tuple)
pieces = st.lists(st.sampled_from(["a", "b", "*", "?", "[ab]"]), min_size=1, max_size=3).map(
    "".join
)
patterns = st.lists(pieces.filter(lambda piece: "**" not in piece), min_size=1, max_size=3).map(
    ".".join
)


@steadily
@given(patterns, patterns, names)
def test_patterns_that_cover_one_symbol_meet(one: str, other: str, path: SymbolPath) -> None:
    first, second = parse_symbol(one), parse_symbol(other)
    assert first.meets(second) == second.meets(first)
    if first.covers(path) and second.covers(path):
        assert first.meets(second)
        assert may_overlap(Scope((f"x/a.py::{one}",)), Scope((f"x/a.py::{other}",)), ["x/a.py"])


@steadily
@given(patterns, patterns)
def test_patterns_that_meet_have_a_symbol_in_common(one: str, other: str) -> None:
    first, second = parse_symbol(one), parse_symbol(other)
    # Two patterns that stretch have at most two signs each beside their star: "aa*" and "*ba".
    words = ["".join(letters) for size in (1, 2, 3, 4) for letters in product("ab", repeat=size)]
    depth = max(len(first.parts), len(second.parts))
    # Part by part, so that few words are tried.
    shared = all(
        any(
            all(
                index >= len(pattern.parts)
                or parse_symbol(pattern.text.split(".")[index]).covers((word,))
                for pattern in (first, second)
            )
            for word in words
        )
        for index in range(depth)
    )
    assert first.meets(second) == shared


def test_entries() -> None:
    whole, symbol, line = map(entry_of, ("src/*.py", "src/a.py::A.b", "src/a.py:214"))
    assert (whole.glob, whole.is_whole) == ("src/*.py", True)
    assert (symbol.glob, symbol.symbol, symbol.is_whole) == ("src/a.py", parse_symbol("A.b"), False)
    assert (line.glob, line.line, line.symbol, line.is_whole) == ("src/a.py", 214, None, False)
    assert entry_of("odd[:]3").is_whole
    with pytest.raises(BadGlob) as caught:
        entry_of("a.py:Class")
    assert caught.value.mend == "write `a.py::Class`"


def test_what_of_a_file_a_scope_means() -> None:
    scope = Scope(("src/*.py::on_*", "src/a.py::Factory", "lib/**", "lib/x.py::X"), "deny", "allow")
    assert scope.rule("src/a.py") == SymbolRule(
        (parse_symbol("on_*"), parse_symbol("Factory")), "deny", "allow"
    )
    assert scope.rule("src/b.py") == SymbolRule((parse_symbol("on_*"),), "deny", "allow")
    assert scope.rule("lib/x.py") is None  # all of it, though an entry says less
    assert not scope.allows("src/a.txt")
    assert scope.has_symbols
    assert not Scope(("lib/**",)).has_symbols


def test_a_line_stands_for_the_innermost_symbol_that_holds_it() -> None:
    scope = Scope(("src/a.py:7", "src/a.py:4", "src/a.py:37", "src/a.py:21", "src/b.py:1"))
    assert scope.rule("src/a.py") == SymbolRule(())  # nobody knows yet
    bound = scope.resolved(OUTLINES)
    assert bound.shown == (
        "src/a.py::Factory.configure", "src/a.py::Factory", "src/a.py::Store.size", "src/a.py:21", "src/b.py:1",
    )  # fmt: skip
    assert bound.patterns == scope.patterns
    rule = bound.rule("src/a.py")
    assert rule is not None
    assert [symbol.text for symbol in rule.symbols] == [
        "Factory.configure",
        "Factory",
        "Store.size",
    ]


@pytest.mark.parametrize(
    ("a", "b", "shared"),
    [
        (["src/a.py::Factory.configure"], ["src/a.py::Factory.create"], []),
        (["src/a.py::Factory"], ["src/a.py::Store"], []),
        (["src/a.py::Factory"], ["src/a.py::Factory.create"], ["src/a.py::Factory.create"]),
        (["src/a.py::on_*"], ["src/a.py::*_close"], ["src/a.py::on_close"]),
        (["src/a.py::on_*"], ["src/a.py::*_new"], ["src/a.py::on_* & *_new"]),
        (["src/a.py::on_*"], ["src/a.py::on_new"], ["src/a.py::on_new"]),
        (["src/a.py::on_*"], ["src/a.py::Factory.on_*"], []),
        (["src/a.py"], ["src/a.py::Factory"], ["src/a.py::Factory"]),
        (["src/**"], ["src/a.py::Factory", "src/b.py::*"], ["src/a.py::Factory", "src/b.py::*"]),
        (["src/*.py::Factory.create"], ["src/a.py:13"], ["src/a.py::Factory.create"]),
        (["src/a.py:7"], ["src/a.py:13"], []),
        (["src/a.py:4"], ["src/a.py:13"], ["src/a.py::Factory.create"]),
        (["new/a.py::X"], ["new/a.py::X.y"], ["new/a.py::X.y"]),
        (["new/a.py::X"], ["new/a.py::Y"], []),
        (["new/*.py::X"], ["new/a.py"], ["new/a.py::X"]),
        (["new/a.py"], ["new/a.py"], ["new/a.py"]),
    ],
)
def test_overlaps(a: list[str], b: list[str], shared: list[str]) -> None:
    first, second = (Scope(tuple(patterns)).resolved(OUTLINES) for patterns in (a, b))
    assert list(may_overlap(first, second, PATHS, OUTLINES)) == shared
    assert len(may_overlap(second, first, PATHS, OUTLINES)) == len(shared)


def said(
    *patterns: str, outlines: dict[str, Outline | None] | None = None
) -> list[tuple[str, str, bool]]:
    scope = Scope(patterns)
    known = OUTLINES if outlines is None else outlines
    found = misses(scope.resolved(known), scope.matches(PATHS), known)
    return [(miss.text, miss.mend, miss.is_wrong) for miss in found]


def test_entries_that_hit_are_not_spoken_of() -> None:
    assert (
        said(
            "src/a.py::Factory.create",
            "src/a.py:7",
            "src/a.py::on_*",
            "docs/**",
            "src/a.py::*.size",
        )
        == []
    )


@pytest.mark.parametrize(
    ("pattern", "text", "mend", "is_wrong"),
    [
        (
            "src/a.py::Factory.creat",
            "no symbol of the base",
            "did you mean `src/a.py::Factory.create`?",
            False,
        ),
        (
            "src/a.py::create",
            "no symbol of the base",
            "did you mean `src/a.py::Factory.create`?",
            False,
        ),
        ("src/a.py::Zzz", "no symbol of the base", "yet to be made may be named too", False),
        ("src/a.py:41", "src/a.py has 40 lines in the base", "name a line", True),
        ("src/a.py:1", "no symbol holds that line", "inside a function or class", True),
        ("src/c.py::X", "there is no such file in the base", "check the path", False),
        ("src/c.py:3", "there is no such file in the base", "check the path", True),
        ("src/notes.txt::X", "for want of a grammar", "name the whole file", True),
        ("src/new.txt::X", "for want of a grammar", "name the whole file", True),
        ("src/new.go::X", "for want of a grammar", "orchestrate-missions[languages]", True),
    ],
)
def test_entries_that_miss(pattern: str, text: str, mend: str, is_wrong: bool) -> None:
    outlines: dict[str, Outline | None] = {
        **OUTLINES,
        "src/notes.txt": None,
        "src/new.txt": None,
        "src/new.go": None,
    }
    ((found, advice, wrong),) = said(pattern, outlines=outlines)
    assert found.startswith(f"`{pattern}`")
    assert text in found
    assert mend in advice
    assert wrong == is_wrong


def test_an_entry_beside_one_for_the_whole_file_says_nothing() -> None:
    ((text, mend, is_wrong),) = said("src/**", "src/a.py::Factory")
    assert text == "`src/a.py::Factory` says nothing: another entry gives it all of src/a.py"
    assert (mend, is_wrong) == ("narrow the other entry, or take this one out", False)


def test_a_line_of_several_files_is_refused() -> None:
    outlines: dict[str, Outline | None] = {"a.py": A, "src/a.py": A}
    scope = Scope(("a.py:7",)).resolved(outlines)
    (miss,) = misses(scope, ["a.py", "src/a.py"], outlines)
    assert (miss.text, miss.mend, miss.is_wrong) == (
        "`a.py:7`: which one of a.py and src/a.py?", "write such as `/a.py:7`", True,
    )  # fmt: skip
    assert Scope(("/a.py:7",)).resolved(outlines).shown == ("/a.py::Factory.configure",)


def test_a_file_that_does_not_parse_is_warned_about() -> None:
    ((text, _, is_wrong),) = said(
        "src/a.py::on_open", outlines={"src/a.py": outline(("on_open", 1, 2), errors=3)}
    )
    assert "src/a.py does not parse in 3 places" in text
    assert not is_wrong
