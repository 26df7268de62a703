"""The contexts of the runs that are under way: found by run, dropped when nobody needs them any more."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from netra_backend.app.services.user_execution_context import UserExecutionContext

if TYPE_CHECKING:
    from netra_backend.app.services.websocket_bridge_factory import UserWebSocketContext


class WebSocketContextManager:
    """Run contexts. All emitters of a run share one, so that the run has one order of events."""

    def __init__(self, context_class: "Callable[[UserExecutionContext, Any], UserWebSocketContext]") -> None:
        self._context_class = context_class
        self._contexts: dict[str, UserWebSocketContext] = {}

    def __len__(self) -> int:
        return len(self._contexts)

    def obtain(self, identity: UserExecutionContext, connection: Any) -> "UserWebSocketContext":
        """The context of the run, made on first use. Every `obtain` needs a `release`."""
        context = self._contexts.get(identity.run_id)
        if context is None:
            context = self._contexts[identity.run_id] = self._context_class(identity, connection)
        context.emitters += 1
        return context

    async def release(self, context: "UserWebSocketContext") -> None:
        """One user of the context is done with it."""
        context.emitters -= 1

    async def on_disconnect(self, user_id: str) -> None:
        """The user's last browser has gone."""
