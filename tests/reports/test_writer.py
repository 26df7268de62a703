"""Which files are written when, whole, and valid by their own schema."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from orchestrator.errors import EnvironmentRefused, UsageError
from orchestrator.journal.events import Record
from orchestrator.journal.state import State, apply
from orchestrator.reports.background import BackgroundWriter
from orchestrator.reports.model import Summary
from orchestrator.reports.schema import report_schema
from orchestrator.reports.summary import summarize
from orchestrator.reports.writer import ReportWriter, render
from tests.reports.builder import STORIES, Story, good, hostile, resumed, two_batches

VALIDATOR = jsonschema.Draft202012Validator(
    report_schema(), format_checker=jsonschema.FormatChecker()
)


def test_the_schema_is_one_and_is_written_beside_the_report(tmp_path: Path) -> None:
    ReportWriter(tmp_path).write(good().state)
    document = json.loads((tmp_path / "report.json").read_text())
    assert json.loads((tmp_path / document["$schema"]).read_text()) == report_schema()
    VALIDATOR.check_schema(report_schema())


@pytest.mark.parametrize("name", STORIES)
def test_report_json_is_valid_by_its_schema_and_reads_back(name: str, tmp_path: Path) -> None:
    state = STORIES[name]().state
    ReportWriter(tmp_path).write(state)
    document = json.loads((tmp_path / "report.json").read_text())
    VALIDATOR.validate(document)
    assert (document["format"], document["version"]) == ("orchestrate/report", 1)
    assert Summary.model_validate_json((tmp_path / "report.json").read_text()) == summarize(state)


def test_the_schema_refuses_what_is_not_in_it() -> None:
    document = json.loads(render(summarize(good().state), "json"))
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate({**document, "surprise": 1})
    document["recommendation"]["decision"] = "COMPLETELY RESOLVED"
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(document)


def watch(story: Story, folder: Path) -> list[State]:
    """Have a run's events written as they come; the states that were written."""
    written: list[State] = []

    class Noting(BackgroundWriter):
        def on_record(self, record: Record, state: State) -> None:
            super().on_record(record, state)
            if self._state is state:
                written.append(state)

    state = None
    with Noting(folder) as writer:
        for record in story.records:
            state = apply(state, record)
            writer.on_record(record, state)
    return written


def test_it_writes_after_batches_and_ends_and_not_after_every_event(tmp_path: Path) -> None:
    # interrupted, two batches landed and ended, the run ended
    assert len(watch(resumed(), tmp_path)) == 6
    assert "Resolved" in (tmp_path / "report.md").read_text()


def test_a_report_of_an_interrupted_run_says_so(tmp_path: Path) -> None:
    story = STORIES["interrupted"]()
    watch(story, tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "The run is **interrupted** (SIGINT)" in text
    assert f"orchestrate resume {story.state.run}" in text


def test_no_draft_is_left_and_the_files_are_whole(tmp_path: Path) -> None:
    paths = ReportWriter(tmp_path).write(hostile().state)
    names = ["report.md", "report.json", "report.html", "junit.xml"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [*names, "report.schema.json"]
    )
    assert paths == tuple(tmp_path / name for name in names)


def test_a_reader_keeps_the_whole_report_that_it_opened(tmp_path: Path) -> None:
    writer = ReportWriter(tmp_path)
    writer.write(STORIES["running"]().state)
    before = (tmp_path / "report.md").read_text()
    with (tmp_path / "report.md").open() as opened:
        writer.write(good().state)
        assert opened.read() == before
    assert (tmp_path / "report.md").read_text() != before


def test_lone_surrogates_do_not_stop_it(tmp_path: Path) -> None:
    story = Story(two_batches()).begin("core").start("1.1")
    story.end("1.1", reason="caf\udce9", outcome=None)
    ReportWriter(tmp_path, formats=["md"]).write(story.state)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(EnvironmentRefused, match="the report cannot be written") as caught:
        ReportWriter(blocked).write(good().state)
    assert caught.value.where == str(blocked)


def test_an_unknown_format_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="`docx`") as caught:
        render(summarize(good().state), "docx")
    assert caught.value.mend == "choose from md, json, html, junit"
