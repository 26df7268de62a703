"""Real processes: how they end, and that nothing of them is left."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import anyio
import psutil
import pytest

from orchestrator.isolation import output, processes
from orchestrator.isolation.environment import clean_environment
from orchestrator.isolation.leftovers import end_leftovers
from orchestrator.isolation.processes import TAG, Exit, NotStarted, OnLine, ProcessSpec, run_process
from orchestrator.isolation.redaction import secrets_in

MIB = 1024 * 1024


@pytest.fixture(autouse=True)
def quick_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second of the real grace is enough to see what it does."""
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.5)
    monkeypatch.setattr(processes, "DRAIN_SECONDS", 1.0)


@pytest.fixture
def tag(tmp_path: Path) -> str:
    return f"test-{os.getpid()}-{tmp_path.name}/one"


def spec(tmp_path: Path, tag: str, *argv: str | Path, **more) -> ProcessSpec:
    facts = {
        "argv": tuple(str(part) for part in argv),
        "cwd": tmp_path,
        "env": {"PATH": os.environ["PATH"]},
        "timeout": 20.0,
        "log": tmp_path / "logs" / "out.log",
        "tag": tag,
    }
    return ProcessSpec(**{**facts, **more})


def run(what: ProcessSpec, on_line: OnLine | None = None) -> Exit:
    return anyio.run(run_process, what, on_line)


