"""What a program finds in its box, what it is told, and how its end is told apart from the box's."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from orchestrator.isolation import cgroups, preflight, processes
from orchestrator.isolation.boxed import BoxFailed
from orchestrator.isolation.levels import choose, is_strict, require
from orchestrator.isolation.preflight import failed, probes
from orchestrator.isolation.processes import NotStarted
from orchestrator.isolation.programs import is_narrow, needed_by
from orchestrator.isolation.sandbox import _Translation
from orchestrator.mission.model import Isolation
from tests.isolation.boxes import PYTHON, box_in, needs_sandbox, run

TAKES = f"{PYTHON} -c 'x = b\"a\" * 40_000_000; import time; time.sleep(2)'"
MANY = f"for i in 1 2 3 4 5 6; do {TAKES} & done; wait; exit 1"


@pytest.fixture(autouse=True)
def quick_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.5)


@needs_sandbox
def test_paths_are_those_of_the_inside(tmp_path: Path) -> None:
    """In arguments and variables, as a whole or in the midst of a text; nothing else is changed."""
    brief = tmp_path / "brief.md"
    brief.write_text("do it\n")
    box = box_in(tmp_path, brief=brief)
    script = (
        'pwd; echo "$1"; echo "$HOME $TMPDIR $PLACE $OTHER"; cat "$2"; echo hi > ~/kept; '
        'echo w > made; touch "$TMPDIR/t"; (echo x >> "$2") 2>/dev/null || echo read-only'
    )
    beside = f"{box.workspace}-2"
    env = {"PLACE": f"at {box.workspace}/a, too", "OTHER": beside}
    ended = run(box, "sh", "-c", script, "sh", f"--in={box.workspace}/b", str(brief), env=env)
    assert ended.tail.splitlines() == [
        "/workspace",
        "--in=/workspace/b",
        f"/home/agent /tmp at /workspace/a, too {beside}",
        "do it",
        "read-only",
    ]
    assert (box.workspace / "made").read_text() == "w\n"
    assert (box.home / "kept").read_text() == "hi\n"
    assert not list(Path("/tmp").glob("t"))


@needs_sandbox
def test_what_is_named_is_read_and_nothing_beside_it(tmp_path: Path) -> None:
    for name in ("named", "given", "beside"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(f"{name}\n")
    (tmp_path / "link").symlink_to("named")
    box = box_in(tmp_path, readable=(tmp_path / "given",))
    script = f'cat "$1/file" {tmp_path}/given/file; cat {tmp_path}/beside/file; echo x > "$1/file"; ls {tmp_path}'
    ended = run(box, "sh", "-c", script, "sh", str(tmp_path / "link"))
    assert "named\ngiven\n" in ended.tail
    assert "beside\n" not in ended.tail
    assert "beside/file: No such file" in ended.tail
    assert "Read-only file system" in ended.tail
    assert (tmp_path / "named" / "file").read_text() == "named\n"


@pytest.mark.parametrize(
    "place", [Path.home(), Path("/"), Path("/tmp"), Path("/var"), Path("/home")]
)
@needs_sandbox
def test_what_holds_everything_of_somebody_is_never_shown(place: Path, tmp_path: Path) -> None:
    assert not is_narrow(place)
    box = box_in(tmp_path, readable=(place, tmp_path))
    (tmp_path / "private").write_text("private\n")
    ended = run(box, "sh", "-c", f"cat {tmp_path}/private; ls {Path.home()}", "sh", str(place))
    assert "private\n" not in ended.tail.replace("/private", "")
    assert ".ssh" not in ended.tail


@needs_sandbox
def test_a_program_is_followed_to_where_it_is_installed(tmp_path: Path) -> None:
    """A starter in one folder, its script in another, that one's interpreter in a third."""
    home = tmp_path / "somebody"
    real = home / "share" / "tool" / "bin"
    real.mkdir(parents=True)
    (home / "bin").mkdir()
    (home / "own").mkdir()
    interpreter = home / "own" / "interpreter"
    interpreter.write_text('#!/bin/sh\n. "$1"\n')
    (real / "tool").write_text(f"#!{interpreter}\necho started; cat {real}/../data\n")
    (real.parent / "data").write_text("its data\n")
    for script in (interpreter, real / "tool"):
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
    (home / "bin" / "tool").symlink_to("../share/tool/bin/tool")
    (home / "secret").write_text("a secret\n")
    box = box_in(tmp_path)
    path = f"{home}/bin:{os.environ['PATH']}"
    ended = run(box, "tool", env={"PATH": path})
    assert ended.tail == "started\nits data\n"
    assert ended.code == 0
    assert home / "secret" not in set(needed_by("tool", path))
    assert "No such file" in run(box, "cat", f"{home}/../somebody/./secret/../secret2").tail


