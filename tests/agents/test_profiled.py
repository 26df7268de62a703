"""A profile carried out: what the agent is called with, what it is given of its user's, and who is
found on a machine. The agent is a program in its place that tells what it got.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestrator.agents.backend import Answer, Conversation, Ended, Work
from orchestrator.agents.found import Found
from orchestrator.agents.logins import secrets_of
from orchestrator.agents.profiles import PROFILES
from orchestrator.agents.registry import available, make_backend
from orchestrator.errors import EnvironmentRefused
from orchestrator.isolation import secrets
from orchestrator.isolation.sandbox import Box, find
from orchestrator.mission import references, values
from orchestrator.mission.model import Isolation, Mission
from tests.agents.test_conformance import LAST_WORDS as LAST
from tests.reports.builder import agent, batch, mission

TOKEN = "sk-ant-oat01-nobodys-token-0123456789"
TELLS = """#!/usr/bin/env python3
import json, os, stat, sys
home = os.environ["HOME"]
files = {}
for folder, _, names in os.walk(home):
    for name in names:
        path = os.path.join(folder, name)
        mode = stat.S_IMODE(os.stat(path).st_mode)
        files[os.path.relpath(path, home)] = [oct(mode), open(path, errors="replace").read()]
told = {"argv": sys.argv[1:], "env": dict(os.environ), "files": files, "stdin": sys.stdin.read()}
json.dump(told, open("told.json", "w"))
print(LAST)
"""


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home without a login, and agents that tell what they get."""
    home, programs = tmp_path / "user", tmp_path / "bin"
    for folder in (home, programs, tmp_path / "tree"):
        folder.mkdir()
    for name, profile in PROFILES.items():
        put(programs / profile.program, TELLS.replace("LAST", repr(LAST.get(name, "{}"))))
        for variable in (*profile.variables, *profile.keys):
            monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(secrets, "_KNOWN", [])
    monkeypatch.setattr(secrets, "_MORE", {})
    return home


