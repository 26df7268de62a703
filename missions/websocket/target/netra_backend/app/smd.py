"""Deterministic start-up (SMD): every phase either completes or stops the start.

Owns the order in which the WebSocket components come up. It does not serve sockets; `main` does.
"""

import logging

from netra_backend.app.application import Application
from netra_backend.app.services.websocket_bridge_factory import WebSocketBridgeFactory

logger = logging.getLogger(__name__)


class DeterministicStartupError(Exception):
    """A phase could not complete, so the backend must not accept users."""


class StartupOrchestrator:
    """Brings the WebSocket components of one application up, and down again."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def run(self) -> None:
        """Run all phases in order."""
        await self._initialize_connection_pool()
        self._initialize_bridge_factory()

    async def stop(self) -> None:
        """Undo `run`, in reverse order."""
        self.app.state.websocket_bridge_factory = None

    async def _initialize_connection_pool(self) -> None:
        # The factory creates the pool lazily when the first user connects.
        self.app.state.websocket_connection_pool = None
        self._completed("connection_pool")

    def _initialize_bridge_factory(self) -> None:
        factory = WebSocketBridgeFactory()
        factory.configure(self.app.state.websocket_connection_pool)
        self.app.state.websocket_bridge_factory = factory
        self._completed("bridge_factory")

    def _completed(self, phase: str) -> None:
        self.app.state.startup_phases.append(phase)
        logger.info("start-up phase %s: COMPLETE", phase)
