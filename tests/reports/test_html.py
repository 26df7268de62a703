"""`report.html` and `junit.xml`: what is on the page, that it needs nothing else, and that nothing
which agents or tests wrote becomes part of it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from orchestrator.journal.facts import Counts, Decision, TestOutcome, TestRecord
from orchestrator.reports.html import svg
from orchestrator.reports.html.diffs import file_diffs
from orchestrator.reports.html.page import render_html
from orchestrator.reports.junit import render_junit
from orchestrator.reports.material import Gatherer, Material
from orchestrator.reports.summary import summarize
from orchestrator.reports.writer import ReportWriter
from tests.reports.builder import (
    HOSTILE,
    STORIES,
    Story,
    every_outcome,
    good,
    hostile,
    make_evidence,
    many,
    red,
    two_batches,
)

VOID = {"meta", "input", "br"}
ATTACKS = (
    "<script>alert(1)</script>",
    "</pre></script><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "<!--<script>",
    "]]></failure><testcase name='x'/>\x00\x1b[31m\ufffe",
    HOSTILE,
)


class Page(HTMLParser):
    """What a page is made of; asserts that each element is closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, Mapping[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "script" not in self.open and "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def values(self, name: str) -> list[str]:
        return [value for _, found in self.elements if (value := found.get(name)) is not None]


def attacked(text: str) -> Story:
    """A run whose agent, tests and output all say the same."""
    story = Story(two_batches()).begin("core").start("1.1", "1.2").end("1.1").end("1.2")
    made = story.candidate("core", "1.1", "1.2")
    return story.judge("core", made, "1.1", "1.2", **red(text))


def material_of(story: Story, text: str) -> Material:
    """The same text in everything that lies beside the summary."""
    summary = summarize(story.state)
    attempts = [it for agent in summary.agents for it in agent.attempts]
    checks = [it for b in summary.batches for v in b.gates for it in v.checks]
    test = TestRecord(id=text, candidate=TestOutcome.FAILED, message=text)
    return Material(
        briefs={it.brief: text for it in attempts},
        logs={it.log: text for it in (*attempts, *checks)},
        diffs={agent.id: patch(text, text) for agent in summary.agents},
        tests={it.evidence: (test,) for it in checks},
    )


def patch(path: str, line: str, lines: int = 1) -> str:
    one = path.replace("\n", " ")
    body = "\n".join("+" + line.replace("\n", " ") for _ in range(lines))
    return (
        f"diff --git a/{one} b/{one}\nindex 1..2 100644\n--- a/{one}\n+++ b/{one}\n"
        f"@@ -1 +1,{lines} @@\n-old\n{body}\n"
    )


@pytest.mark.parametrize("name", STORIES)
def test_the_page_is_whole_and_fetches_nothing(name: str) -> None:
    story = STORIES[name]()
    summary = summarize(story.state)
    page = Page(render_html(summary, material_of(story, "told")))
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {f"agent-{agent.id}" for agent in summary.agents} <= set(ids)
    for link in page.values("href"):
        if link.startswith("#"):
            assert link[1:] in ids
        else:
            assert re.fullmatch(r"[\w./%~+=,@-]+", link), link
            assert ".." not in link.split("/")
    assert not {"img", "link", "iframe", "form", "base", "object"} & {t for t, _ in page.elements}
    assert not page.values("src")
    assert not page.values("style")
    assert not [n for _, found in page.elements for n in found if n.startswith("on")]


def test_its_policy_names_the_script_and_style_that_it_has() -> None:
    text = render_html(summarize(good().state))
    policy = next(it["content"] for t, it in Page(text).elements if "http-equiv" in it)
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    for tag in ("script", "style"):
        (body,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("text", ATTACKS)
def test_what_agents_and_tests_wrote_stays_text(text: str) -> None:
    story = attacked(text)
    summary = summarize(story.state)
    kinds = [t for t, _ in Page(render_html(summary, material_of(story, "harmless"))).elements]
    page = Page(render_html(summary, material_of(story, text)))
    assert [t for t, _ in page.elements].count("script") == kinds.count("script") == 1
    assert not {"img", "b-x"} & {t for t, _ in page.elements}
    assert page.values("onload") == page.values("onerror") == []
    assert "\x1b" not in page.text
    assert "\x00" not in page.text
    root = ET.fromstring(render_junit(summary, material_of(story, text)))
    assert {it.tag for it in root.iter()} <= {
        *("testsuites", "testsuite", "testcase", "failure", "error", "skipped")
    }
    assert root.get("failures") != "0"


def test_a_hostile_run_leads_nowhere(tmp_path: Path) -> None:
    ReportWriter(tmp_path).write(hostile().state)
    text = (tmp_path / "report.html").read_text()
    assert not [it for it in Page(text).values("href") if "javascript" in it or "etc" in it]
    ET.parse(tmp_path / "junit.xml")


def test_open_and_red_things_come_first_and_unfolded() -> None:
    story = every_outcome()
    text = render_html(summarize(story.state), material_of(story, "AssertionError: 1 == 2"))
    page = Page(text)
    assert text.index('id="open"') < text.index('id="graph"') < text.index('id="time"')
    assert "It is your turn" in page.text
    assert "orchestrate resume" in page.text
    for tag, found in page.elements:
        if tag == "details" and "agent" in str(found.get("class")).split():
            bad = svg.tone(str(found.get("data-status"))) == "bad"
            assert ("open" in found) == bad
    assert "nothing" not in page.values("data-status")


def test_twelve_failures_are_all_told_without_a_click() -> None:
    story = attacked("12 tests broke")
    (check,) = summarize(story.state).batches[0].gates[0].checks
    records = tuple(
        TestRecord(
            id=f"tests/test_a.py::test_{n:02}",
            base=TestOutcome.PASSED,
            candidate=TestOutcome.FAILED,
            message=f"assert {n} == {n + 100}",
        )
        for n in range(12)
    )
    made = Material(tests={check.evidence: records})
    text = render_html(summarize(story.state), made)
    first = text[text.index('id="red"') : text.index('id="graph"')]
    for n in range(12):
        assert f"assert {n} == {n + 100}" in first
    assert "<details" not in first
    root = ET.fromstring(render_junit(summarize(story.state), made))
    assert [it.text for it in root.iter("failure")][:12] == [r.message for r in records]


def test_what_is_proven_is_told_from_what_is_only_claimed() -> None:
    text = Page(render_html(summarize(good().state))).text
    assert "validated" in text
    assert "unvalidated only claimed" in text
    root = ET.fromstring(render_junit(summarize(good().state), Material()))
    claims = [it for it in root if str(it.get("name")).endswith(".claims")]
    assert claims
    assert all(int(str(it.get("skipped"))) > 0 for it in claims)
    assert (root.get("failures"), root.get("errors")) == ("0", "0")


@pytest.mark.parametrize(
    ("path", "line", "shown"),
    [
        ("a.py", "def f(): return 1", "def"),
        ("a.py", "'''never closed", "never closed"),
        ("no_language.qqq", "<b>&", "&lt;b&gt;&amp;"),
        ("a b/ü.js", "let x = '</script>';", "script&gt;"),
        ("a.py", "x = 1\x0c\x85\u2028y", "y"),
    ],
)
def test_a_change_is_shown_by_line(path: str, line: str, shown: str) -> None:
    (file,) = file_diffs(patch(path, line), 10_000)
    assert (file.path, file.added, file.removed, file.left_out) == (path, 1, 1, 0)
    assert len(file.html.split("\n")) == 3
    assert shown in file.html
    Page(str(file.html))


def test_changes_have_no_more_room_than_there_is() -> None:
    files = file_diffs(patch("a.py", "x = 1", 5_000) + patch("b.py", "y = 2"), 3_000)
    assert [file.path for file in files] == ["a.py", "b.py"]
    assert sum(len(file.html) for file in files) <= 3_000
    assert files[0].left_out + files[0].html.count("\n") + 1 == 5_002
    binary = "diff --git a/x.png b/x.png\nindex 1..2 100644\nBinary files differ\n"
    assert "Binary" in file_diffs(binary, 300)[0].html


def test_nothing_outside_of_the_report_is_read(tmp_path: Path) -> None:
    story = good()
    folder = tmp_path / "reports" / story.state.run
    folder.mkdir(parents=True)
    make_evidence(folder, story.state)
    secret = tmp_path / "secret"
    secret.write_text("hidden")
    agent = next(iter(summarize(story.state).agents))
    brief, log = agent.attempts[0].brief, agent.attempts[0].log
    (folder / log).unlink()
    (folder / log).symlink_to(secret)
    gatherer = Gatherer(folder)
    found = gatherer.gather(summarize(story.state), story.state)
    assert found.briefs[brief] == "evidence\n"
    assert found.logs[log] == ""
    for path in ("../../secret", str(secret), "", "\0", "."):
        assert gatherer._file(path) is None


def test_the_timeline_has_every_attempt_and_the_critical_path() -> None:
    summary = summarize(every_outcome().state)
    drawn = svg.timeline(summary)
    for agent in summary.agents:
        for it in agent.attempts:
            assert f"{agent.id}, attempt {it.number}:" in drawn
    assert "critical" in drawn
    nodes = re.findall(r'<a href="#batch-([^"]+)"><rect', svg.graph(summary))
    assert nodes == [batch.id for batch in summary.batches]
    edges = svg.graph(summary).count('class="edge')
    assert edges == sum(len(batch.needs) for batch in summary.batches)


@pytest.mark.slow
def test_two_hundred_agents_and_twenty_thousand_tests_have_room() -> None:
    story = many(200)
    summary = summarize(story.state)
    records = tuple(
        TestRecord(
            id=f"tests/test_{n // 100}.py::test_{n}",
            candidate=TestOutcome.PASSED if n % 10 else TestOutcome.FAILED,
            message="" if n % 10 else "E   assert False\n" * 40,
        )
        for n in range(20_000)
    )
    made = material_of(story, "a line of output\n" * 4_000)
    lines = "for x in range(10): print(x, 'yes')"
    full = Material(
        briefs=made.briefs,
        logs=made.logs,
        diffs={agent.id: patch("src/a.py", lines, 3_000) for agent in summary.agents},
        tests=dict.fromkeys(made.tests, records),
    )
    text = render_html(summary, full)
    assert len(text.encode()) < 5_000_000
    assert len(summary.agents) == 200
    checks = [check for b in summary.batches for v in b.told for check in v.checks]
    assert all(it.decision is Decision.PASSED and isinstance(it.counts, Counts) for it in checks)
