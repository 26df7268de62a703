"""Services beside a guest: given what nobody else has, ready, watched, and gone without a trace."""

from __future__ import annotations

import os
import signal
import time
import urllib.request
from pathlib import Path
from typing import Any

import anyio
import psutil
import pytest

from orchestrator.services.running import ServiceFailed
from orchestrator.services.services import Beside
from tests.services.helpers import SERVES, URL, Bench, living, script

SLOW_TO_SERVE = """
    import http.server, sys, time
    time.sleep(0.4)
    print("about to listen", flush=True)
    server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler)
    print("listening now", flush=True)
    server.serve_forever()
"""
WAITS = "import time; time.sleep(600)"


def fetched(url: str) -> bytes:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        url, timeout=10
    ) as answer:
        body: bytes = answer.read()
    return body


def is_private(folder: str) -> bool:
    return Path(folder).is_dir() and Path(folder).stat().st_mode & 0o077 == 0


def failure(bench: Bench, *names: str) -> ServiceFailed:
    """Why they cannot be had; nothing is left then."""

    async def ask() -> None:
        async with bench.services.beside(names, bench.guest()):
            raise AssertionError("they could be had")

    with pytest.raises(ServiceFailed) as caught:
        anyio.run(ask)
    bench.require_no_leftovers()
    return caught.value


@pytest.mark.parametrize(
    "ready",
    [
        None,
        {"http": "http://127.0.0.1:{port}/here.txt"},
        {"log": "^listening (now|soon)$"},
        {"command": ["sh", "-c", "grep -q listening ../guest.web.log"]},
        {
            "command": script(
                "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])))",
                "{port}",
            )
        },
    ],
    ids=["port", "http", "log", "shell", "command"],
)
def test_it_is_ready_when_its_guest_begins(tmp_path: Path, ready: Any) -> None:
    keys = {"command": script(SLOW_TO_SERVE, "{port}"), "env": URL}
    bench = Bench(tmp_path, web={**keys, **({"ready": ready} if ready else {})})
    (bench.tree / "here.txt").write_text("it is here")

    async def visit() -> None:
        async with bench.services.beside(["web"], bench.guest()) as beside:
            assert fetched(f"{beside.variables['URL']}here.txt") == b"it is here"
            assert not beside.failure

    anyio.run(visit)
    assert "about to listen" in bench.log("web")
    bench.require_no_leftovers()


def test_what_each_is_given_is_its_own(tmp_path: Path) -> None:
    bench = Bench(
        tmp_path,
        front={
            "command": ["sh", "-c", "echo $BACK $OWN {port:back} {database:back}; exec sleep 600"],
            "ready": {"log": "http"},
            "needs": "back",
            "env": {"OWN": "{database} {{as it stands}} {workspace}"},
        },
        back={"command": SERVES, "env": {"BACK": "http://127.0.0.1:{port}/{database}"}},
        name={"env": {"NAME": "{database}", "ONLY_PORT": "{port}", "KEPT": "{data}"}},
    )
    seen: list[dict[str, str]] = []
    both_are_there = anyio.Event()

    async def visit(name: str) -> None:
        async with bench.services.beside(["front", "name"], bench.guest(name)) as beside:
            seen.append(dict(beside.variables))
            assert is_private(beside.variables["KEPT"])
            if len(seen) == 2:
                both_are_there.set()
            await both_are_there.wait()

    async def both() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(visit, "one")
            tasks.start_soon(visit, "two")

    anyio.run(both)
    one, two = seen
    assert set(one) == {"BACK", "OWN", "NAME", "ONLY_PORT", "KEPT"}
    assert not set(one.values()) & set(two.values())
    assert one["OWN"].endswith(f" {{as it stands}} {bench.tree}")
    back = one["BACK"].removeprefix("http://127.0.0.1:").replace("/", " ")
    logs = bench.log("front", "one") + bench.log("front", "two")
    assert f"{one['BACK']} {one['OWN']} {back}" in logs, "it is told of what it needs"
    assert all(
        len(it["NAME"]) < 60 and it["NAME"].isalnum() and it["NAME"].islower() for it in seen
    )
    bench.require_no_leftovers()


