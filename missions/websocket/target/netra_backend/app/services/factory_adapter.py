"""For code that has an application but not its parts: reach the bridge factory through `app.state`."""

from types import SimpleNamespace

from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.services.user_websocket_emitter import UserWebSocketEmitter
from netra_backend.app.services.websocket_bridge_factory import WebSocketBridgeFactory


class FactoryAdapter:
    """The bridge factory of an application, configured on first use."""

    def __init__(self, state: SimpleNamespace) -> None:
        self.state = state

    def bridge_factory(self) -> WebSocketBridgeFactory:
        """The application's factory."""
        factory = WebSocketBridgeFactory()
        factory.configure(getattr(self.state, "connection_pool", None))
        return factory

    async def create_user_emitter(self, user_id: str, thread_id: str, run_id: str) -> UserWebSocketEmitter:
        """An emitter from plain ids, as older callers have them."""
        return await self.bridge_factory().create_user_emitter(
            UserExecutionContext(user_id, thread_id, run_id)
        )