def put(path: Path, text: str, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def asked(name: str = "claude", **backends: Any) -> Mission:
    return mission(batch("core", agent("one", backend=name)), backends=backends)


def carried_out(
    tmp_path: Path,
    name: str,
    box: Box | None = None,
    conversation: Conversation | None = None,
    timeout: float = 20.0,
    **backends: Any,
) -> tuple[Ended, dict[str, Any]]:
    """How it ended and what the agent was told."""
    backend = make_backend(name, asked(name, **backends), tmp_path)
    assert backend.unusable() is None
    work = Work(
        run="r",
        batch="core",
        agent="one",
        attempt=1,
        workspace=tmp_path / "tree",
        brief="# Do it\n",
        brief_file=tmp_path / "brief.md",
        mission_dir=tmp_path,
        home=tmp_path / "private",
        log=tmp_path / "log.txt",
        timeout=timeout,
        box=box,
        conversation=conversation,
        tag=f"profiled-{os.getpid()}/{tmp_path.name}",
    )
    ended = anyio.run(backend.work, work, lambda _: None)
    return ended, json.loads((tmp_path / "tree" / "told.json").read_text())


def test_the_format_knows_the_names_of_the_profiles() -> None:
    assert set(values.PROFILES) == set(PROFILES)
    assert not set(references.PROFILES_TO_COME) & set(PROFILES)
    assert all(name == profile.name for name, profile in PROFILES.items())


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_says_all_that_there_is_to_say(name: str) -> None:
    profile = PROFILES[name]
    assert set(profile.approvals) == {Isolation.WORKTREE, Isolation.STRICT}
    assert set(profile.keys) <= set(profile.variables)
    assert profile.login
    assert profile.install
    assert not any(Path(where).is_absolute() for where in (*profile.logins, *profile.settings))


@pytest.mark.parametrize("name", LAST)
def test_one_word_is_enough(tmp_path: Path, name: str) -> None:
    more = {name: {"model": "a/b"}} if PROFILES[name].needs_model else {}
    ended, told = carried_out(tmp_path, name, **more)
    assert ended.answer is Answer.DELIVERED, ended
    assert "# Do it\n" in (told["stdin"], told["argv"][-1])
    assert told["env"]["HOME"] == str(tmp_path / "private")
    profile = PROFILES[name]
    for part in (*profile.argv, *profile.approvals[Isolation.WORKTREE]):
        assert part in told["argv"]
    assert more or not any(model in told["argv"] for model in ("-m", "--model", "--max-turns"))


def test_what_the_mission_says_beside(tmp_path: Path) -> None:
    put(tmp_path / "ci" / "settings.json", "{}")
    more = {"profile": "claude", "model": "sonnet", "max_turns": 7}
    more |= {"env": {"FLAVOUR": "mint"}, "files": {".claude/settings.json": "ci/settings.json"}}
    ended, told = carried_out(tmp_path, "mine", mine=more)
    assert ended.failure is None
    argv = told["argv"]
    assert argv[argv.index("--model") + 1] == "sonnet"
    assert argv[argv.index("--max-turns") + 1] == "7"
    assert told["env"]["FLAVOUR"] == "mint"
    assert told["files"][".claude/settings.json"] == ["0o600", "{}"]


@pytest.mark.skipif(find() is None, reason="there is no sandbox here")
@pytest.mark.parametrize("name", ["claude", "codex"])
def test_strict_asks_for_no_leave(tmp_path: Path, name: str) -> None:
    box = Box(workspace=tmp_path / "tree", home=tmp_path / "private", has_network=False)
    box.home.mkdir()
    _, told = carried_out(tmp_path, name, box)
    dangerous = [part for part in told["argv"] if part.startswith("--dangerously")]
    assert len(dangerous) == 1
    assert not {"--sandbox", "--permission-mode"} & set(told["argv"])


def test_a_login_is_copied_and_is_a_secret(machine: Path, tmp_path: Path) -> None:
    login = {"claudeAiOauth": {"accessToken": TOKEN, "expiresAt": 1, "scopes": ["user:inference"]}}
    put(machine / ".claude" / ".credentials.json", json.dumps(login), 0o640)
    put(machine / ".claude" / "history.jsonl", "private words")
    put(machine / ".ssh" / "id_ed25519", "private key")
    _, told = carried_out(tmp_path, "claude")
    mode, text = told["files"].pop(".claude/.credentials.json")
    assert (mode, json.loads(text)) == ("0o600", login)
    assert not any("private" in text for _, text in told["files"].values())
    assert secrets.known().text(f"it is {TOKEN}.") == "it is [redacted]."
    assert secrets.known().text("user:inference") == "user:inference"


def test_the_copy_does_not_follow_what_an_attempt_put_there(machine: Path, tmp_path: Path) -> None:
    put(machine / ".codex" / "auth.json", '{"OPENAI_API_KEY": "sk-nobodys-0123456789"}')
    victim = put(tmp_path / "victim.txt", "as it was")
    (tmp_path / "private" / ".codex").mkdir(parents=True)
    (tmp_path / "private" / ".codex" / "auth.json").symlink_to(victim)
    _, told = carried_out(tmp_path, "codex")
    assert told["files"][".codex/auth.json"][0] == "0o600"
    assert victim.read_text() == "as it was"


def test_variables_are_an_allow_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"ANTHROPIC_API_KEY": TOKEN, "ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}
    given |= {"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "x", "REQUESTS_CA_BUNDLE": "/ca.pem"}
    given |= {"SSL_CERT_FILE": "/ca.pem", "NODE_EXTRA_CA_CERTS": "/ca.pem"}
    kept = {"OPENAI_API_KEY": "sk-of-another-agent", "AWS_PROFILE": "prod", "GITHUB_TOKEN": "ghp_x"}
    for name, value in {**given, **kept}.items():
        monkeypatch.setenv(name, value)
    _, told = carried_out(tmp_path, "claude")
    assert {name: told["env"].get(name) for name in given} == given
    assert not set(kept) & set(told["env"])


def test_a_key_by_the_name_that_people_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-one")
    assert carried_out(tmp_path, "codex")[1]["env"]["CODEX_API_KEY"] == "sk-one"
    monkeypatch.setenv("CODEX_API_KEY", "sk-two")
    assert carried_out(tmp_path, "codex")[1]["env"]["CODEX_API_KEY"] == "sk-two"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("claude", ["--resume", "of-before"]),
        ("codex", ["resume", "of-before", "-"]),
        ("gemini", None),  # it cannot
        ("qwen", None),  # it can in the same folder alone, which is sure in a sandbox
    ],
)
def test_a_conversation_is_gone_on_with_in_its_home(
    tmp_path: Path, name: str, said: list[str] | None
) -> None:
    before = Conversation("of-before", "one-1", 0.25)
    _, told = carried_out(tmp_path, name, conversation=before)
    assert "of-before" not in told["argv"], "there is no home in which it would be"
    put(tmp_path / "private" / "kept", "of the first attempt")
    _, told = carried_out(tmp_path, name, conversation=before)
    assert told["argv"][-len(said or "x") :] == said if said else "of-before" not in told["argv"]
    assert told["files"]["kept"][1] == "of the first attempt"


