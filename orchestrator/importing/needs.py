"""What a plan says about who waits for whom, as ids: `Batch 1 & 2 completion`, `All previous
phases`, `Agent 1.2`. What names nobody is a TODO.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from orchestrator.importing.draft import Draft, DraftAgent, DraftBatch, Said

_NONE = re.compile(r"(?i)\s*(none|nothing|n/?a|no|-|—)\b.*|\s*[-—]?\s*")
_ALL = re.compile(r"(?i)\b(all|every|each)\b.*\b(previous|earlier|prior|preceding|above|other)\b")
_RANGE = re.compile(r"(\d+)\s*(?:-|–|—|to|through)\s*(\d+)")
_DOTTED = re.compile(r"\b\d+\.\d+[a-z]?\b")
_NUMBER = re.compile(r"(?<![\w.])\d+[a-z]?(?![\w.]*\w)")


def bind_needs(draft: Draft, said: Mapping[str, Sequence[Said]]) -> None:
    """Fill in the needs of batches and agents from what was said of them."""
    for place, batch in enumerate(draft.batches):
        for text in said.get(batch.id, ()):
            _bind_batch(draft.batches, place, text)
        for agent in batch.agents:
            for text in said.get(agent.id, ()):
                _bind_agent(draft.batches, batch, agent, text)


def _bind_batch(batches: Sequence[DraftBatch], place: int, said: Said) -> None:
    batch = batches[place]
    batch.notes.append(Said(f"Dependencies: {said.text}", said.line))
    text = re.sub(r"\(.*?\)", "", said.text)
    if _NONE.fullmatch(text):
        return
    if _ALL.search(text):
        found = [other.id for other in batches[:place]]
    else:
        by_number = {other.number: other.id for other in batches if other.number}
        found = [by_number[number] for number in _numbers(text) if number in by_number]
        found += [other.id for other in batches if _is_named(other, text) and other.id not in found]
    found = [id for id in dict.fromkeys(found) if id != batch.id]
    unknown = [number for number in _numbers(text) if not any(o.number == number for o in batches)]
    if not found or (unknown and not _ALL.search(text)):
        batch.todos.append(
            Said(f"say in `needs:` which batches are meant by: {said.text}", said.line)
        )
    batch.needs += [id for id in found if id not in batch.needs]


def _bind_agent(
    batches: Sequence[DraftBatch], batch: DraftBatch, agent: DraftAgent, said: Said
) -> None:
    agent.notes.append(Said(f"Dependencies: {said.text}", said.line))
    text = re.sub(r"\(.*?\)", "", said.text)
    if _NONE.fullmatch(text):
        return
    of = {one.id: (other, one) for other in batches for one in other.agents}
    named = [name for name in (*_DOTTED.findall(text), *_numbers(text)) if name in of]
    named += [
        id for id, (_, one) in of.items() if len(one.name) > 3 and one.name.lower() in text.lower()
    ]
    is_known = False
    for name in dict.fromkeys(named):
        other, one = of[name]
        if one is agent:
            continue
        is_known = True
        target, id = (agent.needs, one.id) if other is batch else (batch.needs, other.id)
        if id not in target:
            target.append(id)
    if not is_known:
        agent.todos.append(Said(f"say in `needs:` who is meant by: {said.text}", said.line))


def _numbers(text: str) -> list[str]:
    spans = [
        str(n) for a, b in _RANGE.findall(text) for n in range(int(a), min(int(b), int(a) + 99) + 1)
    ]
    return [*spans, *_NUMBER.findall(_RANGE.sub(" ", text))]


def _is_named(batch: DraftBatch, text: str) -> bool:
    return len(batch.title) > 2 and bool(re.search(rf"(?i)\b{re.escape(batch.title)}\b", text))