@needs_sandbox
def test_its_own_way_to_end_is_told(tmp_path: Path) -> None:
    box = box_in(tmp_path)
    assert run(box, "sh", "-c", "exit 3").code == 3
    assert run(box, "sh", "-c", "kill -9 $$").code == -9
    with pytest.raises(NotStarted, match="no-such-program: No such file"):
        run(box, "no-such-program")
    (box.workspace / "text").write_text("no program\n")
    with pytest.raises(NotStarted, match="text: Permission denied"):
        run(box, "./text")
    late = run(box, "sh", "-c", "trap 'echo bye; exit 9' TERM; sleep 30 & wait", timeout=0.5)
    assert (late.code, late.timed_out, late.tail) == (9, True, "bye\n"), "it had its grace"
    deaf = run(box, "sh", "-c", "trap '' TERM; sleep 30; sleep 30", timeout=0.2)
    assert deaf.timed_out
    assert deaf.seconds < 10


@needs_sandbox
def test_a_box_that_cannot_be_made_is_no_failure_of_its_program(tmp_path: Path) -> None:
    box = box_in(tmp_path, readable=())
    gone = box_in(tmp_path / "b", brief=tmp_path / "no-brief.md")
    with pytest.raises(BoxFailed, match=r"could not be started.*no-brief") as caught:
        run(gone, "true")
    assert caught.value.mend
    assert int(caught.value.exit_code) == 4
    assert run(box, "sh", "-c", "echo 'bwrap: no'; exit 1").code == 1, "its program says the same"