def tagged(tag: str) -> list[int]:
    """Living processes with that tag; a zombie has no environment and does not count."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(TAG) == tag:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def python(script: str) -> tuple[str, str, str]:
    return (sys.executable, "-c", textwrap.dedent(script))


def test_the_exit_code_and_the_output(tmp_path: Path, tag: str) -> None:
    end = run(spec(tmp_path, tag, "sh", "-c", "echo out; echo err >&2; exit 3"))
    assert (end.code, end.timed_out, end.dropped) == (3, False, 0)
    assert sorted(end.tail.split()) == ["err", "out"]
    assert (tmp_path / "logs" / "out.log").read_text() == end.tail
    assert 0 < end.seconds < 10


def test_a_signal_is_a_negative_code(tmp_path: Path, tag: str) -> None:
    assert run(spec(tmp_path, tag, "sh", "-c", "kill -SEGV $$")).code == -signal.SIGSEGV


def test_a_time_out_is_said_and_kills(tmp_path: Path, tag: str) -> None:
    end = run(spec(tmp_path, tag, "sleep", "60", timeout=0.3))
    assert end.timed_out
    assert end.code == -signal.SIGTERM
    assert end.seconds < 5


def test_who_ignores_the_polite_request_is_killed(tmp_path: Path, tag: str) -> None:
    script = """
        import os, signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if os.fork():
            print("deaf", flush=True)
        time.sleep(60)
        """
    end = run(spec(tmp_path, tag, *python(script), timeout=1.0))
    assert end.timed_out
    assert end.code == -signal.SIGKILL
    assert end.tail == "deaf\n"
    assert tagged(tag) == []


def test_who_tidies_up_in_time_may(tmp_path: Path, tag: str) -> None:
    end = run(
        spec(
            tmp_path, tag, "sh", "-c", "trap 'echo bye; exit 7' TERM; sleep 30 & wait", timeout=0.4
        )
    )
    assert (end.timed_out, end.code, end.tail) == (True, 7, "bye\n")


def test_cancelling_returns_only_when_the_tree_is_gone(tmp_path: Path, tag: str) -> None:
    script = """
        import os, signal, subprocess, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.Popen(["sleep", "60"])
        subprocess.Popen(["sleep", "61"], start_new_session=True)
        print("up", flush=True)
        time.sleep(60)
        """

    async def main() -> None:
        up = anyio.Event()
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(
                    run_process, spec(tmp_path, tag, *python(script)), lambda _: up.set()
                )
                await up.wait()
                # What has just been started has no environment for an instant.
                while len(tagged(tag)) < 3:  # noqa: ASYNC110
                    await anyio.sleep(0.01)
                tasks.cancel_scope.cancel()
        assert tagged(tag) == []

    anyio.run(main)


@pytest.mark.parametrize("lives", ["while its parent ends well", "while its parent is timed out"])
def test_daemons_are_ended_too(tmp_path: Path, tag: str, lives: str) -> None:
    """A session of its own, a double fork, closed descriptors: the classic way out of a process
    group.
    """
    script = f"""
        import os, sys, time
        if not os.fork():
            os.setsid()
            if os.fork():
                os._exit(0)
            os.closerange(0, 100)
            open("daemon", "w").write(str(os.getpid()))
            time.sleep(60)
        while not os.path.exists("daemon") or not open("daemon").read():
            time.sleep(0.01)
        time.sleep({0 if "well" in lives else 60})
        """
    end = run(spec(tmp_path, tag, *python(script), timeout=1.5))
    assert end.timed_out is ("timed out" in lives)
    daemon = int((tmp_path / "daemon").read_text())
    assert not psutil.pid_exists(daemon) or psutil.Process(daemon).status() == psutil.STATUS_ZOMBIE
    assert tagged(tag) == []


def test_a_background_child_that_holds_the_pipe_does_not_hold_us(tmp_path: Path, tag: str) -> None:
    end = run(spec(tmp_path, tag, "sh", "-c", "sleep 60 & echo done"))
    assert (end.code, end.tail) == (0, "done\n")
    assert end.seconds < 5
    assert tagged(tag) == []


def test_a_flood_is_cut_and_takes_no_memory(tmp_path: Path, tag: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines: list[str] = []
    flood = spec(
        tmp_path,
        tag,
        "sh",
        "-c",
        "yes | head -c 300000000; echo; echo the end",
        log_limit=MIB,
        timeout=60,
    )
    end = run(flood, lines.append)
    assert end.code == 0
    assert end.dropped == 300_000_000 + len("\nthe end\n") - MIB
    assert end.tail.endswith("the end\n")
    assert len(end.tail) <= output.TAIL_BYTES
    log = tmp_path / "logs" / "out.log"
    assert MIB <= log.stat().st_size < MIB + 100
    assert f"{end.dropped} more bytes were not kept" in log.read_text()[-100:]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000  # KiB


def test_a_brief_is_read_from_standard_input(tmp_path: Path, tag: str) -> None:
    text = ("Zoë\n" * 100_000).encode()
    assert run(spec(tmp_path, tag, "wc", "-c", stdin=text)).tail.strip() == str(len(text))


def test_standard_input_need_not_be_read(tmp_path: Path, tag: str) -> None:
    end = run(spec(tmp_path, tag, "true", stdin=b"x" * MIB))
    assert (end.code, end.timed_out) == (0, False)
    end = run(spec(tmp_path, tag, "sleep", "0.3", stdin=b"x" * MIB))
    assert (end.code, end.timed_out) == (0, False)


def test_without_a_brief_standard_input_is_empty(tmp_path: Path, tag: str) -> None:
    assert run(spec(tmp_path, tag, "cat", timeout=5)).code == 0


@pytest.mark.parametrize("program", ["no-such-program", "./folder", "./not-executable"])
def test_a_program_that_cannot_be_started(tmp_path: Path, tag: str, program: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "not-executable").write_text("x")
    with pytest.raises(NotStarted, match=program.replace(".", r"\.")):
        run(spec(tmp_path, tag, program))


def test_a_zero_byte_in_an_argument_is_a_reason_too(tmp_path: Path, tag: str) -> None:
    with pytest.raises(NotStarted, match="null"):
        run(spec(tmp_path, tag, "echo", "a\0b"))


def test_a_folder_that_is_gone_is_said(tmp_path: Path, tag: str) -> None:
    with pytest.raises(NotStarted):
        run(spec(tmp_path, tag, "true", cwd=tmp_path / "gone"))


def test_the_newest_line_is_told(tmp_path: Path, tag: str) -> None:
    lines: list[str] = []
    run(
        spec(tmp_path, tag, "sh", "-c", "echo one; sleep 0.2; echo; echo '  two '; printf three"),
        lines.append,
    )
    assert lines[0] == "one"
    assert lines[-1] in {"three", "two"}
    assert all(line.strip() for line in lines)


def test_no_descriptor_is_inherited(tmp_path: Path, tag: str) -> None:
    with (tmp_path / "secret").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)
        end = run(
            spec(tmp_path, tag, *python("import os; print(sorted(os.listdir('/proc/self/fd')))"))
        )
    assert end.tail.strip() == "['0', '1', '2', '3']"  # the last is the listing itself


def test_the_environment_is_the_one_that_is_given(
    tmp_path: Path, tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "x")
    end = run(spec(tmp_path, tag, "env", env={"PATH": os.environ["PATH"], "A": "1"}))
    assert sorted(line.split("=")[0] for line in end.tail.splitlines()) == sorted(
        ["A", "PATH", TAG]
    )


def test_its_own_process_group(tmp_path: Path, tag: str) -> None:
    end = run(
        spec(
            tmp_path, tag, *python("import os; print(os.getpid() == os.getpgrp() == os.getsid(0))")
        )
    )
    assert end.tail == "True\n"


def test_two_at_once_do_not_end_each_other(tmp_path: Path, tag: str) -> None:
    async def main() -> None:
        ends: dict[str, Exit] = {}

        async def one(name: str, *argv: str) -> None:
            what = spec(tmp_path, f"{tag}-{name}", *argv, log=tmp_path / name)
            ends[name] = await run_process(what)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one, "quick", "sh", "-c", "setsid sleep 30 & exit 0")
            tasks.start_soon(one, "slow", "sh", "-c", "setsid sleep 0.8 & wait; echo whole")
        assert ends["quick"].seconds < 5
        assert (ends["slow"].code, ends["slow"].tail) == (0, "whole\n")

    anyio.run(main)


ORCHESTRATOR = textwrap.dedent(
    """
    import os, sys
    from pathlib import Path
    import anyio
    from orchestrator.isolation import processes
    from orchestrator.isolation.processes import ProcessSpec, run_process

    script = "trap '' TERM; setsid sleep 60 & (setsid sh -c 'sleep 61 & sleep 62' &) ; echo up; sleep 63"
    spec = ProcessSpec(argv=("sh", "-c", script), cwd=Path(sys.argv[1]), env={"PATH": os.environ["PATH"]},
                       timeout=60, log=Path(sys.argv[1]) / "log", tag=sys.argv[2])
    processes.GRACE_SECONDS = 0.5
    processes.note_in(Path(sys.argv[1]))
    anyio.run(run_process, spec, lambda line: print(line, flush=True))
    """
)


def killed_orchestrator(tmp_path: Path, tag: str, *, with_keepers: bool = False) -> list[int]:
    """Its processes, once it has been killed; with its keepers, as `killall -9 python` does."""
    dying = subprocess.Popen(
        [sys.executable, "-c", ORCHESTRATOR, tmp_path, tag], stdout=subprocess.PIPE, text=True
    )
    assert dying.stdout
    assert dying.stdout.readline() == "up\n"
    time.sleep(1.3 if with_keepers else 0.3)
    left = tagged(tag)
    assert len(left) >= 4
    keepers = psutil.Process(dying.pid).children(recursive=True) if with_keepers else []
    dying.kill()
    for keeper in keepers:
        if keeper.pid not in left:
            keeper.kill()
    dying.wait()
    dying.stdout.close()
    return left


def eventually_gone(tag: str, patience: float = 10.0) -> None:
    limit = time.monotonic() + patience
    while tagged(tag) and time.monotonic() < limit:
        time.sleep(0.05)
    assert tagged(tag) == []


def test_nothing_of_a_killed_orchestrator_is_left_even_if_nobody_resumes(
    tmp_path: Path, tag: str
) -> None:
    killed_orchestrator(tmp_path, tag)
    eventually_gone(tag)


def test_a_resume_waits_for_the_end_of_what_was_left(tmp_path: Path, tag: str) -> None:
    killed_orchestrator(tmp_path, tag)
    assert end_leftovers(tmp_path) >= 1
    assert tagged(tag) == []
    assert end_leftovers(tmp_path) == 0


def test_what_is_left_when_its_keepers_were_killed_too_is_found_by_a_resume(
    tmp_path: Path, tag: str
) -> None:
    other = subprocess.Popen(["sleep", "60"], env={**os.environ, TAG: tag})
    try:
        left = {*killed_orchestrator(tmp_path, tag, with_keepers=True)} - {other.pid}
        time.sleep(0.3)
        assert left < {*tagged(tag)}
        assert end_leftovers(tmp_path, patience=0.5) >= len(left)
        assert tagged(tag) == [other.pid], "a tag alone makes nobody ours"
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize(
    "name",
    [
        "SSH_AUTH_SOCK",
        "GIT_DIR",
        "GIT_INDEX_FILE",
        "PYTHONPATH",
        "LD_PRELOAD",
        "AWS_SECRET_ACCESS_KEY",
        "X",
    ],
)
def test_the_clean_environment_is_an_allow_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "secret")
    clean = clean_environment(tmp_path / "home")
    assert name not in clean
    assert clean["HOME"] == str(tmp_path / "home")
    assert Path(clean["TMPDIR"]).is_dir()
    assert Path(clean["TMPDIR"]).is_relative_to(tmp_path)
    assert clean_environment(tmp_path / "home", {name: "declared"})[name] == "declared"


@pytest.mark.parametrize(
    "name",
    [
        *("https_proxy", "ALL_PROXY", "SSL_CERT_FILE", "PIP_INDEX_URL", "NPM_CONFIG_REGISTRY"),
        *("npm_config_cafile", "UV_DEFAULT_INDEX", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO"),
    ],
)
def test_what_the_network_takes_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "http://proxy.invalid:1")
    assert clean_environment(tmp_path)[name] == "http://proxy.invalid:1"


def test_what_of_it_is_secret() -> None:
    users = {
        "PIP_INDEX_URL": "https://me:p%40ssword9@mirror.invalid/simple",
        "PIP_EXTRA_INDEX_URL": "https://token123@one.invalid/a https://b.invalid/c",
        "https_proxy": "http://proxy.invalid:1",
        "npm_config__authToken": "npm-token",
        "UV_INDEX_OURS_PASSWORD": "uv-word-2",
        "SSL_CERT_FILE": "/etc/ssl/certificates",
    }
    assert secrets_in(users) == {
        "p%40ssword9": "PIP_INDEX_URL",
        "p@ssword9": "PIP_INDEX_URL",
        "token123": "PIP_EXTRA_INDEX_URL",
        "npm-token": "npm_config__authToken",
        "uv-word-2": "UV_INDEX_OURS_PASSWORD",
    }


def test_all_logs_of_a_run_have_a_limit_together(
    tmp_path: Path, tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "RUN_LOG_LIMIT_BYTES", 100_000)
    monkeypatch.setattr(output, "LEAST_LOG_BYTES", 5_000)
    monkeypatch.setattr(processes, "_NOTES", [])
    monkeypatch.setattr(processes, "_BUDGET", processes.Budget(100_000))
    logs = tmp_path / "logs"
    (logs / "gates").mkdir(parents=True)
    (logs / "gates" / "earlier.log").write_bytes(b"x" * 20_000)
    processes.note_in(tmp_path)
    ends = [
        run(spec(tmp_path, tag, "sh", "-c", f"head -c {size} /dev/zero", log=logs / f"{size}.log"))
        for size in (60_000, 60_001, 60_002, 100)
    ]
    kept = [
        size - end.dropped for size, end in zip((60_000, 60_001, 60_002, 100), ends, strict=True)
    ]
    assert kept == [60_000, 20_000, 5_000, 100]
    assert "40001 more bytes were not kept" in (logs / "60001.log").read_text()
