"""The process-wide WebSocket manager.

One instance serves all users, so that any module can reach any browser without being given anything.
"""

import json
import logging
from typing import Any

logger = logging.getLogger(__name__)


class WebSocketManager:
    """All sockets of all users."""

    def __init__(self) -> None:
        self.sockets: dict[str, list[Any]] = {}

    def connect(self, user_id: str, websocket: Any) -> None:
        """Remember a socket."""
        self.sockets.setdefault(user_id, []).append(websocket)

    def disconnect(self, user_id: str, websocket: Any) -> None:
        """Forget a socket."""
        if websocket in self.sockets.get(user_id, []):
            self.sockets[user_id].remove(websocket)

    async def send_to_user(self, user_id: str, message: dict[str, Any]) -> bool:
        """Send to a user's sockets; a message for somebody who is offline is dropped."""
        for websocket in self.sockets.get(user_id, []):
            await websocket.send(json.dumps(message))
        return True

    async def broadcast(self, message: dict[str, Any]) -> None:
        """Send to every socket there is."""
        for user_id in list(self.sockets):
            await self.send_to_user(user_id, message)


_manager_instance: WebSocketManager | None = None


def get_websocket_manager(user_context: Any = None) -> WebSocketManager:
    """The one manager. The user context is accepted for forward compatibility."""
    global _manager_instance
    if _manager_instance is None:
        _manager_instance = WebSocketManager()
    return _manager_instance
