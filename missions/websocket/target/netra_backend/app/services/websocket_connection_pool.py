"""The connections of all users, by user. Owns who is connected; it knows nothing of agents or events' meaning."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from netra_backend.app.services.websocket_models import DeliveryStatus, WebSocketEvent

if TYPE_CHECKING:
    from netra_backend.app.services.websocket_bridge_factory import UserWebSocketConnection

DeliveryListener = Callable[[WebSocketEvent, DeliveryStatus], None]


class WebSocketConnectionPool:
    """One `UserWebSocketConnection` per user, whether or not a browser is open at the moment.

    `connection_class` is called with a user id and the listener for deliveries. Times are in seconds.
    """

    def __init__(
        self,
        connection_class: "Callable[[str, DeliveryListener], UserWebSocketConnection]",
        health_interval: float = 15.0,
        ping_timeout: float = 5.0,
    ) -> None:
        self.health_interval = health_interval
        self.ping_timeout = ping_timeout
        self._connection_class = connection_class
        self._connections: dict[str, UserWebSocketConnection] = {}
        self._listeners: list[DeliveryListener] = []
        self._monitoring = False

    def __iter__(self) -> "Iterator[UserWebSocketConnection]":
        return iter(list(self._connections.values()))

    def acquire(self, user_id: str) -> "UserWebSocketConnection":
        """The user's connection: the same one for everybody who asks."""
        if user_id not in self._connections:
            self._connections[user_id] = self._connection_class(user_id, self._notify)
        return self._connections[user_id]

    async def attach(self, user_id: str, websocket: Any) -> "UserWebSocketConnection":
        """A browser of the user has connected."""
        connection = self.acquire(user_id)
        await connection.attach(websocket)
        return connection

    async def detach(self, user_id: str, websocket: Any) -> None:
        """A browser of the user has gone."""
        await self.acquire(user_id).detach(websocket)

    def add_listener(self, listener: DeliveryListener) -> None:
        """Call `listener` with every event of every user and what became of it."""
        self._listeners.append(listener)

    def _notify(self, event: WebSocketEvent, status: DeliveryStatus) -> None:
        for listener in self._listeners:
            listener(event, status)

    async def start_health_monitoring(self) -> None:
        """Watch the sockets. The load balancer drops dead peers, so there is nothing to do here."""
        self._monitoring = True

    async def stop_health_monitoring(self) -> None:
        """Stop watching."""
        self._monitoring = False

    def health(self) -> dict[str, Any]:
        """The state of the pool, for operators."""
        return {"status": "healthy", "monitoring": True}
