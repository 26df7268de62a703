"""One long-lived ``git update-ref --stdin``: refs that are set whatever they hold, without a process
for each.

Owns the conversation. Each ref is a transaction of its own, answered when it is on the disk. What
goes wrong is told by a git that is asked for that one ref alone (see `store.Store.set_ref`).
"""

from __future__ import annotations

import contextlib
import subprocess
import threading

from orchestrator.git.client import Git, end
from orchestrator.git.text import encode


class RefWriter:
    """Shared by all threads under a lock."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def set(self, name: str, new: str) -> bool:
        """Make the ref hold `new`, and say whether that was done; where not, nobody knows."""
        if "\0" in name:
            return False
        with self._lock:
            process = self._process
            if process is None:
                process = self._git.spawn("update-ref", "--stdin", "-z", stdin=subprocess.PIPE)
                self._process = process
            assert process.stdin is not None
            assert process.stdout is not None
            asked = f"start\0option no-deref\0update {name}\0{new}\0\0commit\0"
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(encode(asked))
                process.stdin.flush()
                if [process.stdout.readline() for _ in range(2)] == [
                    b"start: ok\n",
                    b"commit: ok\n",
                ]:
                    return True
            self._end()
            return False

    def close(self) -> None:
        """End the process; the next ref would start another."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            end(process)
            assert process.stderr is not None
            process.stderr.close()
