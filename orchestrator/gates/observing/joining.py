"""Two looks at one candidate made one observation: its product with the base's test side, and the
candidate as it would land.

Owns which of the two is believed of a test. What was there before is judged by the base's test
side, and must pass as it would land too; a module of tests that is new or may be changed is judged
as it would land. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from orchestrator.gates.observing.observation import GREEN, RED, Observation, RecordState, TestSeen
from orchestrator.gates.observing.restore import Landing
from orchestrator.gates.observing.selection import path_of

WORST = (
    RecordState.DAMAGED,
    RecordState.UNREADABLE,
    RecordState.TRUNCATED,
    RecordState.MISSING,
    RecordState.COMPLETE,
    RecordState.NONE,
)


def joined(side: Observation, lands: Observation, landing: Landing) -> Observation:
    """One observation of two: `side` with the base's test side, `lands` as it would land."""
    if side.not_started or side.is_unable or side.timed_out:
        return side
    if lands.not_started or lands.is_unable or lands.timed_out:
        return lands.model_copy(update={"command": side.command or lands.command})

    words = _words(side, lands, landing)

    def is_told(name: str) -> bool:
        """Whether the second look speaks of it."""
        return landing.select is None or _is_of(name, landing)

    errors = {
        name: text for name, text in side.collection_errors.items() if not _is_of(name, landing)
    }
    errors |= {name: text for name, text in lands.collection_errors.items() if is_told(name)}
    state = min((side.record, lands.record), key=WORST.index)
    code, reported, tail = _exit(side, lands)
    main = side if side.exit_code is not None else lands
    red_of_landing = any(test.outcome in RED for test in lands.tests.values())
    made = main.model_copy(
        update={
            "command": side.command or lands.command,
            "seconds": round(side.seconds + lands.seconds, 3),
            "record": state,
            "exit_code": code,
            "reported_exit": reported,
            "problem": side.problem or lands.problem,
            "tail": tail,
            "log": lands.log if red_of_landing and not _has_red(side) else main.log,
            "absent": tuple(name for name in side.absent if name in lands.absent)
            if landing.select is None
            else tuple(name for name in side.absent if name not in landing.select),
            "tests": words.tests,
            "on_base_side": words.on_base_side,
            "as_it_lands": words.as_it_lands,
            "not_run": tuple(dict.fromkeys((*side.not_run, *filter(is_told, lands.not_run)))),
            "deselected": tuple(
                dict.fromkeys((*side.deselected, *filter(is_told, lands.deselected)))
            ),
            "collection_errors": errors,
            "oddities": {
                kind: tuple(
                    dict.fromkeys((*side.oddities.get(kind, ()), *lands.oddities.get(kind, ())))
                )
                for kind in (*side.oddities, *lands.oddities)
            },
            "was_repeated_apart": side.was_repeated_apart or lands.was_repeated_apart,
            "disturbed": (*side.disturbed, *lands.disturbed),
        }
    )
    return _without_old_exit(made) if _agrees(side) and _agrees(lands) else made


@dataclass(slots=True)
class _Words:
    """What is believed of tests; see the fields of `Observation`."""

    tests: dict[str, TestSeen] = field(default_factory=dict)
    on_base_side: dict[str, TestSeen] = field(default_factory=dict)
    as_it_lands: dict[str, TestSeen] = field(default_factory=dict)


def _words(side: Observation, lands: Observation, landing: Landing) -> _Words:
    words = _Words()
    for test_id, then in side.tests.items():
        now = lands.tests.get(test_id)
        if _is_of(test_id, landing):
            _take_landed(words, test_id, then, now or _moved(test_id, lands, landing), landing)
        elif now is None and landing.select is None:
            words.on_base_side[test_id] = then  # it would land gone
        elif now is None or (then.outcome in GREEN) == (now.outcome in GREEN):
            words.tests[test_id] = then
        elif then.outcome in GREEN:
            words.tests[test_id] = now  # it would land broken
        else:
            words.tests[test_id] = then
            if landing.is_shared:
                words.as_it_lands[test_id] = now
    for test_id, now in lands.tests.items():
        if test_id not in side.tests and (landing.select is None or _is_of(test_id, landing)):
            words.tests[test_id] = now
    if landing.select is None:  # in the order in which they would land
        order = dict.fromkeys((*lands.tests, *words.tests))
        words.tests = {name: words.tests[name] for name in order if name in words.tests}
    return words


