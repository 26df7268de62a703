"""`dashboard`: all runs in a browser."""

from __future__ import annotations

import socket
import webbrowser
from typing import Annotated

import typer

from orchestrator.cli.options import HERE, Root
from orchestrator.errors import EnvironmentRefused


def register(app: typer.Typer) -> None:
    """Add this module's verb."""
    app.command()(dashboard)


def dashboard(
    root: Root = HERE,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where it listens; 0 takes a free one.")
    ] = 0,
    open_: Annotated[bool, typer.Option("--open", help="Show it in a browser as well.")] = False,
) -> None:
    """All runs in a browser, live: whose turn it is, and what to answer.

    It listens on this machine alone, and lets in whoever has the address that is printed, which is another one each
    time. Approvals and answers to agents can be given there. Ctrl-C ends it; runs go on.
    """
    try:
        import uvicorn  # an extra, as what it serves

        from orchestrator.dashboard.app import make_app
        from orchestrator.dashboard.guard import Keys
    except ImportError as error:
        raise EnvironmentRefused(
            f"the dashboard's libraries are not installed ({error.name})",
            mend="install them: pip install 'orchestrate-missions[dashboard]'",
        ) from error
    keys = Keys()
    with _listening(port) as door:
        taken = door.getsockname()[1]
        address = f"http://127.0.0.1:{taken}/?key={keys.key}"
        config = uvicorn.Config(
            make_app(root.absolute(), keys, taken),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        typer.echo(f"{address}\nCtrl-C ends it.")
        if open_ and not webbrowser.open(address):
            typer.echo("no browser was found; open the address", err=True)
        uvicorn.Server(config).run(sockets=[door])


def _listening(port: int) -> socket.socket:
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind(("127.0.0.1", port))
    except OSError as error:
        door.close()
        raise EnvironmentRefused(
            f"port {port} cannot be had: {error.strerror}", mend="take another one, or 0"
        ) from error
    return door
