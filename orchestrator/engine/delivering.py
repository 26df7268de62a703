"""How a message reaches people: a command below a keeper, a POST to a webhook, the desktop.

Owns what each of these is given and what is said of how it went. It raises nothing: whatever goes
wrong is a text. Blocking, each call in a thread of its own.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

import anyio
from pydantic import BaseModel, ConfigDict

from orchestrator.errors import EnvironmentRefused
from orchestrator.isolation.environment import clean_environment, is_there
from orchestrator.isolation.processes import NotStarted, ProcessSpec, run_process
from orchestrator.mission.model import Notify

DESKTOP = "notify-send"
_OF_THE_DESKTOP = (
    *("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"),
)
OUTPUT_BYTES = 64 * 1024


class Message(BaseModel):
    """What is told, and the JSON of it. `text` is one line for people, as chats want it; `at` is
    UTC. `batch` may be empty, `exit_code` is there at the end of a run.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    event: str
    text: str
    mission: str
    run: str
    batch: str = ""
    exit_code: int | None = None
    report: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where commands are at work: the mission's folder, a private home, a log, their mark."""

    mission_dir: Path
    home: Path
    log: Path
    tag: str


def name_of(notify: Notify) -> str:
    """What a way is called where a secret must not be."""
    if notify.command is not None:
        return f"command {notify.command.argv[0]}"
    if notify.desktop:
        return "desktop"
    return f"webhook {urlsplit(notify.webhook or '').hostname or notify.webhook}"


def deliver(notify: Notify, place: Callable[[], Place], message: Message) -> str:
    """Send it, within the time that there is for it; what came of it. Only commands need a place."""
    try:
        if notify.webhook is not None:
            return _within(notify.timeout, lambda: _post(notify, message))
        return _run(notify, place(), message)
    except Exception as error:  # noqa: BLE001 - a message that cannot be sent ends nothing
        return f"failed: {type(error).__name__}: {error}"


def lacking(notify: Notify) -> EnvironmentRefused | None:
    """Why nobody can be told that way here; None where nothing speaks against it."""
    if names := [name for name in notify.variables if not os.environ.get(name)]:
        return EnvironmentRefused(
            f"notify: the variable {names[0]} of {name_of(notify)} is not set",
            mend=f"export {names[0]}, or take that way of `notify:` out",
        )
    program = DESKTOP if notify.desktop else notify.command.argv[0] if notify.command else ""
    if program and not is_there(program, notify.env.of(os.environ).get("PATH")):
        return EnvironmentRefused(
            f"notify: {program} is not on PATH",
            mend="install it (notify-send: the package `libnotify-bin`), or name another way"
            if notify.desktop
            else "install it, or name a path; a relative one begins at the mission's folder",
        )
    return None


def _run(notify: Notify, place: Place, message: Message) -> str:
    stdin: bytes | None = message.model_dump_json().encode()
    said = {
        f"ORCHESTRATE_{name.upper()}": "" if value is None else str(value)
        for name, value in message.model_dump(exclude={"at"}).items()
    }
    if notify.command is not None:
        argv, given = notify.command.argv, {**said, **notify.env.of(os.environ)}
    else:
        title = f"orchestrate: {message.event}"
        argv = (DESKTOP, "--app-name=orchestrate", "--", title, message.text)
        stdin, given = None, {n: os.environ[n] for n in _OF_THE_DESKTOP if n in os.environ}
    spec = ProcessSpec(
        argv=argv,
        cwd=place.mission_dir,
        env=clean_environment(place.home, given),
        timeout=notify.timeout,
        log=place.log,
        log_limit=OUTPUT_BYTES,
        tag=place.tag,
        stdin=stdin,
    )
    try:
        ended = anyio.run(run_process, spec)
    except NotStarted as error:
        return f"failed: could not be started: {error}"
    if ended.timed_out:
        return f"failed: still running after {spec.timeout:g} s"
    if ended.code:
        last = next((line for line in reversed(ended.tail.splitlines()) if line.strip()), "")
        return f"failed: exit {ended.code}{f': {last.strip()[:200]}' if last else ''}"
    return "told"


def _within(seconds: float, send: Callable[[], str]) -> str:
    """What `send` says; it is left to itself where that takes longer: a name that is not resolved
    and an answer that comes letter by letter know no time limit of their own.
    """
    said: queue.SimpleQueue[str] = queue.SimpleQueue()

    def work() -> None:
        try:
            said.put(send())
        except Exception as error:  # noqa: BLE001 - said, like any other failure
            said.put(f"failed: {type(error).__name__}: {error}")

    threading.Thread(target=work, name="webhook", daemon=True).start()
    try:
        return said.get(timeout=seconds)
    except queue.Empty:
        return f"failed: no answer in {seconds:g} s"


def _value(text: str) -> str:
    return Template(text).safe_substitute(os.environ)


def _post(notify: Notify, message: Message) -> str:
    # They take as long to import as a small run takes to start.
    from urllib.error import HTTPError, URLError
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class Staying(HTTPRedirectHandler):
        """A message goes where the mission says, and nowhere else."""

        def redirect_request(self, *_: object) -> None:
            return None

    address = _value(notify.webhook or "")
    headers = {name: _value(text) for name, text in notify.headers.items()}
    if urlsplit(address).scheme not in ("http", "https"):
        return f"failed: {notify.webhook} holds no address of http or https"
    request = Request(  # noqa: S310 - of http or https, as was just seen
        address,
        data=message.model_dump_json().encode(),
        headers={"Content-Type": "application/json", "User-Agent": "orchestrate", **headers},
        method="POST",
    )
    try:
        with build_opener(Staying).open(request, timeout=notify.timeout) as answer:
            return f"answered {answer.status}"
    except HTTPError as error:
        return f"failed: answered {error.code} {error.reason}"
    except (URLError, OSError, ValueError) as error:
        return f"failed: {getattr(error, 'reason', None) or error}"