@pytest.mark.parametrize(
    ("program", "more", "reason"),
    [
        (
            f"exec {PYTHON} -c 'x = bytearray(300_000_000); import time; time.sleep(20)'",
            {"memory": 100_000_000},
            "more than 95 MiB",
        ),
        (
            MANY,
            {"memory": 150_000_000},
            "more than 143 MiB",
        ),
        (
            "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 20 & done; wait",
            {"processes": 8},
            "more than 8",
        ),
        (
            "f() { [ $1 -gt 6 ] || { f $(($1+1)) & f $(($1+1)) & }; sleep 2; }; f 0; exit 1",
            {"processes": 50},
            "more than 50",
        ),
    ],
    ids=["memory of one", "memory of many", "processes", "fork bomb"],
)
@pytest.mark.parametrize("by", ["kernel", "watch"])
@needs_sandbox
def test_what_takes_too_much_is_ended_and_says_so(
    program: str,
    more: dict[str, int],
    reason: str,
    by: str,
    *,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By a group of the kernel's where there may be one, else by looking."""
    if by == "watch":
        monkeypatch.setattr(cgroups, "_places", lambda: None)
    ended = run(box_in(tmp_path, **more), "sh", "-c", program)
    assert ended.stopped is not None
    assert reason in ended.stopped
    assert not ended.timed_out
    assert ended.seconds < 15
    assert ("wanted" in ended.stopped) is (by == "kernel" and cgroups._places() is not None)
    left = [*_groups()]
    assert not left
    honest = run(
        box_in(tmp_path, memory=400_000_000, processes=20), "sh", "-c", "sleep 0.7; echo ok"
    )
    assert (honest.code, honest.stopped, honest.tail) == (0, None, "ok\n")


@needs_sandbox
def test_who_writes_too_much_is_ended_and_says_so(tmp_path: Path) -> None:
    """In its workspace or its home, in one file or in many; not for what was there before."""
    box = box_in(tmp_path, disk=30_000_000)
    (box.workspace / "given").write_bytes(b"x" * 40_000_000)
    (box.home / "given").write_bytes(b"x" * 40_000_000)
    sparse = "ln -s given link; truncate -s 1G sparse; for i in 1 2 3; do ln part $i; done"
    honest = run(box, "sh", "-c", f"head -c 20M /dev/zero > part; {sparse}; sleep 1.2; echo ok")
    assert (honest.code, honest.stopped, honest.tail) == (0, None, "ok\n")
    many = "for i in $(seq 40); do head -c 1M /dev/zero > d/$i; done; touch -d 2000-01-01 d/*"
    for program in ("yes > ~/flood", f"mkdir d; {many}; sleep 20", "echo >> given; sleep 20"):
        ended = run(box, "sh", "-c", program)
        assert ended.stopped == "it wrote more than 29 MiB", program
        assert not ended.timed_out
        (box.home / "flood").unlink(missing_ok=True)


def _groups() -> list[Path]:
    """Groups of this process that are there still."""
    places = cgroups._places()
    folders = set(places[0]) if places else set()
    return [path for place in folders for path in place.glob(f"orchestrate-{os.getpid()}-*")]


@needs_sandbox
def test_private_memory_folders_are_limited(tmp_path: Path) -> None:
    program = (
        "import os\nfor place in ('/tmp', '/dev/shm'):\n    s = os.statvfs(place)\n"
        "    print(s.f_blocks * s.f_frsize)"
    )
    ended = run(box_in(tmp_path), PYTHON, "-c", program)
    assert [int(line) for line in ended.tail.split()] == [1024**3, 1024**3]


def test_probes_say_what_mends_them() -> None:
    found = probes()
    assert found[0].name == "bubblewrap"
    assert probes() is found, "tried once"
    for probe in found:
        assert probe.name
        assert probe.detail
        assert probe.ok or probe.mend
    if all(probe.ok for probe in found):
        assert len(found) >= 10
        assert failed() is None
    else:
        assert failed() in found


SAYINGS = {
    "bwrap: Unknown option --disable-userns": "0.8",
    "bwrap: setting up uid map: Permission denied": "apparmor-profiles",
    "bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted": "apparmor-profiles",
    "bwrap: Can't mount proc on /newroot/proc: Operation not permitted": "systempaths",
    "bwrap: No permissions to create new namespace": "max_user_namespaces",
}


@pytest.mark.parametrize("said", SAYINGS)
def test_a_machine_that_lets_no_box_start_is_told_how_to_mend_it(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a program in bubblewrap's place that says what it says there."""
    _stand_in(tmp_path, monkeypatch, f'echo "{said}" >&2; exit 1')
    *_, last = preflight._probes()
    assert (last.name, last.ok, last.detail) == ("start", False, said)
    assert SAYINGS[said] in last.mend


def test_a_box_that_is_open_is_found_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a program in bubblewrap's place that fences nobody in."""
    _stand_in(tmp_path, monkeypatch, 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"')
    open_ones = {probe.name for probe in preflight._probes() if not probe.ok}
    assert {
        "write outside the workspace",
        "read another attempt's workspace",
        "see processes outside",
        "reach the network at `none`",
    } <= open_ones


def _stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / "bin" / "bwrap"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n[ "$1" = --version ] && exec echo "bubblewrap 0.6"\n{script}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


def test_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose(Isolation.WORKTREE).told == "worktree"
    level = choose(Isolation.AUTO)
    assert level.is_strict is (failed() is None)
    assert is_strict(level.told) is level.is_strict
    assert not is_strict("worktree (a sandbox for `strict` is not supported yet)"), "an old run"
    require("worktree")


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("/c/t/x", "/workspace"),
        ("--root=/c/t/x/src:/c/t", "--root=/workspace/src:/T"),
        ("/c/t/x-2/a /c/t/x.y", "/T/x-2/a /T/x.y"),
        ("/c/h/x/tmp/a /c/h/x/tmpa", "/tmp/a /home/agent/tmpa"),
        ("/elsewhere", "/elsewhere"),
    ],
)
def test_paths_are_told_as_they_are_inside(text: str, inside: str) -> None:
    """The longest that is meant, and none that is only how another name begins."""
    paths = {"/c/t/x": "/workspace", "/c/t": "/T", "/c/h/x": "/home/agent", "/c/h/x/tmp": "/tmp"}
    assert _Translation(paths)(text) == inside


def test_a_program_that_changed_is_followed_anew(tmp_path: Path) -> None:
    first, other = (tmp_path / name for name in ("first", "other"))
    for place in (first, other):
        place.write_text("#!/bin/sh\n")
        place.chmod(0o755)
    program = tmp_path / "program"
    program.write_text(f"#!{first}\n")
    program.chmod(0o755)
    assert first in set(needed_by(program, os.defpath))
    fresh = tmp_path / "fresh"
    fresh.write_text(f"#!{other}\n")
    fresh.chmod(0o755)
    fresh.replace(program)
    found = set(needed_by(program, os.defpath))
    assert other in found
    assert first not in found
