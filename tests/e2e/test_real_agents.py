"""Real agents, Claude Code, Codex and Goose as people have them, against a scripted model on loopback: a
mission that names them and says no more, and what providers do to it. Needs the package indexes;
where Node's cannot be had, Goose is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.isolation.preflight import failed
from tests.agents.programs import has_npm, path_with
from tests.agents.scripted_model import TEXT_TOKENS, WRONG_KEY, Model
from tests.e2e.helpers import Bench, check_story, make_repository

pytestmark = [pytest.mark.slow, pytest.mark.integration]

KEY = "sk-test-of-nobody-123456"
WORDS = ("one", "two", "three", "four", "five", "six", "seven")


AGENTS = ("claude", "codex", *(["goose"] if has_npm() else []))


@pytest.fixture(scope="session")
def path_with_agents(tmp_path_factory: pytest.TempPathFactory) -> str:
    return path_with(tmp_path_factory)


@pytest.fixture(scope="session")
def more_agents(tmp_path_factory: pytest.TempPathFactory) -> str:
    return path_with(tmp_path_factory, is_extra=True)


@pytest.fixture
def model(
    path_with_agents: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Model]:
    """The user's machine: both agents on PATH, a key in the environment, and a home in which Codex
    is told where its provider is.
    """
    with Model() as model:
        home = tmp_path / "home"
        (home / ".codex").mkdir(parents=True)
        (home / ".codex" / "config.toml").write_text(
            'model_provider = "mine"\n[model_providers.mine]\nname = "mine"\n'
            f'base_url = "{model.url}/v1"\nenv_key = "OPENAI_API_KEY"\nwire_api = "responses"\n'
            "request_max_retries = 0\nstream_max_retries = 0\n"
        )
        for name, value in {
            "PATH": path_with_agents,
            "HOME": str(home),
            "ANTHROPIC_BASE_URL": model.url,
            "ANTHROPIC_API_KEY": KEY,
            "OPENAI_API_KEY": KEY,
            "GOOSE_PROVIDER": "openai",
            "GOOSE_MODEL": "gpt-4o",
            "OPENAI_HOST": model.url,
        }.items():
            monkeypatch.setenv(name, value)
        yield model


def files() -> dict[str, str]:
    found = {f"words/{word}.py": 'def say():\n    return "?"\n' for word in WORDS}
    found |= {
        f"tests/test_{word}.py": (
            f"from words.{word} import say\n\n\ndef test_says():\n    assert say() == '{word}!'\n"
        )
        for word in WORDS
    }
    return {**found, "words/__init__.py": "", "conftest.py": ""}


def replaced(word: str, old: str, new: str) -> str:
    """A step that edits; not as `sed -i`, which Qwen takes for an edit of what it has not read, nor
    with `$(…)`, which Gemini refuses.
    """
    place = f"words/{word}.py"
    return f"""script: sh sed 's/"{old}"/"{new}"/' {place} > new && mv new {place}"""


def agent(word: str, backend: str, *script: str, **more: Any) -> dict[str, Any]:
    """One that mends its word by a script in two steps, so that between them half is done."""
    steps = [replaced(word, "?", word), *script, replaced(word, word, f"{word}!")]
    said = {"id": word, "name": f"Say {word}", "mission": f"Let it say {word}", "tasks": steps}
    return {**said, "files": [f"words/{word}.py"], "backend": backend, **more}


def told(word: str) -> str:
    """A step that tells the others of the batch."""
    return "script: tool post " + json.dumps({"text": f"{word} is half done"})


def write_mission(
    folder: Path, batches: list[dict[str, Any]], isolation: str = "auto", **more: Any
) -> Path:
    make_repository(folder / "target", files())
    mission = {
        "version": 1,
        "name": "words",
        "objective": "Each says its word",
        "repository": {"path": "target"},
        "defaults": {"timeout": "60s", "attempts": 2, "parallel": 5, "isolation": isolation},
        "gates": {
            word: {"checks": [{"pytest": f"tests/test_{word}.py", "name": word}]} for word in WORDS
        },
        "batches": batches,
        **more,
    }
    path = folder / "mission.yaml"
    path.write_text(json.dumps(mission))
    return path


def agents_of(bench: Bench) -> dict[str, dict[str, Any]]:
    batches = bench.summary()["batches"]
    return {agent["id"]: agent for batch in batches for agent in batch["agents"]}


@pytest.mark.parametrize(
    "level",
    [
        "worktree",
        pytest.param(
            "strict", marks=pytest.mark.skipif(bool(failed()), reason="no sandbox can be kept here")
        ),
    ],
)
def test_a_mission_that_names_them_and_says_no_more(
    model: Model, tmp_path: Path, level: str
) -> None:
    """Two batches, five at once, of all; who has it as its own is given the rest as well. Each uses
    the channel by the tools that it is given: it tells the others, and asks for a file more.
    """
    asks = "script: tool need_scope " + json.dumps({"path": "notes.txt", "why": "to note it"})
    first = [
        agent(word, AGENTS[n % len(AGENTS)], told(word), *([asks] if n < len(AGENTS) else []))
        for n, word in enumerate(WORDS[:5])
    ]
    second = [agent("six", "mine"), agent("seven", "codex")]
    gates = {
        "first": {"checks": [{"pytest": [f"tests/test_{word}.py" for word in WORDS[:5]]}]},
        "all": {"checks": [{"pytest": "tests", "at_least": 7}]},
    }
    mission = write_mission(
        tmp_path,
        [
            {"id": "first", "agents": first, "gate": "first"},
            {"id": "second", "agents": second, "gate": "all", "needs": ["first"]},
        ],
        gates=gates,
        isolation=level,
        scope_requests={"allow": ["notes.txt"]},
        backends={"mine": {"profile": "claude", "model": "claude-sonnet-5", "max_turns": 9}},
    )
    bench = Bench(tmp_path / "root")
    bench.run("run", mission, "--plain")
    bench.require_no_leftovers()
    check_story(bench.events())
    found = agents_of(bench)
    assert {id: it["outcome"] for id, it in found.items()} == dict.fromkeys(WORDS, "landed")
    requests = {it["id"]: len(it["tasks"]) + 1 for it in (*first, *second)}
    for word in WORDS:
        assert f'"{word}!"' in bench.store("show", f"{bench.tip}:words/{word}.py")
        (attempt,) = found[word]["attempts"]
        usage, number = attempt["usage"], requests[word]
        assert (usage["tokens_in"], usage["tokens_out"]) == tuple(number * n for n in TEXT_TOKENS)
        assert (usage["cost_usd"] is None) == (attempt["backend"] == "codex")
        assert usage["means"]
        log = (bench.report / attempt["log"]).read_text()
        assert KEY not in log
    kinds = [e["kind"] for e in bench.events() if e["kind"].startswith("attempt_")]
    assert kinds[:5] == ["attempt_started"] * 5, "all five are at work before one of them ends"
    assert bench.summary()["isolation"].startswith(level)
    total = bench.summary()["usage"]
    tokens = sum(requests.values()) * TEXT_TOKENS[0]
    assert total["tokens_in"] == tokens
    text = (bench.report / "report.md").read_text()
    assert f"{tokens:,} tokens" in text
    assert KEY not in text
    said = {(e["agent"], e["text"]) for e in bench.events("agent_said")}
    assert said == {(word, f"{word} is half done") for word in WORDS[:5]}
    granted = [(e["agent"], e["path"], e["granted"]) for e in bench.events("scope_answered")]
    assert sorted(granted) == sorted((word, "notes.txt", True) for word in WORDS[: len(AGENTS)])


@pytest.mark.parametrize("name", AGENTS)
def test_what_providers_do(model: Model, tmp_path: Path, name: str) -> None:
    """Each fault, after half an edit, is an outcome of its own, with its cause; nothing half done
    lands, and a rate limit costs no attempt.
    """
    if name == "goose":  # it gives up after some seconds, and not after one
        model.limited_seconds = 15.0
    one = {"attempts": 1}
    agents = [
        agent("one", name, "script: fault 429", **one),
        agent("two", name, "script: fault 500", **one),
        agent("three", name, "script: fault html", **one),
        agent("four", name, "script: fault cut", **one),
        agent("five", name, "script: fault hang", timeout="9s", **one),
        agent("six", "locked"),
        agent("seven", "locked"),
    ]
    mission = write_mission(
        tmp_path,
        [
            {"id": it["id"], "agents": [it], "gate": it["id"], "needs": needs}
            for it in agents
            for needs in [["one"] if it["id"] == "seven" else []]
        ],
        backends={
            "locked": {
                "profile": name,
                "env": {"ANTHROPIC_API_KEY": WRONG_KEY, "OPENAI_API_KEY": WRONG_KEY},
            }
        },
    )
    bench = Bench(tmp_path / "root")
    bench.run("run", mission, "--plain", code=1)
    bench.require_no_leftovers()
    check_story(bench.events())
    found = agents_of(bench)
    assert {id: it["outcome"] for id, it in found.items()} == {
        "one": "landed",
        "two": "failed",
        "three": "failed",
        "four": "failed",
        "five": "timed_out",
        "six": "failed",
        "seven": "failed",
    }
    waits = [e for e in bench.events("attempt_interrupted") if e["agent"] == "one"]
    assert waits
    assert model.limited
    assert {(e["answer"], e["wait"] >= 1) for e in waits} == {("rate_limited", True)}
    assert [e["agent"] for e in bench.events("attempt_ended") if e["agent"] == "one"] == ["one"]
    causes = {
        "claude": ("Internal server error", "malformed response", "malformed response"),
        "codex": ("high demand", "stream closed", "stream closed"),
        "goose": ("Server error", "empty response", "call was not carried out"),
    }
    for word, cause in zip(("two", "three", "four"), causes[name], strict=True):
        assert found[word]["reason"].startswith(f"{name}: ")
        assert cause in found[word]["reason"]
        (attempt,) = found[word]["attempts"]
        assert '"type"' not in attempt["evidence"], "its words, not its events"
        assert '"?"' in bench.store("show", f"{bench.tip}:words/{word}.py"), "half an edit"
    assert found["five"]["reason"] == "still running after 9 s"
    (stop,) = bench.events("backend_stopped")
    assert stop["backends"] == ["locked"]
    assert stop["mend"]
    assert [e["answer"] for e in bench.events("attempt_interrupted") if e["agent"] == "six"] == [
        "not_logged_in"
    ]
    assert found["seven"]["attempts"] == []
    assert all(stop["mend"] in found[word]["reason"] for word in ("six", "seven"))


@pytest.mark.parametrize("name", ["claude", "codex"])
def test_a_second_attempt_goes_on_with_the_conversation(
    model: Model, tmp_path: Path, name: str
) -> None:
    """On the work of the first, with what was said there, and with the evidence against it; each
    attempt tells its own cost.
    """
    mission = write_mission(
        tmp_path,
        [
            {
                "id": "one",
                "agents": [agent("one", "mine", "script: sh echo half >&2", "script: fault 503")],
                "gate": "one",
            }
        ],
        backends={"mine": {"profile": name, "resume_work": True}},
    )
    text = json.loads(mission.read_text())
    text["defaults"]["attempts"] = 5
    mission.write_text(json.dumps(text))
    bench = Bench(tmp_path / "root")
    bench.run("run", mission, "--plain")
    check_story(bench.events())
    assert '"one!"' in bench.store("show", f"{bench.tip}:words/one.py")
    ends = bench.events("attempt_ended")
    assert len(ends) >= 2
    assert [end["outcome"] for end in ends] == [*["failed"] * (len(ends) - 1), None]
    assert len({end["session"] for end in ends}) == 1
    assert {end["home"] for end in ends} == {"one-1"}
    assert ends[0]["reason"].startswith(f"{name}: ")
    *_, last = model.heard
    numbers = (1, len(ends))
    briefs = [(bench.report / "briefs" / f"one-{number}.md").read_text() for number in numbers]
    first, then = (json.dumps(text.strip())[1:-1] for text in briefs)
    assert first != then
    assert 0 <= last.find(first) < last.find("half") < last.find(then), "the half edit between them"
    for end in ends if name == "claude" else ():
        tokens = end["usage"]["tokens_in"] + end["usage"]["tokens_out"]
        assert (end["usage"]["cost_usd"] > 0) == (tokens > 0)
    if name == "claude":
        costs = [end["usage"]["cost_usd"] for end in ends]
        per_token = costs[0] / ends[0]["usage"]["tokens_in"]
        assert costs[-1] == pytest.approx(per_token * ends[-1]["usage"]["tokens_in"])


@pytest.mark.agents
@pytest.mark.skipif(not has_npm(), reason="Node's package index cannot be had here")
@pytest.mark.parametrize("name", ["gemini", "opencode", "qwen"])
def test_agents_that_want_node(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, more_agents: str
) -> None:
    """One that delivers, one that is limited and goes on, one that nobody has logged in to."""
    own = {"npm": "@ai-sdk/openai-compatible", "models": {"some": {}}}
    own |= {"options": {"baseURL": f"{model.url}/v1", "apiKey": "{env:OPENAI_API_KEY}"}}
    settings = tmp_path / "home" / ".config" / "opencode" / "opencode.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"model": "mine/some", "provider": {"mine": own}}))
    for variable, value in {
        "PATH": more_agents,
        "GEMINI_API_KEY": KEY,
        "GOOGLE_GEMINI_BASE_URL": model.url,
        "OPENAI_BASE_URL": f"{model.url}/v1",
        "OPENAI_MODEL": "some",
    }.items():
        monkeypatch.setenv(variable, value)
    slow = {"timeout": "5m"}  # OpenCode works for ten seconds before it asks for anything
    agents = [
        agent("one", name, **slow),
        agent("two", name, "script: fault 429", **slow),
        agent("three", "locked", **slow),
    ]
    wrong = {"GEMINI_API_KEY": WRONG_KEY, "OPENAI_API_KEY": WRONG_KEY}
    mission = write_mission(
        tmp_path,
        [{"id": it["id"], "agents": [it], "gate": it["id"]} for it in agents],
        backends={"locked": {"profile": name, "env": wrong}},
    )
    bench = Bench(tmp_path / "root")
    bench.run("run", mission, "--plain", code=1)
    bench.require_no_leftovers()
    check_story(bench.events())
    found = agents_of(bench)
    outcomes = {id: it["outcome"] for id, it in found.items()}
    assert outcomes == {"one": "landed", "two": "landed", "three": "failed"}
    assert model.limited
    assert len(bench.events("attempt_ended")) == 2, "a limit costs none, nor does a login"
    (stop,) = bench.events("backend_stopped")
    assert stop["mend"] in found["three"]["reason"]
    (attempt,) = found["one"]["attempts"]
    assert attempt["usage"]["tokens_out"] >= 3 * TEXT_TOKENS[1]
    assert KEY not in (bench.report / attempt["log"]).read_text()
