"""The one place where a git process is started.

Owns the environment that git sees (nothing inherited, no system or user configuration, no hooks, a
fixed identity), how bytes and names are decoded, and how a failure becomes an error. It knows
nothing of repositories, stores or workspaces; those say which folder and which verb.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import select
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from orchestrator.errors import EnvironmentRefused, OrchestrateError
from orchestrator.git.identity import OURS
from orchestrator.git.text import decode

OLDEST_GIT = (2, 38)
"""`merge-tree --write-tree` and `cat-file -z` appeared in this version."""

DEADLINE_SECONDS = 3600.0
"""No single git command of ours runs longer on a disk that works; a hung file system must not hang
the run for ever.
"""

_CONFIGURATION = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.attributesFile": os.devnull,
    "core.excludesFile": os.devnull,
    "core.safecrlf": "false",
    "core.commitGraph": "false",  # an agent may write into the shared objects; only objects themselves are believed
    "core.multiPackIndex": "false",
    "core.fsync": "all",
    "core.fsyncMethod": "batch",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "commit.gpgSign": "false",
    "protocol.allow": "never",
    "advice.detachedHead": "false",
    "advice.addEmbeddedRepo": "false",
    "submodule.recurse": "false",
    "diff.ignoreSubmodules": "all",
}

_ENVIRONMENT = {
    "LC_ALL": "C",
    "LANGUAGE": "C",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_PAGER": "cat",
    "GIT_EDITOR": "false",
    "GIT_ASKPASS": "false",
    "GIT_DEFAULT_REF_FORMAT": "files",
    **OURS.environment,
}
_USERS_OWN = ("GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_GLOBAL", "GIT_ATTR_NOSYSTEM")
_USERS_OWN_CONFIGURATION = ("core.attributesFile", "core.excludesFile")


_IN_USE = re.compile(r"PATH|HOME|USER|LOGNAME|LANG|LC_|TMP|TEMP|TZ|LD_|DYLD_|XDG_|PYTHON")
"""Variables that git, or what it runs for us, may look at; git's own are ours to say."""
_ANY = re.compile(r"(?!GIT_)")

_UNKNOWN = -1
"""Never taken for success, should somebody ask again."""


class GitError(OrchestrateError):
    """A git command that should have worked did not: `command` (short), exit `status` and `stderr`
    say which, how.
    """

    def __init__(self, command: str, status: int, stderr: str, *, where: str | None = None) -> None:
        detail = stderr.strip() or "no message"
        super().__init__(f"git {command} failed with exit status {status}: {detail}", where=where)
        self.command = command
        self.status = status
        self.stderr = stderr


@dataclass(frozen=True, slots=True)
class Result:
    """What a git command answered."""

    status: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        """Standard output as text without the last newline; undecodable bytes survive as
        surrogates.
        """
        return decode(self.stdout).removesuffix("\n")

    @property
    def fields(self) -> list[str]:
        """Standard output split at NUL, for the ``-z`` of most verbs."""
        return [decode(field) for field in self.stdout.split(b"\0") if field]