NAMES = [
    *("exit", "port", "http", "status", "log", "command"),
    *("missing", "missing-setup", "setup", "long-setup", "fill", "over"),
]


@pytest.mark.parametrize(
    ("keys", "said", "mend"),
    [
        ({"command": ["sh", "-c", "echo no licence; exit 7"], "ready": {"log": "up"}},
         "service it ended with exit 7 before it was ready; its log ends with:\nno licence", "its log"),
        ({"command": script(WAITS, "{port}"), "timeout": 0.6},
         "was not ready after 0.6 s: port ", "timeout"),
        ({"command": script(WAITS), "ready": {"http": "http://127.0.0.1:{port}/x"}, "timeout": 0.6},
         "was not ready after 0.6 s: http://127.0.0.1:", "timeout"),
        ({"command": SERVES, "ready": {"http": "http://127.0.0.1:{port}/nothing"}, "timeout": 1.5},
         "/nothing answers with 404", "ready"),
        ({"command": script(WAITS), "ready": {"log": "never"}, "timeout": 0.5},
         "its log has nothing like `never`", "ready"),
        ({"command": script(WAITS), "ready": {"command": ["sh", "-c", "echo not yet; exit 2"]}, "timeout": 0.5},
         "sh ended with exit 2: not yet", "ready"),
        ({"command": ["not-a-program-at-all", "{port}"]}, "cannot be started: not-a-program-at-all", "install it"),
        ({"command": SERVES, "setup": ["no-such-setup {data}"]}, "`setup` cannot be started", "install it"),
        ({"command": SERVES, "setup": [["sh", "-c", "echo disk is full; exit 1"]]},
         "`setup` ended with exit 1: sh -c 'echo disk is full; exit 1'; its log ends with:\ndisk is full", "log"),
        ({"command": SERVES, "setup": [script(WAITS)], "timeout": 0.5}, "`setup` did not end in 0.5 s", "timeout"),
        ({"command": SERVES, "fill": [["sh", "-c", "echo no such table; kill -9 $$"]]},
         "`fill` was ended by signal 9", "log"),
        ({"command": ["sh", "-c", "sleep 0.1"], "ready": {"log": "up"}},
         "ended with exit 0 before it was ready", "log"),
    ],
    ids=NAMES,
)  # fmt: skip
def test_one_that_cannot_be_had_says_why(tmp_path: Path, keys: Any, said: str, mend: str) -> None:
    bench = Bench(tmp_path, it=keys)
    error = failure(bench, "it")
    assert said in error.what
    assert error.where == str(tmp_path / "guest.it.log")
    assert mend in (error.mend or "")
    assert error.exit_code == 4


def test_what_was_ready_already_is_ended_with_it(tmp_path: Path) -> None:
    bench = Bench(
        tmp_path, good={"command": SERVES}, bad={"command": ["false", "{port}"], "needs": "good"}
    )
    assert "service bad ended with exit 1" in failure(bench, "bad").what
    assert "GET" not in bench.log("good")


async def until_failed(bench: Bench, kill: int, *, restarts: int = 0) -> tuple[Beside, float]:
    """Kill the service each time that it runs, until that is told."""
    told = anyio.Event()
    async with bench.services.beside(["web"], bench.guest(restarts=restarts)) as beside:
        beside.on_failure = told.set
        began = time.monotonic()
        with anyio.fail_after(30):
            while not told.is_set():
                for pid in pids_in(bench.tree):
                    os.kill(pid, kill)
                await anyio.sleep(0.05)
        return beside, time.monotonic() - began


def pids_in(folder: Path) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()) == folder:
                found.append(process.pid)
        except (psutil.Error, OSError):
            continue
    return found


@pytest.mark.parametrize("restarts", [0, 2])
def test_one_that_ends_too_soon_is_told(tmp_path: Path, restarts: int) -> None:
    bench = Bench(tmp_path, web={"command": SERVES})
    beside, _ = anyio.run(lambda: until_failed(bench, signal.SIGKILL, restarts=restarts))
    assert beside.failure.startswith("service web was ended by signal 9 while it was needed")
    bench.require_no_leftovers()


