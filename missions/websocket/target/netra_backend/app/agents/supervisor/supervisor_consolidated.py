"""The supervisor: the agent that answers a chat message with the help of its tools."""

import logging
from collections.abc import Mapping

from netra_backend.app.agents.supervisor.tool_dispatcher import ToolDispatcher
from netra_backend.app.agents.tools import Tool
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.services.websocket_bridge_factory import WebSocketBridgeFactory

logger = logging.getLogger(__name__)


class SupervisorAgent:
    """Reads a message with its tools and answers."""

    name = "supervisor"

    def __init__(self, bridge_factory: WebSocketBridgeFactory, tools: Mapping[str, Tool]) -> None:
        self.bridge_factory = bridge_factory
        self.tools = tools

    async def run(self, context: UserExecutionContext, message: str) -> str:
        """The answer to `message`."""
        async with await self._tool_dispatcher(context) as tools:
            words = await tools.dispatch("count_words", text=message)
            summary = await tools.dispatch("summarize", text=message)
        return f"{words} words: {summary}"

    async def _tool_dispatcher(self, context: UserExecutionContext) -> ToolDispatcher:
        dispatcher = ToolDispatcher(self.tools)
        if not dispatcher.has_websocket_support:
            logger.warning("tools of run %s cannot reach the user", context.run_id)
        return dispatcher
