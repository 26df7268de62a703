#!/bin/sh
# The agent `greeter`: guards the greeting.
set -eu
echo "reading hello.py"
cat > hello.py <<'PY'
"""Greets people, if there is anybody to greet."""


def greet(name: str) -> str:
    """A greeting for `name`. Raises ValueError when there is nobody."""
    if not name:
        raise ValueError("nobody to greet")
    return f"Hello, {name}"
PY
echo "guarded the greeting"
