"""Ports: nobody is given another's, whoever asks, and who takes one without asking is noticed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import anyio
import pytest

from orchestrator.services.ports import FIRST, LAST, Holder, accepts, holder_of, is_free, reserve
from orchestrator.services.running import ServiceFailed
from tests.services.helpers import PYTHON, URL, Bench, script

RESERVES = """
from orchestrator.services.ports import reserve
held = [reserve() for _ in range(400)]
print(*(port.number for port in held), flush=True)
input()
"""


@pytest.fixture
def others() -> Iterator[tuple[list[subprocess.Popen[str]], list[int]]]:
    """Two other orchestrators, with the ports that they hold."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", RESERVES],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    numbers = [int(n) for it in running if it.stdout for n in it.stdout.readline().split()]
    yield running, numbers
    for process in running:
        process.kill()
        process.communicate()


def test_no_two_are_given_one(others: tuple[list[subprocess.Popen[str]], list[int]]) -> None:
    running, numbers = others
    ours = [reserve() for _ in range(400)]
    everybody = [*numbers, *(port.number for port in ours)]
    assert len(everybody) == len(set(everybody)) == 1200
    assert all(FIRST <= number <= LAST for number in everybody)
    assert all(map(is_free, numbers)), "they are claimed, and nobody listens"
    running[0].send_signal(signal.SIGKILL)
    running[0].wait()
    for port in ours:
        port.close()
    again = [reserve() for _ in range(3000)]
    assert {port.number for port in again} & {*numbers[:400], *(port.number for port in ours)}
    assert not {port.number for port in again} & set(numbers[400:])
    for port in again:
        port.close()


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::1", "::"])
def test_a_port_that_somebody_listens_on_is_not_free(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    port = reserve()
    with socket.socket(family) as listener:
        try:
            listener.bind((address, port.number))
        except OSError:
            pytest.skip(f"there is no {address} here")
        listener.listen()
        assert not is_free(port.number)
        assert accepts(port.number)
        assert holder_of(port.number, os.getppid()) in (Holder.OURS, Holder.UNKNOWN)
        nobody = subprocess.Popen(["sleep", "60"])
        assert holder_of(port.number, nobody.pid) in (Holder.OTHERS, Holder.UNKNOWN)
        nobody.kill()
        nobody.wait()
    assert is_free(port.number)
    assert holder_of(port.number, os.getpid()) is Holder.NOBODY
    port.close()


class Thief:
    """Listens on the first ports that services are given, before they do; answers all who ask."""

    def __init__(self, folder: Path, number: int) -> None:
        self.asked, self.go = folder / "asked", folder / "go"
        self.taken: list[int] = []
        self._number = number
        self._listeners: list[socket.socket] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._steal)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        for listener in self._listeners:
            listener.close()

    def _steal(self) -> None:
        seen = 0
        while not self._is_over.is_set():
            lines = self.asked.read_text().split("\n")[:-1] if self.asked.exists() else []
            for line in lines[seen:]:
                if len(self.taken) < self._number:
                    listener = socket.socket()
                    listener.bind(("127.0.0.1", int(line)))
                    listener.listen()
                    self._listeners.append(listener)
                    self.taken.append(int(line))
                (self.go.parent / f"go-{line}").touch()
                seen += 1
            time.sleep(0.005)


ANNOUNCES = ["sh", "-c", "echo {port} >> ../asked; until [ -e ../go-{port} ]; do sleep 0.01; done"]
SERVERS: dict[str, Any] = {
    # It ends where it cannot listen, as most do.
    "ends": [PYTHON, "-u", "-m", "http.server", "--bind", "127.0.0.1", "{port}"],
    # It tries for ever, and somebody else answers meanwhile.
    "tries": script(
        """
        import http.server, sys, time
        while True:
            try:
                server = http.server.HTTPServer(
                    ("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler
                )
            except OSError:
                time.sleep(0.1)
            else:
                server.serve_forever()
        """,
        "{port}",
    ),
    # It is not the program itself that listens, but a child of a child, in a session of its own.
    "forks": ["sh", "-c", f"setsid {PYTHON} -u -m http.server --bind 127.0.0.1 {{port}} & wait"],
    "says": ["sh", "-c", f"{PYTHON} -m http.server --bind 127.0.0.1 {{port}} || exit 0"],
}


@pytest.mark.parametrize("server", SERVERS)
def test_one_whose_port_was_taken_is_begun_on_another(tmp_path: Path, server: str) -> None:
    bench = Bench(tmp_path, web={"command": SERVERS[server], "setup": [ANNOUNCES], "env": URL})

    async def visit() -> str:
        async with bench.services.beside(["web"], bench.guest()) as beside:
            return beside.variables["URL"]

    with Thief(tmp_path, 2) as thief:
        url = anyio.run(visit)
    assert len(thief.taken) == 2
    assert not any(str(port) in url for port in thief.taken)
    bench.require_no_leftovers()


def test_it_is_told_where_somebody_takes_every_port(tmp_path: Path) -> None:
    bench = Bench(tmp_path, web={"command": SERVERS["ends"], "setup": [ANNOUNCES]})

    async def visit() -> None:
        async with bench.services.beside(["web"], bench.guest()):
            raise AssertionError

    with Thief(tmp_path, 100) as thief, pytest.raises(ServiceFailed, match="port taken") as caught:
        anyio.run(visit)
    assert len(thief.taken) == 5
    assert "service web" in caught.value.what
    bench.require_no_leftovers()


def test_one_that_fails_for_another_reason_is_not_begun_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, web={"command": ["sh", "-c", "echo {port} >> ../begun; exit 3"]})

    async def visit() -> None:
        async with bench.services.beside(["web"], bench.guest()):
            raise AssertionError

    with pytest.raises(ServiceFailed, match="exit 3"):
        anyio.run(visit)
    assert len((tmp_path / "begun").read_text().splitlines()) == 1
