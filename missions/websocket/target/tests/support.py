"""What the tests share: a running backend, browsers that speak to it, and waiting without guessing.

No fixed ports, no sleeping for luck: a `fence` (a ping and its pong) tells when everything that was sent
before it has arrived, and every wait ends with an error after `TIMEOUT` seconds.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from itertools import count
from typing import Any
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from netra_backend.app.auth import issue_token
from netra_backend.app.config import load_settings
from netra_backend.app.main import RunningBackend, serve_backend
from netra_backend.app.services.user_execution_context import UserExecutionContext

TIMEOUT = 20.0
Frame = dict[str, Any]


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run one asynchronous test; a test that hangs fails."""

    async def bounded() -> None:
        await asyncio.wait_for(test, 2 * TIMEOUT)

    asyncio.run(bounded())


def identity(user_id: str = "alice", run_id: str = "run-1") -> UserExecutionContext:
    """The identity of a run."""
    return UserExecutionContext(user_id, "main", run_id)


async def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait until `condition` holds; fails with `what` when it never does."""
    deadline = asyncio.get_running_loop().time() + TIMEOUT
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, f"never happened: {what}"
        await asyncio.sleep(0.005)


class Browser:
    """One open tab of one user."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.greeting: list[Frame] = []
        self._pings = count(1)

    async def send(self, **frame: Any) -> None:
        """Send a frame."""
        await self.socket.send(json.dumps(frame))

    async def receive(self) -> Frame:
        """The next frame."""
        return json.loads(await asyncio.wait_for(self.socket.recv(), TIMEOUT))

    async def until(self, event_type: str) -> list[Frame]:
        """All frames up to and with the first of `event_type`; an unexpected error frame fails the test."""
        frames: list[Frame] = []
        while not frames or frames[-1]["type"] != event_type:
            frames.append(await self.receive())
            assert event_type == "error" or frames[-1]["type"] != "error", frames[-1]
        return frames

    async def fence(self) -> list[Frame]:
        """All frames that the backend sent before it saw our ping."""
        ping = next(self._pings)
        await self.send(type="ping", id=ping)
        frames: list[Frame] = []
        while not frames or frames[-1]["type"] != "pong":
            frames.append(await self.receive())
        assert frames[-1]["payload"] == {"id": ping}
        return frames[:-1]

    async def chat(self, message: str, **fields: Any) -> list[Frame]:
        """Send a chat message and take part in its run until the response."""
        await self.send(type="chat", message=message, **fields)
        return await self.until("chat_response")


def types(frames: list[Frame]) -> list[str]:
    """The types of frames, in order."""
    return [frame["type"] for frame in frames]


@asynccontextmanager
async def backend(environment: str = "development") -> AsyncIterator[RunningBackend]:
    """A running backend on a port of its own."""
    async with serve_backend(load_settings(environment), port=0) as running:
        yield running


@asynccontextmanager
async def browser(running: RunningBackend, user_id: str) -> AsyncIterator[Browser]:
    """A tab of `user_id`, connected and known to the backend."""
    token = quote(issue_token(user_id, running.app.settings.auth_secret))
    async with connect(f"{running.url}?token={token}") as socket:
        tab = Browser(socket)
        tab.greeting = await tab.fence()
        yield tab


@asynccontextmanager
async def socket_pair() -> AsyncIterator[tuple[ServerConnection, ClientConnection]]:
    """Both ends of a real WebSocket."""
    accepted: asyncio.Future[ServerConnection] = asyncio.get_running_loop().create_future()

    async def keep_open(websocket: ServerConnection) -> None:
        accepted.set_result(websocket)
        await websocket.wait_closed()

    async with serve(keep_open, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}") as client:
            yield await asyncio.wait_for(accepted, TIMEOUT), client


async def read(client: ClientConnection, number: int) -> list[Frame]:
    """The next `number` frames that a client receives."""
    return [json.loads(await asyncio.wait_for(client.recv(), TIMEOUT)) for _ in range(number)]
