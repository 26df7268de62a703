"""Which distributions a project declares that it needs, read from the files that people write that
into.

Owns the reading of them, as far as names go. It need not be exact: what is declared is asked about
a module that is neither in the tree nor anybody's to write.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

FILES = re.compile(
    r"(?:^|/)(?:[\w.-]*requirements[\w.-]*\.(?:txt|in)|requirements/[\w.-]+\.(?:txt|in)|constraints[\w.-]*\.txt|"
    r"pyproject\.toml|setup\.(?:py|cfg)|Pipfile|environment\.ya?ml|package\.json)$"
)
MOST_FILES = 50
OTHERWISE = {
    "PIL": "pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "jwt": "pyjwt",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
"""Modules whose distribution is called otherwise, beyond `python-x` and `pyx`."""
_NAME = re.compile(r"""^[\s"'\-\[,]*([A-Za-z][\w.-]*)""")
_QUOTED = re.compile(r"""["']\s*([A-Za-z][\w.-]*)""")


def declared(paths: Iterable[str], read: Callable[[str], bytes | None]) -> frozenset[str]:
    """Names of distributions, plain; those of Node as they are written."""
    found: set[str] = set()
    for path in sorted(path for path in paths if FILES.search(path))[:MOST_FILES]:
        text = (read(path) or b"").decode("utf-8", "replace")
        found.update(_names(path.rpartition("/")[2], text))
    return frozenset(found)


def is_declared(module: str, names: frozenset[str]) -> bool:
    """Whether some distribution of these is the one that has the module."""
    plain = _plain(module)
    told = (
        plain,
        f"python-{plain}",
        f"{plain}-python",
        f"py{plain}",
        _plain(OTHERWISE.get(module, plain)),
    )
    return not names.isdisjoint(told)


def _names(file: str, text: str) -> Iterator[str]:
    if file == "package.json":
        yield from _of_node(text)
    elif file == "pyproject.toml":
        yield from map(_plain, _of_project(text))
    else:
        pattern = _QUOTED if file == "setup.py" else _NAME
        for line in text.splitlines():
            yield from map(_plain, pattern.findall(line.partition("#")[0]))


def _of_node(text: str) -> Iterator[str]:
    try:
        told = json.loads(text)
    except ValueError:
        return
    for key in ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies"):
        found = told.get(key) if isinstance(told, dict) else None
        yield from found if isinstance(found, dict) else ()


def _of_project(text: str) -> Iterator[str]:
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    project = told.get("project", {})
    groups = [
        project.get("dependencies", []),
        *project.get("optional-dependencies", {}).values(),
        *told.get("dependency-groups", {}).values(),
    ]
    for line in (line for group in groups for line in group if isinstance(line, str)):
        yield from _NAME.findall(line)
    poetry: dict[str, Any] = told.get("tool", {}).get("poetry", {})
    for table in (poetry, *poetry.get("group", {}).values()):
        for key in ("dependencies", "dev-dependencies"):
            yield from table.get(key, {})


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
