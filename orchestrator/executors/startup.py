"""What a set-up made that runs before any test does: where tests are judged in an environment that
the candidate's own files describe, it is where a judge would be deceived.

Owns finding it in what was made, and what of it the base's set-up does not have. Installing runs
whatever code is installed, so that this sees the ways that are usual, and not every way there is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

SITE = "site-packages"
CUSTOM = ("sitecustomize.py", "usercustomize.py")
"""Modules that Python imports when it starts."""
RUNNER = ("pytest", "_pytest", "pluggy", "iniconfig", "packaging")
"""Packages that carry out tests."""
_RUNS = re.compile(rb"^import[ \t]", re.MULTILINE)
_UNCHECKED = b"\x01\x00\x00\x00"
"""In the head of a compiled module: it is believed whatever its source says."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file or package: a digest of it, and which version of an index it is; empty for none."""

    digest: str
    version: str = ""


def startup(files: Path) -> dict[str, Part]:
    """What runs before tests, by its path in what was made. Blocking."""
    return dict(sorted(_found(files), key=itemgetter(0)))


def brought(before: Mapping[str, Part], after: Mapping[str, Part]) -> tuple[str, ...]:
    """What of `after` is not in `before`, for people; another version of what carries tests out is
    none of it.
    """
    return tuple(
        f"{path} (not as in the base's)" if path in before else path
        for path, part in after.items()
        if before.get(path) != part and not _is_another_version(before.get(path), part)
    )


def _is_another_version(before: Part | None, after: Part) -> bool:
    return bool(after.version) and (before is None or before.version != after.version)


def _found(files: Path) -> Iterator[tuple[str, Part]]:
    for site in _sites(files):
        hooks = [path for path in site.glob("*.pth") if _RUNS.search(path.read_bytes())]
        hooks += [site / name for name in CUSTOM if (site / name).exists()]
        hooks += [path for path in site.rglob("*.pyc") if _is_unchecked(path)]
        for path in hooks:
            yield _named(path, files), Part(_digest([path]))
        for package in RUNNER:
            if sources := sorted((site / package).rglob("*.py")):
                part = Part(_digest(sources), _version(site, package))
                yield _named(site / package, files), part


def _sites(files: Path) -> Iterator[Path]:
    """Folders of installed modules, wherever an environment was made."""
    for settings in files.rglob("pyvenv.cfg"):
        yield from settings.parent.glob(f"lib/*/{SITE}")


def _version(site: Path, package: str) -> str:
    distribution = package.strip("_")
    for folder in site.glob(f"{distribution}-*.dist-info"):
        if not (folder / "direct_url.json").exists():
            return folder.name.removeprefix(f"{distribution}-").removesuffix(".dist-info")
    return ""


def _is_unchecked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(8)[4:] == _UNCHECKED
    except OSError:
        return False


def _digest(paths: list[Path]) -> str:
    told = hashlib.sha256()
    for path in paths:
        told.update(f"{path.name}\0".encode("utf-8", "surrogateescape"))
        told.update(path.read_bytes())
    return told.hexdigest()


def _named(path: Path, files: Path) -> str:
    return path.relative_to(files).as_posix()
