"""Acceptance of batch 1, core infrastructure: an emitted event reaches the browser of its user.

One class for each piece of work, and one for all of it together.
"""

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve

from netra_backend.app.services.factory_adapter import FactoryAdapter
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.services.websocket_bridge_factory import (
    UserWebSocketConnection,
    UserWebSocketContext,
    WebSocketBridgeFactory,
)
from netra_backend.app.services.websocket_connection_pool import WebSocketConnectionPool
from netra_backend.app.services.websocket_context_manager import WebSocketContextManager
from netra_backend.app.services.websocket_errors import (
    ContextClosedError,
    EmitterClosedError,
    FactoryConfigurationError,
    InvalidUserContextError,
)
from netra_backend.app.services.websocket_models import DeliveryStatus, EventType, WebSocketEvent
from tests.support import TIMEOUT, backend, browser, eventually, identity, read, run, socket_pair, types


def event(text: str, user_id: str = "alice") -> WebSocketEvent:
    return WebSocketEvent(type=EventType.AGENT_THINKING, user_id=user_id, payload={"thought": text})


def thoughts(frames: list[dict]) -> list[str]:
    return [frame["payload"]["thought"] for frame in frames if frame["type"] == "agent_thinking"]


class RecordingConnection:
    """A connection whose browser is this list; it can be made to fail."""

    def __init__(self) -> None:
        self.received: list[WebSocketEvent] = []
        self.broken = False

    async def send_event(self, event: WebSocketEvent) -> DeliveryStatus:
        await asyncio.sleep(0)  # let others in between, as a socket does
        if self.broken:
            raise ConnectionError("broken on purpose")
        self.received.append(event)
        return DeliveryStatus.DELIVERED


class TestConnectionPool:
    """Agent 1.1"""

    def test_startup_creates_the_pool(self):
        async def scenario():
            async with backend() as running:
                assert isinstance(running.app.state.websocket_connection_pool, WebSocketConnectionPool)

        run(scenario())

    def test_pool_is_reachable_through_app_state_and_knows_its_users(self):
        async def scenario():
            async with backend() as running, browser(running, "alice"):
                pool = running.app.state.websocket_connection_pool
                assert pool is not None
                assert pool.acquire("alice").is_connected
                assert not pool.acquire("bob").is_connected

        run(scenario())

    def test_health_monitoring_is_active_until_shutdown(self):
        async def scenario():
            async with backend() as running, browser(running, "alice"):
                pool = running.app.state.websocket_connection_pool
                assert pool is not None
                health = pool.health()
                assert (health["status"], health["monitoring"]) == ("healthy", True)
                assert (health["connected_users"], health["sockets"]) == (1, 1)
            assert pool.health()["monitoring"] is False

        run(scenario())

    def test_monitoring_evicts_a_browser_that_does_not_answer(self):
        async def scenario():
            pool = WebSocketConnectionPool(UserWebSocketConnection, health_interval=0.02, ping_timeout=0.2)
            async with mute_peer(pool):
                await pool.start_health_monitoring()
                assert pool.health().get("sockets") == 1
                connection = pool.acquire("mute")
                await eventually(lambda: not connection.is_connected, "the mute browser is evicted")
                assert pool.health()["evicted"] == 1
                await pool.stop_health_monitoring()

        run(scenario())


class TestFactoryConfiguration:
    """Agent 1.2"""

    def test_none_is_refused(self):
        factory = WebSocketBridgeFactory()
        with pytest.raises(FactoryConfigurationError):
            factory.configure(None)
        assert not factory.is_configured

    @pytest.mark.parametrize(
        "wrong", ["pool", {}, object(), WebSocketConnectionPool], ids=["text", "dict", "object", "class"]
    )
    def test_what_is_not_a_pool_is_refused(self, wrong):
        with pytest.raises(FactoryConfigurationError):
            WebSocketBridgeFactory().configure(wrong)

    def test_pool_cannot_be_exchanged_under_running_emitters(self):
        factory, pool = WebSocketBridgeFactory(), WebSocketConnectionPool(UserWebSocketConnection)
        factory.configure(pool)
        factory.configure(pool)
        with pytest.raises(FactoryConfigurationError):
            factory.configure(WebSocketConnectionPool(UserWebSocketConnection))
        assert factory.connection_pool is pool

    def test_adapter_uses_the_factory_of_the_application(self):
        async def scenario():
            async with backend() as running:
                state = running.app.state
                assert FactoryAdapter(state).bridge_factory() is state.websocket_bridge_factory

        run(scenario())

    def test_adapter_says_when_the_application_has_no_pool(self):
        async def scenario():
            async with backend() as running:
                running.app.state.websocket_bridge_factory = None
                running.app.state.websocket_connection_pool = None
                with pytest.raises(FactoryConfigurationError):
                    FactoryAdapter(running.app.state).bridge_factory()

        run(scenario())


