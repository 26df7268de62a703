"""The one way out of a box without a network: run in it, before the program of the box.

It opens a port on the box's own loopback, hands that out to the orchestrator, which answers there
(see `proxy`), tells the program where it is, and becomes the program. A program of its own, hence
nothing but the standard library.
"""

from __future__ import annotations

import os
import socket
import sys

_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def main() -> None:
    """The arguments are the descriptor on which the port is handed out, the hosts that need no
    proxy, and the program's.
    """
    descriptor, own, *argv = sys.argv[1:]
    with (
        socket.socket(fileno=int(descriptor)) as door,
        socket.create_server(("127.0.0.1", 0), backlog=128) as port,
    ):
        socket.send_fds(door, [b"+"], [port.fileno()])
        place = f"http://127.0.0.1:{port.getsockname()[1]}"
    for name in _NAMES:
        os.environ[name] = os.environ[name.lower()] = place
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = own
    os.environ["NODE_USE_ENV_PROXY"] = "1"  # without it Node goes its own way
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - it becomes the program
    except OSError as error:
        sys.exit(f"{argv[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
