"""Executes one agent for one user, and tells the user when it starts and how it ends."""

import logging
from typing import Any, Protocol

from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.services.user_websocket_emitter import UserWebSocketEmitter

logger = logging.getLogger(__name__)


class Agent(Protocol):
    """What an engine can execute."""

    name: str

    async def run(self, context: UserExecutionContext, message: str) -> str:
        """Do the work and answer."""


class IsolatedExecutionEngine:
    """One run. Holds nothing that another user could see."""

    def __init__(self, context: UserExecutionContext, emitter: UserWebSocketEmitter | None) -> None:
        self.context = context
        self.emitter = emitter

    async def execute(self, agent: Agent, message: str) -> str:
        """Run the agent and return its answer; raises what the agent raises."""
        await self._notify("agent_started", agent.name)
        await self._notify("agent_thinking", agent.name, f"reading: {message}")
        result = await agent.run(self.context, message)
        await self._notify("agent_completed", agent.name, result)
        return result

    async def _notify(self, event: str, *details: Any) -> None:
        try:
            await getattr(self._websocket_emitter, event)(*details)
        except AttributeError:
            # No emitter yet; events are best effort.
            logger.debug("event %s skipped", event)