class TestUserConnection:
    """Agent 1.3"""

    def test_event_goes_over_the_socket(self):
        async def scenario():
            async with socket_pair() as (server, client):
                connection = UserWebSocketConnection("alice")
                await connection.attach(server)
                assert await connection.send_event(event("hello")) is DeliveryStatus.DELIVERED
                await server.close()
                frames = [json.loads(frame) async for frame in client]
            assert types(frames) == ["connection_established", "agent_thinking"]
            assert frames[1]["payload"] == {"thought": "hello"}
            assert frames[1]["user_id"] == "alice"

        run(scenario())

    def test_events_for_an_offline_user_wait_in_order(self):
        async def scenario():
            connection = UserWebSocketConnection("alice")
            for number in range(5):
                assert await connection.send_event(event(str(number))) is DeliveryStatus.QUEUED
            assert connection.pending == 5
            async with socket_pair() as (server, client):
                await connection.attach(server)
                assert connection.pending == 0
                assert thoughts(await read(client, 6)) == ["0", "1", "2", "3", "4"]

        run(scenario())

    def test_event_for_a_socket_that_has_gone_waits(self):
        async def scenario():
            connection = UserWebSocketConnection("alice")
            async with socket_pair() as (server, client):
                await connection.attach(server)
                await client.close()
                await server.wait_closed()
                assert await connection.send_event(event("late")) is DeliveryStatus.QUEUED
            assert not connection.is_connected
            assert connection.pending == 1

        run(scenario())

    def test_listener_learns_what_became_of_each_event(self):
        async def scenario():
            fates = []
            connection = UserWebSocketConnection("alice", lambda event, status: fates.append(status))
            await connection.send_event(event("early"))
            assert fates == [DeliveryStatus.QUEUED]
            async with socket_pair() as (server, client):
                await connection.attach(server)
                await connection.send_event(event("now"))
                await read(client, 3)
            assert fates == [DeliveryStatus.QUEUED, DeliveryStatus.DELIVERED, DeliveryStatus.DELIVERED]

        run(scenario())


class TestUserEmitter:
    """Agent 1.4"""

    def test_emitter_uses_the_connection_of_the_pool(self):
        async def scenario():
            factory, pool = configured()
            emitter = await factory.create_user_emitter(identity())
            assert emitter.connection is pool.acquire("alice")

        run(scenario())

    @pytest.mark.parametrize(
        "user_id",
        ["", "  ", "None", "null", "anonymous", None],
        ids=["empty", "blank", "None-as-text", "null", "anonymous", "None"],
    )
    def test_context_without_a_user_is_refused(self, user_id):
        async def scenario():
            factory, _ = configured()
            with pytest.raises(InvalidUserContextError):
                await factory.create_user_emitter(UserExecutionContext(user_id, "main", "run-1"))

        run(scenario())

    def test_factory_without_pool_makes_no_emitter(self):
        async def scenario():
            with pytest.raises(FactoryConfigurationError):
                await WebSocketBridgeFactory().create_user_emitter(identity())

        run(scenario())

    def test_lifecycle(self):
        async def scenario():
            factory, _ = configured()
            emitter = await factory.create_user_emitter(identity())
            assert factory.emitters == {emitter}
            async with emitter:
                await emitter.agent_started("supervisor")
            assert emitter.closed
            assert factory.emitters == set()
            with pytest.raises(EmitterClosedError):
                await emitter.agent_started("supervisor")
            await emitter.close()  # closing twice is harmless

        run(scenario())


