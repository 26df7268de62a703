"""Which agents there are and which tools each may call."""

from collections.abc import Callable, Mapping
from typing import Any

from netra_backend.app.agents.supervisor.tool_dispatcher import ToolDispatcher
from netra_backend.app.agents.tools import Tool
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket_core import get_websocket_manager


class AgentRegistry:
    """Agents and tool sets by name."""

    def __init__(self) -> None:
        self._agents: dict[str, Callable[[], Any]] = {}
        self._dispatchers: dict[str, ToolDispatcher] = {}
        self.websocket_manager: Any = get_websocket_manager()

    def register(self, name: str, agent: Callable[[], Any]) -> None:
        """Make an agent known; `agent` is called for each run."""
        self._agents[name] = agent

    def register_tools(self, name: str, tools: Mapping[str, Tool]) -> None:
        """Make a tool set known."""
        self._dispatchers[name] = ToolDispatcher(tools)

    def create(self, name: str) -> Any:
        """A new agent; raises KeyError when there is none of that name."""
        return self._agents[name]()

    def set_websocket_manager(self, manager: Any) -> None:
        """Say how tools reach the user."""
        # Dispatchers pick the manager up from the process when they need it.
        self.websocket_manager = manager

    def dispatcher_for(self, name: str, context: UserExecutionContext) -> ToolDispatcher:
        """The tool set `name`, for one run of one user."""
        return self._dispatchers[name]
