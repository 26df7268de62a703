"""Makes the engines that execute agents."""

from netra_backend.app.agents.supervisor.isolated_execution_engine import IsolatedExecutionEngine
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.services.websocket_bridge_factory import WebSocketBridgeFactory


class ExecutionFactory:
    """Engines, each for one run of one user."""

    def __init__(self, bridge_factory: WebSocketBridgeFactory) -> None:
        self.bridge_factory = bridge_factory
        self._engine: IsolatedExecutionEngine | None = None

    async def create_engine(self, context: UserExecutionContext) -> IsolatedExecutionEngine:
        """An engine for the run."""
        # Engines are expensive to build, so keep the first one.
        if self._engine is None:
            self._engine = IsolatedExecutionEngine(context, emitter=None)
        return self._engine
