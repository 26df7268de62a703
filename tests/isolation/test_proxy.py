"""What a box without a network reaches through its proxy: the hosts that are named, and no other."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from orchestrator.isolation.proxy import is_allowed
from tests.isolation.boxes import PYTHON, box_in, needs_sandbox, run

ASK = """\
import sys, urllib.request
for url in sys.argv[1:]:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler(
            {"http": __import__("os").environ["HTTP_PROXY"]})).open(url, timeout=10) as answer:
            print(answer.status, answer.read().decode())
    except Exception as error:
        print(getattr(error, "code", "none"), getattr(error, "fp", None) and error.fp.read().decode() or error)
"""
TUNNEL = """\
import os, socket, sys
proxy = os.environ["HTTPS_PROXY"].rpartition(":")[2]
for target in sys.argv[1:]:
    with socket.create_connection(("127.0.0.1", int(proxy)), 10) as s:
        s.sendall(f"CONNECT {target} HTTP/1.1\\r\\nHost: {target}\\r\\n\\r\\n".encode())
        print(s.recv(4096).split(b"\\r\\n")[0].decode())
        try:
            s.sendall(b"GET /tunnel HTTP/1.0\\r\\n\\r\\n")
            print(s.makefile("rb").read()[-300:].decode().splitlines()[-1:])
        except OSError:
            print("hung up")
"""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = f"served {self.path}".encode() * (50_000 if self.path == "/much" else 1)
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture(autouse=True)
def no_proxy_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@needs_sandbox
def test_named_hosts_are_reached_and_no_other(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    port = server.server_address[1]
    with socket.create_server(("127.0.0.1", 0)) as other:
        closed = other.getsockname()[1]
        box = box_in(tmp_path, hosts=(f"127.0.0.1:{port}", "*.example.invalid"))
        urls = [
            f"http://127.0.0.1:{port}/a?b=c",
            f"http://127.0.0.1:{closed}/",
            "http://elsewhere/",
        ]
        told = run(box, PYTHON, "-c", ASK, *urls).tail.splitlines()
        assert told[0] == "200 served /a?b=c"
        assert told[1] == f"403 orchestrate: 127.0.0.1:{closed} is not among the mission's `hosts`"
        assert "403 orchestrate: elsewhere:80 is not" in "\n".join(told)
        targets = [f"127.0.0.1:{port}", f"127.0.0.1:{closed}", "nobody.example.invalid:443"]
        tunnels = run(box, PYTHON, "-c", TUNNEL, *targets).tail.splitlines()
        assert tunnels[0] == "HTTP/1.1 200 Connection established"
        assert "served /tunnel" in tunnels[1]
        assert tunnels[2] == "HTTP/1.1 403 Refused"
        assert tunnels[4] == "HTTP/1.1 502 Refused"
        # There is no way around it.
        direct = f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)"
        assert run(box, PYTHON, "-c", direct).code == 1
        other.settimeout(0.1)
        with pytest.raises(TimeoutError):
            other.accept()


@needs_sandbox
def test_much_goes_through_and_the_program_ends_as_it_does(
    server: ThreadingHTTPServer, tmp_path: Path
) -> None:
    port = server.server_address[1]
    box = box_in(tmp_path, hosts=(f"127.0.0.1:{port}",))
    count = f"{ASK}\n".replace("answer.read().decode()", "len(answer.read())")
    urls = [f"http://127.0.0.1:{port}/much"] * 5
    assert run(box, PYTHON, "-c", count, *urls).tail == f"200 {50_000 * len('served /much')}\n" * 5
    assert run(box, "sh", "-c", "exit 7").code == 7
    missing = run(box, "no-such-program")
    assert missing.code == 1
    assert missing.tail == "no-such-program: No such file or directory\n"
    descriptors = (
        "import os; print([n for n in range(3, 300) if os.path.lexists(f'/proc/self/fd/{n}')])"
    )
    assert run(box, PYTHON, "-c", descriptors).tail.strip() in ("[]", "[3]")


@needs_sandbox
def test_the_users_own_proxy_is_gone_through(
    server: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its name and password, of which the box knows nothing."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as company:

        def answer() -> None:
            for status in (b"200 OK", b"407 Who are you"):
                with company.accept()[0] as asking:
                    heard.append(asking.recv(4096))
                    asking.sendall(b"HTTP/1.1 " + status + b"\r\n\r\n")
                    if status.startswith(b"200"):
                        asking.recv(4096)
                        asking.sendall(b"by the company\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        port = company.getsockname()[1]
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret%20word@127.0.0.1:{port}")
        box = box_in(tmp_path, hosts=("api.example.invalid",))
        target = "api.example.invalid:443"
        told = run(box, PYTHON, "-c", TUNNEL, target, target, "other.example.invalid:443").tail
        thread.join(10)
    lines = told.splitlines()
    assert lines[:2] == ["HTTP/1.1 200 Connection established", "['by the company']"]
    assert lines[2] == "HTTP/1.1 502 Refused"
    assert lines[4] == "HTTP/1.1 403 Refused"
    assert [line.split(b"\r\n")[0] for line in heard] == [
        b"CONNECT api.example.invalid:443 HTTP/1.1"
    ] * 2
    assert b"Basic bWU6c2VjcmV0IHdvcmQ=" in heard[0]
    look = run(box, "sh", "-c", "env; cat /proc/*/environ 2>/dev/null").tail
    assert "secret" not in look


HOSTS = ("api.example.org", "*.example.com", "127.0.0.1:8080", "plain.example:80")


@pytest.mark.parametrize(
    ("host", "port", "is_let_through"),
    [
        ("api.example.org", 443, True),
        ("API.example.org.", 443, True),
        ("api.example.org", 80, False),
        ("api.example.org", 22, False),
        ("api.example.org.evil.example", 443, False),
        ("xapi.example.org", 443, False),
        ("a.b.example.com", 443, True),
        ("example.com", 443, False),
        ("evilexample.com", 443, False),
        ("127.0.0.1", 8080, True),
        ("127.0.0.1", 443, False),
        ("localhost", 8080, False),
        ("plain.example", 80, True),
        ("plain.example", 443, False),
    ],
)
def test_who_is_let_through(host: str, port: int, is_let_through: bool) -> None:
    assert is_allowed(HOSTS, host, port) is is_let_through