@dataclass(frozen=True, slots=True)
class Git:
    """Git in one folder: which repository (`git_dir`), which work tree, and with whose
    configuration.

    `users_configuration` is for the two moments at which the user's own set-up is what is wanted:
    finding out whether git would work here for them, and updating their checkout. It never brings
    hooks back.
    """

    git_dir: Path | None = None
    work_tree: Path | None = None
    index: Path | None = None
    cwd: Path | None = None
    users_configuration: bool = False
    configuration: tuple[tuple[str, str], ...] = ()

    def run(
        self,
        *arguments: str,
        input: bytes | None = None,
        stdin: IO[bytes] | None = None,
        env: Mapping[str, str] | None = None,
        check: bool = True,
    ) -> Result:
        """Run one git command to its end; with `check`, a non-zero exit status raises `GitError`.

        Raises it always for a git that was killed, or whose exit status nobody knows.
        """
        process = self.spawn(
            *arguments, stdin=subprocess.PIPE if input is not None else stdin, env=env
        )
        try:
            out, err = process.communicate(input, timeout=DEADLINE_SECONDS)
        except subprocess.TimeoutExpired as error:
            process.kill()
            process.communicate()
            raise EnvironmentRefused(
                f"git {_short(arguments)} did not finish within {DEADLINE_SECONDS:.0f} s",
                where=str(self._place()),
                mend="Check that the disk answers, then resume the run.",
            ) from error
        except ChildProcessError as error:
            raise GitError(
                _short(arguments),
                _UNKNOWN,
                "its exit status was taken away",
                where=str(self._place()),
            ) from error
        result = Result(process.returncode, out or b"", decode(err or b""))
        if result.status < 0 or (check and result.status != 0):
            raise self.failure(arguments, result)
        return result

    def spawn(
        self,
        *arguments: str,
        stdin: int | IO[bytes] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a git command and leave it to the caller, who ends it. Its `wait` raises
        ChildProcessError when somebody else has taken the exit status.
        """
        place = self._place()
        try:
            process = subprocess.Popen(
                ["git", *arguments],
                cwd=place if os.access(place, os.X_OK) else None,  # git says best what is missing
                stdin=subprocess.DEVNULL if stdin is None else stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment(env),
                start_new_session=True,  # a Ctrl-C is for us to handle, not for half a command
            )
        except FileNotFoundError as error:
            raise _no_git() from error
        process.wait = functools.partial(_wait, process)  # type: ignore[method-assign]
        return process

    def failure(self, arguments: Sequence[str], result: Result) -> OrchestrateError:
        """The error for a command that failed: of the environment where the message says so, else
        `GitError`.
        """
        where = str(self._place())
        command = _short(arguments)
        detail = (result.stderr.strip().splitlines() or ["no message"])[0]
        for pattern, what, mend in _REFUSALS:
            if pattern.search(result.stderr):
                return EnvironmentRefused(
                    f"{what} (git {command}: {detail})", where=where, mend=mend
                )
        if any(
            _is_full(place)
            for place in (self.git_dir, self.work_tree, self.index)
            if place is not None
        ):
            return EnvironmentRefused(
                f"the disk is full (git {command}: {detail})", where=where, mend=_MAKE_ROOM
            )
        return GitError(command, result.status, result.stderr, where=where)

    def _place(self) -> Path:
        return self.cwd or self.work_tree or self.git_dir or Path("/")

    def _environment(self, env: Mapping[str, str] | None) -> dict[str, str]:
        # What others can see of it in `/proc` is nothing that a local git has no use for.
        is_kept = _ANY.match if self.users_configuration else _IN_USE.match
        environment = {n: value for n, value in os.environ.items() if is_kept(n)} | _ENVIRONMENT
        configuration = dict(_CONFIGURATION)
        if self.users_configuration:
            for name in _USERS_OWN:
                del environment[name]
                if name in os.environ:  # where they say that their configuration is
                    environment[name] = os.environ[name]
            for name in _USERS_OWN_CONFIGURATION:
                del configuration[name]
        configuration |= dict(self.configuration)
        environment["GIT_CONFIG_COUNT"] = str(len(configuration))
        for number, (key, value) in enumerate(configuration.items()):
            environment[f"GIT_CONFIG_KEY_{number}"] = key
            environment[f"GIT_CONFIG_VALUE_{number}"] = value
        if self.git_dir is not None:
            environment["GIT_DIR"] = str(self.git_dir)
        if self.work_tree is not None:
            environment["GIT_WORK_TREE"] = str(self.work_tree)
        if self.index is not None:
            environment["GIT_INDEX_FILE"] = str(self.index)
        return environment | dict(env or {})


def _wait(process: subprocess.Popen[bytes], timeout: float | None = None) -> int:
    """Wait for a child's end and its true status: `subprocess` takes one that is not to be had, as
    somebody else has reaped the child or the kernel has, for success.
    """
    if process.returncode is None:
        _until_waitable(process, timeout)
        try:
            end = os.waitid(os.P_PID, process.pid, os.WEXITED)
        except ChildProcessError:
            process.returncode = _UNKNOWN
            raise
        assert end is not None
        is_exit = end.si_code == os.CLD_EXITED
        process.returncode = end.si_status if is_exit else -end.si_status
    return process.returncode


def _until_waitable(process: subprocess.Popen[bytes], timeout: float | None) -> None:
    if timeout is None or not hasattr(os, "pidfd_open"):
        return
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return  # reaped already: the next step says so
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        if not poll.poll(max(0.0, timeout) * 1000):
            raise subprocess.TimeoutExpired(process.args, timeout)
    finally:
        os.close(handle)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a git that was left running; how it ended does not matter. What it said of faults is for
    whoever reads that to close.
    """
    process.kill()
    with contextlib.suppress(ChildProcessError):
        process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()


def require_git() -> str:
    """The version of the git that will be used; `EnvironmentRefused` where there is none or it is
    too old.
    """
    version = _version()
    found = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if found < OLDEST_GIT:
        needed = ".".join(map(str, OLDEST_GIT))
        raise EnvironmentRefused(
            f"git {version} is too old, {needed} or newer is needed",
            mend=f"Install git {needed} or newer.",
        )
    return version


@functools.cache
def _version() -> str:
    if shutil.which("git") is None:
        raise _no_git()
    words = Git().run("version").text.split()
    return words[2] if len(words) > 2 else "0"


def _is_full(place: Path) -> bool:
    """Whether nothing can be written there; git does not always say that this was why."""
    found = next((path for path in (place, *place.parents) if path.exists()), None)
    return found is not None and shutil.disk_usage(found).free < _LITTLE_BYTES


def _no_git() -> EnvironmentRefused:
    return EnvironmentRefused(
        "git is not installed or not on PATH", mend="Install git 2.38 or newer."
    )


def _short(arguments: Sequence[str]) -> str:
    text = " ".join(arguments)
    return text if len(text) <= 80 else f"{text[:77]}..."


_LITTLE_BYTES = 64 * 1024
_MAKE_ROOM = "Make room, then resume the run."
_REFUSALS = (
    (
        re.compile(r"No space left on device|Disk quota exceeded|Out of diskspace"),
        "the disk is full",
        _MAKE_ROOM,
    ),
    (
        re.compile(r"Read-only file system"),
        "the file system is read-only",
        "Mount it writable or choose another folder with --root, then resume the run.",
    ),
    (
        re.compile(r"Permission denied|Operation not permitted|insufficient permission"),
        "git may not write or read here",
        "Check who owns the folder and its permissions.",
    ),
)
