"""Hostile text in Markdown, in code, in links and in diagrams."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from orchestrator.reports.escape import code, diagram, fence, link, markdown
from orchestrator.reports.text import clean, duration, last_line, one_line
from tests.reports.builder import HOSTILE

PARSER = MarkdownIt("gfm-like", {"html": True, "linkify": False})
MARKS = st.text(
    alphabet=st.sampled_from(list("ab1 \t\n\r|`*_~[]()<>&#@!$\\-+=.:;%{}\"'/^é漢🙂\x1b\x00\u202e")),
    max_size=40,
)
ANY = MARKS | st.text(max_size=60)


def seen(markup: str) -> str:
    """What a reader sees of rendered Markdown."""
    without_tags = re.sub(r"<!--.*?-->|<[^>]*>", "", PARSER.render(markup))
    return html.unescape(without_tags).replace("\n", "")


@given(ANY)
@example(HOSTILE)
@example("1. one")
@example("--- x")
@example("a_b __init__ _x_")
@example("&lt; &amp;lt;")
def test_markdown_reads_as_itself(text: str) -> None:
    line = one_line(text, 500)
    assert seen(str(markdown(text))).strip() == line
    table = f"| a | b |\n| --- | --- |\n| {markdown(text)} | end |\n"
    rendered = PARSER.render(table)
    assert rendered.count("<td>") == 2
    assert seen(table) == f"ab{line}end"


@given(ANY)
@example("a|b")
@example("`` ` ``")
@example("\\")
def test_code_reads_as_itself_inside_a_table_and_outside(text: str) -> None:
    line = one_line(text, 300)
    assert seen(f"x {code(text)} y") == f"x {line} y".replace("  ", " ") if line else True
    assert (
        PARSER.render(f"| a | b |\n| --- | --- |\n| x {code(text)} y | end |\n").count("<td>") == 2
    )


@given(ANY)
@example("```\n</details>")
@example("~~~")
def test_a_fence_cannot_be_left(text: str) -> None:
    tokens = PARSER.parse(f"<details>\n\n{fence(text)}\n\n</details>\n")
    assert [token.type for token in tokens] == ["html_block", "fence", "html_block"]


def test_a_fence_keeps_the_end_of_long_output() -> None:
    assert fence("x" * 9_000 + "the reason").endswith("the reason\n```")
    assert len(fence("x" * 9_000_000)) < 5_000


@pytest.mark.parametrize(
    "path",
    [
        "javascript:alert(1)",
        "../../etc/passwd",
        "/etc/passwd",
        "a/../../b",
        "https://example.org",
        "a\nb",
        "\\x",
    ],
)
def test_what_is_no_file_of_the_report_is_no_link(path: str) -> None:
    assert "<a" not in PARSER.render(str(link("log", path)))


def test_a_link_to_an_odd_file_name_holds() -> None:
    rendered = PARSER.render(str(link("log", "a b|c/o(1)<x>.log")))
    assert rendered == '<p><a href="a%20b%7Cc/o%281%29%3Cx%3E.log">log</a></p>\n'


@given(ANY)
@example('end;"] --> %%{init: {}}%% #quot; `x` <br/> subgraph')
def test_a_diagram_gets_only_what_no_grammar_knows(text: str) -> None:
    shown = diagram(text)
    assert shown
    assert len(shown) <= 60
    assert not set(shown) & set(";\"'`<>[]{}|#:&@\\~*^$?!\n\r\x1b")
    assert "%%" not in shown


def test_clean_takes_out_what_a_terminal_would_obey() -> None:
    assert (
        clean(
            "\x1b[31mred\x1b[0m \x1b]0;title\x07x\x1b]8;;http://x\x1b\\y \x9b1mz\x08\x00\u202e\ufeff"
        )
        == "red xy z"
    )
    assert clean("a\r\nb\rc") == "a\nb\nc"
    assert clean("\ud800") == ""


def test_the_last_line_is_what_overwrote_the_others() -> None:
    assert last_line("10%\r50%\r\x1b[2K100%\r") == "100%"
    assert last_line("x" * 100_000)[-1] == "x"
    assert last_line("") == ""


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "–"),
        (0, "0.0s"),
        (9.94, "9.9s"),
        (9.96, "10s"),
        (59.6, "1m 00s"),
        (192, "3m 12s"),
        (3600, "1h 00m"),
        (86399, "23h 59m"),
        (90_000, "1d 01h"),
        (-3, "0.0s"),
    ],
)
def test_durations(seconds: float | None, said: str) -> None:
    assert duration(seconds) == said
