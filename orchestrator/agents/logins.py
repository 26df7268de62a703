"""What an agent needs of its user's home: a login, a settings file. Copied into the private home of
an attempt, for it alone, and known as secrets from then on.

Owns the copies. What is copied is the profile's or the mission's to say. A copy, not a link: what an
attempt does to it stays with the attempt.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from orchestrator.isolation.own_paths import own_folder, write_anew
from orchestrator.isolation.secrets import know_also

MOST_BYTES = 4 * 1024 * 1024
_SECRET = re.compile(
    r"token|secret|key|passw|credential|auth|cookie|private|refresh|access", re.IGNORECASE
)
_LEAST = 16
"""Characters of what is taken for a secret without being called one."""


def place(home: Path, files: Mapping[str, Path], texts: Mapping[str, str]) -> None:
    """Copy `files`, by their places in the private `home`, and write `texts` where there is nothing
    then. What is not there is left out. Blocking.
    """
    for where, source in files.items():
        content = _read(source)
        if content is None:
            continue
        know_also(dict(secrets_of(content, source.name)))
        _write(home, where, content)
    for where, text in texts.items():
        if not (home / where).exists():
            _write(home, where, text.encode())


def there(files: Iterable[Path]) -> Path | None:
    """The first of them that is there and is not empty."""
    return next((path for path in files if path.is_file() and path.stat().st_size), None)


def secrets_of(content: bytes, name: str) -> Iterator[tuple[str, str]]:
    """The secrets in a file of that name: by value, what they are called."""
    text = content.decode("utf-8", "replace")
    try:
        yield from _within(json.loads(text), name, is_named=False)
    except (ValueError, RecursionError):
        for key, value in re.findall(r"([\w.-]+)[\"']?\s*[:=]\s*[\"']?([^\s\"']+)", text):
            if _SECRET.search(key) and len(value) >= _LEAST:
                yield value, f"{name}: {key}"


def _within(value: object, name: str, *, is_named: bool) -> Iterator[tuple[str, str]]:
    match value:
        case str() if is_named and len(value) >= _LEAST:
            yield value, name
        case dict():
            for key, item in value.items():
                is_secret = is_named or bool(_SECRET.search(str(key)))
                yield from _within(item, f"{name}: {key}", is_named=is_secret)
        case list():
            for item in value:
                yield from _within(item, name, is_named=is_named)


def _read(source: Path) -> bytes | None:
    try:
        with source.open("rb") as file:
            return file.read(MOST_BYTES)
    except OSError:
        return None


def _write(home: Path, where: str, content: bytes) -> None:
    target = home / where
    for folder in reversed(target.relative_to(home).parents):
        own_folder(home / folder)
    write_anew(target, content)
    os.chmod(target, 0o600)  # noqa: PTH101 - not through a link
