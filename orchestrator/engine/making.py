"""The engine's tools, made once for a run.

Owns which parts a run is made of. What its agents do not wait for is imported when it is asked for
first, here and nowhere else: the judge, the merger and the parsers take as long as some agents.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from anyio import to_thread

from orchestrator.agents.brief import Briefs
from orchestrator.agents.registry import backends_of, make_backend
from orchestrator.engine.folders import Folders, make_setups, setups, tag_of
from orchestrator.engine.places import seal
from orchestrator.engine.recorder import Recorder
from orchestrator.engine.tools import Tools
from orchestrator.engine.workshop import Workshop
from orchestrator.executors.boxes import Boxes, beside
from orchestrator.executors.furnish import Furnished, Furnishing
from orchestrator.executors.local import LocalExecutor
from orchestrator.executors.setup import Setup
from orchestrator.git.folder import remove_tree
from orchestrator.git.repository import alternates
from orchestrator.git.store import Store
from orchestrator.git.watch import standing, written
from orchestrator.isolation.levels import is_strict
from orchestrator.isolation.secrets import know_of
from orchestrator.journal.events import SetupMade
from orchestrator.merging.contribution import Contribution, Integration
from orchestrator.mission.model import Mission
from orchestrator.mission.scope import Scope
from orchestrator.plan import Plan, make_plan
from orchestrator.services.services import Services

if TYPE_CHECKING:
    from orchestrator.gates.judge import Judge


def make_boxes(mission: Mission, mission_file: Path, folders: Folders, store: Store) -> Boxes:
    """The boxes of what works on the store's commits, for `strict`."""
    mission_dir = mission_file.resolve().parent
    own = [folders.root / "reports", folders.root / "workspaces", mission_file]
    return Boxes(
        mission.defaults,
        mission_dir,
        alternates(store.path / "objects"),
        beside(mission, mission_dir, [place.resolve() for place in own]),
    )


@contextlib.asynccontextmanager
async def make_tools(
    recorder: Recorder, folders: Folders, workshop: Callable[[], Workshop]
) -> AsyncIterator[Tools]:
    """Everything the engine works with; made so that a kill at any point of it is repeated
    harmlessly by a resume.
    """
    started = recorder.state.started
    mission, mission_dir = started.mission, Path(started.mission_dir)
    template = mission_dir / mission.brief_template if mission.brief_template else None
    backends = {name: make_backend(name, mission, mission_dir) for name in backends_of(mission)}
    briefs = Briefs(mission, template)
    made = await to_thread.run_sync(workshop)
    store, workspaces, repository = made.store, made.workspaces, made.repository
    try:
        await to_thread.run_sync(repository.pin, folders.run, started.base)
        before = await to_thread.run_sync(standing, repository)
        furnishing = Furnishing(repository, started.base, mission.workspace)
        boxes = None
        if is_strict(started.isolation):
            file = Path(started.mission_file)
            boxes = await to_thread.run_sync(make_boxes, mission, file, folders, store)
        setup = make_setup(
            mission,
            folders,
            made,
            furnishing,
            boxes=boxes,
            on_made=lambda seconds: recorder.emit(SetupMade(seconds=round(seconds, 3))),
        )
        executor = LocalExecutor(
            workspaces,
            furnishing,
            setup,
            briefs=folders.briefs,
            logs=folders.logs,
            homes=folders.homes,
            tag_of=lambda name: tag_of(folders, name),
            boxes=boxes,
            services=make_services(mission, folders, "attempts"),
        )
        briefs.scopes = await to_thread.run_sync(_scopes, recorder.state.plan, store, started.base)
        tools = Tools(
            recorder=recorder,
            folders=folders,
            store=store,
            executor=executor,
            call_judge=partial(make_judge, mission, folders, made, furnishing, setup, boxes=boxes),
            integrate=partial(_integrate, store),
            checkout=partial(_checkout, Furnished(workspaces, furnishing)),
            briefs=briefs,
            backends=backends,
            mission_dir=mission_dir,
            written=lambda: written(before, standing(repository)),
            scopes=briefs.scopes,
        )
        async with executor, contextlib.aclosing(tools):
            await to_thread.run_sync(made.wait_until_filled)
            yield tools
    finally:
        store.close()


def make_setup(
    mission: Mission,
    folders: Folders,
    workshop: Workshop,
    furnishing: Furnishing,
    *,
    boxes: Boxes | None = None,
    on_made: Callable[[float], object] = lambda seconds: None,  # noqa: ARG005
) -> Setup:
    """What prepares work trees; its results are kept for all runs."""
    return Setup(
        mission.workspace,
        workshop.store,
        Furnished(workshop.workspaces, furnishing),
        cache=(make_setups if mission.workspace.setup else setups)(folders.root),
        logs=folders.logs,
        home=folders.homes,
        tag=tag_of(folders, "setup"),
        timeout=mission.defaults.gate_timeout,
        seal=seal() if mission.workspace.setup else None,
        boxes=boxes,
        on_made=on_made,
    )


def make_services(mission: Mission, folders: Folders, whose: str) -> Services:
    """What runs beside attempts or gates; each has its own folder for their private ones, without
    what a killed orchestrator left there.
    """
    place, tag = folders.workspaces / f".{whose[0]}", tag_of(folders, f"service/{whose}")
    remove_tree(place)
    return Services(mission.services, folder=place, tag=tag)


def make_judge(
    mission: Mission,
    folders: Folders,
    workshop: Workshop,
    furnishing: Furnishing,
    setup: Setup | None = None,
    *,
    boxes: Boxes | None = None,
) -> Judge:
    """The judge of what the workshop's store holds; its evidence goes below `folders.report`."""
    from orchestrator.gates.judge import Judge

    know_of(mission)
    return Judge(
        checkouts=Furnished(workshop.workspaces, furnishing),
        commits=workshop.store,
        reports=folders.report,
        home=folders.homes,
        tag=tag_of(folders, "gate"),
        protect=mission.workspace.protect,
        ground=setup or make_setup(mission, folders, workshop, furnishing, boxes=boxes),
        parallel=mission.defaults.gate_parallel,
        scopes=[agent.scope for agent in make_plan(mission).agents],
        seal=seal(),
        box=boxes.judging if boxes else None,
        services=make_services(mission, folders, "gates"),
    )


def _checkout(trees: Furnished, name: str, commit: str) -> Path:
    return trees.checkout(name, commit).path


def _integrate(
    store: Store, tip: str, contributions: Sequence[Contribution], *, message: str, when: int
) -> Integration:
    from orchestrator.merging.integrate import integrate

    return integrate(store, tip, contributions, message=message, when=when)


def _scopes(plan: Plan, store: Store, base: str) -> dict[str, Scope]:
    scopes = {agent.id: agent.scope for agent in plan.agents}
    if not any(entry.line for scope in scopes.values() for entry in scope.entries):
        return scopes
    from orchestrator.engine.outlines import outlines_of

    outlines = outlines_of(
        scopes.values(), store.paths(base), partial(store.read, base), lines_only=True
    )
    return {id: scope.resolved(outlines) for id, scope in scopes.items()}
