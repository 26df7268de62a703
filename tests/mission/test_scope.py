"""Scopes: what globs mean, what two of them share, and which changes lie outside."""

from __future__ import annotations

import string
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from orchestrator.mission import globs
from orchestrator.mission.globs import BadGlob
from orchestrator.mission.meetings import meetings
from orchestrator.mission.overlaps import may_overlap
from orchestrator.mission.paths import Paths
from orchestrator.mission.scope import Breach, Scope, breaches, is_literal

steadily = settings(max_examples=120, deadline=None)  # a busy machine is no failure


@pytest.mark.parametrize(
    ("pattern", "inside", "outside"),
    [
        ("src/a.py", ["src/a.py"], ["src/A.py", "src/a.pyc", "lib/src/a.py", "src", "a.py"]),
        ("a.py", ["a.py", "src/deep/a.py"], ["b.py", "a.pyx"]),
        ("/a.py", ["a.py"], ["src/a.py"]),
        ("src", ["src", "src/a.py", "lib/src/x/y"], ["srcs/a"]),
        ("src/", ["src/a.py", "lib/src/a.py"], ["src"]),
        ("src/*", ["src/a.py", "src/x/y.py"], ["src", "lib/src/a.py"]),
        ("src/*.py", ["src/a.py"], ["src/x/a.py", "src/a.txt"]),
        ("src/**", ["src/a.py", "src/x/y.py"], ["src", "lib/src/a.py"]),
        ("**/test_*.py", ["test_a.py", "tests/x/test_b.py"], ["tests/a_test.py"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b", "a/b/c"], ["a/xb", "b"]),
        ("**", ["a", "a/b/c"], []),
        ("?.py", ["a.py"], ["ab.py", ".py"]),
        ("v[0-9].txt", ["v1.txt"], ["va.txt", "v10.txt"]),
        ("[[]id]/page.tsx", ["[id]/page.tsx"], ["i/page.tsx"]),
        ("a[*]b[?]c[#]", ["a*b?c#"], ["axbxcx"]),
        ("[a-]x[-]y", ["-x-y", "ax-y"], ["bx-y"]),
        ("my file.txt", ["my file.txt"], ["my"]),
        ("straße/*.md", ["straße/ä.md"], ["strasse/a.md"]),
    ],
)
def test_what_a_glob_means(pattern: str, inside: list[str], outside: list[str]) -> None:
    scope = Scope((pattern,))
    assert scope.matches([*inside, *outside]) == tuple(inside)
    for path in inside:
        assert _common(pattern, _escaped(f"/{path}"))


@pytest.mark.parametrize(
    "pattern",
    ["", "/", "//", "!a", "#a", " a", "a ", "a\\b", "../a", "a/../b", "./a", "a/.", "a//b", "a/**b", "***", ".git",
     ".git/config", "sub/.git/hooks", "[!a]", "[^a]", "[a", "[]", "[z-a]", "[+-9]", "[A-z]", "a\nb", "a\tb", "[a/b]",
     "a/**/", "[a[]", "[a&&b]", "[]]"],
)  # fmt: skip
def test_what_is_no_glob(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        Scope((pattern,))


def test_a_bad_glob_says_what_to_write_instead() -> None:
    with pytest.raises(BadGlob) as caught:
        Scope(("#notes",))
    assert caught.value.mend == "write `[#]notes`"
    assert Scope(("[#]notes",)).allows("#notes")


def test_no_patterns_allow_nothing() -> None:
    assert not Scope()
    assert not Scope().allows("a")
    assert may_overlap(Scope(), Scope(("**",)), ["a"]) == ()


def test_a_line_break_in_a_name_hides_nothing() -> None:
    assert not Scope(("src/a.py",)).allows("src/a.py\n")
    assert Scope(("**/secret",)).allows("x\ny/secret")
    assert Scope(("src/*",)).allows("src/a\nb")


def test_literals() -> None:
    scope = Scope(("src/a.py", "/b.py", "c.py", "src/", "src/*.py"))
    assert scope.literals == ("src/a.py", "b.py")
    assert not is_literal("c.py")  # holds at every depth


def test_breaches_come_in_order_and_protection_counts_first() -> None:
    scope, protect = (
        Scope(("src/**", "tests/conftest.py")),
        Scope(("tests/conftest.py", ".github/**")),
    )
    changed = ["src/a.py", "tests/conftest.py", "docs/x.md", ".github/w.yml", "src/b.py"]
    assert breaches(changed, scope, protect) == (
        Breach("tests/conftest.py", "protected"),
        Breach("docs/x.md", "outside"),
        Breach(".github/w.yml", "protected"),
    )
    assert breaches(["a"], Scope(), Scope()) == (Breach("a", "outside"),)


@pytest.mark.parametrize(
    ("a", "b", "base", "shared"),
    [
        (["src/a.py"], ["src/a.py"], ["src/a.py"], ("src/a.py",)),
        (["src/a.py"], ["src/a.py"], [], ("src/a.py",)),
        (["src/a.py"], ["src/b.py"], ["src/a.py", "src/b.py"], ()),
        (["src/*.py"], ["src/new.py"], ["src/a.py"], ("src/new.py",)),
        (["src/*.py"], ["src/test_*"], ["src/a.py"], ("src/*.py & src/test_*",)),
        (["src/*.py"], ["src/test_*"], ["src/test_a.py"], ("src/test_a.py",)),
        (["src/*.py"], ["src/*.py"], [], ("src/*.py",)),
        (["src/"], ["src/x/y.py"], [], ("src/x/y.py",)),
        (["*.md"], ["src/**"], [], ("*.md & src/**",)),
        (["*.md"], ["src/*.py"], [], ()),
        (["a/**"], ["b/**"], [], ()),
        (["A.py"], ["a.py"], [], ()),
        (
            ["src/a.py"],
            ["docs/"],
            [],
            (),
        ),  # `src/a.py` reads as a file, not as a folder with `docs` in it
        (["src/a.py"], ["docs/"], ["src/a.py/docs/x"], ("src/a.py/docs/x",)),  # unless it is one
    ],
)
def test_overlap(a: list[str], b: list[str], base: list[str], shared: tuple[str, ...]) -> None:
    assert may_overlap(Scope(tuple(a)), Scope(tuple(b)), base) == shared
    assert bool(may_overlap(Scope(tuple(b)), Scope(tuple(a)), base)) == bool(shared)


def _common(a: str, b: str) -> str | None:
    return globs.common_path(globs.parse(a), globs.parse(b))


def _escaped(path: str) -> str:
    return "".join(f"[{sign}]" if sign in "*?[#!" else sign for sign in path)


# Small alphabets, so that globs and paths meet often.
letters = st.sampled_from("ab")
segments = st.lists(
    st.sampled_from(["a", "b", "*", "?", "[ab]", "[b-b]", "[*]"]), min_size=1, max_size=4
).map("".join)
parts = st.one_of(segments, st.just("**")).filter(lambda part: "**" not in part or part == "**")
patterns = st.builds(
    lambda lead, middle, tail: lead + "/".join(middle) + tail,
    st.sampled_from(["", "/"]),
    st.lists(parts, min_size=1, max_size=4),
    st.sampled_from(["", "", "/"]),
).filter(lambda pattern: not pattern.endswith("**/"))
paths = st.lists(st.text("ab*", min_size=1, max_size=4), min_size=1, max_size=5).map("/".join)


@steadily
@given(patterns, paths)
def test_the_intersection_with_one_path_is_what_pathspec_says(pattern: str, path: str) -> None:
    ours = (
        globs.common_path(globs.parse(pattern), globs.parse(_escaped(f"/{path}"), is_file=True))
        is not None
    )
    assert ours == Scope((pattern,)).allows(path)


@steadily
@given(st.lists(patterns, min_size=2, max_size=8), paths)
def test_what_both_match_is_an_overlap(chosen: list[str], path: str) -> None:
    matching = [pattern for pattern in chosen if Scope((pattern,)).allows(path)]
    for a, b in combinations(matching, 2):
        assert _common(a, b)
        assert may_overlap(Scope((a,)), Scope((b,)), [])
        assert may_overlap(Scope((a,)), Scope((b,)), [path]) == (path,)


@steadily
@given(patterns, patterns)
def test_an_overlap_has_a_path_that_both_match(a: str, b: str) -> None:
    witness = _common(a, b)
    if witness is not None:
        assert Scope((a,)).allows(witness)
        assert Scope((b,)).allows(witness)


@steadily
@given(patterns, patterns)
def test_overlap_is_symmetric(a: str, b: str) -> None:
    assert (_common(a, b) is None) == (_common(b, a) is None)


@steadily
@given(st.lists(patterns, max_size=3), st.lists(paths, max_size=8))
def test_breaches_are_what_no_pattern_allows(chosen: list[str], changed: list[str]) -> None:
    scope = Scope(tuple(chosen))
    outside = {breach.path for breach in breaches(changed, scope, Scope())}
    assert outside == {
        path for path in changed if not any(Scope((one,)).allows(path) for one in chosen)
    }


@steadily
@given(st.text(string.printable, max_size=12))
def test_no_text_breaks_a_scope(text: str) -> None:
    try:
        scope = Scope((text,))
    except ValueError:
        return
    scope.allows("a/b")
    assert _common(text, text)


NAMES = st.sampled_from(["a", "b", "ab", "a.py", "b.py", "ab.py", "x"])
PARTS = st.sampled_from(["a", "b", "ab", "a.py", "b.py", "*", "a*", "*.py", "?", "[ab]", "**", "x"])
MANY_PATHS = st.lists(
    st.lists(NAMES, min_size=1, max_size=4).map("/".join), unique=True, max_size=12
)


@st.composite
def globs_of_all_kinds(draw: st.DrawFn) -> str:
    """Anchored or not, folders and files, with wildcards in any part."""
    glob = "/".join(draw(st.lists(PARTS, min_size=1, max_size=4)))
    glob = draw(st.sampled_from(["", "/"])) + glob
    return glob if glob.endswith("**") else glob + draw(st.sampled_from(["", "/"]))


@steadily
@given(glob=globs_of_all_kinds(), paths=MANY_PATHS)
def test_paths_are_found_as_pathspec_finds_them(glob: str, paths: list[str]) -> None:
    meant = GitIgnoreSpec.from_lines([glob])
    expected = tuple(path for path in paths if meant.match_file(path))
    scope = Scope((glob,))
    assert scope.matches(paths) == expected
    assert scope.matches(Paths(paths)) == expected
    assert Scope((glob, "nowhere/n.py", "no*where")).matches(Paths(paths)) == expected


@steadily
@given(
    chosen=st.lists(
        st.lists(
            st.one_of(
                globs_of_all_kinds(),
                st.sampled_from(["a.py::f", "b/a.py::f", "b/a.py::g", "/b/a.py::*", "*.py::f.x"]),
            ),
            max_size=2,
        ),
        min_size=2,
        max_size=5,
    ),
    paths=MANY_PATHS,
)
def test_no_pair_that_overlaps_is_left_out(chosen: list[list[str]], paths: list[str]) -> None:
    scopes = [Scope(tuple(patterns)) for patterns in chosen]
    base = Paths(paths)
    expected = [
        pair
        for pair in combinations(range(len(scopes)), 2)
        if may_overlap(scopes[pair[0]], scopes[pair[1]], base)
    ]
    assert [pair for pair in expected if pair not in meetings(scopes, base)] == []
