"""`local`: attempts run on this machine, each in a work tree of its own and, at `strict`, in a box."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Self

import anyio
from anyio import to_thread

from orchestrator.agents.backend import Ended, Work
from orchestrator.executors.boxes import Boxes
from orchestrator.executors.furnish import Furnishing
from orchestrator.executors.setup import Setup
from orchestrator.executors.spec import AttemptResult, AttemptSpec, Emit, WorkerLost
from orchestrator.git.client import GitError
from orchestrator.git.workspace import Workspace, Workspaces
from orchestrator.isolation.boxed import BoxFailed
from orchestrator.isolation.own_paths import own_folder, write_anew
from orchestrator.services.services import Guest, ServiceFailed, Services

RESTARTS = 3
"""An agent that ends its own database by mistake goes on with it; whoever does so again and again
goes on without.
"""


class LocalExecutor:
    """Provision a workspace, run the backend in it, capture what it made.

    `briefs`, `logs` and `homes` are folders of the run; `tag_of` makes the mark of an attempt's
    processes from its name; with `boxes` attempts run in these.
    """

    def __init__(
        self,
        workspaces: Workspaces,
        furnishing: Furnishing,
        setup: Setup,
        *,
        briefs: Path,
        logs: Path,
        homes: Path,
        tag_of: Callable[[str], str],
        services: Services,
        boxes: Boxes | None = None,
    ) -> None:
        self._workspaces, self._furnishing, self._setup = workspaces, furnishing, setup
        self._briefs, self._logs, self._homes, self._tag_of = briefs, logs, homes, tag_of
        self._services, self._boxes = services, boxes
        self._provisioning = 0
        self._provisioned = anyio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    async def run(self, spec: AttemptSpec, emit: Emit) -> AttemptResult:
        self._provisioning += 1
        try:
            workspace = await to_thread.run_sync(self._provision, spec)
        except GitError as error:
            raise WorkerLost(
                error.what, where=error.where, mend="see what git says, then resume the run"
            ) from error
        finally:
            self._provisioning -= 1
            provisioned, self._provisioned = self._provisioned, anyio.Event()
            provisioned.set()
        python = (await self._setup.give(spec.base, workspace.path)).path
        home, brief_file = self._homes / spec.home, self._brief_file(spec)
        box = None
        if self._boxes is not None:
            box = self._boxes.box(
                workspace.path,
                home,
                brief=brief_file,
                python=python,
                stands_in_place=bool(self._setup.paths(spec.base)),
            )
        work = Work(
            run=spec.run,
            batch=spec.batch,
            agent=spec.agent,
            attempt=spec.attempt,
            workspace=workspace.path,
            brief=spec.brief,
            brief_file=brief_file,
            mission_dir=spec.mission_dir,
            home=home,
            log=self._logs / f"{spec.name}.log",
            timeout=spec.timeout,
            python=python,
            tag=self._tag_of(spec.name),
            conversation=spec.conversation,
            meter=spec.meter,
            may_change=spec.may_change,
            box=box,
        )
        try:
            ended = await self._work(spec, work, emit)
        except (BoxFailed, ServiceFailed) as error:
            raise WorkerLost(error.what, where=error.where, mend=error.mend) from error
        capture = await to_thread.run_sync(
            lambda: self._workspaces.capture(
                workspace, message=spec.message, when=spec.when, exclude=self._not_work(spec.base)
            )
        )
        return AttemptResult(ended, capture, work.log, work.brief_file)

    async def _work(self, spec: AttemptSpec, work: Work, emit: Emit) -> Ended:
        """With its services beside it, of which nothing is left when its work is captured."""
        guest = Guest(
            name=spec.name,
            tree=work.workspace,
            log=lambda name: self._logs / f"{spec.name}.{name}.log",
            python=work.python,
            box=work.box,
            restarts=RESTARTS,
        )
        async with self._services.beside(spec.services, guest) as beside:
            return await spec.backend.work(replace(work, variables=beside.variables), emit)

    async def salvage(self, name: str, *, base: str, message: str, when: int) -> str | None:
        workspace = await to_thread.run_sync(self._workspaces.find, name)
        if workspace is None or workspace.base != base:
            return None
        capture = await to_thread.run_sync(
            lambda: self._workspaces.capture(
                workspace, message=message, when=when, exclude=self._not_work(base)
            )
        )
        return capture.commit if capture.commit != base else None

    async def release(self, name: str) -> None:
        workspace = await to_thread.run_sync(self._workspaces.find, name)
        if workspace is not None:
            await to_thread.run_sync(self._workspaces.release, workspace)

    async def quiet(self) -> None:
        while self._provisioning:
            await self._provisioned.wait()

    async def prepare(self, count: int, base: str) -> None:
        await self.quiet()
        missing = count - self._workspaces.spares
        if missing > 0:
            await to_thread.run_sync(self._workspaces.prepare, missing, base)
        if count:
            await to_thread.run_sync(self._workspaces.freshen, base)

    def _not_work(self, base: str) -> tuple[str, ...]:
        """What capture leaves out: it was put there before the work began."""
        return (*self._furnishing.paths, *self._setup.paths(base))

    def _brief_file(self, spec: AttemptSpec) -> Path:
        return self._briefs / f"{spec.name}.md"

    def _provision(self, spec: AttemptSpec) -> Workspace:
        for folder in (self._homes, self._homes / spec.home):
            own_folder(folder)
        write_anew(self._brief_file(spec), spec.brief.encode("utf-8", "backslashreplace"))
        workspace = self._workspaces.provision(spec.name, spec.base)
        self._furnishing.put_into(workspace.path)
        return workspace