def test_the_cost_of_a_conversation_is_not_told_twice(tmp_path: Path) -> None:
    last = LAST["claude"].replace("}", ', "usage": {}, "total_cost_usd": 0.75}')
    put(tmp_path / "bin" / "claude", TELLS.replace("LAST", repr(last)))
    put(tmp_path / "private" / "kept", "of the first attempt")
    ended, _ = carried_out(tmp_path, "claude", conversation=Conversation("s", "one-1", 0.5))
    assert ended.usage
    assert ended.usage.cost_usd == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("last", "exits", "answer", "reason"),
    [
        ("", 0, Answer.FAILED, "claude ended without saying how its work went"),
        ("half a line {", 0, Answer.FAILED, "claude ended without saying how its work went"),
        ('{"type":"result","subtype":"success"}', 3, Answer.FAILED, "claude exited with 3"),
        ("", 3, Answer.FAILED, "claude exited with 3"),
        (
            '{"type":"result","subtype":"success","is_error":true,"result":"API Error: 500"}',
            0,
            Answer.FAILED,
            "claude: API Error: 500",
        ),
        (
            '{"type":"result","is_error":true,"api_error_status":429,"result":"try again in 9 s"}',
            1,
            Answer.RATE_LIMITED,
            "claude: try again in 9 s",
        ),
        (
            '{"type":"result","subtype":"error_max_turns","is_error":true,"errors":["7 turns"]}',
            1,
            Answer.OVER_BUDGET,
            "claude: 7 turns",
        ),
    ],
)
def test_the_last_event_decides(
    tmp_path: Path, last: str, exits: int, answer: Answer, reason: str
) -> None:
    """Half an edit stands in the tree each time; only a good last word and exit 0 deliver it."""
    script = TELLS.replace("LAST", repr(last)) + f"sys.exit({exits})\n"
    put(tmp_path / "bin" / "claude", script)
    ended, _ = carried_out(tmp_path, "claude")
    assert (ended.answer, ended.failure) == (answer, reason)
    assert ended.retry_after == (9 if answer is Answer.RATE_LIMITED else None)


@pytest.mark.parametrize(
    ("name", "events", "answer", "reason"),
    [
        ("claude", [], Answer.FAILED, ""),
        (
            "claude",
            ['{"type":"system","subtype":"api_retry","error_status":429,"retry_delay_ms":9000}'],
            Answer.RATE_LIMITED,
            "; claude: its provider answered 429",
        ),
        (
            "claude",
            [
                '{"type":"system","subtype":"api_retry","error_status":529}',
                '{"type":"assistant","message":{"content":[]}}',
            ],
            Answer.FAILED,
            "",
        ),
        (
            "codex",
            ['{"type":"error","message":"Reconnecting... waiting for network"}'],
            Answer.FAILED,
            "; codex: Reconnecting... waiting for network",
        ),
    ],
)
def test_who_is_held_up_until_the_end_says_by_what(
    tmp_path: Path, name: str, events: list[str], answer: Answer, reason: str
) -> None:
    """Its time is up, and it was waiting all the while: for a limit, nobody is charged."""
    wait = "sys.stdout.flush()\nimport time\ntime.sleep(60)\n"
    script = TELLS.replace("LAST", repr("\n".join(events))) + wait
    put(tmp_path / "bin" / name, script)
    ended, _ = carried_out(tmp_path, name, timeout=1.0)
    assert ended.timed_out
    assert (ended.answer, ended.failure) == (answer, f"still running after 1 s{reason}")
    assert ended.retry_after == (9 if answer is Answer.RATE_LIMITED else None)


