"""Greets people, without looking whether there is anybody to greet."""


def greet(name: str) -> str:
    """A greeting for `name`."""
    return f"Hello, {name}"
