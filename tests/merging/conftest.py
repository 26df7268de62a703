"""The fixtures of `tests/repositories.py`, for the tests of this folder."""

from tests.repositories import make_repo, make_run, run, user

__all__ = ["make_repo", "make_run", "run", "user"]