def test_who_cannot_be_used_says_why(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin" / "claude").unlink()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin")
    with pytest.raises(EnvironmentRefused, match=r"claude is not on PATH .*npm install") as caught:
        make_backend("claude", asked(), tmp_path)
    assert caught.value.exit_code == 4
    with pytest.raises(EnvironmentRefused, match="would choose a model by itself"):
        make_backend("opencode", asked("opencode"), tmp_path)
    make_backend("opencode", asked("opencode", opencode={"model": "anthropic/x"}), tmp_path)
    put(machine / ".config" / "opencode" / "opencode.json", "{}")
    make_backend("opencode", asked("opencode"), tmp_path)
    with pytest.raises(EnvironmentRefused, match="how many turns"):
        make_backend("codex", asked("codex", codex={"max_turns": 3}), tmp_path)


def test_auto_takes_the_first_that_is_installed_and_logged_in(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefers = {"auto": {"prefer": ["claude", "codex"]}}
    with pytest.raises(
        EnvironmentRefused, match=r"claude \(not logged in: .*codex \(not logged in"
    ):
        make_backend("auto", asked("auto", **prefers), tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-one")
    assert make_backend("auto", asked("auto", **prefers), tmp_path).name == "codex"
    put(machine / ".claude" / ".credentials.json", "{}")
    assert make_backend("auto", asked("auto", **prefers), tmp_path).name == "claude"


def test_who_is_found_on_a_machine(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "bin" / "claude", "#!/bin/sh\necho '2.1.332 (Claude Code)'\n")
    put(tmp_path / "bin" / "codex", "#!/bin/sh\necho no such option >&2; exit 2\n")
    found = {it.name: it for it in available()}
    assert list(found) == list(PROFILES)
    claude = found["claude"]
    assert (claude.path, claude.version) == (str(tmp_path / "bin" / "claude"), "2.1.332")
    assert (claude.logged_in, claude.is_usable) == (False, False)
    assert "not logged in" in claude.why_not
    assert "claude setup-token" in claude.mend
    assert found["codex"].why_not == "codex does not start (exit 2): no such option"
    assert not any((machine / where).exists() for where in (".claude", ".codex"))
    put(machine / ".claude" / ".credentials.json", '{"x": 1}')
    (tmp_path / "bin" / "codex").unlink()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin")
    again = {it.name: it for it in available()}
    assert again["claude"] == replace(claude, logged_in=True, why_not="", mend="")
    assert again["codex"] == Found(
        "codex", None, "", None, "codex is not on PATH", PROFILES["codex"].install
    )


@pytest.mark.parametrize(
    ("exits", "answer"),
    [(41, Answer.NOT_LOGGED_IN), (53, Answer.OVER_BUDGET), (145, Answer.FAILED)],
)
def test_an_exit_code_may_say_what_no_event_does(
    tmp_path: Path, exits: int, answer: Answer
) -> None:
    script = TELLS.replace("LAST", "'You must specify a key', file=sys.stderr")
    put(tmp_path / "bin" / "gemini", f"{script}sys.exit({exits})\n")
    ended, _ = carried_out(tmp_path, "gemini")
    assert ended.failure == f"gemini exited with {exits}: You must specify a key"
    assert (ended.answer, bool(ended.mend)) == (answer, answer is Answer.NOT_LOGGED_IN)


def test_settings_are_written_only_where_they_are_needed(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = ".gemini/settings.json"
    assert "gemini-api-key" not in carried_out(tmp_path, "gemini")[1]["files"][place][1]
    shutil.rmtree(tmp_path / "private")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:9")
    assert "gemini-api-key" in carried_out(tmp_path, "gemini")[1]["files"][place][1]
    put(machine / ".gemini" / "settings.json", '{"own": 1}')
    assert carried_out(tmp_path, "gemini")[1]["files"][place] == ["0o600", '{"own": 1}']


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"tokens": {"access_token": "0123456789abcdef"}}', {"0123456789abcdef"}),
        (
            '{"OPENAI_API_KEY": "sk-0123456789abcdef", "mode": "chatgpt-of-somebody"}',
            {"sk-0123456789abcdef"},
        ),
        ('{"key": "short"}', set()),
        ('{"list": [{"refresh": "0123456789abcdef-x"}]}', {"0123456789abcdef-x"}),
        ('api_key = "0123456789abcdef"\nname = "0123456789abcdef0"', {"0123456789abcdef"}),
        ("not a login at all", set()),
    ],
)
def test_secrets_of_login_files(text: str, found: set[str]) -> None:
    assert {value for value, _ in secrets_of(text.encode(), "auth.json")} == found
