"""The services of a mission, as an attempt or a check has them: its own, for as long as it needs them.

Owns the order of starting and ending, what each is given that nobody else has (a port, the name of
a database, a folder), and that nothing of it is left. How one of them gets ready is `running`'s.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
from anyio import CancelScope, to_thread
from anyio.abc import TaskGroup

from orchestrator.errors import EnvironmentRefused
from orchestrator.git.folder import remove_tree
from orchestrator.isolation.environment import (
    NAMES,
    clean_environment,
    path_of_agents,
    temporary_of,
)
from orchestrator.isolation.own_paths import own_folder
from orchestrator.isolation.sandbox import Box
from orchestrator.mission.model import Mission, Service
from orchestrator.services.ports import reserve
from orchestrator.services.running import PortTaken, Running, ServiceFailed, Setting, begin, failed
from orchestrator.services.users import as_plain_user, box_user
from orchestrator.services.wanted import (
    Given,
    Values,
    digest_of,
    in_order,
    programs_of,
    users_of,
)

NEWS_SECONDS = 0.1
"""How long word of an end may take from a keeper."""
PORTS_TRIED = 5
"""How often a service is begun on another port, because somebody else took the last one."""


@dataclass(slots=True)
class Beside:
    """What runs beside somebody: `variables` tell where it is found."""

    variables: dict[str, str] = field(default_factory=dict)
    failure: str = ""
    """Which service ended too soon, and how; the first one."""
    on_failure: Callable[[], None] = lambda: None
    """Called then."""
    running: list[Running] = field(default_factory=list)

    async def settle(self) -> None:
        """Wait until it is known of each service whether it has ended, for who was just disturbed
        by that.
        """
        if self.running:
            await anyio.sleep(NEWS_SECONDS)
        for running in self.running:
            await running.until_told()

    def fail(self, what: str) -> None:
        """Note that a service has ended."""
        self.failure = self.failure or what
        self.on_failure()


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """For whom services run: `name` is nobody else's of the run at the same time, `tree` the work
    tree that they run in, `python` what they call so, `log` where the log of one of them is.
    """

    name: str
    tree: Path
    log: Callable[[str], Path]
    python: Path | None = None
    box: Box | None = None
    """The box that they run in, as the guest does; each has a home of its own in it."""
    restarts: int = 0
    """How often a service is started again that ends by itself."""


class Services:
    """Those of one run. `folder` is where their private folders are made, `tag` marks their
    processes.
    """

    def __init__(self, services: Mapping[str, Service], *, folder: Path, tag: str) -> None:
        self._services = services
        self._folder = folder
        self._tag = tag

    def digest(self, names: Iterable[str]) -> str:
        """The same for what is run beside a check in the same way; empty where that is nothing."""
        return digest_of(self._services, names)

    @asynccontextmanager
    async def beside(self, names: Iterable[str], guest: Guest) -> AsyncIterator[Beside]:
        """These services, ready, with those that they need; ended with the context, in the reverse
        order. Raises ServiceFailed where one cannot be had.

        One that ends by itself later, for good, is noted and told; it is for the guest to stop.
        """
        beside = Beside()
        order = in_order(self._services, names)
        if not order:
            yield beside
            return
        # Short: of the name of a socket, 108 bytes are all that there is.
        folder = self._folder / hashlib.sha256(guest.name.encode()).hexdigest()[:8]
        await to_thread.run_sync(_made_anew, self._folder, folder)
        try:
            async with _company() as tasks, AsyncExitStack() as stack:
                start = _Start(self._services, folder, self._tag, guest, beside, tasks, stack)
                for name in order:
                    await start.one(name)
                yield beside
        finally:
            with CancelScope(shield=True):
                await to_thread.run_sync(remove_tree, folder)


@dataclass(slots=True)
class _Start:
    """The starting of services, one after another; what is to be undone is on the `stack`."""

    services: Mapping[str, Service]
    folder: Path
    tag: str
    guest: Guest
    beside: Beside
    tasks: TaskGroup
    stack: AsyncExitStack
    given: dict[str, Given] = field(default_factory=dict)

    async def one(self, name: str) -> None:
        """Start one, on the first port that nobody else takes."""
        setting = None
        for _ in range(PORTS_TRIED):
            port = await to_thread.run_sync(reserve)
            try:
                setting = await to_thread.run_sync(self._setting, name, port.number)
                running = await begin(setting, self.tasks, self.beside.fail)
            except PortTaken:
                port.close()
                continue
            except BaseException:
                port.close()
                raise
            self.stack.callback(port.close)
            if running is not None:
                self.stack.push_async_callback(_stop, running)
                self.beside.running.append(running)
            self.beside.variables |= setting.values.variables(setting.service)
            return
        assert setting is not None
        raise failed(
            setting,
            f"found its port taken by somebody else {PORTS_TRIED} times",
            "end what takes ports without asking, or have the command listen on {{port}} alone",
        )

    def _setting(self, name: str, port: int) -> Setting:
        service, guest = self.services[name], self.guest
        home = own_folder(self.folder / name)
        # In its home, which is all that it may write to in a box.
        self.given[name] = Given(port, f"o{secrets.token_hex(8)}", home / "data")
        values = Values(name, dict(self.given), guest.tree)
        known = {**self.beside.variables, **values.variables(service)}
        box = guest.box
        if box is not None:
            user = box_user(may_be_root=service.root)
            box = replace(box, home=home, temporary=temporary_of(home), brief=None, user=user)
        return Setting(
            name=name,
            service=service,
            values=values,
            env=clean_environment(home, known, python=guest.python),
            log=guest.log(name),
            tag=f"{self.tag}/{guest.name}/{name}",
            restarts=guest.restarts,
            box=box,
            prefix=() if box is not None or service.root else as_plain_user(),
        )


def missing_programs(mission: Mission, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Programs of services that are not on this machine, by service; what a set-up may bring is not
    asked for.
    """
    if mission.workspace.setup or mission.workspace.python:
        return {}
    path = path_of_agents()
    found: dict[str, tuple[str, ...]] = {}
    for name in in_order(mission.services, names):
        absent = [
            program
            for program in dict.fromkeys(programs_of(mission.services[name]))
            if program not in NAMES and not _is_here(program, path)
        ]
        if absent:
            found[name] = tuple(absent)
    return found


