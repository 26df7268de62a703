"""The base's tags in a run's repositories, so that `git describe` says there what it says at home.

Owns copying them. Only those of the base's history are taken: what they lead to is pinned with it.
The tag objects themselves are copied, since nobody keeps the user from deleting a tag.
"""

from __future__ import annotations

from pathlib import Path

from orchestrator.git.client import Git
from orchestrator.git.text import encode

_FORMAT = "%(objecttype) %(objectname) %(*objectname) %(refname)"
_HEADER = "# pack-refs with: peeled fully-peeled sorted \n"


def copy_tags(source: Git, base: str, store: Path) -> str:
    """Copy the tag objects into the new repository `store`; the text of its ``packed-refs``, empty
    where the base has no tags.

    A damaged tag of the user's is no reason not to run: then there are none.
    """
    listing = source.run(
        "for-each-ref", f"--merged={base}", f"--format={_FORMAT}", "refs/tags/", check=False
    )
    rows = [line.split(" ", 3) for line in listing.text.splitlines()]
    if listing.status != 0 or not rows:
        return ""
    objects = [oid for kind, oid, _, _ in rows if kind == "tag"]
    if objects:
        packed = Git(git_dir=store, cwd=store).run(
            "pack-objects",
            "-q",
            str(store / "objects" / "pack" / "pack"),
            input=encode("".join(f"{oid}\n" for oid in objects)),
            check=False,
        )
        if packed.status != 0:
            return ""
    lines = (
        f"{oid} {name}\n" + (f"^{peeled}\n" if peeled else "") for _, oid, peeled, name in rows
    )
    return _HEADER + "".join(lines)


def tags_of(packed_refs: bytes) -> bytes:
    """The tags alone of the content of a ``packed-refs``."""
    kept: list[bytes] = []
    is_tag = True
    for line in packed_refs.splitlines(keepends=True):
        if not line.startswith((b"#", b"^")):
            is_tag = b" refs/tags/" in line
        if is_tag:
            kept.append(line)
    return b"".join(kept)
