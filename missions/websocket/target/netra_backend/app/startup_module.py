"""What happens between process start and the first user: agents, WebSocket components, shutdown."""

import logging

from netra_backend.app.agents.supervisor.agent_registry import AgentRegistry
from netra_backend.app.agents.supervisor.execution_factory import ExecutionFactory
from netra_backend.app.agents.supervisor.supervisor_consolidated import SupervisorAgent
from netra_backend.app.agents.tools import SUPERVISOR_TOOLS, TRIAGE_TOOLS
from netra_backend.app.agents.triage_agent import TriageAgent
from netra_backend.app.application import Application
from netra_backend.app.smd import StartupOrchestrator
from netra_backend.app.websocket_core import get_websocket_manager

logger = logging.getLogger(__name__)


async def startup(app: Application) -> None:
    """Bring up everything that a user needs."""
    initialize_agents(app)
    await initialize_websocket(app)


async def shutdown(app: Application) -> None:
    """Take the backend down."""
    await StartupOrchestrator(app).stop()


def initialize_agents(app: Application) -> None:
    """Register the agents and create the factory that executes them."""
    factory = app.state.websocket_bridge_factory
    registry = AgentRegistry()
    registry.register_tools("supervisor", SUPERVISOR_TOOLS)
    registry.register_tools("triage", TRIAGE_TOOLS)
    registry.register("supervisor", lambda: SupervisorAgent(factory, SUPERVISOR_TOOLS))
    registry.register("triage", lambda: TriageAgent(registry))
    registry.set_websocket_manager(get_websocket_manager())
    app.state.agent_registry = registry
    app.state.execution_factory = ExecutionFactory(factory)
    app.state.startup_phases.append("agents")


async def initialize_websocket(app: Application) -> None:
    """Bring up the WebSocket components, with the manager as a safety net."""
    try:
        await StartupOrchestrator(app).run()
    except Exception:
        logger.warning("factory pattern not available, continuing with the manager", exc_info=True)
    # Keep the manager until every caller has moved to the factory.
    app.state.websocket_manager = get_websocket_manager()
    app.state.startup_phases.append("websocket_manager")
