"""Where does a run's time go? Reads journals (`bench.py --journals DIR`) and prints medians in ms,
batch by batch.

Times are those between events. `before` is from the first event to the first attempt; start-up of
the program and what follows the last event are in no journal. `agents` is from a batch's first
attempt to its last one's end.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections import Counter, defaultdict
from pathlib import Path

PHASES = (
    ("agents", "attempt_started", "attempt_ended"),
    ("until integration", "attempt_ended", "integration_started"),
    ("candidate", "integration_started", "candidate_built"),
    ("gate", "gate_started", "gate_finished"),
    ("landing", "gate_finished", "batch_landed"),
    ("until batch_ended (report)", "batch_landed", "batch_ended"),
)


def phases(path: Path) -> tuple[dict[str, dict[str, float]], Counter[str]]:
    """Milliseconds by batch and phase, and how many events of each kind there are."""
    records = [json.loads(line) for line in path.read_text().splitlines()]
    first: dict[tuple[str, str], float] = {}
    last: dict[tuple[str, str], float] = {}
    for record in records:
        key = (record["event"].get("batch", ""), record["event"]["kind"])
        first.setdefault(key, record["at"])
        last[key] = record["at"]
    found: dict[str, dict[str, float]] = defaultdict(dict)
    batches = list(dict.fromkeys(batch for batch, _ in first if batch))
    begun = records[0]["at"]
    for batch in batches:
        found[batch]["before"] = 1000 * (first[batch, "attempt_started"] - begun)
        for name, start, end in PHASES:
            since = first if start == "attempt_started" else last
            if (batch, start) in first and (batch, end) in last:
                found[batch][name] = 1000 * (last[batch, end] - since[batch, start])
        begun = last[batch, "batch_ended"]
    return found, Counter(record["event"]["kind"] for record in records)


def main(paths: list[str]) -> None:
    if not paths:
        raise SystemExit("usage: timeline.py JOURNAL…")
    runs = [phases(Path(path)) for path in paths]
    for batch in runs[0][0]:
        print(batch)
        for name in runs[0][0][batch]:
            print(f"  {name:28} {statistics.median(found[batch][name] for found, _ in runs):9.1f}")
    print("events", dict(runs[0][1]))


if __name__ == "__main__":
    main(sys.argv[1:])
