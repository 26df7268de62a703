"""What an orchestrator and its keepers say to each other. Imports nothing: keepers start fast."""

from __future__ import annotations

TAG = "ORCHESTRATE_PROCESS"
"""Tells a program whose it is; nobody believes it (see `leftovers` for the one exception)."""

NOTES = "processes"
"""The file in a run's folder that tells a resume which processes there were."""

END, KILL = b"e", b"k"

Spec = tuple[list[bytes], bytes, dict[bytes, bytes], list[int], int, float, bytes, bool]
"""Arguments, folder, environment, numbers of the further descriptors, the signal that asks for an
end, grace in seconds, the file in which all processes are noted (empty: none), and whether the
program is a sandbox."""

GRACE_SECONDS = 5.0
"""From a TERM, or what else asks for an end, to a KILL."""
