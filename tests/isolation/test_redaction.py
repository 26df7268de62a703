"""Secrets: found in an environment, and taken out of all that leaves, however it is written."""

from __future__ import annotations

import base64
import json
import os
import re
import stat
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.isolation import secrets
from orchestrator.isolation.processes import ProcessSpec, run_process
from orchestrator.isolation.redaction import MARK, Redactor, secrets_in
from orchestrator.mission.model import Mission

SECRET = 'sk-"live/42+ü=%x\\9'
REDACTOR = Redactor({SECRET: "SHOP_KEY"})


def test_values_of_variables_that_say_so_and_declared_ones_are_secrets():
    found = secrets_in(
        {
            "OPENAI_API_KEY": "sk-123456",
            "db_password": "hunter2!",
            "SHOP": "declared-value-1",
            "OTHER": "nobody-said-so-1",
            "HTTPS_PROXY": "http://me:p%40ssw0rd@proxy:8080",
            "INDEX_URL": "https://tokentoken@index/simple",
        },
        declared=["SHOP"],
    )
    assert set(found) == {
        "sk-123456",
        "hunter2!",
        "declared-value-1",
        "p%40ssw0rd",
        "p@ssw0rd",
        "tokentoken",
    }
    assert found["p@ssw0rd"] == "HTTPS_PROXY"


def test_trivial_values_are_none():
    environment = {
        "USE_TOKEN": "true",
        "MAX_TOKENS": "100000",
        "A_KEY": "1",
        "KEY_FILE": "/home/me/key.pem",
        "SQLITE": "enabled",
        "MODEL_URL": "http://127.0.0.1:8080/v1",
    }
    assert secrets_in(environment, declared=["SQLITE", "MODEL_URL"]) == {}


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        json.dumps({"inner": json.dumps({"key": SECRET})}),
        quote(SECRET),
        quote(SECRET, safe=""),
        re.sub("%..", lambda match: match[0].lower(), quote(SECRET, safe="")),
        'sk\x1b[31m-"live/4\x1b[0m2+ü=%x\\9',
        *(
            encode((before + SECRET + after).encode()).decode()
            for encode in (base64.b64encode, base64.urlsafe_b64encode)
            for before in ("", "a", "ab", "user:")
            for after in ("", "z", "zz")
        ),
    ],
)
def test_every_form_is_taken_out(written):
    clean = REDACTOR.text(f"<{written}>")
    assert MARK in clean
    assert REDACTOR.spans(clean.encode()) == []
    for rest in ("sk-", "live"):
        assert rest not in clean


@given(st.lists(st.integers(0, 60), max_size=6), st.sampled_from([SECRET, quote(SECRET)]))
def test_a_stream_is_freed_wherever_it_is_cut(cuts: list[int], written: str):
    data = f"before {written} and \x1b[1m{written}\x1b[0m sk-no".encode()
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    stream = REDACTOR.stream()
    parts = [stream.feed(data[a:b]) for a, b in pairwise(places)]
    found = b"".join(parts) + stream.finish()
    assert found == REDACTOR.data(data)
    assert found.count(MARK.encode()) == 2


def test_only_what_may_begin_a_secret_is_held_back():
    stream = REDACTOR.stream()
    assert stream.feed(b"a line\n") == b"a line\n"
    assert stream.feed(b"another sk-") == b"another "
    assert stream.feed(b"ip") == b"sk-ip"


def test_each_line_of_a_private_key_is_a_secret():
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nBAQEFAASCBKcwggSjAgEAAo\n-----END KEY-----"
    clean = Redactor({key: "PEM"}).text("the second line: BAQEFAASCBKcwggSjAgEAAo.")
    assert clean == f"the second line: {MARK}."


def test_a_log_holds_no_secret_though_it_was_written_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(secrets, "_KNOWN", [Redactor({"hush-hush-42": "SHOP_KEY"})])
    script = "printf hush-; sleep 0.3; printf 'hush-42 and more'"
    lines: list[str] = []
    spec = ProcessSpec(
        argv=("sh", "-c", script),
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        timeout=20.0,
        log=tmp_path / "logs" / "out.log",
        tag=f"{tmp_path}/one",
    )
    ended = anyio.run(run_process, spec, lines.append)
    assert spec.log.read_text() == ended.tail == f"{MARK} and more"
    assert not any("hush" in line for line in lines)
    assert stat.S_IMODE(spec.log.stat().st_mode) == 0o600


def test_what_a_mission_hands_on_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_KNOWN", [])
    monkeypatch.setenv("SHOP", "handed-on-by-name-1")
    monkeypatch.setenv("SHOP_TOKEN", "of-the-environment-2")
    batch = {"id": "b", "agents": [{"id": "a", "name": "A", "mission": "M", "files": ["x"]}]}
    told = {
        "version": 1,
        "name": "m",
        "objective": "o",
        "repository": {"path": "."},
        "backends": {"w": {"command": "w", "env": ["SHOP", {"SHOP_TOKEN": "of-the-mission-3"}]}},
        "defaults": {"backend": "w"},
        "batches": [batch],
    }
    found = secrets.know_of(Mission.model_validate(told, by_alias=True, by_name=False))
    for value in ("handed-on-by-name-1", "of-the-environment-2", "of-the-mission-3"):
        assert found.text(f"<{value}>") == f"<{MARK}>"
