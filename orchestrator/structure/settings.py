"""What is there twice in files of settings, or is asked for and not there, although each can be read:
a package required twice, a key of `.env` and `.ini`, a job of CI that another needs.

Pure. What a reader refuses by itself is in `data`.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import yaml

REQUIREMENTS = re.compile(
    r"(^|/)(requirements|constraints)[^/]*\.(txt|in)$|(^|/)requirements/[^/]+\.(txt|in)$"
)
_ENVIRONMENT = re.compile(r"(^|/)\.env(\.[\w.-]+)?$")
_WORKFLOW = re.compile(r"(^|/)\.(github|gitea|forgejo)/workflows/[^/]+\.ya?ml$")
_PACKAGE = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?")
_SECTION = re.compile(r"\[([^\]]+)\]")
_KEY = re.compile(r"([\w.-]+)\s*[=:]")


def settings_faults(path: str, source: bytes) -> dict[str, str]:
    """What is wrong, by the name that it is about; nothing in files of other kinds, and in such as
    cannot be read.
    """
    text = source.decode("utf-8-sig", "replace")
    try:
        if _WORKFLOW.search(path):
            return dict(_jobs(text))
        twice = (name for name, count in Counter(_names(path, text)).items() if count > 1)
        return {name: f"{name} is there twice" for name in twice}
    except (ValueError, yaml.YAMLError, RecursionError):
        return {}


def _names(path: str, text: str) -> Iterator[str]:
    if REQUIREMENTS.search(path):
        yield from _packages(text.splitlines())
    elif path.rpartition("/")[2] == "pyproject.toml":
        yield from _project(tomllib.loads(text))
    elif _ENVIRONMENT.search(path):
        for line in text.splitlines():
            if found := _KEY.match(line.strip().removeprefix("export ")):
                yield found[1]
    elif path.endswith((".ini", ".cfg")):
        section = ""
        for line in text.splitlines():
            if found := _SECTION.match(line):
                section = found[1]
            elif (key := _KEY.match(line)) is not None:  # what is indented goes on with a value
                yield f"{section}.{key[1]}"


def _packages(lines: Iterable[object]) -> Iterator[str]:
    """Packages by the normal form of their names; apart where a marker is."""
    for line in lines:
        if isinstance(line, str) and (found := _PACKAGE.match(line)):
            marker = line.partition("#")[0].partition(";")[2].split()
            name = re.sub(r"[-_.]+", "-", found[1]).lower() + (found[2] or "")
            yield " ".join([name, *([";", *marker] if marker else [])])


def _project(document: Mapping[str, object]) -> Iterator[str]:
    project = document.get("project")
    known = project if isinstance(project, dict) else {}
    yield from _listed("project.dependencies", known.get("dependencies"))
    for place, groups in (
        ("project.optional-dependencies", known.get("optional-dependencies")),
        ("dependency-groups", document.get("dependency-groups")),
    ):
        for group, listed in groups.items() if isinstance(groups, dict) else ():
            yield from _listed(f"{place}.{group}", listed)


def _listed(place: str, listed: object) -> Iterator[str]:
    if isinstance(listed, list):
        yield from (f"{place}: {name}" for name in _packages(listed))


def _jobs(text: str) -> Iterator[tuple[str, str]]:
    """Jobs that others need and that are not there."""
    document = yaml.safe_load(text)
    jobs = document.get("jobs") if isinstance(document, dict) else None
    if not isinstance(jobs, dict):
        return
    for name, job in jobs.items():
        needs = job.get("needs", []) if isinstance(job, dict) else []
        for needed in [needs] if isinstance(needs, str) else needs or []:
            if needed not in jobs:
                yield f"{name}.{needed}", f"the job {name} needs {needed}, which is not there"
