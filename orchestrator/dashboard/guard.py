"""Who may look, and who may change something.

The server is on loopback, which other users of the machine and pages of other sites reach too. So
whoever looks has come by the address that was printed, whose key a cookie keeps; requests that are
for another host are refused, which a page that has rebound its name sends; and whatever changes
something comes from our own page, with the token that it was given. Nothing of elsewhere is loaded,
and nothing of a run is run.
"""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
LOCAL = ("127.0.0.1", "localhost", "[::1]")


class Keys:
    """What one start of the server gives out: the key of its address, and the token of its pages."""

    def __init__(self) -> None:
        self.key = secrets.token_urlsafe(24)
        self.token = secrets.token_urlsafe(24)


class Guard:
    """In front of all pages; `port` is where the server is reached."""

    def __init__(self, app: ASGIApp, keys: Keys, port: int) -> None:
        self._app = app
        self._keys = keys
        self._cookie = f"orchestrate-{port}"
        self._hosts = {f"{name}:{port}" for name in LOCAL}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._refusal(HTTPConnection(scope), scope["method"])
        await (answer or self._app)(scope, receive, sent)

    def _refusal(self, asked: HTTPConnection, method: str) -> Response | None:
        headers = asked.headers
        if headers.get("host", "") not in self._hosts:
            return _no("this is not the address of the dashboard", 421)
        if same(asked.query_params.get("key", ""), self._keys.key) and method == "GET":
            answer = RedirectResponse(asked.url.path, 303)
            answer.set_cookie(self._cookie, self._keys.key, httponly=True, samesite="strict")
            return answer
        if not same(asked.cookies.get(self._cookie, ""), self._keys.key):
            return _no("open the address that `orchestrate dashboard` printed")
        if method not in ("GET", "HEAD"):
            if not self._is_ours(headers):
                return _no("this came from another page")
            if not same(headers.get("x-token", ""), self._keys.token):
                return _no("this page is of an earlier start; load it again")
        return None

    def _is_ours(self, headers: Headers) -> bool:
        """Whether a page of ours sent it, as far as browsers say; they all say one of the two."""
        origin = headers.get("origin")
        if origin is not None:
            return urlsplit(origin).netloc in self._hosts
        return headers.get("sec-fetch-site") == "same-origin"


def same(given: str, known: str) -> bool:
    """Whether two secrets are one, without telling by the time that it takes."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), known.encode())


def _no(why: str, status: int = 403) -> Response:
    return PlainTextResponse(f"{why}\n", status)
