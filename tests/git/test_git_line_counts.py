"""Lines that a change adds and removes: the same as git counts, or left to git."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.git.line_counts import line_counts
from orchestrator.git.store import Store

texts = st.builds(
    lambda lines, end: b"\n".join(lines) + end,
    st.lists(st.sampled_from([b"a", b"b", b"", b"c\r", b"\x0c", b"d e", b"\xff"]), max_size=8),
    st.sampled_from([b"", b"\n"]),
)


@pytest.mark.parametrize(
    ("old", "new", "counts"),
    [
        (b"", b"", (0, 0)),
        (b"", b"a\nb", (2, 0)),
        (b"a\nb\n", b"", (0, 2)),
        (b"a\nb\nc\n", b"a\nx\ny\nc\n", (2, 1)),
        (b"a\n", b"a", (1, 1)),
        (b"a\rb\n", b"a\rc\n", (1, 1)),
        (b"a\nb\n", b"b\na\n", None),
        (b"a\0", b"b", None),
        (b"a" * 2_000_000, b"b", None),
    ],
)
def test_counts(old: bytes, new: bytes, counts: tuple[int, int] | None) -> None:
    assert line_counts(old, new) == counts


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(texts, texts)
def test_counts_are_gits(tmp_path: Path, old: bytes, new: bytes) -> None:
    (tmp_path / "old").write_bytes(old)
    (tmp_path / "new").write_bytes(new)
    command = ["git", "diff", "--no-index", "--numstat", "-z", "old", "new"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).stdout
    added, removed = map(int, told.split(b"\t")[:2]) if told else (0, 0)
    assert line_counts(old, new) in {(added, removed), None}


def test_what_was_made_here_is_known_as_git_would_tell_it(run: Any) -> None:
    commit = run.work(
        {
            "a.txt": None,
            "b-c": "1\n",
            "b/c": "2\n",
            "b.c": "3\n",
            "src/b.py": "new\n",
            "ü": "4\n",
            "bin": b"\0",
        }
    )
    known, fresh = run.store, Store.open(run.store.path, run.store.run)
    try:
        assert known.changes(run.base, commit) == fresh.changes(run.base, commit)
        assert list(known.entries(commit).items()) == list(fresh.entries(commit).items())
        assert known.numstat(run.base, commit) == fresh.numstat(run.base, commit)
        pairs = [(run.base, commit), (commit, run.base), (run.base, run.base)]
        assert known.differences.of_all(pairs[:1]) == fresh.differences.of_all(pairs[:1])
        assert known.differences.of_all(pairs) == fresh.differences.of_all(pairs)
    finally:
        fresh.close()
