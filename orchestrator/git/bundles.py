"""Commits as one file that git reads: what a repository has beyond commits that another one has.

Owns the writing, whole or not at all and synced, with one process and while something else is done;
and the bringing in. Which commits, and where the file is, is the caller's to say.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from orchestrator.errors import EnvironmentRefused
from orchestrator.git.client import DEADLINE_SECONDS, Result
from orchestrator.git.store import Store
from orchestrator.git.store_files import sync_folder
from orchestrator.git.text import decode
from orchestrator.git.whole_files import replace_file

_SIGNATURES = (b"# v2 git bundle\n", b"# v3 git bundle\n")


@contextlib.contextmanager
def writing_bundle(
    store: Store, target: Path, refs: Mapping[str, str], *, since: Sequence[str]
) -> Iterator[None]:
    """Have `refs` (ids by their names) and what they need beyond the commits `since` written to
    `target`, beside what is done meanwhile; it is there, and synced, when that is left.

    Raises EnvironmentRefused where the disk does not take it.
    """
    arguments = ("pack-objects", "--revs", "--stdout", "--quiet", "--delta-base-offset")
    process = store.git.spawn(*arguments, stdin=subprocess.PIPE)
    wanted = "".join(
        [*(f"{oid}\n" for oid in refs.values()), *(f"^{oid}\n" for oid in since)]
    ).encode()
    try:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # then it has ended, and says why below
            process.stdin.write(wanted)
            process.stdin.flush()
        yield
        pack, problem = process.communicate(timeout=DEADLINE_SECONDS)
    except BaseException:
        process.kill()
        process.communicate()
        raise
    if process.returncode != 0:
        raise store.git.failure(arguments, Result(process.returncode, b"", decode(problem or b"")))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target, _header(store, refs, since) + pack)
        sync_folder(target.parent)
    except OSError as error:
        raise EnvironmentRefused(
            f"what landed cannot be kept: {error.strerror}",
            where=str(target),
            mend="make room, then `orchestrate resume`; nothing is lost",
        ) from error


def heads_of(path: Path) -> dict[str, str]:
    """The refs of a bundle, ids by their names; empty where there is none that can be read."""
    try:
        with path.open("rb") as file:
            if file.readline() not in _SIGNATURES:
                return {}
            lines = list(iter(file.readline, b"\n"))
    except OSError:
        return {}
    told = (line.rstrip(b"\n").partition(b" ") for line in lines if line[:1] not in (b"-", b"@"))
    return {os.fsdecode(name): oid.decode("ascii", "replace") for oid, _, name in told if name}


def bring_in(store: Store, paths: Sequence[Path]) -> dict[str, str]:
    """Take the objects of bundles into a store, each after those that it stands on; the refs of
    those that could be taken, which are not set.
    """
    found: dict[str, str] = {}
    todo = list(paths)
    while todo:
        left = []
        for path in todo:
            answer = store.git.run("bundle", "unbundle", str(path), check=False)
            if answer.status == 0:
                found |= heads_of(path)
            else:
                left.append(path)
        if len(left) == len(todo):
            # of what is damaged nobody can say more than that its commits are missing
            for path in left if store.lacks_objects else []:
                found |= _objects_of(store, path)
            break
        todo = left
    return found


def _objects_of(store: Store, path: Path) -> dict[str, str]:
    """The objects of a bundle, taken without asking what it stands on, and its refs: git refuses
    that where a commit which is here already has lost its files.
    """
    heads = heads_of(path)
    with path.open("rb") as file:
        while file.readline() not in (b"\n", b""):
            pass
        pack = file.read()
    arguments = ("index-pack", "--stdin", "--fix-thin")
    return heads if store.git.run(*arguments, input=pack, check=False).status == 0 else {}


def _header(store: Store, refs: Mapping[str, str], since: Sequence[str]) -> bytes:
    is_sha1 = store.object_format == "sha1"
    lines = [
        _SIGNATURES[0] if is_sha1 else _SIGNATURES[1] + b"@object-format=sha256\n",
        *(f"-{oid} \n".encode() for oid in since),
        *(os.fsencode(f"{oid} {name}\n") for name, oid in refs.items()),
        b"\n",
    ]
    return b"".join(lines)
