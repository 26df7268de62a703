"""`report.md` as GitHub would take it: tables, links, blocks, and nothing that a hostile text could
add.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from orchestrator.journal.facts import Outcome
from orchestrator.reports.markdown import LIMIT, render_markdown
from orchestrator.reports.mermaid import MOST_BARS, flowchart, gantt
from orchestrator.reports.summary import summarize
from orchestrator.reports.writer import ReportWriter
from tests.reports.builder import STORIES, Story, batch, hostile, make_evidence, many, mission
from tests.reports.snapshot import assert_matches

SNAPSHOTS = Path(__file__).parent / "snapshots"
PARSER = MarkdownIt("gfm-like", {"html": True, "linkify": False})
EDGE = re.compile(r"  b\d+ --> b\d+")
NODE = re.compile(r'  b\d+\["<b>[^"<>]+</b>(<br/>[^"<>]+)+"\]:::(good|bad|stopped|active|open)')
CLASS = re.compile(r"  classDef (good|bad|stopped|active|open) [\w:#,\- ]+")
STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}"
TASK = re.compile(rf"  (agent|batch) [^:;#\"\n]+ :(crit, |active, )?{STAMP}, {STAMP}")


@pytest.fixture(params=STORIES)
def story(request: pytest.FixtureRequest) -> Story:
    made: Story = STORIES[request.param]()
    return made


def tokens(text: str) -> list[Token]:
    """All tokens, those inside lines included."""
    return [each for token in PARSER.parse(text) for each in (token, *(token.children or ()))]


@pytest.mark.parametrize(
    "name",
    [
        "good",
        "every_outcome",
        "resumed",
        "blamed",
        "hostile",
        "running",
        "only_started",
        "exercised",
    ],
)
def test_the_report_reads_as_it_did(name: str) -> None:
    assert_matches(render_markdown(summarize(STORIES[name]().state)), SNAPSHOTS / f"{name}.md")


def test_tables_have_equal_columns(story: Story) -> None:
    lines = render_markdown(summarize(story.state)).splitlines()
    columns = 0
    for line in lines:
        if not line.startswith("|"):
            columns = 0
            continue
        found = len(re.findall(r"(?<!\\)\|", line))
        assert found == (columns or found), line
        columns = found
    assert any(line.startswith("| ---") for line in lines)


def test_every_table_is_one(story: Story) -> None:
    text = re.sub(
        r"^(`{3,}).*?^\1$",
        "",
        render_markdown(summarize(story.state)),
        flags=re.DOTALL | re.MULTILINE,
    )
    rows = [
        line
        for line in text.splitlines()
        if line.startswith("|") and not re.match(r"\| -{3}", line)
    ]
    assert sum(token.type == "tr_open" for token in tokens(text)) == len(rows)


def test_links_lead_to_files_of_the_report(story: Story, tmp_path: Path) -> None:
    ReportWriter(tmp_path).write(story.state)
    make_evidence(tmp_path, story.state)
    links = [
        str(token.attrs["href"])
        for token in tokens((tmp_path / "report.md").read_text())
        if token.type == "link_open"
    ]
    assert len(links) >= 2
    for href in links:
        assert (tmp_path / unquote(href)).is_file(), href


def test_html_is_only_ours_and_is_closed(story: Story) -> None:
    text = render_markdown(summarize(story.state))
    tags = [
        tag
        for token in tokens(text)
        if token.type.startswith("html_")
        for tag in re.findall(r"</?\w+", token.content)
    ]
    assert set(tags) <= {"<details", "</details", "<summary", "</summary", "<code", "</code"}
    assert tags.count("<details") == tags.count("</details")
    assert tags.count("<summary") == tags.count("</summary")


def test_hostile_text_adds_no_block_no_image_and_no_mention() -> None:
    text = render_markdown(summarize(hostile().state))
    prose = re.sub(r"^(`{3,}).*?^\1$|`[^`\n]*`", "", text, flags=re.DOTALL | re.MULTILINE)
    headings = [token.tag for token in tokens(text) if token.type == "heading_open"]
    assert headings == ["h1", *["h2"] * 4, "h3", "h3", "h2", "h2", "h2"]
    assert not [token for token in tokens(text) if token.type == "image"]
    assert "@octocat" not in prose
    assert not re.search(r"www\.\w", prose)
    assert "://" not in prose
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_diagrams_hold_nothing_but_their_own_grammar(story: Story) -> None:
    summary = summarize(story.state)
    head, *lines = flowchart(summary).splitlines()
    assert head == "flowchart LR"
    for line in lines:
        assert NODE.fullmatch(line) or EDGE.fullmatch(line) or CLASS.fullmatch(line), line
    chart = gantt(summary).splitlines()
    for line in chart[4:]:
        assert TASK.fullmatch(line) or re.fullmatch(r"  section [\w .\-/()+,=·–%…]+", line), line
    assert bool(chart) == any(agent.attempts for agent in summary.agents)


def test_the_gantt_has_the_times_that_were() -> None:
    story = (
        Story(mission(batch("core", "1.1")))
        .begin("core", after=2)
        .start("1.1")
        .end("1.1", after=61.5)
    )
    line = gantt(summarize(story.state)).splitlines()[-1]
    assert line == "  agent 1.1 - delivered :2025-09-02T08:00:02.000, 2025-09-02T08:01:03.500"


def test_a_large_run_stays_readable() -> None:
    summary = summarize(many().state)
    chart = gantt(summary)
    assert chart.count(" :") <= MOST_BARS
    assert "batch b00" in chart
    assert flowchart(summary)
    text = render_markdown(summary)
    assert " more, all in [report.json](report.json)" in text
    assert max(len(block) for block in re.findall(r"```mermaid.*?```", text, re.DOTALL)) < 50_000


@pytest.mark.parametrize(
    ("agents", "per_batch"), [(20, 5), (100, 5), (500, 25), (2000, 40), (3000, 1000)]
)
def test_it_can_be_posted_however_large_the_run_is(agents: int, per_batch: int) -> None:
    text = render_markdown(summarize(many(agents, per_batch).state))
    assert len(text) <= LIMIT
    first = text[: text.index("## Batches")]
    assert "**❌ Keep open**" in first
    assert "## Open items" in first
    assert "## Next" in first
    assert ("**Shortened**" in first) == (agents > 20), "and it says so"
    assert text.count("<details") == text.count("</details>") or "**Cut here**" in text
    assert text.endswith("report.schema.json).\n") or "**Cut here**" in text[-200:]


def test_what_is_said_of_several_is_said_once() -> None:
    why = "the network of the place was down for an hour"
    story = Story(mission(batch("b", "a1", "a2", "a3")))
    story.begin("b").start("a1", "a2", "a3")
    for agent in ("a1", "a2", "a3"):
        story.end(agent, Outcome.FAILED, reason=why)
    text = render_markdown(summarize(story.state))
    table = text[text.index("| Agent | Outcome |") :]
    assert table.count(why) == text[text.index("| Agent | Attempt |") :].count(why) + 1
    assert table.count("as `a1`") == 2
    items = text[text.index("## Open items") : text.index("## Next")]
    assert items.count(why) <= 1, items


def test_too_many_batches_are_not_drawn() -> None:
    summary = summarize(Story(mission(*(batch(f"b{n}", f"a{n}") for n in range(61)))).state)
    assert flowchart(summary) == ""
    assert "too many batches to draw" in render_markdown(summary)