def require_programs(mission: Mission) -> tuple[str, ...]:
    """The services that somebody has. Raises EnvironmentRefused where one cannot be started here."""
    used = [name for name in mission.services if any(users_of(mission, name))]
    if missing := missing_programs(mission, used):
        told = "; ".join(f"{name} needs {', '.join(them)}" for name, them in missing.items())
        raise EnvironmentRefused(
            f"services cannot be started here: {told}, which is not on PATH",
            mend="install it, name it by its path, or have `workspace.setup` make it",
        )
    return tuple(used)


def _is_here(program: str, path: str) -> bool:
    if "/" in program:  # what is relative is in the work tree
        return not program.startswith("/") or Path(program).exists()
    return shutil.which(program, path=path) is not None


async def _stop(running: Running) -> None:
    with CancelScope(shield=True):
        await running.stop()


def _made_anew(parent: Path, folder: Path) -> None:
    remove_tree(folder)  # what a killed orchestrator left there
    own_folder(parent)
    own_folder(folder)


@asynccontextmanager
async def _company() -> AsyncIterator[TaskGroup]:
    """A task group whose tasks raise nothing, so that what is raised beside them needs no
    wrapping.
    """
    try:
        async with anyio.create_task_group() as tasks:
            yield tasks
    except BaseExceptionGroup as group:
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from group.exceptions[0].__cause__
        raise


__all__ = ["Beside", "Guest", "ServiceFailed", "Services", "missing_programs", "require_programs"]
