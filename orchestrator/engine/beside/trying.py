"""Services that agents will have beside them, started on the base before anybody is paid.

Those of gates are tried by the gates. Owns which are left, and where they are started.
"""

from __future__ import annotations

from collections.abc import Mapping

from anyio import to_thread

from orchestrator.engine.folders import Folders
from orchestrator.engine.making import make_services, make_setup
from orchestrator.engine.workshop import Workshop
from orchestrator.errors import EnvironmentRefused
from orchestrator.executors.boxes import Boxes
from orchestrator.executors.furnish import Furnished, Furnishing
from orchestrator.mission.model import Mission
from orchestrator.plan import make_plan
from orchestrator.services.services import Guest
from orchestrator.services.wanted import in_order, users_of

TREE = "services"


async def try_services(
    mission: Mission,
    folders: Folders,
    workshop: Workshop,
    furnishing: Furnishing,
    base: str,
    *,
    boxes: Boxes | None = None,
) -> Mapping[str, str]:
    """What agents have beside them and cannot be had here, by name, each with the reason."""
    found: dict[str, str] = {}
    wanted = dict.fromkeys(agent.services for agent in make_plan(mission).agents)
    of_gates = {name for name in mission.services if _is_of_gates(mission, name)}
    left = [names for names in wanted if not of_gates.issuperset(in_order(mission.services, names))]
    if not left:
        return found
    setup = make_setup(mission, folders, workshop, furnishing, boxes=boxes)
    trees = Furnished(workshop.workspaces, furnishing)
    tree = (await to_thread.run_sync(trees.checkout, TREE, base)).path
    services = make_services(mission, folders, "attempts")
    for names in left:
        try:
            python = (await setup.give(base, tree)).path
            box = boxes.judging(tree, folders.homes / TREE, python, ()) if boxes else None
            guest = Guest(
                name=TREE,
                tree=tree,
                log=lambda name: folders.logs / f"{TREE}.{name}.log",
                python=python,
                box=box,
            )
            async with services.beside(names, guest):
                pass
        except EnvironmentRefused as error:
            found[", ".join(names)] = " ".join(str(error).split())
    return found


def _is_of_gates(mission: Mission, name: str) -> bool:
    used = {f"gate {batch.gate}" for batch in mission.batches}
    return not used.isdisjoint(users_of(mission, name))