def test_an_agent_that_ends_it_by_mistake_has_it_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, web={"command": SERVES, "env": URL})

    async def visit() -> None:
        async with bench.services.beside(["web"], bench.guest(restarts=1)) as beside:
            (pid,) = pids_in(bench.tree)
            os.kill(pid, signal.SIGKILL)
            with anyio.fail_after(30):
                while True:
                    await anyio.sleep(0.05)
                    try:
                        fetched(beside.variables["URL"])
                    except OSError:
                        continue
                    break
            assert pids_in(bench.tree) not in ([], [pid])
            assert not beside.failure

    anyio.run(visit)
    bench.require_no_leftovers()


HEARS = """
    import signal, sys, time
    def heard(number, frame):
        print("heard", signal.Signals(number).name, flush=True)
        if sys.argv[1] == "heeds":
            sys.exit(0)
    for name in ("SIGTERM", "SIGINT", "SIGQUIT", "SIGUSR1"):
        signal.signal(getattr(signal, name), heard)
    print("ready", flush=True)
    while True:
        time.sleep(600)
"""


@pytest.mark.parametrize("stop", ["SIGTERM", "INT", "SIGQUIT", "usr1"])
def test_it_is_ended_by_the_signal_that_it_wants(tmp_path: Path, stop: str) -> None:
    keys = {"command": script(HEARS, "heeds"), "ready": {"log": "ready"}, "stop": stop}
    bench = Bench(tmp_path, it=keys)
    anyio.run(lambda: short_visit(bench))
    assert f"heard SIG{stop.upper().removeprefix('SIG')}" in bench.log("it")
    bench.require_no_leftovers()


async def short_visit(bench: Bench) -> None:
    async with bench.services.beside(["it"], bench.guest()):
        pass


def test_one_that_does_not_end_is_killed(tmp_path: Path) -> None:
    daemon = "(setsid sh -c 'trap \"\" TERM INT; sleep 600' >/dev/null 2>&1 &) ; "
    stubborn = script(HEARS, "ignores")
    bench = Bench(
        tmp_path,
        it={
            "setup": [["sh", "-c", "true"]],
            "command": ["sh", "-c", daemon + 'exec "$0" "$@"', *stubborn],
            "ready": {"log": "ready"},
            "grace": 0.5,
        },
    )
    began = time.monotonic()
    anyio.run(lambda: short_visit(bench))
    assert "heard SIGTERM" in bench.log("it")
    assert time.monotonic() - began < 15
    bench.require_no_leftovers()


def test_who_is_cancelled_takes_them_along(tmp_path: Path) -> None:
    bench = Bench(tmp_path, it={"command": SERVES, "fill": [["sh", "-c", "echo filled"]]})

    async def visit() -> None:
        with anyio.move_on_after(30) as limit:
            async with bench.services.beside(["it"], bench.guest()):
                limit.cancel()
                await anyio.sleep(600)
        bench.require_no_leftovers()

    anyio.run(visit)
    assert "filled" in bench.log("it")


def test_an_error_beside_them_is_told_as_it_is(tmp_path: Path) -> None:
    bench = Bench(tmp_path, it={"command": SERVES})

    async def visit() -> None:
        async with bench.services.beside(["it"], bench.guest()):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        anyio.run(visit)
    bench.require_no_leftovers()


def test_what_a_killed_run_left_is_not_met_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, it={"setup": ["mkdir {data}/pg"], "env": {"D": "{data}"}})
    places = []

    async def visit() -> None:
        async with bench.services.beside(["it"], bench.guest()) as beside:
            places.append(Path(beside.variables["D"]))
            assert (places[-1] / "pg").is_dir()

    anyio.run(visit)
    (places[0] / "pg" / "old").mkdir(parents=True)
    anyio.run(visit)
    assert places[0] == places[1]
    bench.require_no_leftovers()


def test_nobody_waits_for_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, it={"command": SERVES})

    async def visit() -> None:
        async with bench.services.beside([], bench.guest()) as beside:
            assert beside.variables == {}
            assert living(tmp_path) == []

    anyio.run(visit)
    assert not bench.private.exists()
    assert bench.services.digest([]) == ""
    assert bench.services.digest(["it"]) != ""
