"""Import blocks of Go and trees of `use` of Rust that both sides changed."""

from __future__ import annotations

import pytest

from tests.structure.three_ways import merged, refused

GO = 'package a\n\nimport (\n\t"fmt"\n\t"strings"\n)\n\nfunc f() { fmt.Println(strings.ToUpper("a")) }\n'
RUST = "use std::collections::{HashMap, HashSet};\n\nfn f() {\n    HashMap::new();\n}\n"


def go(*paths: str) -> str:
    lines = "".join(f"\t{path}\n" if path else "\n" for path in paths)
    return f"package a\n\nimport (\n{lines})\n"


@pytest.mark.parametrize(
    ("base", "left", "right", "both"),
    [
        (
            ['"fmt"', '"net"'],
            ['"fmt"', '"io"', '"net"'],
            ['"fmt"', '"log"', '"net"'],
            ['"fmt"', '"io"', '"log"', '"net"'],
        ),
        (['"fmt"', '"io"', '"net"'], ['"io"', '"net"'], ['"fmt"', '"io"'], ['"io"']),
        (['"fmt"', '"io"'], ['"io"'], ['"fmt"', '"net"'], ['"net"']),
        (
            ['"fmt"', "", '"x/a"'],
            ['"fmt"', "", 'b "x/b"', '"x/a"'],
            ['"fmt"', '"os"', "", '"x/a"', '_ "x/c"'],
            None,
        ),
        (['"fmt"'], ['"fmt"', 'a "x/y"'], ['"fmt"', '. "x/z"'], None),
    ],
    ids=["each adds one", "each removes one", "one swaps", "groups", "an alias and a dot"],
)
def test_a_block_of_go(base: list[str], left: list[str], right: list[str], both: list[str]) -> None:
    text = merged("a.go", go(*base), go(*left), go(*right))
    if both is not None:
        assert text == go(*both)
        return
    there = [line.strip() for line in text.splitlines()[3:-1]]
    assert sorted(filter(None, there)) == sorted({*filter(None, left), *filter(None, right)})
    assert there.count("") == base.count("")


def test_one_import_of_go_that_both_made_a_block() -> None:
    base = 'package a\n\nimport "fmt"\n'
    assert merged("a.go", base, go('"fmt"', '"os"'), go('"fmt"', '"io"')) == go(
        '"fmt"', '"io"', '"os"'
    )


@pytest.mark.parametrize(
    ("base", "left", "right", "both"),
    [
        (
            "std::{fmt, io}",
            "std::{env, fmt, io}",
            "std::{fmt, io, mem}",
            "std::{env, fmt, io, mem}",
        ),
        ("std::{fmt, io, mem}", "std::{io, mem}", "std::{fmt, io}", "std::{io}"),
        (
            "std::{self, io}",
            "std::{self, fmt, io}",
            "std::{self, io, mem}",
            "std::{self, fmt, io, mem}",
        ),
        (
            "a::{b as c, d}",
            "a::{b as c, d, e}",
            "a::{b as c, d, f as g}",
            "a::{b as c, d, e, f as g}",
        ),
        (
            "a::{\n    b,\n    c,\n}",
            "a::{\n    b,\n    c,\n    d,\n}",
            "a::{\n    b,\n    c,\n    e,\n}",
            "a::{\n    b,\n    c,\n    d,\n    e,\n}",
        ),
        (
            "a::{b::{c, d}, e}",
            "a::{b::{c, d}, e, f}",
            "a::{b::{c, d}, e, g}",
            "a::{b::{c, d}, e, f, g}",
        ),
    ],
    ids=["each adds one", "each removes one", "self", "renamed", "lines", "nested"],
)
def test_a_tree_of_rust(base: str, left: str, right: str, both: str) -> None:
    for seen in ("", "pub "):
        sides = (f"{seen}use {tree};\n" for tree in (base, left, right))
        assert merged("a.rs", *sides) == f"{seen}use {both};\n"


@pytest.mark.parametrize(
    ("path", "base", "left", "right"),
    [
        ("a.go", go('"fmt"'), go('"fmt"', '"x/rand"'), go('"fmt"', '"y/rand"')),
        ("a.rs", "use a::{b::{c}, d};\n", "use a::{b::{c, e}, d};\n", "use a::{b::{c, f}, d};\n"),
        ("a.go", go('"fmt"', '"io" // why'), go('"io" // why', '"net"'), go('"fmt"', '"log"')),
        ("a.rs", "use a::{b, c};\n", "pub use a::{b, c, d};\n", "use a::{b, c, e};\n"),
        ("a.rs", "use a::b;\n", "use a::{b, c};\n", "use a::{b, d};\nuse e;\n"),
    ],
    ids=[
        "one name from two places",
        "nested in both",
        "a comment inside",
        "made public",
        "made a tree",
    ],
)
def test_what_is_not_a_list_of_names_is_refused_or_right(
    path: str, base: str, left: str, right: str
) -> None:
    refused(path, base, left, right)
