"""Telling people of a run: real servers on loopback and real commands, also such as hang, fail and
flood; whatever they do, nobody waits for them and nothing raises.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from orchestrator.engine.folders import Folders
from orchestrator.engine.notifying import LOG, Notifying
from orchestrator.isolation import secrets
from orchestrator.journal.events import BackendStopped, BudgetExceeded, RunInterrupted
from orchestrator.journal.facts import Decision, Outcome
from orchestrator.journal.state import State, apply
from tests.reports.builder import Story, red, two_batches

RUN = "20250902-080000-websocket"


class Server:
    """What a webhook is posted to; `answer` decides how, and gets the handler."""

    def __init__(self, answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
        heard: list[tuple[str, dict[str, str], Any]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                heard.append((self.path, dict(self.headers), json.loads(body)))
                answer(self)

            def do_GET(self) -> None:
                heard.append((self.path, dict(self.headers), None))
                answer(self)

            def log_message(self, *_: object) -> None:
                return

        self.heard = heard
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"


@contextmanager
def serving(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[Server]:
    made = Server(answer)
    thread = threading.Thread(target=made.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()


def fine(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Folders]:
    monkeypatch.setenv("ORCHESTRATE_CACHE", str(tmp_path / "cache"))
    made = Folders(tmp_path, RUN)
    made.report.mkdir(parents=True)
    (tmp_path / "missions").mkdir()
    monkeypatch.chdir(tmp_path)
    yield made
    secrets.know()


def story(*ways: dict[str, Any]) -> Story:
    return Story(two_batches(notify=list(ways)))


def told(folders: Folders, tale: Story) -> float:
    """Have the story told to an observer, as a recorder would; the seconds that it took."""
    secrets.know_of(tale.mission)
    began = time.monotonic()
    state: State | None = None
    with Notifying(folders) as notifying:
        for record in tale.records:
            state = apply(state, record)
            notifying.on_record(record, state)
        assert time.monotonic() - began < 2.0, "the run itself never waits"
    return time.monotonic() - began


def fail_under_way(folders: Folders, tale: Story) -> None:
    with Notifying(folders) as notifying:
        notifying.on_record(tale.records[0], tale.state)
        raise OSError(28, "No space left on device")


def log(folders: Folders) -> list[str]:
    path = folders.report / LOG
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def whole_tale(tale: Story) -> Story:
    """A sign-off, a red gate, a budget, an end."""
    tale.begin("core").work("1.1", "1.2")
    made = tale.candidate("core", "1.1", "1.2")
    tale.judge("core", made, "1.1", "1.2", decision=Decision.WAITING)
    tale.settle("core", made, "1.1", "1.2").close("core")
    tale.begin("integration").work("2.1")
    made = tale.candidate("integration", "2.1")
    tale.judge("integration", made, "2.1", **red())
    tale.close("integration", Outcome.REJECTED, "the gate is red")
    tale.happens(BudgetExceeded(what="wall", limit=7200.0, spent=7201.0, stops=True))
    return tale.finish(1)


def test_what_is_told_and_in_which_words(folders: Folders) -> None:
    with serving(fine) as server:
        told(folders, whole_tale(story({"webhook": f"{server.address}/hook"})))
        bodies = [body for _, _, body in server.heard]
    assert [body["event"] for body in bodies] == ["approval", "red", "red", "budget", "end"]
    approval, gate, batch, budget, end = bodies
    assert approval["text"] == (
        f"websocket: core waits for a sign-off: orchestrate approve {RUN} tests"
    )
    assert (approval["batch"], approval["run"], approval["mission"]) == ("core", RUN, "websocket")
    assert gate["text"].startswith("websocket: gate tests of integration is red: ")
    assert batch["text"] == "websocket: integration ended rejected: the gate is red"
    assert budget["text"] == "websocket: the budget of the run is spent: 2h"
    assert (end["exit_code"], approval["exit_code"]) == (1, None)
    assert "did not land: 2.1" in end["text"]
    assert end["report"] == str(folders.report / "report.md")
    assert {path for path, _, _ in server.heard} == {"/hook"}
    assert {headers["Content-Type"] for _, headers, _ in server.heard} == {"application/json"}
    assert len([line for line in log(folders) if "answered 200" in line]) == 5


@pytest.mark.parametrize(
    ("on", "events"),
    [
        ("end", ["end"]),
        (["red"], ["red", "red"]),
        (["approval", "budget"], ["approval", "budget"]),
        ([], []),
        (["end", "red", "approval", "budget"], ["approval", "red", "red", "budget", "end"]),
    ],
)
def test_only_what_is_asked_for(folders: Folders, on: object, events: list[str]) -> None:
    with serving(fine) as server:
        told(folders, whole_tale(story({"webhook": server.address, "on": on})))
        assert [body["event"] for _, _, body in server.heard] == events


def test_a_run_that_is_stopped_is_told_too(folders: Folders) -> None:
    with serving(fine) as server:
        tale = story({"webhook": server.address}).begin("core")
        told(folders, tale.happens(RunInterrupted(reason="stopped by SIGTERM")))
        (only,) = server.heard
        assert only[2]["text"] == (
            f"websocket: stopped: stopped by SIGTERM; orchestrate resume {RUN} goes on"
        )
        # A fault of the machine has no event, and is told nevertheless.
        tale = story({"webhook": server.address})
        with pytest.raises(OSError, match="No space"):
            fail_under_way(folders, tale)
        assert "No space left on device" in server.heard[1][2]["text"]


def test_an_agent_that_nobody_has_logged_in_is_told(folders: Folders) -> None:
    with serving(fine) as server:
        tale = story({"webhook": server.address, "on": "red"})
        stopped = BackendStopped(
            backends=("claude",), reason="claude is not logged in", mend="run `claude /login`"
        )
        told(folders, tale.happens(stopped))
        ((_, _, body),) = server.heard
    assert body["text"] == (
        "websocket: backend claude is stopped: claude is not logged in; run `claude /login`"
    )


def test_a_command_is_given_the_message(folders: Folders, tmp_path: Path) -> None:
    script = "cat > told.json; env > told.env; pwd > told.cwd"
    way = {"command": {"shell": script}, "on": "end", "env": {"MINE": "yes"}}
    told(folders, whole_tale(story(way)))
    found = tmp_path / "missions"
    message = json.loads((found / "told.json").read_text())
    variables = dict(
        line.partition("=")[::2] for line in (found / "told.env").read_text().splitlines()
    )
    assert message["event"] == variables["ORCHESTRATE_EVENT"] == "end"
    assert variables["ORCHESTRATE_TEXT"] == message["text"]
    assert variables["ORCHESTRATE_EXIT_CODE"] == "1"
    assert (variables["ORCHESTRATE_RUN"], variables["MINE"]) == (RUN, "yes")
    assert variables["HOME"] != str(Path.home()), "of the user's environment it sees nothing else"
    assert (found / "told.cwd").read_text().strip() == str(found)
    assert "command /bin/sh: end: told" in log(folders)[0]


def sleeper(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(8)


def drip(handler: BaseHTTPRequestHandler) -> None:
    for letter in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100:
        try:
            handler.wfile.write(bytes([letter]))
            handler.wfile.flush()
        except OSError:
            return
        time.sleep(0.1)


def gone(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def broken(handler: BaseHTTPRequestHandler) -> None:
    handler.send_error(503, "later")


def garbage(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"\x00\x01 not http\r\n\r\n")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (sleeper, "failed: "),
        (drip, "failed: no answer in 1 s"),
        (gone, "failed: "),
        (broken, "failed: answered 503 later"),
        (garbage, "failed: "),
    ],
)
def test_a_server_that_does_not_answer_holds_up_nobody(
    folders: Folders, answer: Callable[[BaseHTTPRequestHandler], None], said: str
) -> None:
    way = {"webhook": "", "timeout": "1s"}
    with serving(answer) as bad, serving(fine) as good:
        way["webhook"] = bad.address
        took = told(folders, whole_tale(story(way, {"webhook": f"{good.address}/good"})))
        assert [body["event"] for _, _, body in good.heard][-1] == "end"
        # When time is short, what is told last is how it ended.
        assert bad.heard[-1][2]["event"] == "end"
    assert took < 5.0
    lines = [line for line in log(folders) if "failed" in line]
    assert said in lines[0]


def test_a_message_follows_no_redirection(folders: Folders) -> None:
    with serving(fine) as elsewhere:

        def send_away(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(302)
            handler.send_header("Location", f"{elsewhere.address}/stolen")
            handler.end_headers()

        with serving(send_away) as server:
            told(folders, whole_tale(story({"webhook": server.address, "on": "end"})))
            assert len(server.heard) == 1
        assert elsewhere.heard == []
    assert "failed: answered 302" in log(folders)[0]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["there-is-no-such-program"], "failed: could not be started: there-is-no-such-program: "),
        ({"shell": "echo no way >&2; exit 3"}, "failed: exit 3: no way"),
        ({"shell": "exec sleep 60"}, "failed: still running after 1 s"),
        ({"shell": "trap '' TERM; while :; do sleep 60; done"}, "given up: the run is over"),
        ({"shell": "exec <&-; sleep 0.1"}, "told"),
        ([sys.executable, "-c", "print('x' * 5_000_000)"], "told"),
    ],
)
def test_a_command_that_goes_wrong_holds_up_nobody(
    folders: Folders, command: object, said: str
) -> None:
    took = told(folders, whole_tale(story({"command": command, "timeout": "1s", "on": "end"})))
    assert took < 6.0
    assert said in log(folders)[0]
    output = folders.logs / LOG
    assert not output.exists() or output.stat().st_size < 100_000


def test_addresses_and_headers_from_the_environment_are_secrets(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(fine) as server:
        monkeypatch.setenv("HOOK", f"{server.address}/services/T0AB/B1CD/zYxWvUt")
        monkeypatch.setenv("WORD", "open-sesame-42")
        way = {"webhook": "$HOOK", "headers": {"Authorization": "Bearer $WORD"}}
        tale = story(way, {"webhook": "$UNSET"})
        tale.begin("core")
        tale.happens(RunInterrupted(reason="saw open-sesame-42 and T0AB/B1CD/zYxWvUt"))
        told(folders, tale)
        ((path, headers, body),) = server.heard
        assert path == "/services/T0AB/B1CD/zYxWvUt"
        assert headers["Authorization"] == "Bearer open-sesame-42"
    assert "open-sesame-42" not in json.dumps(body)
    text = "\n".join(log(folders))
    assert "zYxWvUt" not in text
    assert "open-sesame-42" not in text
    assert "webhook $UNSET: end: failed: $UNSET holds no address of http or https" in text


def test_the_desktop_is_told_by_its_program(
    folders: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "notify-send"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/shown\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    told(folders, whole_tale(story({"desktop": True, "on": "budget"})))
    assert (tmp_path / "shown").read_text().splitlines() == [
        "--app-name=orchestrate", "--", "orchestrate: budget",
        "websocket: the budget of the run is spent: 2h",
    ]  # fmt: skip
    program.unlink()
    told(folders, whole_tale(story({"desktop": True, "on": "budget"})))
    assert "desktop: budget: failed: could not be started: notify-send" in log(folders)[-1]


def test_a_mission_that_tells_nobody_starts_nothing(folders: Folders) -> None:
    before = threading.active_count()
    told(folders, whole_tale(story()))
    assert threading.active_count() == before
    assert log(folders) == []


def test_where_nothing_can_be_written_down_it_is_told_all_the_same(folders: Folders) -> None:
    (folders.report / LOG).mkdir()
    with serving(fine) as server:
        told(folders, whole_tale(story({"webhook": server.address, "on": "end"})))
        assert len(server.heard) == 1
