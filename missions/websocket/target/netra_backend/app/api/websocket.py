"""The gateway: browsers connect here, send frames, and get the events of their agents.

Frames from a browser are JSON objects with a `type`: `ping`, or `chat` with a `message` and, optionally,
a `thread_id` and the `agent` to ask.
"""

import asyncio
import json
import logging
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection

from netra_backend.app.application import Application
from netra_backend.app.auth import InvalidToken, verify_token
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.services.websocket_models import EventType
from netra_backend.app.websocket_core import get_websocket_manager

logger = logging.getLogger(__name__)

UNAUTHENTICATED = 4401  # close code: the browser must log in again


class WebSocketGateway:
    """Serves the sockets of one application."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def handle(self, websocket: ServerConnection) -> None:
        """One browser, from connecting to leaving."""
        try:
            user_id = self._authenticate(websocket)
        except InvalidToken:
            await websocket.close(UNAUTHENTICATED, "token refused")
            return
        pool = self.app.state.websocket_connection_pool
        if pool is None:
            get_websocket_manager().connect(user_id, websocket)
        else:
            await pool.attach(user_id, websocket)
        try:
            async for text in websocket:
                await self._on_frame(user_id, websocket, text)
        finally:
            if pool is None:
                get_websocket_manager().disconnect(user_id, websocket)
            else:
                await pool.detach(user_id, websocket)
                await self.app.state.websocket_bridge_factory.contexts.on_disconnect(user_id)

    async def shutdown(self) -> None:
        """Give up the work that browsers have started."""

    def _authenticate(self, websocket: ServerConnection) -> str:
        query = parse_qs(urlsplit(websocket.request.path).query)
        return verify_token(query.get("token", [""])[0], self.app.settings.auth_secret)

    async def _on_frame(self, user_id: str, websocket: ServerConnection, text: str | bytes) -> None:
        try:
            frame = json.loads(text)
            if frame["type"] == "ping":
                await websocket.send(json.dumps({"type": EventType.PONG, "payload": {"id": frame.get("id")}}))
            elif frame["type"] == "chat":
                await self._on_chat(user_id, frame)
            else:
                raise ValueError(f"unknown frame type {frame['type']!r}")
        except Exception as error:
            logger.exception("frame of %s failed", user_id)
            await websocket.send(json.dumps({"type": EventType.ERROR, "payload": {"error": str(error)}}))

    async def _on_chat(self, user_id: str, frame: dict[str, Any]) -> None:
        context = UserExecutionContext(user_id, frame.get("thread_id", "main"), uuid.uuid4().hex)
        manager = await get_websocket_manager(user_context=context)
        agent = self.app.state.agent_registry.create(frame.get("agent", "supervisor"))
        engine = await self.app.state.execution_factory.create_engine(context)
        result = await engine.execute(agent, frame["message"])
        # Every tab shows the thread, so tell all of them; in the background, to answer sooner.
        asyncio.create_task(manager.broadcast({"type": EventType.CHAT_RESPONSE, "payload": {"text": result}}))
