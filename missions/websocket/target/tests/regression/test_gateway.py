"""What already works and must go on working: connecting, pinging, being refused."""

import asyncio

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.support import TIMEOUT, backend, browser, run


def test_ping_is_answered():
    async def scenario():
        async with backend() as running, browser(running, "alice") as tab:
            assert await tab.fence() == []

    run(scenario())


def test_user_without_token_is_refused():
    async def scenario():
        async with backend() as running, connect(f"{running.url}?token=alice.forged") as socket:
            with pytest.raises(ConnectionClosed) as refused:
                await asyncio.wait_for(socket.recv(), TIMEOUT)
            assert refused.value.rcvd.code == 4401

    run(scenario())


@pytest.mark.parametrize("frame", ['{"type": "dance"}', "{}", "not json"])
def test_bad_frame_is_answered_and_the_connection_survives(frame):
    async def scenario():
        async with backend() as running, browser(running, "alice") as tab:
            await tab.socket.send(frame)
            assert (await tab.until("error"))[-1]["type"] == "error"
            assert await tab.fence() == []

    run(scenario())


def test_unknown_page_is_not_found():
    async def scenario():
        async with backend() as running:
            reader, writer = await asyncio.open_connection(running.host, running.port)
            writer.write(b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n")
            status = await asyncio.wait_for(reader.readline(), TIMEOUT)
            writer.close()
            assert b" 404 " in status

    run(scenario())
