"""The files of a run's store: laid down when it is made, guarded while it is used, swept when it is
opened.

Owns what stands in ``store.git`` beside objects and refs. How the store is used is `store`.
"""

from __future__ import annotations

import os
import stat
from fnmatch import fnmatchcase as fnmatch
from pathlib import Path

from orchestrator.git.client import Git
from orchestrator.git.folder import is_too_deep, remove_tree, walk
from orchestrator.git.identity import Identity
from orchestrator.git.repository import Repository, alternates
from orchestrator.git.tags import copy_tags
from orchestrator.git.text import encode
from orchestrator.git.whole_files import read_or_none, replace_file

_CONFIGURATION = """\
[core]
	repositoryformatversion = {version}
	filemode = true
	bare = true
	symlinks = true
	logAllRefUpdates = false
	hooksPath = {devnull}
	fsync = all
	fsyncMethod = batch
[gc]
	auto = 0
[maintenance]
	auto = false
"""
_ATTRIBUTES = b"* merge\n"
"""Beats every `.gitattributes`, so that no tree chooses how it is merged: the text merge, or a
conflict if binary.
"""

GUARDED = (
    "config",
    "info/attributes",
    "info/exclude",
    "info/grafts",
    "objects/info/alternates",
    "shallow",
)
_SWEPT = (b"*.lock", b"*.keep", b"tmp_*")


def build(path: Path, source: Repository, base: str, run: str, identity: Identity) -> None:
    """Lay down the store of `run` at `path`, its tip at `base`; `identity` makes its commits."""
    branch = f"orchestrate/{run}"
    options = ("--quiet", "--bare", "--template=", f"--object-format={source.object_format}")
    Git(cwd=path.parent).run("init", *options, f"--initial-branch={branch}", "--", str(path))
    guard(path, source, identity)
    if tags := copy_tags(source.git, base, path):
        replace_file(path / "packed-refs", encode(tags))
    Git(git_dir=path, cwd=path).run("update-ref", "--no-deref", "--", f"refs/heads/{branch}", base)


def guard(path: Path, source: Repository, identity: Identity) -> None:
    """Write the files that are guarded, and what they are held against. A configuration that is
    whole stays: it says who makes the run's commits.
    """
    sha256 = source.object_format == "sha256"
    configuration = _CONFIGURATION.format(version=1 if sha256 else 0, devnull=os.devnull)
    configuration += identity.configuration
    if sha256:
        configuration += "[extensions]\n\tobjectFormat = sha256\n"
    # flattened, because git does not follow a relative path in an alternate's own list on every
    # version
    borrowed = b"".join(
        alternate_line(folder) for folder in alternates(source.common_dir / "objects")
    )
    known = read_or_none(path / "orchestrate" / "guarded" / "config") or b""
    contents = {
        "config": known if is_whole(known) else configuration.encode(),
        "info/attributes": _ATTRIBUTES,
        "objects/info/alternates": borrowed,
        "shallow": read_or_none(source.common_dir / "shallow"),
    }
    for name, content in contents.items():
        for place in (path / name, path / "orchestrate" / "guarded" / name):
            if content is not None and read_or_none(place) != content:
                replace_file(place, content)


def is_whole(configuration: bytes) -> bool:
    """Whether a configuration is one that `guard` has written, from its beginning to its end."""
    needed = (
        b"\tbare = true\n",
        b"\tfsync = all\n",
        b"[maintenance]\n",
        b"\tname = ",
        b"\temail = ",
    )
    return configuration.startswith(b"[core]\n") and all(part in configuration for part in needed)


def alternate_line(folder: Path) -> bytes:
    """One line of an alternates file, quoted where git needs it."""
    raw = os.fsencode(folder)
    if b"\n" in raw or b'"' in raw:
        raw = b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'
    return raw + b"\n"


def sweep(path: Path) -> None:
    """Remove what a killed git leaves and the next one stumbles over, and folders that git would
    get lost in.
    """
    found = [
        item.path
        for item in walk(path, skip=frozenset({b"orchestrate"}))
        if any(fnmatch(os.path.basename(item.path), pattern) for pattern in _SWEPT)  # noqa: PTH119  (bytes)
        or (stat.S_ISDIR(item.status.st_mode) and is_too_deep(item.path))
    ]
    for name in found:
        remove_tree(path / os.fsdecode(name))


def sync_folder(path: Path) -> None:
    """Make a rename in a folder last."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
