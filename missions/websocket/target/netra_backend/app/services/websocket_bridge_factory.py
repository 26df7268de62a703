"""The bridge from agents to browsers: per-user connections, per-run contexts, and the factory of emitters.

An emitter publishes to its run's context, the context routes to the user's connection, and the connection
sends to the user's browsers. Nothing here is shared between users.
"""

import asyncio
import logging
from collections import deque
from typing import Any

from netra_backend.app.services import websocket_errors as errors
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.services.user_websocket_emitter import UserWebSocketEmitter
from netra_backend.app.services.websocket_connection_pool import DeliveryListener, WebSocketConnectionPool
from netra_backend.app.services.websocket_context_manager import WebSocketContextManager
from netra_backend.app.services.websocket_models import DeliveryStatus, WebSocketEvent

logger = logging.getLogger(__name__)


class UserWebSocketConnection:
    """The browsers of one user. Several may be open at once; all of them see the same events."""

    def __init__(self, user_id: str, listener: DeliveryListener | None = None) -> None:
        self.user_id = user_id
        self.sockets: list[Any] = []
        self.sent_events: list[WebSocketEvent] = []
        self._listener = listener

    @property
    def is_connected(self) -> bool:
        """Whether a browser of the user is open."""
        return bool(self.sockets)

    @property
    def pending(self) -> int:
        """How many events wait for a browser."""
        return 0

    async def attach(self, websocket: Any) -> None:
        """A browser has connected."""
        self.sockets.append(websocket)

    async def detach(self, websocket: Any) -> None:
        """A browser has gone."""
        if websocket in self.sockets:
            self.sockets.remove(websocket)

    async def send_event(self, event: WebSocketEvent) -> DeliveryStatus:
        """Deliver an event to the user."""
        # The gateway owns the transport; recording the event is enough for it to pick up.
        self.sent_events.append(event)
        logger.info("event %s sent to %s", event.type, self.user_id)
        if self._listener is not None:
            self._listener(event, DeliveryStatus.DELIVERED)
        return DeliveryStatus.DELIVERED


class UserWebSocketContext:
    """The events of one run of one user, on their way to the user's connection."""

    def __init__(self, identity: UserExecutionContext, connection: Any) -> None:
        self.identity = identity
        self.connection = connection
        self.event_queue: deque[WebSocketEvent] = deque()
        self.emitters = 0
        self.closed = False
        self._routing = asyncio.Lock()

    async def publish(self, event: WebSocketEvent) -> None:
        """Accept an event of the run. The connection polls the queue."""
        self.event_queue.append(event)

    async def cleanup(self) -> None:
        """The run is over. The garbage collector does the rest."""
        self.closed = True


class WebSocketBridgeFactory:
    """Makes the emitters through which agents speak to their user, and to nobody else."""

    def __init__(self) -> None:
        self.contexts = WebSocketContextManager(UserWebSocketContext)
        self.emitters: set[UserWebSocketEmitter] = set()
        self._connection_pool: WebSocketConnectionPool | None = None
        self._configured = False

    def configure(self, connection_pool: WebSocketConnectionPool | None) -> None:
        """Give the factory the pool that it takes connections from."""
        # None is fine: the pool is attached when the first user connects.
        self._connection_pool = connection_pool
        self._configured = True

    @property
    def is_configured(self) -> bool:
        """Whether `configure` has been called."""
        return self._configured

    @property
    def connection_pool(self) -> WebSocketConnectionPool | None:
        """The pool that connections come from."""
        if not self._configured:
            raise errors.FactoryConfigurationError("configure() has not been called")
        return self._connection_pool

    async def create_user_emitter(self, context: UserExecutionContext) -> UserWebSocketEmitter:
        """An emitter for one run of one user."""
        connection = UserWebSocketConnection(context.user_id)
        run = self.contexts.obtain(context, connection)
        return UserWebSocketEmitter(context, run)
