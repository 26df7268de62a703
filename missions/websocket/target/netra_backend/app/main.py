"""The backend process: a WebSocket server at `/ws` and plain HTTP pages beside it.

`serve_backend` is the one way to start it, for the command line and for tests alike.
"""

import argparse
import asyncio
import importlib.util
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from netra_backend.app.api.websocket import WebSocketGateway
from netra_backend.app.application import Application
from netra_backend.app.config import Settings, load_settings
from netra_backend.app.startup_module import shutdown, startup

logger = logging.getLogger(__name__)

MONITORING = "netra_backend.app.monitoring.websocket_dashboard"


@dataclass(frozen=True)
class RunningBackend:
    """A backend that accepts users at `url`."""

    app: Application
    host: str
    port: int

    @property
    def url(self) -> str:
        """Where browsers connect; a token has to be added as `?token=`."""
        return f"ws://{self.host}:{self.port}/ws"


@asynccontextmanager
async def serve_backend(settings: Settings, port: int | None = None) -> AsyncIterator[RunningBackend]:
    """Start a backend, and stop it on exit. Port 0 lets the system choose one."""
    app = Application(settings)
    gateway = WebSocketGateway(app)
    wanted = settings.port if port is None else port

    def answer_http(connection: ServerConnection, request: Request) -> Response | None:
        return _http_page(app, request)

    # Listen first, so that the load balancer sees the instance as early as possible.
    async with serve(gateway.handle, settings.host, wanted, process_request=answer_http) as server:
        await startup(app)
        _install_monitoring(app)
        bound = server.sockets[0].getsockname()[1]
        try:
            yield RunningBackend(app, settings.host, bound)
        finally:
            await gateway.shutdown()
            await shutdown(app)


def _http_page(app: Application, request: Request) -> Response | None:
    """The page for a plain HTTP request; None lets a WebSocket handshake go on."""
    path = request.path.partition("?")[0]
    if path == "/ws":
        return None
    route = app.http_routes.get(path)
    if route is None:
        status, content_type, body = HTTPStatus.NOT_FOUND, "text/plain", f"no page {path}\n"
    else:
        status, content_type, body = route()
    data = body.encode()
    headers = Headers(
        [
            ("Content-Type", f"{content_type}; charset=utf-8"),
            ("Content-Length", str(len(data))),
            ("Connection", "close"),
        ]
    )
    return Response(status.value, status.phrase, headers, data)


def _install_monitoring(app: Application) -> None:
    """Monitoring is optional: an installation without it has no pages, and works."""
    if importlib.util.find_spec(MONITORING) is None:
        logger.warning("no monitoring installed")
        return
    importlib.import_module(MONITORING).register(app)


async def _serve_forever(environment: str, port: int | None) -> None:
    async with serve_backend(load_settings(environment), port) as backend:
        print(f"listening on {backend.url}", flush=True)
        await asyncio.get_running_loop().create_future()


def main() -> None:
    """Run the backend until it is interrupted."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--environment", default="development")
    parser.add_argument("--port", type=int, help="instead of the configured one; 0 for any free port")
    arguments = parser.parse_args()
    try:
        asyncio.run(_serve_forever(arguments.environment, arguments.port))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
