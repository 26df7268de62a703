"""A program of its own: the house from which keepers are forked.

One process with one thread, so that a keeper is had in a millisecond, without the risk of forking
the orchestrator, whose threads may hold any lock. It is a subreaper too: what a killed keeper
leaves becomes its child, is nobody else's, and is killed. It ends when the orchestrator is gone and
its last keeper too. Of the orchestrator it gets requests for keepers and nothing else; see
`keepers` for the other end.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys

from orchestrator.isolation.ancestry import (
    Wakeup,
    become_subreaper,
    children_of,
    kill_all,
    ready,
)
from orchestrator.isolation.keeper import Keeper
from orchestrator.isolation.unseen import close_to_others

MOST_FDS = 250


class House:
    """Forks keepers on request, and ends what a keeper that was killed left behind."""

    def __init__(self, requests: socket.socket, reaper: int) -> None:
        self._reaper = reaper
        self._requests = requests
        self._wakeup = Wakeup()
        self._controls: dict[int, socket.socket] = {}
        """By keeper. Kept open until nothing is left of it: only then does the orchestrator see
        its end.
        """
        self._is_closed = False

    def serve(self) -> None:
        """Until there is neither an orchestrator nor a keeper any more."""
        while not self._is_closed or self._controls:
            requests = [] if self._is_closed else [self._requests.fileno()]
            found = ready([self._wakeup.reading, *requests], None)
            self._wakeup.drain()
            if found.intersection(requests):
                self._answer()
            self._bury()

    def _answer(self) -> None:
        message, fds, _, _ = socket.recv_fds(self._requests, 1, MOST_FDS)
        for fd in fds:
            os.set_inheritable(fd, False)  # noqa: FBT003
        if not message:
            self._is_closed = True
            return
        control = socket.socket(fileno=fds[0])
        try:
            pid = os.fork()
        except OSError as error:
            with contextlib.suppress(OSError):
                control.sendall(f"failed {error.errno}\n".encode())
            control.close()
            pid = -1
        if pid == 0:
            self._become_keeper(control, fds[1:])
        for fd in fds[1:]:
            os.close(fd)
        if pid > 0:
            self._controls[pid] = control

    def _become_keeper(self, control: socket.socket, fds: list[int]) -> None:
        try:
            os.close(self._wakeup.reading)
            self._requests.close()
            for other in self._controls.values():
                other.close()
            become_subreaper()
            Keeper(control, fds, self._reaper).keep()
        finally:
            os._exit(0)

    def _bury(self) -> None:
        dead: list[socket.socket] = []

        def reap() -> bool:
            while True:
                try:
                    pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
                except ChildProcessError:
                    return False
                if not pid:
                    return any(pid not in self._controls for pid in children_of(os.getpid()))
                if os.WIFSTOPPED(status):
                    os.kill(pid, signal.SIGCONT)  # a keeper that stands still keeps nobody
                elif pid in self._controls:
                    dead.append(self._controls.pop(pid))

        if reap():
            kill_all(self._wakeup, reap, self._controls)
        for control in dead:
            control.close()


def main() -> None:
    """Be the house; the argument is the descriptor on which keepers are asked for."""
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(ignored, signal.SIG_IGN)
    os.chdir("/")
    gc.disable()  # there are no cycles, and looking for them would copy each page for every keeper
    reaper = find_reaper()
    become_subreaper()
    close_to_others()  # orders, with the environments of programs, go through here and the keepers
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        House(requests, reaper).serve()


def find_reaper() -> int:
    """Who would adopt our orphans: the parent that an orphan of ours gets."""
    reading, writing = os.pipe()
    middle = os.fork()
    if middle == 0:
        middle = os.getpid()
        if os.fork() == 0:
            while (parent := os.getppid()) == middle:
                os.sched_yield()
            os.write(writing, str(parent).encode())
        os._exit(0)
    os.waitpid(middle, 0)
    os.close(writing)
    with open(reading, "rb") as file:
        return int(file.read() or 1)
