"""Everything that is checked, in one command: `nox`. `nox -s slow` is the rest of what CI runs."""

import sys
from pathlib import Path

import nox

nox.options.default_venv_backend = (
    "none"  # the environment that nox is installed in holds all that is needed
)
nox.options.sessions = ["style", "lint", "types", "layers", "tests"]

PYTHON = sys.executable
# Most tests wait for processes of their own; who is done takes over from whom has long ones left.
BESIDE = ("-n", "4", "--dist", "worksteal")


@nox.session
def style(session: nox.Session) -> None:
    """Format, as ruff writes it."""
    session.run(PYTHON, "-m", "ruff", "format", "--check", "--quiet", ".")


@nox.session
def lint(session: nox.Session) -> None:
    """Lint, broadly."""
    session.run(PYTHON, "-m", "ruff", "check", "--quiet", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Types, strictly."""
    session.run(PYTHON, "-m", "mypy")


@nox.session
def layers(session: nox.Session) -> None:
    """Imports point down."""
    session.run(str(Path(PYTHON).with_name("lint-imports")))


@nox.session
def tests(session: nox.Session) -> None:
    """Tests that a person waits for."""
    session.run(PYTHON, "-m", "pytest", *BESIDE, *session.posargs)


@nox.session
def slow(session: nox.Session) -> None:
    """Tests that take longer: whole missions, a hundred kills, thousands of merges."""
    session.run(PYTHON, "-m", "pytest", "-m", "slow and not agents", *BESIDE, *session.posargs)


@nox.session
def agents(session: nox.Session) -> None:
    """Real agents that want Node, from its package index, against a scripted model."""
    session.run(PYTHON, "-m", "pytest", "-m", "agents", "-n", "2", *session.posargs)
