"""The proxy of one box: it lets its programs reach the hosts that the mission names, and no other.

It answers on a port of the box's own loopback, which `doorway` has opened there and handed out, and
connects from outside: `CONNECT` for TLS, which it does not look into, and plain HTTP. Where the
user's machine is behind a proxy itself, it goes through that. Owns who is let through.
"""

from __future__ import annotations

import contextlib
import socket
from base64 import b64encode
from collections.abc import Sequence
from fnmatch import fnmatchcase
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import anyio
from anyio.abc import ByteStream

PATIENCE = 60.0
"""Seconds until a connection stands."""
DRAIN_SECONDS = 1.0
HEAD_BYTES = 64 * 1024
_CHUNK = 64 * 1024
_END = b"\r\n\r\n"
_PORTS = {"http": 80, "https": 443}


def is_allowed(hosts: Sequence[str], host: str, port: int) -> bool:
    """Whether one of `hosts` (`api.example.org`, `*.example.org`, `127.0.0.1:8080`) is meant;
    without a port that is 443.
    """
    name = host.lower().rstrip(".")
    for allowed in hosts:
        pattern, _, number = allowed.lower().partition(":")
        if port == int(number or _PORTS["https"]) and fnmatchcase(name, pattern):
            return True
    return False


async def serve(door: socket.socket, hosts: Sequence[str]) -> None:
    """Answer on the port that comes through `door`, until cancelled."""
    await anyio.wait_readable(door)
    _, fds, _, _ = socket.recv_fds(door, 1, 1)
    if not fds:
        return  # the program has ended before
    with socket.socket(fileno=fds[0]) as listener:
        listener.settimeout(0)
        async with anyio.create_task_group() as tasks:
            while True:
                await anyio.wait_readable(listener)
                with contextlib.suppress(BlockingIOError, ConnectionError):
                    tasks.start_soon(_answer, listener.accept()[0], tuple(hosts))


async def _answer(asking: socket.socket, hosts: Sequence[str]) -> None:
    inner = _Stream(asking)
    try:
        with anyio.move_on_after(PATIENCE):
            head, rest = await _head(inner)
            outer = await _connected(inner, head, hosts)
        if outer is None:
            return
        async with outer:
            if rest:
                await outer.send(rest)
            async with anyio.create_task_group() as both:
                both.start_soon(_pass_on, inner, outer)
                await _pass_on(outer, inner)
                both.cancel_scope.cancel()
    except (OSError, ValueError, anyio.BrokenResourceError, anyio.EndOfStream):
        return  # who hangs up is not answered
    finally:
        asking.close()


async def _connected(inner: _Stream, head: bytes, hosts: Sequence[str]) -> ByteStream | None:
    """The host that is asked for; None where the request has been refused."""
    line, _, fields = head.partition(b"\r\n")
    method, target, version = line.decode("latin-1").split(" ")
    url = urlsplit(f"//{target}" if method == "CONNECT" else target)
    port = url.port or _PORTS["https" if method == "CONNECT" else url.scheme or "http"]
    if not url.hostname or not is_allowed(hosts, url.hostname, port):
        await _refuse(inner, 403, f"{url.hostname}:{port} is not among the mission's `hosts`")
        return None
    try:
        outer = await _connect(url.hostname, port)
    except OSError as error:
        await _refuse(inner, 502, f"{url.hostname}:{port} cannot be reached: {error}")
        return None
    if method == "CONNECT":
        await inner.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return outer
    path = url.path or "/"
    first = f"{method} {path}{'?' if url.query else ''}{url.query} {version}\r\n"
    kept = [
        field
        for field in fields.split(b"\r\n")
        if field and not field.lower().startswith((b"connection:", b"proxy-"))
    ]
    # One request for each connection: the next one may be for another host.
    fields = b"\r\n".join((*kept, b"Connection: close"))
    await outer.send(first.encode("latin-1") + fields + _END)
    return outer


async def _connect(host: str, port: int) -> ByteStream:
    """A connection from outside of the box, through the user's proxy where there is one."""
    proxy = urlsplit(getproxies().get("https", ""))
    if not proxy.hostname or proxy_bypass(host):
        return await anyio.connect_tcp(host, port)
    stream = await anyio.connect_tcp(proxy.hostname, proxy.port or 8080)
    secret = ""
    if proxy.username is not None:
        words = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        secret = f"Proxy-Authorization: Basic {b64encode(words.encode()).decode()}\r\n"
    await stream.send(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}\r\n{secret}\r\n".encode())
    head, _ = await _head(stream)
    if head.split(b" ")[1:2] != [b"200"]:
        await stream.aclose()
        raise ConnectionRefusedError(f"the proxy says {head[:100].decode('latin-1')}")
    return stream


async def _refuse(inner: _Stream, status: int, why: str) -> None:
    text = f"orchestrate: {why}\n".encode()
    head = (
        f"HTTP/1.1 {status} Refused\r\nContent-Type: text/plain\r\nContent-Length: {len(text)}\r\n"
    )
    await inner.send(f"{head}Connection: close\r\n\r\n".encode() + text)
    await inner.send_eof()
    # Who is hung up on while it still speaks may not hear what it was told.
    with anyio.move_on_after(DRAIN_SECONDS), contextlib.suppress(anyio.EndOfStream):
        while True:
            await inner.receive()


async def _head(stream: _Stream | ByteStream) -> tuple[bytes, bytes]:
    """What comes before the first empty line, and what has come after it already."""
    data = b""
    while _END not in data:
        data += await stream.receive()
        if len(data) > HEAD_BYTES:
            raise ValueError("too long a head")
    head, _, rest = data.partition(_END)
    return head, rest


async def _pass_on(source: _Stream | ByteStream, target: _Stream | ByteStream) -> None:
    with contextlib.suppress(OSError, anyio.EndOfStream, anyio.BrokenResourceError):
        while True:
            await target.send(await source.receive())
    with contextlib.suppress(OSError, anyio.BrokenResourceError):
        await target.send_eof()


class _Stream:
    """A socket of the box's, which was not made here."""

    def __init__(self, around: socket.socket) -> None:
        self._socket = around
        around.settimeout(0)

    async def receive(self) -> bytes:
        while True:
            try:
                data = self._socket.recv(_CHUNK)
            except BlockingIOError:
                await anyio.wait_readable(self._socket)
            else:
                if not data:
                    raise anyio.EndOfStream
                return data

    async def send(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                await anyio.wait_writable(self._socket)

    async def send_eof(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)
