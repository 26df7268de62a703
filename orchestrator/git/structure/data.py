"""stub"""

from orchestrator.git.structure.fold import Conflict, Folded


def merge_data(path: str, base: bytes, left: bytes, right: bytes) -> Folded:
    return Folded(conflicts=[Conflict("", "both sides changed the same lines")])
