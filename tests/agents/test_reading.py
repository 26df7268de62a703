"""What agents say at the end, as it was recorded of their runs, and what errors mean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.agents.backend import Answer
from orchestrator.agents.profile import Heard
from orchestrator.agents.profiles import PROFILES
from orchestrator.agents.reading import answer_to, event_of, sentence, wait_told

RECORDED = Path(__file__).with_name("recorded")


def heard(name: str, *lines: str) -> Heard | None:
    reader = PROFILES[name].reader()
    for line in lines:
        reader.read(line)
    return reader.heard()


def recorded(name: str, case: str) -> list[str]:
    return (RECORDED / name / f"{case}.jsonl").read_text().splitlines()


CASES = [(path.parent.name, path.stem) for path in sorted(RECORDED.glob("*/*.jsonl"))]
ANSWERS = {
    "delivered": Answer.DELIVERED,
    "401": Answer.NOT_LOGGED_IN,
    "no_key": Answer.NOT_LOGGED_IN,
    "429": Answer.RATE_LIMITED,
    "500": Answer.FAILED,
    "html": Answer.FAILED,
    "cut": Answer.FAILED,
    "max_turns": Answer.OVER_BUDGET,
}


@pytest.mark.parametrize(("name", "case"), CASES)
def test_recorded(name: str, case: str) -> None:
    lines = recorded(name, case)
    found = heard(name, *lines)
    assert found is not None
    assert found.answer is ANSWERS[case]
    assert bool(found.reason) is (case != "delivered")
    assert len(found.reason) < 500
    if case == "delivered":
        assert found.usage
        assert (found.usage.tokens_in, found.usage.tokens_out) == (360, 90)
        assert found.session or name == "goose", "it does not tell one"
        assert found.said == "All done."
    assert (
        heard(name, *lines[:-1]) is None or heard(name, *lines[:-1]).answer is not Answer.DELIVERED
    ), "without its last event nothing is delivered"


def test_profiles_were_recorded() -> None:
    assert {name for name, _ in CASES} == set(PROFILES)


GOOSE_SAYS = (
    '{"type":"message","message":{"role":"assistant","content":[{"type":"toolRequest","toolCall":'
    '{"status":"success","value":{"name":"shell","arguments":{"command":"echo 1"}}}}]}}'
)


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("All done.", Answer.DELIVERED),
        ("", Answer.FAILED),
        ("Ran into this error: Server error: 500. Please retry", Answer.FAILED),
        ("Ran into this error: Rate limit exceeded: 429", Answer.RATE_LIMITED),
        ("Ran into this error: Authentication failed: 401 Unauthorized", Answer.NOT_LOGGED_IN),
    ],
)
def test_an_older_goose_says_complete_whatever_happened(words: str, answer: Answer) -> None:
    text = json.dumps(
        {
            "type": "message",
            "message": {"role": "assistant", "content": [{"type": "text", "text": words}]},
        }
    )
    complete = '{"type":"complete","total_tokens":450}'
    found = heard("goose", GOOSE_SAYS, text, complete)
    assert found
    assert (found.answer, found.usage and found.usage.tokens_in) == (answer, 450)
    cut = heard("goose", text, GOOSE_SAYS, complete)
    assert cut
    assert cut.answer is Answer.FAILED


@pytest.mark.parametrize("stamp", [{}, {"inference": {"provider": "openai"}}])
def test_words_of_goose_itself_are_no_delivery(stamp: dict[str, Any]) -> None:
    """It says so in a message like the model's, but for what made it. Where nothing of that is told
    at all, words are the model's.
    """

    def message(text: str, id: str, metadata: dict[str, Any]) -> str:
        content = [{"type": "text", "text": text}]
        said = {"id": id, "role": "assistant", "content": content, "metadata": metadata}
        return json.dumps({"type": "message", "message": said})

    first, last = message("I begin.", "1", stamp), message("Please say it again.", "2", {})
    found = heard("goose", first, last, '{"type":"complete","total_tokens":1}')
    assert found
    assert found.answer is (Answer.FAILED if stamp else Answer.DELIVERED)
    parts = [message(part, "3", stamp) for part in ("All", " done.", "\n")]
    found = heard("goose", first, *parts, '{"type":"complete","total_tokens":1}')
    assert found
    assert (found.answer, found.said) == (Answer.DELIVERED, "All done.")


def test_what_people_are_shown() -> None:
    for name in {name for name, _ in CASES}:
        reader = PROFILES[name].reader()
        shown = [text for line in recorded(name, "delivered") if (text := reader.read(line))]
        assert shown[-1] == "All done."
        assert any("echo" in text for text in shown)
        assert not any("\n" in text for text in shown)


@pytest.mark.parametrize(
    ("text", "status", "answer"),
    [
        ("Invalid API key · Fix external API key", 401, Answer.NOT_LOGGED_IN),
        ("Not logged in · Please run /login", None, Answer.NOT_LOGGED_IN),
        ("OAuth token has expired", None, Answer.NOT_LOGGED_IN),
        ("unexpected status 401 Unauthorized: invalid x-api-key", None, Answer.NOT_LOGGED_IN),
        ("Missing environment variable: `OPENAI_API_KEY`.", None, Answer.NOT_LOGGED_IN),
        ("exceeded retry limit, last status: 429 Too Many Requests", None, Answer.RATE_LIMITED),
        ("You've hit your limit · resets 3pm", None, Answer.RATE_LIMITED),
        ("Claude AI usage limit reached", None, Answer.RATE_LIMITED),
        ("Overloaded", 529, Answer.RATE_LIMITED),
        ("RESOURCE_EXHAUSTED", None, Answer.RATE_LIMITED),
        ("insufficient_quota: check your plan and billing details", 429, Answer.OVER_BUDGET),
        ("Your credit balance is too low to access the API", 400, Answer.OVER_BUDGET),
        ("402 Payment Required", None, Answer.OVER_BUDGET),
        ("API Error: 500 Internal server error", 500, Answer.FAILED),
        ("status 503: please log in to the gateway's status page", None, Answer.FAILED),
        ("the tests of the login page fail", None, Answer.FAILED),
        ("the limit of the list is 401 items", None, Answer.FAILED),
        ("model not found", 404, Answer.FAILED),
        ("", None, Answer.FAILED),
    ],
)
def test_errors(text: str, status: int | None, answer: Answer) -> None:
    assert answer_to(text, status) is answer


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Please try again in 1.2s.", 1.2),
        ("Rate limit reached, retry after 30 seconds", 30),
        ("try again in 2 minutes", 120),
        ("You've hit your usage limit. Try again in 3 days 4 hours 5 minutes.", 273_900),
        ("retry in 250ms", 0.25),
        ("resets in 1h 30m", 5400),
        ("resets 3pm", None),
        ("Too Many Requests", None),
        ("try again later; 5 agents were at work", None),
    ],
)
def test_waits(text: str, seconds: float | None) -> None:
    assert wait_told(text) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    "line", ["", "plain words", "[1]", "{", '{"a": ', '"text"', "{" * 100_000, '{"a":1}{"b":2}']
)
def test_what_is_no_event(line: str) -> None:
    assert event_of(line) is None


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize(
    "value", [None, 1, "x", [], {}, [None], {"type": None}, {"content": 3}, -1.5, True]
)
def test_no_event_breaks_a_reader(name: str, value: Any) -> None:
    """Whatever a newer version says in a place that we look at: not an error of ours, and never a
    delivery.
    """
    reader = PROFILES[name].reader()
    keys = ("message", "result", "usage", "error", "item", "part", "stats", "is_error", "errors")
    kinds = {str(event_of(line)["type"]) for case in CASES for line in recorded(*case)}
    for kind in (*kinds, "result", "error", "turn.failed", "rate_limit_event", "step_finish"):
        for key in keys:
            reader.read(json.dumps({"type": kind, key: value}))
        reader.read(json.dumps({"type": kind, **dict.fromkeys(keys, value)}))
    found = reader.heard()
    assert found is None or isinstance(found.answer, Answer)


def test_a_sentence_is_one_line_and_short() -> None:
    assert sentence("a\n  b\tc") == "a b c"
    assert len(sentence("x" * 10_000)) < 500
    assert not sentence(None)
