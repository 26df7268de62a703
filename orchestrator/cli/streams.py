"""Standard streams and signals as a program may find them: closed, gone, ignored, full.

Owns that a command ends with the code that is true of its work though what it says cannot be
written, and that a request to end is an interruption, whoever makes it.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

import typer

from orchestrator.errors import ExitCode
from orchestrator.ui.lines import give_up


def prepare() -> None:
    """Make of what we were started with what the program counts on."""
    _open_all()
    # Who starts us may ignore this, which is inherited: then the kernel throws away how every git
    # of ours ended.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number in (signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` does
            signal.signal(number, signal.default_int_handler)


def _open_all() -> None:
    """A standard descriptor that is free would be that of the first file we open, and be printed
    into.
    """
    while (free := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(free, True)  # noqa: FBT003
    os.close(free)
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


def say(text: str, *, err: bool = False) -> None:
    """A line about work that is done whether or not anybody reads of it."""
    try:
        typer.echo(text, err=err)
    except (OSError, ValueError):
        give_up(sys.stderr if err else sys.stdout)


def leave(code: int) -> NoReturn:
    """Exit, without taking the interpreter apart first, which takes longer than many a command.

    What a verb has printed and cannot be written is an error of the environment, unless who read it
    has gone on purpose.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            continue
        except (OSError, ValueError):
            code = code or int(ExitCode.ENVIRONMENT)
    os._exit(code)
