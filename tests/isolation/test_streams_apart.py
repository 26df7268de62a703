"""Standard output and standard error apart: lines whatever their length, a log that has both, and
memory that is bounded.
"""

from __future__ import annotations

import json
import os
import resource
from pathlib import Path

import anyio
import pytest

from orchestrator.isolation import output, processes, secrets
from orchestrator.isolation.processes import Exit, run_process
from tests.isolation.test_processes import MIB, python, spec

pytestmark = pytest.mark.usefixtures("quick_grace")


@pytest.fixture
def quick_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.5)
    monkeypatch.setattr(processes, "DRAIN_SECONDS", 1.0)


def carry_out(
    tmp_path: Path, *argv: str, shown: str = "", **more
) -> tuple[Exit, list[str], list[str], str]:
    """How it ended, the lines that were read, what people were shown, and the log."""
    read: list[str] = []
    told: list[str] = []

    def take(line: str) -> str:
        read.append(line)
        return shown

    tag = f"apart-{os.getpid()}-{tmp_path.name}/one"
    end = anyio.run(run_process, spec(tmp_path, tag, *argv, take_line=take, **more), told.append)
    return end, read, told, (tmp_path / "logs" / "out.log").read_text(errors="replace")


def sh(script: str) -> tuple[str, str, str]:
    return ("sh", "-c", script)


def test_errors_do_not_get_among_events(tmp_path: Path) -> None:
    """However they are mixed when they are written: each event comes whole, and the log has all."""
    script = python(
        """
        import os
        for n in range(300):
            os.write(1, b'{"n": %d, "te' % n)
            os.write(2, b"warning {%d\\n" % n)
            os.write(1, b'xt": "x"}\\n')
        """
    )
    end, read, _, log = carry_out(tmp_path, *script)
    assert end.code == 0
    assert [json.loads(line)["n"] for line in read] == list(range(300))
    assert sorted(log.splitlines()) == sorted([*read, *(f"warning {{{n}" for n in range(300))])


@pytest.mark.parametrize("length", [10, 26_000, 65_536, 200_000, output.MOST_LINE_BYTES - 20])
def test_a_line_is_read_whatever_its_length(tmp_path: Path, length: int) -> None:
    script = python(f"print('{{\"a\": \"' + 'x' * {length} + '\"}}', flush=True); print('after')")
    _, read, told, _ = carry_out(tmp_path, *script)
    (line,) = read
    assert len(json.loads(line)["a"]) == length
    assert told[-1] == "after"


def test_a_line_that_is_too_long_is_told(tmp_path: Path) -> None:
    size = output.MOST_LINE_BYTES * 3
    script = python(f"print('{{' + 'x' * {size}); print('{{}}')")
    _, read, told, log = carry_out(tmp_path, *script)
    said = f"[orchestrate: a line of {size + 1} bytes is too long to be read]"
    assert read == ["{}"]
    assert said in told
    assert said in log.splitlines()


@pytest.mark.parametrize(
    ("script", "read"),
    [
        ("printf '{\"a\":1}'", ['{"a":1}']),
        ('printf \'{"a":1}\\r\\n{"b":2}\\r\\n\'', ['{"a":1}', '{"b":2}']),
        ("printf 'words\\n\\n {}\\n{}\\n'", ["{}"]),
        ("printf '{}\\n' >&2", []),
        ("exec >&-; printf 'x\\n' >&2", []),
        ('printf \'{"a":"\\377"}\\n\'', ['{"a":"\ufffd"}']),
        ("printf '{'; sleep 0.2; printf '}\\n'", ["{}"]),
    ],
)
def test_what_is_read(tmp_path: Path, script: str, read: list[str]) -> None:
    end, found, _, _ = carry_out(tmp_path, *sh(script))
    assert (end.code, found) == (0, read)


def test_people_are_shown_what_was_made_of_it_or_the_line(tmp_path: Path) -> None:
    _, _, told, _ = carry_out(tmp_path, *sh("echo '{}'"), shown="an edit")
    assert told == ["an edit"]
    _, _, told, _ = carry_out(
        tmp_path, *sh("echo '{}'; sleep 0.1; echo plain; sleep 0.1; echo e >&2")
    )
    assert told == ["plain", "e"]


def test_what_was_written_before_a_time_limit_is_read(tmp_path: Path) -> None:
    end, read, _, log = carry_out(tmp_path, *sh("echo '{}'; printf '{\"a'; sleep 60"), timeout=0.5)
    assert end.timed_out
    assert read == ["{}", '{"a']
    assert log == '{}\n{"a'


def test_no_secret_is_read_logged_or_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_KNOWN", [])
    monkeypatch.setattr(secrets, "_MORE", {})
    secrets.know_also({"hidden-value-of-a-file": "auth.json: token"})
    script = sh(
        "printf '{\"k\":\"hidden-val'; sleep 0.1; echo 'ue-of-a-file\"}'; echo hidden-value-of-a-file >&2"
    )
    end, read, told, log = carry_out(tmp_path, *script)
    assert read == ['{"k":"[redacted]"}']
    assert "hidden" not in f"{log}{told}{end.tail}"


@pytest.mark.slow
def test_300_mb_take_no_memory(tmp_path: Path) -> None:
    """In long lines and in short ones, of both streams; the last event is read all the same."""
    script = python(
        """
        import os
        long, short = b"{" + b"x" * 5_000_000 + b"\\n", b"short\\n" * 1_000_000
        for n in range(30):
            os.write(2, long), os.write(1, long)
            for at in range(0, len(short), 60_000):
                os.write(n % 2 + 1, short[at:at + 60_000])
        print('{"type": "result"}')
        """
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    end, read, _, _ = carry_out(tmp_path, *script, timeout=120.0)
    assert end.code == 0
    assert read[-1] == '{"type": "result"}'
    assert (tmp_path / "logs" / "out.log").stat().st_size < processes.LOG_LIMIT_BYTES + 200
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < 64 * MIB
