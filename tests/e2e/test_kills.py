"""`kill -9` at random moments over whole runs, of the orchestrator alone or of everything, and a
resume after each.

A failure names the seed and what was done; `ORCHESTRATE_KILL_SEED` does the same again, as far as
time allows.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from tests.e2e.helpers import Event, Process, ending, eventually, write
from tests.e2e.kills import Life, check_life, new_life

pytestmark = pytest.mark.integration
SEED = int(os.environ.get("ORCHESTRATE_KILL_SEED", "0")) or int(time.time())
MOST_KILLS_OF_A_RUN = 4


@dataclass(frozen=True)
class Unbroken:
    """A run that nobody disturbed: its final tree, how long it took (seconds), how many records it
    wrote.
    """

    tree: str
    seconds: float
    records: int
    furnished: bool = False


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Unbroken:
    life = new_life(tmp_path_factory.mktemp("unbroken"))
    started = time.monotonic()
    life.finish()
    seconds = time.monotonic() - started
    records = len(life.bench.events())
    return Unbroken(check_life(life, None), seconds, records)


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Unbroken:
    life = new_life(tmp_path_factory.mktemp("furnished"), furnished=True)
    started = time.monotonic()
    life.finish()
    seconds = time.monotonic() - started
    records = len(life.bench.events())
    return Unbroken(check_life(life, None), seconds, records, furnished=True)


@pytest.mark.slow
def test_kills_at_random_moments(tmp_path: Path, unbroken: Unbroken) -> None:
    assert live(tmp_path, unbroken, SEED, kills=8) >= 8


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(
            {"kind": "attempt_started", "agent": "gamma", "attempt": 2}, id="retry-after-a-failure"
        ),
        pytest.param(
            {"kind": "attempt_started", "agent": "right", "attempt": 2}, id="retry-after-a-conflict"
        ),
        pytest.param({"kind": "landing_started", "batch": "middle"}, id="landing"),
        pytest.param({"kind": "run_ended"}, id="end"),
    ],
)
def test_kill_at_a_chosen_moment(tmp_path: Path, unbroken: Unbroken, moment: Event) -> None:
    """Twice: of the run, and of the resume as soon as it has taken the run up."""
    life = new_life(tmp_path)
    for chosen in (moment, {"kind": "run_resumed"}):
        with ending(life.begin()) as process:
            eventually(
                f"there is {chosen}",
                lambda chosen=chosen, process=process: (
                    process.popen.poll() is not None
                    or any(chosen.items() <= event.items() for event in life.bench.events())
                ),
                pause=0.001,
            )
            life.kill(process, everything=False)
    _come_through(life, unbroken, str(moment))


def test_lock_that_a_killed_git_left_in_the_users_repository_is_no_obstacle(
    tmp_path: Path, unbroken: Unbroken
) -> None:
    life = new_life(tmp_path)
    with ending(life.begin()) as process:
        _await_records(life, process, 20)
        life.kill(process, everything=True)
    (life.user.path / ".git/refs/orchestrate" / life.bench.run_id / "base.lock").touch()
    _come_through(life, unbroken, "a lock was left")


def test_run_that_was_killed_before_its_first_record_is_in_nobodys_way(
    tmp_path: Path, unbroken: Unbroken
) -> None:
    life = new_life(tmp_path)
    with ending(life.begin()) as process:
        _await_records(life, process, 20)
        life.kill(process, everything=True)
    for name, text in (("20000101-000000-torn", ""), ("99990101-000000-torn", '{"seq":1,"at"')):
        write(life.bench.root / "reports" / name, {"journal.jsonl": text, "journal.head": ""})
    assert life.bench.run_id in life.bench.run("runs")
    _come_through(life, unbroken, "one run had never begun")


@pytest.mark.slow
def test_sixty_kills_at_random_moments(tmp_path: Path, unbroken: Unbroken) -> None:
    assert live(tmp_path, unbroken, SEED + 1, kills=60) >= 60


def test_kills_while_what_was_set_up_is_ignored(tmp_path: Path, furnished: Unbroken) -> None:
    assert live(tmp_path, furnished, SEED + 2, kills=3) >= 3


@pytest.mark.slow
def test_forty_kills_while_what_was_set_up_is_ignored(tmp_path: Path, furnished: Unbroken) -> None:
    assert live(tmp_path, furnished, SEED + 3, kills=40) >= 40


@pytest.mark.slow
def test_kill_after_each_record(tmp_path: Path, unbroken: Unbroken) -> None:
    """One run for each kind of moment that the journal knows: just after its first, third, fifth …
    record; those between are met by the kills at random moments.
    """
    for records in range(1, unbroken.records + 1, 2):
        life = new_life(tmp_path / str(records))
        with ending(life.begin()) as process:
            _await_records(life, process, records)
            life.kill(process, everything=records % 4 == 1)
        _come_through(life, unbroken, f"killed after record {records}")
        shutil.rmtree(tmp_path / str(records))


def live(folder: Path, unbroken: Unbroken, seed: int, kills: int) -> int:
    """Runs, each killed once or several times, until there were `kills` kills; returns how many."""
    random = Random(seed)
    done = number = 0
    while done < kills:
        number += 1
        life = new_life(folder / str(number), furnished=unbroken.furnished)
        for _ in range(random.randint(1, MOST_KILLS_OF_A_RUN)):
            # By the journal's pace and not by the clock's alone, so that a busy machine is no
            # reason to miss.
            have, everything = len(life.bench.events()), random.random() < 0.5
            records = random.randint(have, max(have, unbroken.records - 1))
            delay = random.uniform(0.0, 0.6 if records == have else 0.1)
            with ending(life.begin()) as process:
                _await_records(life, process, records)
                time.sleep(delay)
                life.kill(process, everything=everything)
            if process.popen.returncode == 0:
                break
        done += life.kills
        _come_through(life, unbroken, f"seed {seed}, run {number}")
        shutil.rmtree(folder / str(number))
    return done


def _come_through(life: Life, unbroken: Unbroken, what: str) -> None:
    try:
        life.finish()
        check_life(life, unbroken.tree)
    except AssertionError as error:
        raise AssertionError(f"{what}: {life.told}\nin {life.bench.root}\n{error}") from error


def _await_records(life: Life, process: Process, records: int) -> None:
    eventually(
        f"there are {records} records",
        lambda: len(life.bench.events()) >= records or process.popen.poll() is not None,
        pause=0.001,
    )
