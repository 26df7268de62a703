"""Finds a tool by its name and has it executed."""

from collections.abc import Mapping
from typing import Any, Self

from netra_backend.app.agents.enhanced_tool_execution_engine import ToolExecutionEngine
from netra_backend.app.agents.tools import Tool
from netra_backend.app.services.user_websocket_emitter import UserWebSocketEmitter


class UnknownToolError(LookupError):
    """No tool of that name is registered with the dispatcher."""


class ToolDispatcher:
    """The tools that one agent run may call. Use it as a context: leaving it ends the run's use of tools."""

    def __init__(self, tools: Mapping[str, Tool], emitter: UserWebSocketEmitter | None = None) -> None:
        self.tools = dict(tools)
        self.executor = ToolExecutionEngine()
        self.websocket_enhanced = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        return None

    @property
    def has_websocket_support(self) -> bool:
        """Whether the user sees what the tools do."""
        return hasattr(self, "executor")

    async def dispatch(self, name: str, **arguments: Any) -> Any:
        """Call the tool `name`; raises UnknownToolError, and whatever the tool raises."""
        if name not in self.tools:
            raise UnknownToolError(f"no tool {name!r}; there are {', '.join(sorted(self.tools))}")
        return await self.executor.execute(name, self.tools[name], arguments)
