"""Executing a tool: plainly, or enhanced so that the user sees each call and each answer."""

import logging
from typing import TYPE_CHECKING, Any

from netra_backend.app.agents.tools import Tool
from netra_backend.app.services.user_websocket_emitter import UserWebSocketEmitter
from netra_backend.app.websocket_core import get_websocket_manager

if TYPE_CHECKING:
    from netra_backend.app.agents.supervisor.tool_dispatcher import ToolDispatcher

logger = logging.getLogger(__name__)


class ToolExecutionEngine:
    """Calls the tool, nothing more."""

    async def execute(self, name: str, tool: Tool, arguments: dict[str, Any]) -> Any:
        """The tool's result."""
        return tool(**arguments)


class EnhancedToolExecutionEngine(ToolExecutionEngine):
    """Tells the user about each call, before and after it."""

    def __init__(self, emitter: UserWebSocketEmitter | None = None) -> None:
        self.emitter = emitter or _ManagerEmitter()

    async def execute(self, name: str, tool: Tool, arguments: dict[str, Any]) -> Any:
        """The tool's result; a failure is reported to the user and raised."""
        await self.emitter.tool_executing(name, arguments)
        try:
            result = await super().execute(name, tool, arguments)
        except Exception as error:
            await self.emitter.tool_completed(name, None, error=str(error))
            raise
        await self.emitter.tool_completed(name, result)
        return result


class _ManagerEmitter:
    """Stands in for an emitter where there is none: speaks through the manager."""

    async def tool_executing(self, tool: str, arguments: dict[str, Any]) -> None:
        await self._broadcast("tool_executing", {"tool": tool, "arguments": arguments})

    async def tool_completed(self, tool: str, result: Any, error: str | None = None) -> None:
        await self._broadcast("tool_completed", {"tool": tool, "result": result, "error": error})

    async def _broadcast(self, event_type: str, payload: dict[str, Any]) -> None:
        try:
            manager = await get_websocket_manager()
            await manager.broadcast({"type": event_type, "payload": payload})
        except TypeError:
            logger.debug("%s not sent", event_type)


def enhance_tool_dispatcher(dispatcher: "ToolDispatcher", manager: Any) -> "ToolDispatcher":
    """Make a dispatcher tell the user about its tools."""
    dispatcher.websocket_enhanced = True
    return dispatcher
