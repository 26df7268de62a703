"""Either half of a run may be lost: what landed is found again, and what was salvaged stays."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path
from random import Random

import pytest

from tests.cli.helpers import ledger, make_mission
from tests.e2e.helpers import Bench, Git, ending, eventually
from tests.e2e.kills import new_life
from tests.params import few

pytestmark = pytest.mark.integration


@pytest.fixture
def half_done(tmp_path: Path) -> Bench:
    """A run whose first batch landed and whose second failed, in a root inside of the checkout;
    what failed is mended.
    """
    place = tmp_path / "place"
    mission = make_mission(place)
    text = mission.read_text().replace(
        "repository: {path: user}", f"repository: {{path: {place}/user}}"
    )
    mission.write_text(text)
    for name in "bc":
        lines = (
            f"test -e {place}/mended && echo {name} >> {place}/ledger && echo changed >> {name}.txt"
        )
        (place / f"{name}.sh").write_text(f"{lines}\n")
    bench = Bench(place / "user", tmp_path / "output")
    bench.run("run", "--plain", mission, code=1)
    (place / "mended").touch()
    assert [event["batch"] for event in bench.events("batch_landed")] == ["first"]
    return bench


def lose_workspaces(bench: Bench) -> None:
    """The links, and all of the cache."""
    shutil.rmtree(bench.root / "workspaces")
    shutil.rmtree(bench.cache)


def lose_reports(bench: Bench) -> None:
    """As people do it; everything of ours in the checkout is gone afterwards."""
    Git(bench.root)("clean", "-xffdq")
    assert not (bench.root / "reports").exists()
    assert not (bench.root / "workspaces").exists()


@pytest.mark.parametrize("lose", [lose_workspaces, lose_reports])
def test_with_either_half_a_run_goes_on_and_lands(half_done: Bench, lose: object) -> None:
    bench, user = half_done, Git(half_done.root)
    (first,) = bench.events("batch_landed")
    assert callable(lose)
    lose(bench)
    assert "first" in bench.run("status", code=1)
    assert b"changed" in bench.run("diff").encode()
    bench.run("resume", "--plain")
    assert sorted(ledger(bench.root.parent)) == ["a", "b", "c"], "what had landed is not done again"
    lose(bench)
    tip = bench.events("batch_landed")[-1]["commit"] if (bench.root / "reports").exists() else ""
    bench.run("land")
    assert user("rev-parse", "main") == (tip or bench.events("batch_landed")[-1]["commit"])
    assert user("merge-base", "--is-ancestor", first["commit"], "main") == ""
    assert user("status", "--porcelain") == ""
    user.fsck()


def test_a_part_that_landed_is_landed_without_its_store(half_done: Bench) -> None:
    bench, user = half_done, Git(half_done.root)
    lose_workspaces(bench)
    bench.run("land", "--partial")
    assert user("rev-parse", "main") == bench.events("batch_landed")[0]["commit"]
    bench.run("record", bench.run_id, bench.root.parent / "recording")
    assert "changed" in (bench.root.parent / "recording" / "a.patch").read_text()
    assert "+changed" in bench.run("diff", bench.run_id, "a")
    bench.run("report")


def test_what_landed_lands_again_from_plain_files(tmp_path: Path) -> None:
    """A repository that was made of plain files stands among the workspaces, too."""
    from tests.e2e.helpers import MISSIONS

    bench = Bench(tmp_path / "root")
    bench.run("run", "--plain", MISSIONS / "hello.yaml")
    tip = bench.events("batch_landed")[-1]["commit"]
    lose_workspaces(bench)
    bench.run("land")
    assert Git(bench.root / "workspaces/snapshots/hello")("rev-parse", "main") == tip


@pytest.mark.parametrize("landings", few([1, 2, 3]))
def test_workspaces_are_lost_at_a_moment_after_a_landing(tmp_path: Path, landings: int) -> None:
    life = new_life(tmp_path)
    random = Random(landings)
    with ending(life.begin()) as process:
        eventually(
            "so much has landed",
            lambda: (
                len(life.bench.events("batch_landed")) >= landings
                or process.popen.poll() is not None
            ),
            pause=0.001,
        )
        time.sleep(random.uniform(0, 0.2))
        life.kill(process, everything=True)
    before = [event["commit"] for event in life.bench.events("batch_landed")]
    lose_workspaces(life.bench)
    life.finish()
    after = [event["commit"] for event in life.bench.events("batch_landed")]
    assert after[: len(before)] == before
    life.bench.store.fsck()
    lose_workspaces(life.bench)
    life.bench.run("land")
    assert life.user("rev-parse", "main") == after[-1]


def bundle_heads(bench: Bench) -> set[str]:
    """All refs with their ids that salvages hold."""
    found: set[str] = set()
    for path in bench.report.glob("work*.bundle"):
        found |= set(Git(bench.root)("bundle", "list-heads", str(path)).splitlines())
    return found


@pytest.mark.slow
def test_a_salvage_that_is_killed_again_and_again_loses_no_ref(half_done: Bench) -> None:
    bench, random = half_done, Random(19)
    Git(bench.root)("gc", "-q")
    wanted = {
        f"{oid} {name}"
        for name, oid in (ref.split() for ref in bench.store.refs())
        if "orchestrate" in name
    }
    assert len(wanted) >= 4
    kills = 0
    for _ in range(30):
        process = bench.start("clean", "--salvage")
        time.sleep(random.uniform(0.0, 0.15))
        kills += process.kill()
        heads = bundle_heads(bench)
        assert not heads or heads >= wanted, "a salvage has less than there was"
        assert heads or bench.store.refs(), "neither the store nor a salvage has the work"
    assert kills
    bench.run("clean", "--salvage")
    assert bundle_heads(bench) >= wanted
    bundle = bench.report / "work.bundle"
    Git(bench.root)("fetch", "-q", str(bundle), "refs/*:refs/salvaged/*")
    assert not (bench.root / "workspaces" / bench.run_id).is_symlink()
    assert not [path for path in bench.cache.iterdir() if (path / "store.git").exists()]
    lose_reports(bench)
    assert bundle_heads_after(bench) >= wanted, "what was salvaged is not the checkout's to lose"


def bundle_heads_after(bench: Bench) -> set[str]:
    """The same, once a command has been typed."""
    bench.run("runs")
    return bundle_heads(bench)


def test_a_salvage_is_not_replaced_by_one_that_has_less(half_done: Bench) -> None:
    bench = half_done
    bench.run("clean", "--salvage")
    first = bundle_heads(bench)
    bench.run("resume", "--plain")
    bench.store("update-ref", "-d", f"refs/orchestrate/{bench.run_id}/a/1")
    bench.run("clean", "--salvage")
    assert bundle_heads(bench) > first
    assert len(list(bench.report.glob("work*.bundle"))) == 2


def test_an_empty_journal_is_not_taken_for_a_run_that_never_began(half_done: Bench) -> None:
    bench = half_done
    report, journal = bench.report, bench.report / "journal.jsonl"
    run, content = report.name, journal.read_bytes()
    for emptied in (b"", content[:20]):
        journal.write_bytes(emptied)
        told = bench.run("clean", code=None)
        assert f"{run}: left alone" in told
        assert (report / "report.md").is_file()
        assert (bench.root / "workspaces" / run / "store.git").is_dir()
    for name in ("report.md", "journal.head"):
        (report / name).unlink()
    assert "left alone" in bench.run("clean", code=None)
    assert json.loads(content.splitlines()[0])["seq"] == 1


def test_what_never_began_is_removed(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "root")
    for name, torn in (("20000101-000000-a", ""), ("20000101-000001-b", '{"seq":1,"at"')):
        (bench.root / "reports" / name).mkdir(parents=True)
        (bench.root / "reports" / name / "journal.jsonl").write_text(torn)
        (bench.root / "reports" / name / "journal.head").write_text("")
    # Killed between the making of its folders and that of its journal.
    name = "20000101-000002-c"
    (bench.root / "reports" / name).mkdir()
    place = tmp_path / "place"
    (place / ".trees").mkdir(parents=True)
    (bench.root / "workspaces").mkdir()
    (bench.root / "workspaces" / name).symlink_to(place)
    (bench.root / "reports" / "gate-x").mkdir()
    told = bench.run("clean")
    assert told.count("removed, it never began") == 3
    assert not list((bench.root / "reports").glob("2*"))
    assert not (bench.root / "workspaces" / name).is_symlink()
    assert (bench.root / "reports" / "gate-x").is_dir()


def test_reports_are_lost_under_a_run(tmp_path: Path) -> None:
    """The process that is at work ends, and says how the run goes on."""
    life = new_life(tmp_path)
    bench = life.bench
    with ending(life.begin()) as process:
        eventually(
            "something has landed",
            lambda: bench.events("batch_landed") or process.popen.poll() is not None,
            pause=0.001,
        )
        before, run = [event["commit"] for event in bench.events("batch_landed")], bench.run_id
        while (bench.root / "reports" / run / "journal.jsonl").exists():
            shutil.rmtree(bench.root / "reports", ignore_errors=True)  # logs are written meanwhile
        told = bench.run("runs")
        try:
            process.popen.wait(1)  # it may have let go of the run, and be about to end
        except subprocess.TimeoutExpired:
            assert run not in told, "as long as somebody is at work on it"
        code = process.wait()
        assert code in {3, 4, 130}, process.text
        assert "Traceback" not in process.text
    kept = bench.root / "reports" / run / "journal.kept.jsonl"
    if kept.exists():  # there was time to leave it, and its end says so
        assert str(kept) in process.text
        kept.rename(kept.with_name("journal.jsonl"))
    assert run in bench.run("runs")
    life.finish()
    after = [event["commit"] for event in bench.events("batch_landed")]
    assert after[: len(before)] == before
    bench.run("land")
    assert life.user("rev-parse", "main") == after[-1]


def test_what_landed_is_got_out_without_a_store_and_without_a_whole_journal(
    half_done: Bench,
) -> None:
    bench, user = half_done, Git(half_done.root)
    (landed,) = bench.events("batch_landed")
    journal, run = bench.report / "journal.jsonl", bench.run_id
    lines = journal.read_bytes().splitlines(keepends=True)
    lose_workspaces(bench)
    journal.write_bytes(b"".join([*lines[:-2], b"x" + lines[-2], lines[-1]]))
    bench.run("land", run, code=None)
    bench.run("land", run, "--from-store")
    assert user("rev-parse", f"orchestrate/{run}") == landed["commit"]
