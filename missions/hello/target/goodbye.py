"""Takes leave of people. Nobody has written it yet."""


def take_leave(name: str) -> str:
    """A farewell for `name`."""
    raise NotImplementedError
