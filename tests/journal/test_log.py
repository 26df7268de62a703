"""The journal's bytes under kills, full disks and damage."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import get_args

import pytest

from orchestrator.errors import EnvironmentRefused, ExitCode, JournalDamaged
from orchestrator.journal.events import (
    AgentSaid,
    BackendStopped,
    BudgetExceeded,
    ChannelFlooded,
    CheckoutWritten,
    Event,
    RaceClosed,
    RaceDecided,
    RateLimited,
    RateLimitOver,
    RolledBack,
    RunInterrupted,
    ScopeAnswered,
    ScopeRequested,
    SetupMade,
    TargetLanded,
)
from orchestrator.journal.facts import RacerResult
from orchestrator.journal.lock import is_owned, owned
from orchestrator.journal.log import HEAD, JOURNAL, Journal, read
from orchestrator.journal.state import fold
from tests.reports.builder import STORIES, Story

KINDS = {model.model_fields["kind"].default for model in get_args(get_args(Event)[0])}


def event(n: int) -> RunInterrupted:
    return RunInterrupted(reason=f"number {n}")


def write(folder: Path, count: int) -> Path:
    """A journal with so many records; the file."""
    journal = Journal(folder, clock=lambda: 1.5)
    for n in range(count):
        journal.append(event(n))
    journal.close()
    return folder / JOURNAL


def reasons(folder: Path) -> list[str]:
    return [getattr(record.event, "reason", "") for record in read(folder).records]


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_what_is_appended_is_read_again(tmp_path: Path, story: type[Story]) -> None:
    told = story()
    journal = Journal(tmp_path, clock=iter([record.at for record in told.records]).__next__)
    for record in told.records:
        assert journal.append(record.event) == record
    journal.close()
    assert list(read(tmp_path).records) == told.records
    assert fold(read(tmp_path).records) == told.state


def test_every_kind_of_event_is_in_those_stories(tmp_path: Path) -> None:
    told = {record.event.kind for story in STORIES.values() for record in story().records}
    journal = Journal(tmp_path)
    others = [
        TargetLanded(branch="main", before="a" * 40, commit="b" * 40),
        CheckoutWritten(paths=("a.py",), number=1),
        SetupMade(seconds=1.5, log="logs/setup.log"),
        BackendStopped(backends=("claude",), reason="not logged in", mend="log in"),
        BudgetExceeded(what="wall", limit=60.0, spent=61.5, stops=True),
        AgentSaid(batch="b", agent="1", attempt=1, what="blocked", text="no key"),
        ScopeRequested(batch="b", agent="1", attempt=1, path="a.py", why="it is broken"),
        ScopeAnswered(batch="b", agent="1", path="a.py", granted=True, by="me", reason="so"),
        ChannelFlooded(batch="b", agent="1", attempt=1, left_out=9_900),
        RateLimited(provider="claude", backends=("claude", "auto"), at_once=2, of=5, wait=40.0),
        RateLimitOver(provider="claude"),
        RolledBack(batch="b", commit="c" * 40, command="undo", exit_code=1, reason="no"),
        RaceClosed(batch="b", agent="1"),
        RaceDecided(
            batch="b",
            agent="1",
            attempts=(1, 2),
            stands_on=2,
            reason="attempt 2 (x) was picked",
            results=(RacerResult(attempt=2, backend="x", is_proven=True, reason="green"),),
        ),
        approval(),
    ]
    for one in others:
        journal.append(one)
    journal.close()
    assert [record.event for record in read(tmp_path).records] == others
    assert told | {one.kind for one in others} == KINDS


def approval() -> Event:
    from orchestrator.journal.events import ApprovalRecorded

    return ApprovalRecorded(
        batch="core", check="sign-off", tree="c" * 40, approved=True, by="Zoë \x1b[31m\n", at="now"
    )


def test_each_record_is_one_line_of_json(tmp_path: Path) -> None:
    path = write(tmp_path, 3)
    lines = path.read_text().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [1, 2, 3]
    assert all({"at", "event", "crc"} <= set(json.loads(line)) for line in lines)


def test_going_on_after_reopening(tmp_path: Path) -> None:
    write(tmp_path, 2)
    journal = Journal(tmp_path)
    assert [record.seq for record in journal.records] == [1, 2]
    assert journal.append(event(2)).seq == 3
    journal.close()
    assert reasons(tmp_path) == ["number 0", "number 1", "number 2"]


def torn_at_every_offset(tmp_path: Path) -> tuple[Path, bytes, int]:
    path = write(tmp_path, 4)
    data = path.read_bytes()
    return path, data, data[:-1].rfind(b"\n") + 1


def test_a_torn_tail_is_mended_and_said(tmp_path: Path) -> None:
    """At every byte of the last record, which nobody had acknowledged."""
    path, data, last = torn_at_every_offset(tmp_path)
    for cut in range(last, len(data)):
        path.write_bytes(data[:cut])
        (tmp_path / HEAD).write_text("3\n")
        assert read(tmp_path).torn == cut - last
        journal = Journal(tmp_path)
        assert journal.mended == cut - last
        assert len(journal.records) == 3
        assert journal.append(event(3)).seq == 4
        journal.close()
        assert reasons(tmp_path) == [f"number {n}" for n in range(4)]


def test_a_torn_tail_that_was_acknowledged_is_damage(tmp_path: Path) -> None:
    path, data, last = torn_at_every_offset(tmp_path)
    for cut in range(last, len(data)):
        path.write_bytes(data[:cut])
        with pytest.raises(
            JournalDamaged, match="ends after record 3, but record 4 had been written"
        ) as found:
            Journal(tmp_path)
        assert found.value.where == f"{path}:byte {last}"
        assert path.read_bytes() == data[:cut], "what is damaged is left as it is"


def test_any_changed_byte_in_the_middle_is_refused_with_its_offset(tmp_path: Path) -> None:
    path = write(tmp_path, 4)
    data = path.read_bytes()
    starts = [0, *(n + 1 for n, byte in enumerate(data) if byte == ord("\n"))]
    last = starts[-2]
    chance = random.Random(1)
    for place in range(last):
        changed = bytearray(data)
        changed[place] ^= 1 << chance.randrange(6)
        path.write_bytes(changed)
        with pytest.raises(JournalDamaged) as found:
            read(tmp_path)
        record = max(start for start in starts if start <= place)
        assert found.value.where == f"{path}:byte {record}", place
        assert found.value.exit_code is ExitCode.ENVIRONMENT


def test_a_changed_byte_in_the_last_record_is_never_believed(tmp_path: Path) -> None:
    path = write(tmp_path, 3)
    data = path.read_bytes()
    last = data[:-1].rfind(b"\n") + 1
    for place in range(last, len(data)):
        changed = bytearray(data)
        changed[place] ^= 4
        path.write_bytes(changed)
        with pytest.raises(JournalDamaged):
            read(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[1:],
        lambda lines: [lines[0], *lines[2:]],
        lambda lines: [lines[0], lines[2], lines[1], lines[3]],
        lambda lines: [*lines[:2], lines[1], *lines[2:]],
        lambda lines: lines[:3],
        lambda lines: [],
        lambda lines: [*lines, lines[0]],
    ],
    ids=[
        "first gone",
        "one gone",
        "swapped",
        "doubled",
        "last gone",
        "all gone",
        "an old one appended",
    ],
)
def test_records_removed_or_moved(tmp_path: Path, change) -> None:
    path = write(tmp_path, 4)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(change(lines)))
    if change(lines)[:4] == lines:
        # What looks like a torn tail is cut off, and said; it is never taken for a record.
        assert len(read(tmp_path).records) == 4
        assert read(tmp_path).torn == len(lines[0])
        return
    with pytest.raises(JournalDamaged):
        Journal(tmp_path)


def test_a_head_that_lags_or_is_missing_is_no_damage(tmp_path: Path) -> None:
    write(tmp_path, 4)
    for text in (b"2\n", b"", b"rubbish"):
        (tmp_path / HEAD).write_bytes(text)
        assert len(read(tmp_path).records) == 4
    (tmp_path / HEAD).unlink()
    assert len(read(tmp_path).records) == 4


def test_a_record_of_another_version_is_said_to_be_one(tmp_path: Path) -> None:
    import zlib

    prefix = b'{"seq":1,"at":1.0,"event":{"kind":"run_teleported"}'
    (tmp_path / JOURNAL).write_bytes(b'%s,"crc":"%08x"}\n' % (prefix, zlib.crc32(prefix)))
    with pytest.raises(JournalDamaged, match="another version"):
        read(tmp_path)


FULL = textwrap.dedent(
    """
    import os, resource, signal, sys
    from pathlib import Path
    from orchestrator.errors import EnvironmentRefused
    from orchestrator.journal.events import RunInterrupted
    from orchestrator.journal.log import Journal

    folder, limit = Path(sys.argv[1]), int(sys.argv[2])
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    journal = Journal(folder)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    kept = 0
    try:
        while True:
            before = (folder / "journal.jsonl").read_bytes()
            journal.append(RunInterrupted(reason=f"number {kept}"))
            kept += 1
    except EnvironmentRefused as error:
        assert (folder / "journal.jsonl").read_bytes() == before, "the file is as it was"
        assert int(error.exit_code) == 4 and "resume" in str(error), error
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    journal.append(RunInterrupted(reason=f"number {kept}"))
    print(kept + 1)
    """
)


@pytest.mark.parametrize("limit", [1000, 1033, 4096])
def test_a_disk_that_is_full_in_the_middle_of_a_record(tmp_path: Path, limit: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, tmp_path, str(limit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert reasons(tmp_path) == [f"number {n}" for n in range(int(done.stdout))]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_full_file_system(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        (folder / "ballast").write_bytes(b"x" * 40_000)
        journal = Journal(folder / "run")
        kept = 0
        with pytest.raises(EnvironmentRefused, match="No space left"):  # noqa: PT012
            while kept < 10_000:
                before = (folder / "run" / JOURNAL).read_bytes()
                journal.append(event(kept))
                kept += 1
        assert (folder / "run" / JOURNAL).read_bytes() == before
        (folder / "ballast").unlink()
        journal.append(event(kept))
        journal.close()
        assert reasons(folder / "run") == [f"number {n}" for n in range(kept + 1)]
    finally:
        subprocess.run(["umount", folder], check=True)


APPENDS = textwrap.dedent(
    """
    import os, sys
    from pathlib import Path
    from orchestrator.journal.events import RunInterrupted
    from orchestrator.journal.log import Journal
    from orchestrator.journal.lock import owned

    folder = Path(sys.argv[1])
    with owned(folder, "x", "y"):
        journal = Journal(folder)
        n = len(journal.records)
        while True:
            journal.append(RunInterrupted(reason=f"number {n}" + "x" * (n * 97 % 3000)))
            n += 1
            os.write(1, b"%d\\n" % n)
    """
)


def test_nothing_that_was_acknowledged_is_lost_to_kills(tmp_path: Path) -> None:
    chance = random.Random(7)
    acknowledged = 0
    for _ in range(6):
        child = subprocess.Popen(
            [sys.executable, "-c", APPENDS, tmp_path], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout
        said = child.stdout.readline()
        time.sleep(chance.random() * 0.05)
        child.kill()
        rest = child.stdout.read().splitlines()
        child.wait()
        child.stdout.close()
        acknowledged = max(acknowledged, *(int(line) for line in [said, *rest] if line))
        found = read(tmp_path)
        assert len(found.records) >= acknowledged
        for n, record in enumerate(found.records):
            assert record.seq == n + 1
            assert record.event.reason.startswith(f"number {n}")
    assert acknowledged >= 6


HOLDS = textwrap.dedent(
    """
    import subprocess, sys, time
    from pathlib import Path
    from orchestrator.journal.lock import owned

    with owned(Path(sys.argv[1]), "run x", "stop it"):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False)
        print(child.pid, flush=True)
        time.sleep(60)
    """
)


def test_one_owner_at_a_time_until_its_death(tmp_path: Path) -> None:
    """The lock ends with the process that holds it, also by `kill -9`, and is not inherited by its
    children.
    """
    assert not is_owned(tmp_path)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS, tmp_path], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout
    heir = int(holder.stdout.readline())
    try:
        assert is_owned(tmp_path)
        with (
            pytest.raises(EnvironmentRefused, match="run x is already being worked on") as found,
            owned(tmp_path, "run x", "stop it"),
        ):
            pytest.fail("two owners")
        assert found.value.mend == "stop it"
        holder.kill()
        holder.wait()
        os.kill(heir, 0)  # it lives, and holds nothing
        assert not is_owned(tmp_path)
        with owned(tmp_path, "run x", "stop it"):
            assert is_owned(tmp_path)
        assert not is_owned(tmp_path)
    finally:
        os.kill(heir, signal.SIGKILL)
        holder.stdout.close()