class TestRunContext:
    """Agent 1.5"""

    def test_published_events_are_routed_in_order_and_numbered(self):
        async def scenario():
            connection = RecordingConnection()
            context = UserWebSocketContext(identity(), connection)
            await asyncio.gather(*(context.publish(event(str(number))) for number in range(20)))
            assert [each.sequence for each in connection.received] == list(range(1, 21))
            assert [each.payload["thought"] for each in connection.received] == [str(n) for n in range(20)]
            assert not context.event_queue

        run(scenario())

    def test_event_is_kept_when_the_connection_fails(self):
        async def scenario():
            connection = RecordingConnection()
            context = UserWebSocketContext(identity(), connection)
            connection.broken = True
            await context.publish(event("first"))
            assert len(context.event_queue) == 1
            connection.broken = False
            await context.publish(event("second"))
            assert [each.payload["thought"] for each in connection.received] == ["first", "second"]

        run(scenario())

    def test_cleanup_empties_and_closes(self):
        async def scenario():
            connection = RecordingConnection()
            context = UserWebSocketContext(identity(), connection)
            connection.broken = True
            await context.publish(event("first"))
            connection.broken = False
            await context.cleanup()
            assert [each.payload["thought"] for each in connection.received] == ["first"]
            with pytest.raises(ContextClosedError):
                await context.publish(event("too late"))

        run(scenario())

    def test_same_run_id_of_two_users_is_two_contexts(self):
        contexts = WebSocketContextManager(UserWebSocketContext)
        alice = contexts.obtain(identity("alice", "run-1"), RecordingConnection())
        bob = contexts.obtain(identity("bob", "run-1"), RecordingConnection())
        assert alice is not bob
        assert contexts.obtain(identity("alice", "run-1"), RecordingConnection()) is alice

    def test_context_is_dropped_with_its_last_emitter(self):
        async def scenario():
            contexts = WebSocketContextManager(UserWebSocketContext)
            context = contexts.obtain(identity(), RecordingConnection())
            contexts.obtain(identity(), RecordingConnection())
            await contexts.release(context)
            assert len(contexts) == 1
            await contexts.release(context)
            assert len(contexts) == 0
            assert context.closed

        run(scenario())

    def test_disconnect_routes_what_is_left_and_touches_nobody_else(self):
        async def scenario():
            contexts = WebSocketContextManager(UserWebSocketContext)
            mine, theirs = RecordingConnection(), RecordingConnection()
            context, other = (
                contexts.obtain(identity("alice"), mine),
                contexts.obtain(identity("bob"), theirs),
            )
            mine.broken = theirs.broken = True
            await context.publish(event("kept", "alice"))
            await other.publish(event("kept", "bob"))
            mine.broken = theirs.broken = False
            await contexts.on_disconnect("alice")
            assert [each.user_id for each in mine.received] == ["alice"]
            assert theirs.received == []

        run(scenario())


class TestTogether:
    """Batch 1 as a whole, over the gateway."""

    def test_events_reach_their_user_in_order(self):
        async def scenario():
            async with (
                backend() as running,
                browser(running, "alice") as alice,
                browser(running, "bob") as bob,
            ):
                emitter = await FactoryAdapter(running.app.state).create_user_emitter(
                    "alice", "main", "run-1"
                )
                await emitter.agent_started("supervisor")
                for number in range(10):
                    await emitter.agent_thinking("supervisor", str(number))
                await emitter.agent_completed("supervisor", "done")
                frames = await alice.fence()
                assert types(frames) == ["agent_started", *["agent_thinking"] * 10, "agent_completed"]
                assert [frame["sequence"] for frame in frames] == list(range(1, 13))
                assert {frame["user_id"] for frame in frames} == {"alice"}
                assert await bob.fence() == []

        run(scenario())

    def test_events_of_an_absent_user_arrive_when_they_return(self):
        async def scenario():
            async with backend() as running:
                async with browser(running, "alice") as before:
                    emitter = await FactoryAdapter(running.app.state).create_user_emitter(
                        "alice", "main", "run-1"
                    )
                    await emitter.agent_thinking("supervisor", "here")
                    assert thoughts(await before.fence()) == ["here"]
                connection = running.app.state.websocket_connection_pool.acquire("alice")
                await eventually(lambda: not connection.is_connected, "the backend notices that alice left")
                await emitter.agent_thinking("supervisor", "away")
                await emitter.agent_thinking("supervisor", "still away")
                async with browser(running, "alice") as after:
                    assert thoughts(after.greeting) == ["away", "still away"]

        run(scenario())

    def test_every_tab_of_a_user_sees_the_events(self):
        async def scenario():
            async with (
                backend() as running,
                browser(running, "alice") as one,
                browser(running, "alice") as two,
            ):
                emitter = await FactoryAdapter(running.app.state).create_user_emitter(
                    "alice", "main", "run-1"
                )
                await emitter.agent_started("supervisor")
                assert types(await one.fence()) == types(await two.fence()) == ["agent_started"]

        run(scenario())


def configured() -> tuple[WebSocketBridgeFactory, WebSocketConnectionPool]:
    factory, pool = WebSocketBridgeFactory(), WebSocketConnectionPool(UserWebSocketConnection)
    factory.configure(pool)
    return factory, pool


@asynccontextmanager
async def mute_peer(pool: WebSocketConnectionPool) -> AsyncIterator[None]:
    """A browser that shakes hands and then never answers anything, attached to the pool as user `mute`."""
    attached = asyncio.Event()

    async def handler(websocket: ServerConnection) -> None:
        await pool.attach("mute", websocket)
        attached.set()
        await websocket.wait_closed()

    async with serve(handler, "127.0.0.1", 0, ping_interval=None, close_timeout=0.1) as server:
        host, port = server.sockets[0].getsockname()[:2]
        _, writer = await asyncio.open_connection(host, port)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ["GET /ws HTTP/1.1", f"Host: {host}:{port}", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
        writer.write("\r\n".join(lines).encode())
        await asyncio.wait_for(attached.wait(), TIMEOUT)
        try:
            yield
        finally:
            writer.close()
