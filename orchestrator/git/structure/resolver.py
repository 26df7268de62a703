"""The structural merge as `integrate`'s answer to a file that git could not merge."""

from __future__ import annotations

from orchestrator.git.integrate import Resolver, ThreeWay
from orchestrator.git.store import Store
from orchestrator.git.structure.merge import merge_file


def structural_resolver(store: Store) -> Resolver:
    """A resolver that reads the three versions from `store`; it answers None where the merge is a conflict."""

    def resolve(file: ThreeWay) -> bytes | None:
        base = store.blob(file.base.oid) if file.base else None
        return merge_file(file.path, base, store.blob(file.ours.oid), store.blob(file.theirs.oid)).content

    return resolve
