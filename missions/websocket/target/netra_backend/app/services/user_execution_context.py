"""Whose work it is: the identity that every component on the way to the browser carries along."""

from dataclasses import dataclass


@dataclass(frozen=True)
class UserExecutionContext:
    """One run of an agent for one user in one thread."""

    user_id: str
    thread_id: str
    run_id: str
