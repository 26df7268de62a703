"""Words for messages: nearest names, lists of names, and what a value is called. Knows nothing of
missions.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, or None."""
    folded = {candidate.casefold(): candidate for candidate in known}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def did_you_mean(name: str, known: Iterable[str], *, noun: str = "name") -> str:
    """A mend for an unknown name: the nearest known one, or all of them."""
    known = list(known)
    if close := nearest(name, known):
        return f"did you mean `{close}`?"
    if not known:
        return f"there is no {noun} yet"
    return f"known here: {listed(known)}"


def listed(names: Iterable[str], *, last: str = ", ") -> str:
    """`a`, `b`, `c`; with `last` as " or " or " and " between the last two."""
    quoted = [f"`{name}`" for name in names]
    return last.join([", ".join(quoted[:-1]), quoted[-1]]) if len(quoted) > 1 else "".join(quoted)