def _take_landed(
    words: _Words, test_id: str, then: TestSeen, now: TestSeen | None, landing: Landing
) -> None:
    """Believe what is said of a test in a module that may be changed."""
    if path_of(test_id) in landing.moved and then.outcome in GREEN:
        words.tests[test_id] = then  # where it was it would pass too
        return
    if now is not None:
        words.tests[test_id] = now
    if now is None or (now.outcome in GREEN) != (then.outcome in GREEN):
        words.on_base_side[test_id] = then


def _moved(test_id: str, lands: Observation, landing: Landing) -> TestSeen | None:
    """What is said of a test in the place where it went."""
    path = path_of(test_id)
    to = landing.moved.get(path)
    return lands.tests.get(to + test_id.removeprefix(path)) if to else None


def _is_of(name: str, landing: Landing) -> bool:
    """Whether a test, or what cannot be collected, is of a module that is new or may be changed."""
    path = path_of(name)
    if path in landing.files:
        return True
    dotted = {file.rpartition(".")[0].replace("/", ".") for file in landing.files}
    return not dotted.isdisjoint(_modules(path))


def _modules(name: str) -> Iterator[str]:
    """What the first part of an id may be in, where it is a dotted name, as in JUnit reports."""
    while name and "/" not in name:
        yield name
        name = name.rpartition(".")[0]


def settled(seen: Observation, may_land: Callable[[str], bool]) -> Observation:
    """The same, where the tests that are red with the base's test side, and that `may_land` is true
    of, are taken as they would land.
    """
    taken = {name: test for name, test in seen.as_it_lands.items() if may_land(name)}
    if not taken:
        return seen
    was = {name: seen.tests[name] for name in taken if name in seen.tests}
    update = {
        "tests": {**seen.tests, **taken},
        "on_base_side": {**seen.on_base_side, **was},
        "as_it_lands": {n: test for n, test in seen.as_it_lands.items() if n not in taken},
    }
    made = seen.model_copy(update=update)
    return _without_old_exit(made) if _has_red(seen) else made


def _has_red(seen: Observation) -> bool:
    return bool(seen.collection_errors) or any(test.outcome in RED for test in seen.tests.values())


def _agrees(seen: Observation) -> bool:
    """Whether its exit status is what its tests say; nothing ran is no contradiction of two
    looks.
    """
    if seen.exit_code is None or (seen.exit_code == 5 and not seen.tests):
        return True
    return seen.exit_code == int(_has_red(seen)) and seen.reported_exit in (None, seen.exit_code)


def _exit(side: Observation, lands: Observation) -> tuple[int | None, int | None, str]:
    """The exit status of both, what was reported of it, and the end of the output."""
    for seen in (side, lands):
        if not _agrees(seen):
            return seen.exit_code, seen.reported_exit, seen.tail
    ran = [seen for seen in (side, lands) if seen.exit_code not in (None, 5)]
    if not ran:
        main = side if side.exit_code is not None else lands
        return main.exit_code, main.reported_exit, main.tail
    worst = max(ran, key=lambda seen: seen.exit_code or 0)
    return worst.exit_code, worst.reported_exit, worst.tail


def _without_old_exit(seen: Observation) -> Observation:
    """The same; where nothing is red any more, what was has made no exit status."""
    if seen.exit_code == 1 and seen.reported_exit in (None, 1) and not _has_red(seen):
        reported = None if seen.reported_exit is None else 0
        return seen.model_copy(update={"exit_code": 0, "reported_exit": reported})
    return seen
