"""The program's front door, and the one place that turns errors into a paragraph and an exit code.

Which verbs there are is said in `verbs`.
"""

from __future__ import annotations

import errno
import gc
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Annotated

import typer

from orchestrator import version
from orchestrator.cli import streams
from orchestrator.cli.verbs import Verbs
from orchestrator.errors import EnvironmentRefused, ExitCode, OrchestrateError

HELP = """Carry out a mission with parallel agents: isolated, merged, and proven before it lands.

Exit codes: 0 everything landed; 1 something did not land; 2 a bad mission or bad usage; 3 a fault of this program;
4 the environment refuses; 130 interrupted, resumable.
"""

app = typer.Typer(
    name="orchestrate",
    cls=Verbs,
    help=HELP,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _version(value: bool) -> None:  # noqa: FBT001 - typer calls it so
    if value:
        typer.echo(f"orchestrate {version()}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it and exit.")
    ] = False,
) -> None:
    """See HELP; the version is handled by its callback."""


def main() -> None:
    """Run one command and exit with its code."""
    # What is imported stays to the end: looking through it again and again for garbage takes a
    # tenth of the start.
    gc.set_threshold(50_000)
    os.environ.setdefault(
        "PYDANTIC_DISABLE_PLUGINS", "__all__"
    )  # it would look through all that is installed
    # Threads that look at many files let go of the interpreter at each; they shall not wait long to
    # have it back.
    sys.setswitchinterval(0.0005)
    try:
        streams.prepare()
        app()  # usage errors and `typer.Exit` end in SystemExit, with their codes
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        streams.leave(end.code or 0)
    except KeyboardInterrupt:
        streams.leave(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        streams.leave(ExitCode.OK)  # whoever read our output has gone; there is nobody left to tell
    except Exception as error:  # noqa: BLE001 - the boundary: whatever comes out of here is shown and logged
        streams.leave(_report(error))


def _report(error: BaseException) -> int:
    """Show an error as a paragraph; a fault of ours keeps its traceback in a file. Returns the exit
    code.
    """
    from orchestrator.isolation.secrets import known as secrets

    known, clean = _known(error), secrets().text
    if known is not None:
        streams.say(clean(f"orchestrate: {known}"), err=True)
        return int(known.exit_code)
    with tempfile.NamedTemporaryFile(
        "w", prefix="orchestrate-", suffix=".log", delete=False, encoding="utf-8"
    ) as log:
        log.write(clean("".join(traceback.format_exception(error))))
    streams.say(
        f"orchestrate: a fault of this program: {type(error).__name__}: {clean(str(error))}\n"
        f"  The traceback is in {log.name}; please report it. A run that was going on can be resumed.",
        err=True,
    )
    return int(ExitCode.FAULT)


def _known(error: BaseException) -> OrchestrateError | None:
    """The error that a user can act on, also where a task group has wrapped it."""
    if isinstance(error, OrchestrateError):
        return error
    if isinstance(error, BaseExceptionGroup):
        return next((known for inner in error.exceptions if (known := _known(inner))), None)
    if isinstance(error, OSError) and error.errno in (
        errno.ENOSPC,
        errno.EROFS,
        errno.EDQUOT,
        errno.EACCES,
        errno.EPERM,
        errno.EIO,
    ):
        where = str(Path(os.fsdecode(error.filename))) if error.filename else None
        return EnvironmentRefused(
            f"the disk does not take it: {error.strerror}",
            where=where,
            mend="make room or rights, then resume",
        )
    return None
