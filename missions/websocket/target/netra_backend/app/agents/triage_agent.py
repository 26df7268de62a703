"""A small agent that decides what kind of message it was given. It gets its tools from the registry."""

from netra_backend.app.agents.supervisor.agent_registry import AgentRegistry
from netra_backend.app.services.user_execution_context import UserExecutionContext


class TriageAgent:
    """Classifies a message."""

    name = "triage"

    def __init__(self, registry: AgentRegistry) -> None:
        self.registry = registry

    async def run(self, context: UserExecutionContext, message: str) -> str:
        """The kind of `message`, as a sentence."""
        async with self.registry.dispatcher_for("triage", context) as tools:
            kind = await tools.dispatch("classify", text=message)
        return f"This is a {kind}."
