"""Whether a merge by structure kept what it was given: nothing doubled, nothing lost, nothing back
that a side had removed.

Structure is matched by keys, and a key may mislead: two fields of one type, two blocks of one name,
a list that was told by its text. Words cannot. Each side changed how often a word stands in the
file, and the merge has to show the sum of both changes, but for what both did alike. So this is
asked of every result, in every language and of data as of code, by a rule that knows none of them.

Pure. Owns that sum over words and over imports, which are rewritten and therefore counted by what
they bind. It sees no order: what stands where is `commuting`'s.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from orchestrator.structure.blocks import SYMBOLS, Block, cut
from orchestrator.structure.imported import imported
from orchestrator.structure.languages import language_of

_CODE_WORD = re.compile(rb"[\w$\x80-\xff]+")
_DATA_WORD = re.compile(rb"[^\s,\[\]{}:]*[\w\\/\x80-\xff][^\s,\[\]{}:]*")

Words = Counter[bytes]


def unkept(  # noqa: PLR0917  (three versions, what came of them, and what was decided of imports)
    path: str,
    base: bytes,
    left: bytes,
    right: bytes,
    merged: bytes,
    decided: frozenset[str] = frozenset(),
) -> list[str]:
    """Sentences on what `merged` has too often or too seldom; empty if it keeps all.

    The imports of names in `decided` are let be: whether they stay was a decision of its own, which
    has its note.
    """
    language = language_of(path)
    texts = [base, left, right, merged]
    found: list[str] = []
    if language is not None:
        roots = [cut(language, text)[0] for text in texts]
        found = _unkept_imports(roots, decided)
        texts = [_without_imports(root, text) for root, text in zip(roots, texts, strict=True)]
    return found + _unkept_words(_DATA_WORD if language is None else _CODE_WORD, *texts)


def revived(path: str, base: bytes, left: bytes, right: bytes, merged: bytes) -> list[str]:
    """The symbols that `merged` has although a side removed them, in code of a known language.

    Git's line merge does so where lines are alike: each side's change is taken for one of another
    place.
    """
    language = language_of(path)
    if language is None:
        return []
    was, ours, theirs, now = (
        _symbols(cut(language, text)[0]) for text in (base, left, right, merged)
    )
    return [
        name
        for name, count in was.items()
        if min(ours[name], theirs[name]) < count
        and now[name] > max(ours[name] + theirs[name] - count, 0)
        and now[name] > min(ours[name], theirs[name])
    ]


def _symbols(root: Block) -> Counter[str]:
    """How often each symbol is there, by its name and what it is in."""
    found: Counter[str] = Counter()
    for name, block in root.walk():
        if block.kind in SYMBOLS:
            found[f"{name.removesuffix(block.qualifier)}{block.name}"] += 1
    return found


def _unkept_imports(roots: Iterable[Block], decided: frozenset[str]) -> list[str]:
    """By the names that are bound: where a name comes from may have moved."""
    was, ours, theirs, now = map(_imports_of, roots)
    found = []
    for each in sorted(was | ours | theirs | now):
        exported, name = each
        should = ours[each] > 0 and theirs[each] > 0 if was[each] else ours[each] + theirs[each] > 0
        shown = f"the {'export' if exported else 'import'} of {name}"
        if now[each] > max(was[each], ours[each], theirs[each], 1):
            found.append(f"{shown} would be there twice")
        elif name not in decided and now[each] and not should:
            found.append(f"{shown} would come back, which one side removed")
        elif name not in decided and should and not now[each]:
            found.append(f"{shown} would be lost, which nobody removed")
    return found


def _imports_of(root: Block) -> Counter[tuple[bool, str]]:
    """How often a version binds each name by importing, and by passing it on; what binds none
    counts by what it says.
    """
    found: Counter[tuple[bool, str]] = Counter()
    for _, block in root.walk():
        if block.kind == "import" and block.node is not None:
            exported = block.name.startswith("export ")
            for name, meaning in imported(block.node):
                found[exported, name if name not in {"", "_", "."} else meaning] += 1
    return found


def _without_imports(root: Block, text: bytes) -> bytes:
    rest = bytearray(text)
    for _, block in root.walk():
        if block.kind == "import" and block.node is not None:
            start, end = block.node.start_byte, block.node.end_byte
            rest[start:end] = re.sub(rb"[^\n]", b" ", bytes(rest[start:end]))
    return bytes(rest)


def _unkept_words(
    word: re.Pattern[bytes], base: bytes, left: bytes, right: bytes, merged: bytes
) -> list[str]:
    base, left, right, merged = _differing(base, left, right, merged)
    lines = [
        Counter(b" ".join(line.split()) for line in text.splitlines())
        for text in (base, left, right)
    ]
    was, ours, theirs = lines
    both_removed = _words(word, (was - ours) & (was - theirs))
    both_added = _words(word, (ours - was) & (theirs - was))
    old, one, other = (_words(word, side) for side in lines)
    now = Counter(word.findall(merged))
    found = []
    for each in now.keys() | old.keys() | one.keys() | other.keys():
        changes = one[each] - old[each], other[each] - old[each]
        least = most = old[each] + sum(changes)
        least = min(least, max(least - both_added[each], min(one[each], other[each])))
        most = max(most, min(most + both_removed[each], max(one[each], other[each])))
        if min(changes) > 0 or max(changes) < 0:  # some of it may be the same work, done twice
            least, most = (
                min(least, max(one[each], other[each])),
                max(most, min(one[each], other[each])),
            )
        if not least <= now[each] <= most:
            shown = each.decode("utf-8", "replace")
            found.append((now[each] - most if now[each] > most else now[each] - least, shown))
    return [
        f"`{shown}` would be there {'more' if by > 0 else 'less'} often than both sides together say"
        for by, shown in sorted(found, key=lambda each: (-abs(each[0]), each[1]))[:3]
    ]


def _differing(*texts: bytes) -> list[bytes]:
    """The texts without the lines that all begin with, and end with: those change no sum."""
    lines = [text.split(b"\n") for text in texts]
    shortest = min(map(len, lines))
    start = next(
        (i for i, each in enumerate(zip(*lines, strict=False)) if len(set(each)) > 1), shortest
    )
    ends = zip(*(reversed(each[start:]) for each in lines), strict=False)
    stop = next((i for i, each in enumerate(ends) if len(set(each)) > 1), shortest - start)
    return [b"\n".join(each[start : len(each) - stop]) for each in lines]


def _words(word: re.Pattern[bytes], lines: Counter[bytes]) -> Words:
    found: Words = Counter()
    for line, count in lines.items():
        for each in word.findall(line):
            found[each] += count
    return found
