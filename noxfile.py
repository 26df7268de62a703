"""Everything that CI checks, in one command: `nox`. `nox -s tests` alone is the quick one."""

import nox

nox.options.default_venv_backend = "none"  # the environment that nox is installed in holds all that is needed
nox.options.error_on_missing_interpreters = True


@nox.session
def format(session: nox.Session) -> None:
    session.run("ruff", "format", "--check", ".")


@nox.session
def lint(session: nox.Session) -> None:
    session.run("ruff", "check", ".")


@nox.session
def types(session: nox.Session) -> None:
    session.run("mypy")


@nox.session
def layers(session: nox.Session) -> None:
    session.run("lint-imports")


@nox.session
def tests(session: nox.Session) -> None:
    session.run("python", "-m", "pytest", *(session.posargs or ["-m", "slow or not slow"]))
