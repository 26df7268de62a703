"""What an agent holds to tell its user what it is doing."""

from typing import TYPE_CHECKING, Any

from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.services.websocket_models import EventType, WebSocketEvent

if TYPE_CHECKING:
    from netra_backend.app.services.websocket_bridge_factory import UserWebSocketContext


class UserWebSocketEmitter:
    """Publishes events of one run. The user is fixed when the emitter is made; a caller cannot choose one."""

    def __init__(self, identity: UserExecutionContext, run: "UserWebSocketContext") -> None:
        self.identity = identity
        self.run = run

    @property
    def connection(self) -> Any:
        """The connection that this emitter's events end up in."""
        return self.run.connection

    async def emit(self, event_type: EventType, **payload: Any) -> None:
        """Publish one event."""
        await self.run.publish(
            WebSocketEvent(
                type=event_type,
                user_id=self.identity.user_id,
                thread_id=self.identity.thread_id,
                run_id=self.identity.run_id,
                payload=payload,
            )
        )

    async def agent_started(self, agent: str) -> None:
        """The agent has begun."""
        await self.emit(EventType.AGENT_STARTED, agent=agent)

    async def agent_thinking(self, agent: str, thought: str) -> None:
        """The agent says what it is about to do."""
        await self.emit(EventType.AGENT_THINKING, agent=agent, thought=thought)

    async def tool_executing(self, tool: str, arguments: dict[str, Any]) -> None:
        """A tool has been called."""
        await self.emit(EventType.TOOL_EXECUTING, tool=tool, arguments=arguments)

    async def tool_completed(self, tool: str, result: Any, error: str | None = None) -> None:
        """A tool has answered, or failed with `error`."""
        await self.emit(EventType.TOOL_COMPLETED, tool=tool, result=result, error=error)

    async def agent_completed(self, agent: str, result: str) -> None:
        """The agent is done."""
        await self.emit(EventType.AGENT_COMPLETED, agent=agent, result=result)

    async def agent_failed(self, agent: str, error: str) -> None:
        """The agent gave up."""
        await self.emit(EventType.AGENT_FAILED, agent=agent, error=error)

    async def close(self) -> None:
        """The run is over."""
