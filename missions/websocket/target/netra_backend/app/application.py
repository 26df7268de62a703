"""The application object: settings, and the state that start-up fills and everything else reads."""

from types import SimpleNamespace

from netra_backend.app.config import Settings


class Application:
    """One running backend. `state` names every shared component; nothing else is global."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.state = SimpleNamespace(
            websocket_connection_pool=None,
            websocket_bridge_factory=None,
            websocket_manager=None,
            agent_registry=None,
            execution_factory=None,
            startup_phases=[],
        )
        # Plain HTTP pages by path; each is called for the status, the content type and the body.
        self.http_routes: dict = {}
