"""What somebody may have meant by the name of a test that there is none of.

Owns the likeness: the same test under another class or file first, then what is spelt alike. Pure.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MOST = 3
MOST_IDS = 20_000
CUTOFF = 0.7


def nearest(entry: str, ids: Iterable[str]) -> tuple[str, ...]:
    """At most three ids that are like an entry, the likeliest first; none where nothing is."""
    known = list(dict.fromkeys(ids))[:MOST_IDS]
    wanted = _name(entry)
    same = [test_id for test_id in known if _name(test_id) == wanted]
    like = difflib.get_close_matches(entry, same or known, MOST, CUTOFF if not same else 0.0)
    if not like:
        by_name: dict[str, list[str]] = {}
        for test_id in known:
            by_name.setdefault(_name(test_id), []).append(test_id)
        names = difflib.get_close_matches(wanted, by_name, MOST, CUTOFF)
        like = [test_id for name in names for test_id in by_name[name]]
    return tuple(like[:MOST])


def nearest_text(entry: str, ids: Iterable[str]) -> str:
    """The same as the end of a sentence; empty where nothing is like it."""
    found = nearest(entry, ids)
    return f"; nearest: {', '.join(found)}" if found else ""


def _name(test_id: str) -> str:
    """The last part without parameters, whatever the case and the signs between its words."""
    last = test_id.rpartition("::")[2].partition("[")[0]
    return "".join(sign for sign in last.casefold() if sign.isalnum())
