"""Seeing checks on commits: once for each check and tree, however many ask.

Owns what is known already, in memory and on disk, and the carrying out of what is not: a clean
tree, a clean environment, a log of its own. Whether something that is known is good enough is said
by who asks: a baseline takes anything, a candidate only what makes it pass (rule 7).
"""

from __future__ import annotations

import contextlib
import functools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import overload

import anyio

from orchestrator.errors import EnvironmentRefused
from orchestrator.gates.observing.alignment import aligned, asked_for, compared
from orchestrator.gates.observing.company import Company, is_unclean, told_apart
from orchestrator.gates.observing.evidence import (
    HASH_SEED,
    Evidence,
    check_fingerprint,
    environment_fingerprint,
    variables_digest,
)
from orchestrator.gates.observing.guard import Guard
from orchestrator.gates.observing.joining import joined
from orchestrator.gates.observing.observation import RED, Observation
from orchestrator.gates.observing.restore import Asked, Landing, Original, Restoration, put_into
from orchestrator.gates.observing.runners import RUNNERS, Place
from orchestrator.gates.observing.runners.waiting import PLUGIN, Waiting, start_waiting
from orchestrator.gates.observing.served import run_served
from orchestrator.gates.observing.sighting import Sighting, tests_of
from orchestrator.gates.observing.sources import Ground
from orchestrator.gates.observing.trees import Trees
from orchestrator.isolation.environment import clean_environment
from orchestrator.isolation.processes import NotStarted
from orchestrator.isolation.sandbox import Box
from orchestrator.isolation.secrets import without_secrets
from orchestrator.mission.model import PytestCheck
from orchestrator.services.services import Guest, Services

__all__ = ["Observer", "Sighting"]

ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": HASH_SEED}

SHORT = 5.0
"""Seconds up to which all of a check is run as it would land too. Of a longer one it is only what
is new, where that is modules of tests alone: the others have been judged without them.
"""
Restored = Callable[[str | None, str, Asked], Restoration]
Tells = Callable[[Observation], bool]
BoxOf = Callable[[Path, Path, Path | None, Sequence[Path]], Box]
"""The box for a tree, a home, an interpreter, and what else is to be read in it."""


class Observer:
    """Sees checks on commits, at most as many at once as there are trees; `tag` names its
    processes.

    `restored` says what is put back of what a commit (second) changes since another one, for what
    is asked; `guard` sees whether tests write to what they are judged by; `box` makes what
    checks run in, and `services` are those that they may have beside them.
    """

    def __init__(
        self,
        trees: Trees,
        ground: Ground,
        evidence: Evidence,
        tag: str,
        restored: Restored,
        *,
        guard: Guard,
        box: BoxOf | None = None,
        services: Services | None = None,
    ) -> None:
        self._trees = trees
        self._ground = ground
        self._evidence = evidence
        self._tag = tag
        self._restored = restored
        self._guard = guard
        self._box = box
        self._services = services or Services({}, folder=Path(), tag=tag)
        self._company = Company()
        self._waiting: Waiting | None = None
        self._preparing = anyio.Lock()
        self._known: dict[tuple[str, str], Observation] = {}
        self._turns: defaultdict[tuple[str, str], anyio.Lock] = defaultdict(anyio.Lock)

    @functools.cached_property
    def environment(self) -> str:
        """The fingerprint of what tests run in; found out once."""
        kept_in = " in a box" if self._box is not None else ""
        return environment_fingerprint(self._ground.identity + kept_in)

    def follows(self, path: str) -> bool:
        """Whether a change of this path has what trees are given made anew."""
        return self._ground.follows(path)

    async def see(
        self,
        what: Sighting,
        is_enough: Tells,
        *,
        is_afresh: bool = False,
        is_suspect: Tells | None = None,
    ) -> tuple[Observation, bool]:
        """What is known of it if that is enough, else what is seen now; and whether it was known.

        Two who ask for the same at the same time get the same answer from one run. With `is_afresh`
        what is known is never enough. What `is_suspect` (by default: what is red, and what is not
        enough) and was seen beside another test run is seen again apart from all others.
        """

        def is_doubted(seen: Observation) -> bool:
            return is_unclean(seen) or not is_enough(seen)

        restored = await anyio.to_thread.run_sync(
            self._restored, what.base, what.commit, what.asked
        )
        try:
            key = await self._key(what, restored)
        except EnvironmentRefused as error:
            return Observation(kind=what.check.kind, not_ready=str(error)), False
        async with self._turns[key]:
            known = self._known.get(key)
            if known is None:
                known = await anyio.to_thread.run_sync(
                    self._evidence.observation, *key, self.environment
                )
            if known is not None and not is_afresh and is_enough(known):
                self._known[key] = known
                return known, True
            seen = await self._look(what, key[0], restored, is_suspect or is_doubted)
            if known is not None:
                seen = aligned(seen, known).following(
                    known
                )  # what was red here before is not forgotten when it is green now
            # A machine that could not start the program says nothing about the tree.
            return (
                seen if seen.not_started or seen.is_unable else await self._remember(seen)
            ), False

    async def see_alone(self, what: Sighting, seen: Observation, test_id: str) -> Observation:
        """`seen`, and how one test of it ends when it is run again by itself."""
        check = what.check.model_copy(update={"pytest": (test_id,), "must_turn_green": ()})
        if isinstance(check, PytestCheck):
            check = asked_for(check, seen)
        again = aligned(await self._look_again(replace(what, check=check)), seen)
        found = {test_id: (*seen.alone.get(test_id, ()), again.outcome(test_id))}
        return await self._remember(seen.model_copy(update={"alone": {**seen.alone, **found}}))

    async def see_among(self, what: Sighting, seen: Observation, ids: Iterable[str]) -> Observation:
        """`seen`, and how these tests end when all of the check is run again."""
        again = aligned(await self._look_again(what), seen)
        found = {test_id: (*seen.among.get(test_id, ()), again.outcome(test_id)) for test_id in ids}
        return await self._remember(seen.model_copy(update={"among": {**seen.among, **found}}))

    async def compare_ids(
        self, what: Sighting, seen: Observation, families: tuple[str, ...]
    ) -> Observation:
        """`seen`, and which ids of these families are others when they are run again."""
        again = what
        if isinstance(what.check, PytestCheck):
            part = what.check.model_copy(update={"pytest": families, "must_turn_green": ()})
            again = replace(what, check=part)
        return await self._remember(compared(seen, await self._look_again(again), families))

    async def confirm(self, what: Sighting, seen: Observation, red: tuple[str, ...]) -> Observation:
        """`seen`, which was seen while agents were at work, with what it is apart from other test
        runs. `red` are the tests and files that are to be seen again.

        Those that are red by themselves too are believed. Where one is not, all of the check is run
        again: another test may be what makes it red.
        """
        is_red = False
        if isinstance(what.check, PytestCheck):
            part = what.check.model_copy(update={"pytest": red, "must_turn_green": ()})
            part = asked_for(part, seen)
            again = aligned(await self._look_again(replace(what, check=part), apart=True), seen)
            is_red = all(
                again.outcome(name) in RED or name in again.collection_errors for name in red
            )
        if not is_red:
            again = aligned(await self._look_again(what, apart=True), seen)
            if again.is_whole():
                kept = {"check": seen.check, "alone": seen.alone, "among": seen.among}
                seen = told_apart(seen, again).model_copy(update=kept)
        return await self._remember(seen.model_copy(update={"among_agents": False}))

    async def known(self, what: Sighting) -> Observation | None:
        """What is known of it, red or green; None when it has not been seen."""
        restored = await anyio.to_thread.run_sync(
            self._restored, what.base, what.commit, what.asked
        )
        try:
            key = await self._key(what, restored, is_made=True)
        except EnvironmentRefused:
            return None
        if key is None:
            return None
        known = self._known.get(key)
        return known or await anyio.to_thread.run_sync(
            self._evidence.observation, *key, self.environment
        )

    async def prepare(self, folder: Path) -> None:
        """Have a test process ready for the next check that wants one, started in `folder`."""
        if self._box is not None:
            return  # a box is made for one tree, which nobody knows yet
        async with self._preparing:
            if self._waiting is not None and not self._waiting.is_alive:
                await self.aclose()
            if self._waiting is None:
                with contextlib.suppress(EnvironmentRefused, NotStarted):
                    # It cannot be had when it is needed either, which is told then.
                    found = await anyio.to_thread.run_sync(self._ground.in_advance)
                    if found is not None:
                        await anyio.Path(folder).mkdir(parents=True, exist_ok=True)
                        env = _environment(folder, found.path)
                        self._waiting = await start_waiting(folder, env, self._tag, found.path)

    async def aclose(self) -> None:
        """End what waits in vain."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            await waiting.end()

    def _take_waiting(self, python: Path) -> Waiting | None:
        waiting = self._waiting
        if waiting is None or not waiting.is_alive or waiting.python != python:
            return None  # one that died is buried by `aclose`
        self._waiting = None
        return waiting

    async def note_unstable(self, seen: Observation, ids: Iterable[str]) -> Observation:
        """`seen`, of which these ids are known to change from run to run."""
        known = tuple(dict.fromkeys((*seen.unstable, *ids)))
        if known == seen.unstable:
            return seen
        return await self._remember(seen.model_copy(update={"unstable": known}))

    @overload
    async def _key(self, what: Sighting, restored: Restoration) -> tuple[str, str]: ...

    @overload
    async def _key(
        self, what: Sighting, restored: Restoration, *, is_made: bool
    ) -> tuple[str, str] | None: ...

    async def _key(
        self, what: Sighting, restored: Restoration, *, is_made: bool = False
    ) -> tuple[str, str] | None:
        """What an observation is known by: the check with all that it is carried out with, and the
        tree. None where what the tree is given is not there, and has to be (`is_made`).

        Raises EnvironmentRefused where it cannot be made.
        """
        ground = await self._ground.digest(what.commit, is_made=is_made)
        if ground is None:
            return None
        if what.base is not None:
            # What a candidate's set-up brings is held against the base's.
            with contextlib.suppress(EnvironmentRefused):  # which is the base's own look to tell
                before = await self._ground.digest(what.base, is_made=is_made)
                ground += before if before is not None and before != ground else ""
        more = variables_digest(what.variables) + self._services.digest(what.services)
        return check_fingerprint(what.check, restored.digest + ground + more), what.tree

    async def _remember(self, seen: Observation) -> Observation:
        self._known[seen.check, seen.tree] = seen
        await anyio.to_thread.run_sync(self._evidence.keep, seen)
        return seen

    async def _look_again(self, what: Sighting, *, apart: bool = False) -> Observation:
        restored = await anyio.to_thread.run_sync(
            self._restored, what.base, what.commit, what.asked
        )
        again = replace(what, name=f"{what.name}-again", on_progress=None, among_agents=False)
        if apart:
            return (await self._run_both(again, "", restored, apart=True))[0]
        return await self._look(again, "", restored, is_unclean)

    async def _look(
        self, what: Sighting, fingerprint: str, restored: Restoration, is_suspect: Tells
    ) -> Observation:
        """Carry it out; once more, apart from all others, where it is suspect and met another."""
        seen, has_met = await self._run_both(what, fingerprint, restored)
        if not has_met or not is_suspect(seen):
            return seen
        again = replace(what, name=f"{what.name}-apart")
        return told_apart(seen, (await self._run_both(again, fingerprint, restored, apart=True))[0])

    async def _run_both(
        self, what: Sighting, fingerprint: str, restored: Restoration, *, apart: bool = False
    ) -> tuple[Observation, bool]:
        """Carry it out with the base's test side, and where that says less than all, as it would
        land; and whether another test run went on meanwhile.
        """
        seen, has_met = await self._run(what, fingerprint, restored.originals, apart=apart)
        landing = None if _is_stuck(seen) else restored.landing
        if landing is not None:
            if landing.select and seen.seconds <= SHORT:
                landing = replace(landing, select=None)
            lands, has_met_then = await self._run_landing(what, fingerprint, landing, apart=apart)
            seen, has_met = joined(seen, lands, landing), has_met or has_met_then
        update: dict[str, object] = {"restored": restored.reasons, "put_back": restored.put_back}
        oddities = dict(seen.oddities)
        if restored.shadows:
            oddities["stands_in"] = tuple(f"{it.path} for {it.other}" for it in restored.shadows)
        if what.base is not None and not seen.is_unable:
            may_change = (*what.asked.may_configure, *what.asked.may_change)
            with contextlib.suppress(EnvironmentRefused):
                found = await self._ground.brought(what.base, what.commit, may_change)
                oddities |= {"brought": found} if found else {}
        update["oddities"] = oddities
        return seen.model_copy(update=update), has_met

    async def _run_landing(
        self, what: Sighting, fingerprint: str, landing: Landing, *, apart: bool
    ) -> tuple[Observation, bool]:
        """Carry out as it would land what that look is for."""
        if landing.select == ():
            return Observation(kind=what.check.kind), False
        part = what.check
        if landing.select is not None:
            part = part.model_copy(update={"pytest": landing.select, "must_turn_green": ()})
        return await self._run(
            replace(what, check=part),
            fingerprint,
            landing.originals,
            apart=apart,
            settings_of=tests_of(what.check),
        )

    async def _run(
        self,
        what: Sighting,
        fingerprint: str,
        originals: tuple[Original, ...],
        *,
        apart: bool = False,
        settings_of: tuple[str, ...] = (),
    ) -> tuple[Observation, bool]:
        """Carry it out once; and whether another test run went on meanwhile. The settings are those
        of a run of `settings_of`, if it is another one.
        """
        suffix = "-base.log" if what.base is None else ".log"
        async with self._trees.lend(what.commit) as tree:
            try:
                python = await self._ground.put_into(what.commit, tree.root)
            except EnvironmentRefused as error:
                return Observation(kind=what.check.kind, not_ready=str(error)), False
            if originals:
                await anyio.to_thread.run_sync(put_into, tree.root, originals)
            env = _environment(tree.home, python.path) | what.variables
            log = self._evidence.free(
                "logs/gates", f"{what.subject.gate}-{what.name}-{what.tree[:12]}", suffix
            )
            place = Place(
                root=tree.root,
                scratch=tree.home,
                env=env,
                timeout=what.check.timeout or what.subject.timeout,
                log=log,
                tag=f"{self._tag}/{tree.name}",
                python=python.path,
                take_waiting=functools.partial(self._take_waiting, python.path),
                on_count=what.count,
                box=self._box and self._box(tree.root, tree.home, python.path, (PLUGIN.parent,)),
                settings_of=settings_of,
            )
            async with self._company.enter(apart=apart) as visit:
                before = await anyio.to_thread.run_sync(self._guard.stand, what.commit, tree.root)
                run, guest = RUNNERS[type(what.check)], self._guest(place, tree.name)
                seen = await run_served(run, what, place, self._services, guest)
                if written := await anyio.to_thread.run_sync(before.written):
                    odd = {**seen.oddities, "written": written}
                    seen = seen.model_copy(update={"oddities": odd})
            await self._ground.take_from(tree.root)
        found = without_secrets(seen).model_copy(
            update={
                "check": fingerprint,
                "commit": what.commit,
                "tree": what.tree,
                "environment": self.environment,
                "interpreter": python.told,
                "log": str(log.relative_to(self._evidence.folder)) if log.exists() else "",
                "among_agents": what.among_agents,
            }
        )
        return found, visit.met

    def _guest(self, place: Place, name: str) -> Guest:
        """For whom services run; `name` is the tree's, which nobody else has meanwhile."""
        stem = place.log.stem
        return Guest(
            name=name,
            tree=place.root,
            log=lambda of: self._evidence.free("logs/gates", f"{stem}-{of}", ".log"),
            python=place.python,
            box=place.box,
        )


def _environment(home: Path, python: Path) -> dict[str, str]:
    return clean_environment(home, ENVIRONMENT, python=python)


def _is_stuck(seen: Observation) -> bool:
    """Whether there is no use in another look: the place or the time is what it lacks."""
    return bool(seen.is_unable or seen.not_started or seen.timed_out)
